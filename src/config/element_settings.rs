//! Properties of a feed's elements that the operator set by name, as power users do.
//!
//! The rules here need no element at hand. They refuse what no feed may have: whatever opens
//! a file, a socket or a program, or runs code; what would be a password or weaken a check; what
//! Heliograph depends on; B-frames and lookahead, which delay the picture; and what other settings
//! already say. Whether an element has such a property, and takes the value, the media room knows.

use super::ElementRole;
use crate::i18n::{gettext, gettext_f};

/// Why a property of an element cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.sentence())]
pub enum ElementSettingError {
    /// It is no property's name.
    Name,
    /// It is no property's value.
    Value {
        /// The property.
        name: String,
    },
    /// It would let pictures depend on later ones, or wait for them.
    Delay {
        /// The property.
        name: String,
    },
    /// It names a file, a device, a program or an address, or takes options that could.
    Outside {
        /// The property.
        name: String,
    },
    /// It is a password.
    Secret {
        /// The property.
        name: String,
    },
    /// It decides which certificates are taken.
    Trust {
        /// The property.
        name: String,
    },
    /// Another setting says it.
    Elsewhere {
        /// The property.
        name: String,
        /// The key in the settings file that says it.
        setting: &'static str,
    },
    /// The program depends on it.
    Reserved {
        /// The property.
        name: String,
    },
}

impl ElementSettingError {
    /// What is wrong, and what would be right.
    fn sentence(&self) -> String {
        match self {
            Self::Name => gettext(
                "a property's name has 1 to 64 letters, digits and -, and starts with a letter, such as threads",
            ),
            Self::Value { name } => {
                gettext_f("the value of {name} is one line of at most 256 bytes, and not empty", &[("name", name)])
            }
            Self::Delay { name } => gettext_f(
                "{name} would make pictures wait for later ones; a live encoder has no B-frames and no lookahead",
                &[("name", name)],
            ),
            Self::Outside { name } => gettext_f(
                "{name} could name files, devices, programs or addresses, which a property may not; leave it out",
                &[("name", name)],
            ),
            Self::Secret { name } => gettext_f(
                "{name} is a password, which no property holds; write `password_env` or `password_file` instead",
                &[("name", name)],
            ),
            Self::Trust { name } => gettext_f(
                "{name} decides which certificates are taken, which is Heliograph's own to check; leave it out",
                &[("name", name)],
            ),
            Self::Elsewhere { name, setting } => {
                gettext_f("write `{setting}` instead of {name}", &[("name", name), ("setting", setting)])
            }
            Self::Reserved { name } => gettext_f("{name} is Heliograph's own to set; leave it out", &[("name", name)]),
        }
    }
}

/// Whether a feed may set this property of its elements of this role to this value.
///
/// # Errors
///
/// A sentence that says why not. It holds the name, never the value.
pub fn check(role: ElementRole, name: &str, value: &str) -> Result<(), ElementSettingError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !(1..=64).contains(&name.len())
        || !name.starts_with(|c: char| c.is_ascii_alphabetic())
        || !name.chars().all(plain)
    {
        return Err(ElementSettingError::Name);
    }
    if !(1..=256).contains(&value.len()) || value.chars().any(char::is_control) {
        return Err(ElementSettingError::Value { name: name.to_owned() });
    }
    check_meaning(role, name, value)
}

fn check_meaning(role: ElementRole, name: &str, value: &str) -> Result<(), ElementSettingError> {
    // GObject takes both forms of a name for the same property.
    let canonical = name.replace('_', "-").to_ascii_lowercase();
    let property = canonical.as_str();
    let name = name.to_owned();
    if let Some(setting) = setting_for(role, property) {
        return Err(ElementSettingError::Elsewhere { name, setting });
    }
    if is_reserved(role, property) {
        return Err(ElementSettingError::Reserved { name });
    }
    if has_word(property, &["pw", "password", "passwd", "passphrase", "secret", "token"]) {
        return Err(ElementSettingError::Secret { name });
    }
    if has_word(property, &["tls", "ssl", "certificate", "dtls"]) {
        return Err(ElementSettingError::Trust { name });
    }
    if opens_something(property) {
        return Err(ElementSettingError::Outside { name });
    }
    if role == ElementRole::Encoder && delays(property, value) {
        return Err(ElementSettingError::Delay { name });
    }
    Ok(())
}

/// The key of the settings file that says what this property would say.
fn setting_for(role: ElementRole, property: &str) -> Option<&'static str> {
    Some(match (role, property) {
        (ElementRole::Source, "location") => "address",
        (ElementRole::Source, "latency") => "latency_ms",
        (ElementRole::Source, "drop-on-latency") => "drop_on_latency",
        (ElementRole::Source, "protocols") => "transport",
        (ElementRole::Source, "user-id") => "user",
        (ElementRole::Source, "device") => "device",
        (ElementRole::Source, "pattern") => "pattern",
        (ElementRole::Converter, "add-borders") => "letterbox",
        (ElementRole::Converter, "video-direction") => "rotate",
        (ElementRole::Encoder, "bitrate" | "target-bitrate" | "bps") => "bitrate_kbps",
        (ElementRole::Payloader, "mtu") => "mtu",
        (ElementRole::Transport, "stun-server" | "turn-server") => "ice_servers",
        (ElementRole::Transport, "ice-transport-policy") => "relay_only",
        _ => return None,
    })
}

/// Whether Heliograph depends on what this property is.
fn is_reserved(role: ElementRole, property: &str) -> bool {
    let reserved: &[&str] = match role {
        // Live pictures, with their times of arrival; no requests in a log, which hold the login; and when
        // to try again is the supervisor's decision.
        ElementRole::Source => {
            &["debug", "is-live", "do-timestamp", "tcp-timestamp", "num-buffers", "timeout", "udp-reconnect"]
        }
        // As many threads as the picture's size needs, and none that holds pictures back.
        ElementRole::Decoder => &["threads", "n-threads", "max-threads", "thread-type"],
        ElementRole::Encoder => &["min-force-key-unit-interval"],
        // What viewers and congestion control know packets by, and tell lost pictures from dropped ones by.
        ElementRole::Payloader => &["pt", "ssrc", "perfect-rtptime", "auto-header-extension", "picture-id-mode"],
        // What webrtcsink and webrtcbin set themselves. The bounds of the estimate are webrtcsink's.
        ElementRole::Transport => &[
            "bundle-policy",
            "ice-agent",
            "agent",
            "stream",
            "component",
            "sync",
            "async",
            "estimated-bitrate",
            "min-bitrate",
            "max-bitrate",
        ],
        ElementRole::Depayloader | ElementRole::Converter => &[],
    };
    matches!(property, "name" | "parent" | "async-handling" | "message-forward") || reserved.contains(&property)
}

/// Whether a property names a file, a device, a program or an address, or is a door to a
/// library's own options.
fn opens_something(property: &str) -> bool {
    const OUTSIDE: &[&str] = &[
        "file", "filename", "path", "location", "device", "socket", "fd", "uri", "url", "proxy", "host", "command",
        "cmd", "exec", "program", "script", "module", "plugin",
    ];
    matches!(property, "option-string" | "parameters-string" | "extra-controls") || has_word(property, OUTSIDE)
}

/// Whether one of these words is in the name: whole, for `profile` holds `file`.
fn has_word(property: &str, words: &[&str]) -> bool {
    property.split('-').any(|word| words.contains(&word))
}

/// Properties that are to be off, as they are by default in most encoders.
const DELAYING: &[&str] = &[
    // B-frames, by every name they have.
    "bframes",
    "b-frames",
    "num-b-frames",
    "b-adapt",
    "b-pyramid",
    // Lookahead.
    "rc-lookahead",
    "sync-lookahead",
    "lookahead",
    "look-ahead",
    "look-ahead-distance",
    "lag-in-frames",
    "rdo-lookahead-frames",
    // Frames that are hidden until a later one (libvpx).
    "auto-alt-ref",
    "enable-auto-alt-ref",
    "arnr-maxframes",
];

/// Whether a property with this value makes pictures wait for later ones.
fn delays(property: &str, value: &str) -> bool {
    let off = matches!(value.to_ascii_lowercase().as_str(), "0" | "false" | "no" | "off" | "disabled" | "none");
    match property {
        delaying if DELAYING.contains(&delaying) => !off,
        // More than one pass over the stream needs the whole of it.
        "pass" => !matches!(value, "cbr" | "quant" | "qual" | "0" | "4" | "5"),
        "multipass-mode" => !matches!(value, "one-pass" | "0"),
        "zerolatency" | "low-latency" => off,
        // The tunings of x264 and x265 bring lookahead and B-frames, those of NVENC a delay;
        // what rav1enc calls so concerns only what its pictures look like.
        "tune" => !value.contains("latency") && !matches!(value, "psychovisual" | "psnr"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_encoder(name: &str, value: &str) -> Result<(), ElementSettingError> {
        check(ElementRole::Encoder, name, value)
    }

    #[test]
    fn what_delays_the_picture_is_refused_and_its_absence_is_not() {
        for (name, value) in [
            ("bframes", "2"),
            ("b_frames", "1"),
            ("num-B-Frames", "1"),
            ("b-adapt", "true"),
            ("rc-lookahead", "40"),
            ("lag-in-frames", "25"),
            ("tune", "film"),
            ("tune", "0x4"),
            ("pass", "pass1"),
            ("multipass-mode", "first-pass"),
            ("zerolatency", "false"),
        ] {
            let expected = ElementSettingError::Delay { name: name.into() };
            assert_eq!(check_encoder(name, value), Err(expected), "{name}={value}");
        }
        for (name, value) in [
            ("bframes", "0"),
            ("b-adapt", "false"),
            ("lag-in-frames", "0"),
            ("tune", "zerolatency"),
            ("tune", "stillimage+zerolatency"),
            ("tune", "ultra-low-latency"),
            ("zerolatency", "true"),
            ("key-int-max", "2560"),
            ("speed-preset", "ultrafast"),
            ("cpu-used", "-16"),
            ("usage-profile", "realtime"),
        ] {
            assert_eq!(check_encoder(name, value), Ok(()), "{name}={value}");
        }
    }

    #[test]
    fn what_reaches_outside_and_what_is_said_elsewhere_is_refused() {
        for name in ["multipass-cache-file", "option-string", "parameters-string", "extra-controls", "cuda_device_id"] {
            assert!(matches!(check_encoder(name, "x"), Err(ElementSettingError::Outside { .. })), "{name}");
        }
        let error = check_encoder("target-bitrate", "1").unwrap_err().to_string();
        assert_eq!(error, "write `bitrate_kbps` instead of target-bitrate");
        for name in ["", "-x", "a b", "a=b", "ä", &"x".repeat(65)] {
            assert_eq!(check_encoder(name, "1"), Err(ElementSettingError::Name), "{name:?}");
        }
        for value in ["", "a\nb", &"x".repeat(257)] {
            let error = check_encoder("threads", value).unwrap_err();
            assert_eq!(error, ElementSettingError::Value { name: "threads".into() });
        }
    }

    /// Every refusal, by the property of every role that it is for.
    #[test]
    fn each_role_is_refused_what_it_may_not_have() {
        const OWN: &str = " is Heliograph's own to set; leave it out";
        const OUTSIDE: &str = " could name files, devices, programs or addresses, which a property may not";
        const TRUST: &str = " decides which certificates are taken, which is Heliograph's own to check";
        let cases: &[(ElementRole, &[&str], &str)] = &[
            (
                ElementRole::Source,
                &[
                    "debug",
                    "is-live",
                    "do_timestamp",
                    "tcp-timestamp",
                    "num-buffers",
                    "timeout",
                    "udp-reconnect",
                    "Name",
                    "parent",
                ],
                OWN,
            ),
            (ElementRole::Source, &["tls-validation-flags", "tls-database", "tls-interaction"], TRUST),
            (
                ElementRole::Source,
                &["proxy", "proxy-id", "force-non-compliant-url", "device-fd", "extra-controls"],
                OUTSIDE,
            ),
            (
                ElementRole::Source,
                &["user-pw", "user_pw"],
                " is a password, which no property holds; write `password_env`",
            ),
            (ElementRole::Depayloader, &["dump-location"], OUTSIDE),
            (ElementRole::Depayloader, &["async-handling", "message-forward"], OWN),
            (ElementRole::Decoder, &["max-threads", "threads", "n-threads", "thread-type"], OWN),
            (ElementRole::Decoder, &["device-path", "cuda-device-id"], OUTSIDE),
            (ElementRole::Converter, &["shader-file", "plugin", "script"], OUTSIDE),
            (ElementRole::Encoder, &["min-force-key-unit-interval"], OWN),
            (
                ElementRole::Payloader,
                &["pt", "ssrc", "perfect-rtptime", "auto-header-extension", "picture-id-mode"],
                OWN,
            ),
            (
                ElementRole::Transport,
                &["bundle-policy", "ice-agent", "agent", "stream", "component", "sync", "async", "max-bitrate"],
                OWN,
            ),
            (ElementRole::Transport, &["http-proxy", "used-socket", "host", "command"], OUTSIDE),
        ];
        for (role, names, expected) in cases {
            for name in *names {
                let sentence = check(*role, name, "1").expect_err(name).to_string();
                assert!(sentence.starts_with(&format!("{name}{expected}")), "{role} {name}: {sentence}");
            }
        }
    }

    #[test]
    fn what_has_a_setting_of_its_own_says_which() {
        for (role, name, setting) in [
            (ElementRole::Source, "location", "address"),
            (ElementRole::Source, "latency", "latency_ms"),
            (ElementRole::Source, "protocols", "transport"),
            (ElementRole::Source, "drop-on-latency", "drop_on_latency"),
            (ElementRole::Source, "user-id", "user"),
            (ElementRole::Source, "device", "device"),
            (ElementRole::Source, "pattern", "pattern"),
            (ElementRole::Converter, "add_borders", "letterbox"),
            (ElementRole::Converter, "video-direction", "rotate"),
            (ElementRole::Payloader, "mtu", "mtu"),
            (ElementRole::Transport, "stun-server", "ice_servers"),
            (ElementRole::Transport, "turn-server", "ice_servers"),
            (ElementRole::Transport, "ice-transport-policy", "relay_only"),
        ] {
            let sentence = check(role, name, "1").unwrap_err().to_string();
            assert_eq!(sentence, format!("write `{setting}` instead of {name}"), "{role}");
        }
    }

    #[test]
    fn the_rest_may_be_set() {
        for (role, name, value) in [
            (ElementRole::Source, "do-rtcp", "false"),
            (ElementRole::Source, "multicast-iface", "eth0"),
            (ElementRole::Source, "user-agent", "Bridge/2"),
            (ElementRole::Depayloader, "wait-for-keyframe", "true"),
            (ElementRole::Decoder, "output-corrupt", "false"),
            (ElementRole::Converter, "method", "lanczos"),
            // Only an encoder's would delay the picture, and only whole words count.
            (ElementRole::Converter, "bframes", "1"),
            (ElementRole::Encoder, "usage-profile", "realtime"),
            (ElementRole::Payloader, "config-interval", "1"),
            (ElementRole::Transport, "max-size-time", "500"),
        ] {
            assert_eq!(check(role, name, value), Ok(()), "{role} {name}");
        }
    }
}
