//! Access tokens of `LiveKit`: what its server lets their bearer do, signed with a secret (JWT, RFC 7519; HS256).

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::config::Password;

/// For how long it lets us in, in seconds. Each attempt has a new one, and a session goes on beyond.
const VALID_FOR: u64 = 600;
/// By how much the server's clock may be behind ours, in seconds.
const CLOCKS_DIFFER_BY: u64 = 60;

/// Whom a token lets in, and where.
pub(super) struct Grant<'a> {
    pub(super) key: &'a str,
    pub(super) room: &'a str,
    /// No two in a room have the same.
    pub(super) identity: &'a str,
    /// For people.
    pub(super) name: &'a str,
}

impl Grant<'_> {
    /// A token for publishing, and nothing else.
    pub(super) fn signed(&self, secret: &Password) -> Password {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.signed_at(secret, now)
    }

    fn signed_at(&self, secret: &Password, now: u64) -> Password {
        let header = encoded(&json!({ "alg": "HS256", "typ": "JWT" }));
        let claims = encoded(&json!({
            "iss": self.key,
            "sub": self.identity,
            "name": self.name,
            "nbf": now.saturating_sub(CLOCKS_DIFFER_BY),
            "exp": now + VALID_FOR,
            "video": {
                "room": self.room,
                "roomJoin": true,
                "canPublish": true,
                "canPublishData": false,
                "canSubscribe": false,
            },
        }));
        let signed = format!("{header}.{claims}");
        let signature = sign(&Key::new(HMAC_SHA256, secret.expose().as_bytes()), signed.as_bytes());
        Password::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_what_its_bearer_may_do_and_is_signed() {
        let grant = Grant { key: "key", room: "bridge", identity: "bow", name: "Bow" };
        let token = grant.signed_at(&Password::new("secret"), 1000);
        let [header, claims, signature] = token.expose().split('.').collect::<Vec<_>>()[..] else {
            panic!("a token should have three parts");
        };
        let read = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap();
        assert_eq!(read(header), json!({ "alg": "HS256", "typ": "JWT" }));
        let claims = read(claims);
        assert_eq!(
            (&claims["iss"], &claims["sub"], &claims["nbf"], &claims["exp"]),
            (&json!("key"), &json!("bow"), &json!(940), &json!(1600))
        );
        assert_eq!(claims["video"]["room"], "bridge");
        assert_eq!(claims["video"]["canSubscribe"], false);
        assert_eq!(URL_SAFE_NO_PAD.decode(signature).unwrap().len(), 32);
    }
}
