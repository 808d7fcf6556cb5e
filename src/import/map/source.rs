//! Where the picture comes from.

use std::path::PathBuf;

use super::{Carried, Draft, Node, role::Source};
use crate::{
    config::{
        DeviceConfig, FileConfig, PasswordSource, RtspConfig, SourceAddress, SourceConfig, TestConfig, TestPattern,
        TransportChoice,
    },
    i18n::{gettext, gettext_f},
    import::words,
};

impl Draft {
    pub(super) fn read_source(&mut self, kind: Source, factory: &str, node: &Node) {
        if self.has_source {
            return self.leave(factory, words::only_one());
        }
        let location = match kind {
            Source::Rtsp | Source::File => "location",
            Source::Device => "device",
            Source::Address => "uri",
            Source::Test => "pattern",
        };
        let value = node.properties.iter().find(|(name, _)| name == location).map(|(_, value)| value.as_str());
        match self.find(kind, value.unwrap_or_default()) {
            Ok(source) => {
                self.feed.source = source;
                self.has_source = true;
            }
            Err(why) => {
                self.leave(format!("{factory} {location}=…"), why.clone());
                self.source_fault.get_or_insert(why);
                return;
            }
        }
        let read = |draft: &mut Self, name: &str, value: &str| match (name == location, &mut draft.feed.source) {
            (true, _) => Ok(()),
            (_, SourceConfig::Rtsp(rtsp)) => read_rtsp(rtsp, &mut draft.held_password, name, value),
            _ if matches!(name, "is-live" | "do-timestamp") => Ok(()),
            _ => Err(words::no_setting()),
        };
        self.each_property(factory, node, read);
    }

    fn find(&mut self, kind: Source, value: &str) -> Result<SourceConfig, String> {
        match kind {
            Source::Device => Ok(SourceConfig::Device(DeviceConfig::new(device(value)?))),
            Source::File => Ok(SourceConfig::File(FileConfig { path: file(value)? })),
            Source::Test => Ok(SourceConfig::Test(TestConfig { pattern: pattern(value)?, ..TestConfig::default() })),
            Source::Address if value.starts_with("file:") => {
                let path = url::Url::parse(value).ok().and_then(|url| url.to_file_path().ok());
                let path = path.ok_or_else(|| gettext("This is no address of a file; it is written file:///PATH."))?;
                Ok(SourceConfig::File(FileConfig { path }))
            }
            Source::Rtsp | Source::Address => self.camera(value),
        }
    }

    fn camera(&mut self, value: &str) -> Result<SourceConfig, String> {
        // Translators: {error} says in lower case what is wrong with an address, and what would be right.
        let sentence = |error| gettext_f("This address cannot be used: {error}.", &[("error", &format!("{error}"))]);
        // rtspt:// and rtspu:// are GStreamer's words for one way to travel.
        let (scheme, transport) = match value.split_once("://") {
            Some(("rtspt", _)) => ("rtspt", TransportChoice::Tcp),
            Some(("rtspu", _)) => ("rtspu", TransportChoice::Udp),
            _ => ("", TransportChoice::Automatic),
        };
        let address = value.strip_prefix(scheme).filter(|_| !scheme.is_empty());
        let address = address.map_or_else(|| value.to_owned(), |rest| format!("rtsp{rest}"));
        let (address, credentials) = SourceAddress::parse(&address).map_err(sentence)?;
        let mut rtsp = RtspConfig { transport, ..RtspConfig::new(address) };
        if let Some(credentials) = credentials {
            self.held_password |= !credentials.password.is_empty();
            rtsp = rtsp.with_user(credentials.user, PasswordSource::Keyring);
        }
        Ok(SourceConfig::Rtsp(rtsp))
    }
}

/// Without one, the first: what `v4l2src` takes.
fn device(value: &str) -> Result<PathBuf, String> {
    match value {
        "" => Ok("/dev/video0".into()),
        path if path.starts_with('/') && !path.chars().any(char::is_control) => Ok(path.into()),
        _ => Err(gettext("A device is named by its path, such as /dev/video0.")),
    }
}

/// The program may be started in any folder, so paths start at the root.
fn file(value: &str) -> Result<PathBuf, String> {
    let plain = !value.is_empty() && !value.chars().any(char::is_control);
    let path = plain.then(|| std::path::absolute(value).ok()).flatten();
    path.ok_or_else(|| gettext("A file is named by its path."))
}

fn pattern(value: &str) -> Result<TestPattern, String> {
    match value {
        "" | "smpte" | "smpte75" | "smpte100" | "bar" | "colors" | "0" => Ok(TestPattern::Bars),
        "ball" | "18" => Ok(TestPattern::Ball),
        "snow" | "1" => Ok(TestPattern::Snow),
        _ => Err(gettext("Of the test patterns, Heliograph has smpte, ball and snow.")),
    }
}

fn read_rtsp(rtsp: &mut RtspConfig, held_password: &mut bool, name: &str, value: &str) -> Carried {
    match name {
        "latency" => {
            let latency = value.parse().ok().filter(|latency| RtspConfig::LATENCY_MS.contains(latency));
            let range = RtspConfig::LATENCY_MS;
            rtsp.latency_ms = latency.ok_or_else(|| words::allowed(&range))?;
        }
        "drop-on-latency" => rtsp.drop_on_latency = flag(value)?,
        "protocols" => rtsp.transport = transport(value)?,
        "user-id" if rtsp.user.is_none() => {
            *rtsp = rtsp.clone().with_user(value, PasswordSource::Keyring);
        }
        "user-pw" => *held_password |= !value.is_empty(),
        _ => return Err(words::no_setting()),
    }
    Ok(())
}

pub(super) fn flag(value: &str) -> Result<bool, String> {
    match value.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err(words::unknown_value()),
    }
}

/// Words with a + between them, or a number whose bits mean the same (`GstRTSPLowerTrans`).
fn transport(value: &str) -> Result<TransportChoice, String> {
    let digits = value.strip_prefix("0x").map_or_else(|| value.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok());
    let bits = digits.or_else(|| {
        value.split('+').map(str::trim).try_fold(0, |bits, word| match word {
            "udp" => Some(bits | 1),
            "udp-mcast" => Some(bits | 2),
            "tcp" => Some(bits | 4),
            _ => None,
        })
    });
    match bits {
        Some(1) => Ok(TransportChoice::Udp),
        Some(2) => Ok(TransportChoice::Multicast),
        Some(4) => Ok(TransportChoice::Tcp),
        Some(3 | 5..=7) => Ok(TransportChoice::Automatic),
        _ => Err(gettext("Cameras are reached by UDP, TCP and multicast.")),
    }
}
