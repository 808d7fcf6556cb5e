//! What is heard beside the picture.

use super::{Carried, Draft, Node, role::Role};
use crate::{
    config::{AudioConfig, AudioSource},
    i18n::gettext,
    import::words,
};

impl Draft {
    pub(super) fn read_audio(&mut self, role: &Role, factory: &str, node: &Node) {
        let find = |wanted: &str| node.properties.iter().find(|(name, _)| name == wanted).map(|(_, value)| &**value);
        let source = match role {
            Role::CameraAudio => Some(AudioSource::Camera),
            Role::AudioTest if matches!(find("wave"), Some("silence" | "4")) => Some(AudioSource::Silence),
            Role::AudioTest => Some(AudioSource::Tone),
            Role::AudioDevice => match format!("device:{}", find("device").unwrap_or_default()).parse() {
                Ok(device) => Some(device),
                Err(_) => return self.leave(factory, gettext("A microphone is named here; choose one for the feed.")),
            },
            _ => None,
        };
        if let Some(source) = source {
            if self.feed.audio.source != AudioSource::None && self.feed.audio.source != source {
                return self.leave(factory, words::only_one());
            }
            self.feed.audio.source = source;
        }
        let role = *role;
        self.each_property(factory, node, |draft, name, value| match (role, name) {
            (Role::AudioEncoder, "bitrate") => read_bitrate(&mut draft.feed.audio, value),
            (Role::AudioTest, "wave") if matches!(value, "silence" | "4" | "sine" | "0") => Ok(()),
            (Role::AudioTest, "is-live") | (Role::AudioDevice, "device") => Ok(()),
            (Role::CameraAudio, _) => Err(words::own_work()),
            _ => Err(words::no_setting()),
        });
    }
}

/// `opusenc` counts in bit/s.
fn read_bitrate(audio: &mut AudioConfig, value: &str) -> Carried {
    let range = AudioConfig::BITRATE_KBPS;
    let kbps = value.parse::<u32>().ok().map(|bits| bits / 1000).filter(|kbps| range.contains(kbps));
    audio.bitrate_kbps = kbps.ok_or_else(|| words::allowed(&(range.start() * 1000..=range.end() * 1000)))?;
    Ok(())
}
