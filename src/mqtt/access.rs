//! Who may do what at the embedded broker.

use std::{future::Future, net::SocketAddr, pin::Pin};

use mqtt5::{
    broker::auth::{AuthProvider, AuthResult},
    packet::connect::ConnectPacket,
    protocol::v5::reason_codes::ReasonCode,
};
use subtle::ConstantTimeEq;

use super::{Target, Topics};
use crate::config::{FeedId, MqttRole, Password};

/// The name of whoever connects without one.
const ANONYMOUS: &str = "anonymous";
/// This program's own name at its broker; no operator's user can have a blank in it.
pub(super) const OWNER: &str = "heliograph itself";

/// Whom the broker knows. Dropping it forgets the passwords.
pub(super) struct Guard {
    pub(super) topics: Topics,
    pub(super) anonymous: Option<MqttRole>,
    pub(super) users: Vec<Known>,
    /// This program's own password, made anew at every start.
    pub(super) owner: Password,
}

/// A user whose password was found.
pub(super) struct Known {
    pub(super) name: String,
    pub(super) role: MqttRole,
    pub(super) password: Password,
}

impl Guard {
    pub(super) fn new(instance: &FeedId, anonymous: Option<MqttRole>, users: Vec<Known>, owner: Password) -> Self {
        Self { topics: Topics::of(instance), anonymous, users, owner }
    }

    /// The name under which somebody is let in.
    fn admit(&self, name: Option<&str>, password: Option<&[u8]>) -> Option<String> {
        let password = password.unwrap_or_default();
        let matches = |right: &Password| bool::from(right.expose().as_bytes().ct_eq(password));
        match name {
            None | Some("") => self.anonymous.map(|_| ANONYMOUS.to_owned()),
            Some(OWNER) => matches(&self.owner).then(|| OWNER.to_owned()),
            // The name's length and the number of users are no secret; the password is compared for
            // every user of that name, of whom there is one.
            Some(name) => self
                .users
                .iter()
                .find(|user| user.name == name && matches(&user.password))
                .map(|user| user.name.clone()),
        }
    }

    /// What somebody who was let in may do; `None` is this program itself, which may do all.
    fn role(&self, user: Option<&str>) -> Option<MqttRole> {
        match user {
            Some(OWNER) => None,
            Some(name) => {
                let known = self.users.iter().find(|user| user.name == name).map(|user| user.role);
                Some(known.or(self.anonymous).unwrap_or_default())
            }
            None => Some(MqttRole::default()),
        }
    }

    fn may_publish(&self, user: Option<&str>, topic: &str) -> bool {
        let Some(role) = self.role(user) else { return true };
        let needed = match self.topics.target(topic) {
            Some(Target::Instance) => MqttRole::Admin,
            Some(Target::Feed(_) | Target::Control) => MqttRole::Operate,
            // What the others say to each other is theirs; what Heliographs say is not.
            None => return role >= MqttRole::Operate && !topic.starts_with("heliograph/") && !topic.starts_with('$'),
        };
        role >= needed
    }
}

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl AuthProvider for Guard {
    fn authenticate<'a>(&'a self, connect: &'a ConnectPacket, _: SocketAddr) -> Answer<'a, mqtt5::Result<AuthResult>> {
        let name = self.admit(connect.username.as_deref(), connect.password.as_deref());
        let result = match name {
            Some(name) => AuthResult::success_with_user(name),
            None => AuthResult::fail(ReasonCode::BadUsernameOrPassword),
        };
        Box::pin(std::future::ready(Ok(result)))
    }

    fn authorize_publish<'a>(&'a self, _: &str, user: Option<&'a str>, topic: &'a str) -> Answer<'a, bool> {
        Box::pin(std::future::ready(self.may_publish(user, topic)))
    }

    /// Everybody who is let in may read: nothing secret is ever said, and requests with a password in
    /// them are refused.
    fn authorize_subscribe<'a>(&'a self, _: &str, _: Option<&'a str>, _: &'a str) -> Answer<'a, bool> {
        Box::pin(std::future::ready(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard(anonymous: Option<MqttRole>) -> Guard {
        let user = |name: &str, role| Known { name: name.into(), role, password: Password::new(format!("{name}-pw")) };
        let users =
            vec![user("eye", MqttRole::Observe), user("pilot", MqttRole::Operate), user("chief", MqttRole::Admin)];
        Guard::new(&"boat".parse().unwrap(), anonymous, users, Password::new("own"))
    }

    #[test]
    fn who_is_let_in_depends_on_name_and_password() {
        let guard = guard(None);
        assert_eq!(guard.admit(Some("pilot"), Some(b"pilot-pw")).as_deref(), Some("pilot"));
        assert_eq!(guard.admit(Some(OWNER), Some(b"own")).as_deref(), Some(OWNER));
        for (name, password) in [
            (Some("pilot"), Some(&b"eye-pw"[..])),
            (Some("pilot"), None),
            (Some("nobody"), Some(b"")),
            (Some(OWNER), Some(b"")),
            (None, None),
            (Some(ANONYMOUS), None),
        ] {
            assert_eq!(guard.admit(name, password), None, "for {name:?}");
        }
        assert!(self::guard(Some(MqttRole::Observe)).admit(None, None).is_some());
    }

    #[test]
    fn each_role_may_what_it_is_for() {
        let guard = guard(Some(MqttRole::Observe));
        let (feed, instance) = ("heliograph/boat/feeds/bow/command", "heliograph/boat/command");
        let (state, other) = ("heliograph/boat/feeds/bow/state", "bow/actions");
        let allowed = |user: &str| [feed, instance, state, other].map(|topic| guard.may_publish(Some(user), topic));
        assert_eq!(allowed("eye"), [false; 4]);
        assert_eq!(allowed(ANONYMOUS), [false; 4]);
        assert_eq!(allowed("pilot"), [true, false, false, true]);
        assert_eq!(allowed("chief"), [true, true, false, true]);
        assert_eq!(allowed(OWNER), [true; 4]);
        assert!(!guard.may_publish(Some("chief"), "$SYS/broker/version"));
        assert!(!guard.may_publish(Some("chief"), "heliograph/other/feeds/bow/command"));
    }
}
