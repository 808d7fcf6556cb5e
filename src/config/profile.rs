//! Named profiles: settings that belong together, as `GstWebRTCApp` shipped them as pipelines.
//!
//! Its users know them by name, so the names are kept. Only what has a counterpart here is in
//! them: payloaders, queues and the like are Heliograph's own, and B-frames are left out.
//! Versions 1.3 and 1.6 are of different authors and licences; these are facts about both,
//! in words of our own.

mod v1_3;
mod v1_6;

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Serialize;

use super::{Codec, ElementChoice, ElementRole, FeedConfig, Size, SourceConfig};
use crate::i18n::{gettext, gettext_f};

/// Settings that belong together. What is `None` stays as the feed has it.
#[derive(Clone, Debug, Serialize)]
pub struct Profile {
    /// What programs call it, such as `BIN_H264_IN_H264_OUT`.
    pub name: String,
    /// The version of `GstWebRTCApp` that has it, such as `v1.3`.
    pub version: &'static str,
    /// What the camera has to send; H.264 or H.265.
    pub input: Codec,
    /// Whether it needs an NVIDIA card.
    pub needs_nvidia: bool,
    /// What the feed is encoded in.
    pub codec: Option<Codec>,
    /// The encoder.
    pub encoder: Option<ElementChoice>,
    /// Its properties, by name.
    pub encoder_settings: BTreeMap<String, String>,
    /// The decoder.
    pub decoder: Option<ElementChoice>,
    /// The size of the picture.
    pub size: Option<Size>,
    /// Frames per second at most.
    pub framerate: Option<u32>,
    /// The encoder's bitrate in kbit/s.
    pub bitrate_kbps: Option<u32>,
    /// The jitter buffer in milliseconds, for a camera on the network.
    pub latency_ms: Option<u32>,
    /// Whether packets later than that are dropped.
    pub drop_on_latency: Option<bool>,
    /// What its makers or users said of it, or what is to be known before it is used.
    #[serde(skip)]
    remark: Option<fn() -> String>,
}

impl Profile {
    /// Every profile, in the order in which they are offered.
    pub fn all() -> &'static [Self] {
        static ALL: LazyLock<Vec<Profile>> = LazyLock::new(|| v1_3::profiles().chain(v1_6::profiles()).collect());
        &ALL
    }

    /// The profile of this name, in upper or lower case.
    pub fn find(name: &str) -> Option<&'static Self> {
        Self::all().iter().find(|profile| profile.name.eq_ignore_ascii_case(name))
    }

    /// What people call it, such as "H.265 camera, H.264 by nvh264enc".
    pub fn title(&self) -> String {
        let input = self.input.to_string();
        match (self.codec, &self.encoder) {
            (Some(codec), Some(ElementChoice::Named(encoder))) => gettext_f(
                // Translators: {input} and {codec} are such as H.264, {encoder} such as x264enc.
                "{input} camera, {codec} by {encoder}",
                &[("input", &input), ("codec", &codec.to_string()), ("encoder", encoder)],
            ),
            _ => gettext_f("{input} camera, the best encoder here", &[("input", &input)]),
        }
    }

    /// One line: where it comes from, what it needs, and what is to be known of it.
    pub fn about(&self) -> String {
        let mut about = gettext_f("As in GstWebRTCApp {version}.", &[("version", self.version)]);
        if self.needs_nvidia {
            about = format!("{about} {}", gettext("Needs an NVIDIA card."));
        }
        match self.remark {
            Some(remark) => format!("{about} {}", remark()),
            None => about,
        }
    }

    /// Makes the feed as the profile says; properties that its encoder had before go.
    /// Nothing keeps the two together afterwards.
    pub fn apply(&self, feed: &mut FeedConfig) {
        set(&mut feed.codec, self.codec.as_ref());
        set(&mut feed.encoder, self.encoder.as_ref());
        set(&mut feed.decoder, self.decoder.as_ref());
        set(&mut feed.bitrate_kbps, self.bitrate_kbps.as_ref());
        if self.encoder.is_some() {
            feed.set_settings_of(ElementRole::Encoder, self.encoder_settings.clone());
        }
        feed.picture.size = self.size.or(feed.picture.size);
        feed.picture.framerate = self.framerate.or(feed.picture.framerate);
        if let SourceConfig::Rtsp(rtsp) = &mut feed.source {
            set(&mut rtsp.latency_ms, self.latency_ms.as_ref());
            set(&mut rtsp.drop_on_latency, self.drop_on_latency.as_ref());
        }
    }

    /// One that sets nothing yet.
    fn new(name: impl Into<String>, version: &'static str, input: Codec) -> Self {
        Self {
            name: name.into(),
            version,
            input,
            needs_nvidia: false,
            codec: None,
            encoder: None,
            encoder_settings: BTreeMap::new(),
            decoder: None,
            size: None,
            framerate: None,
            bitrate_kbps: None,
            latency_ms: None,
            drop_on_latency: None,
            remark: None,
        }
    }

    /// Decoded on the processor, or on an NVIDIA card.
    fn decoded(mut self, on_nvidia: bool) -> Self {
        let decoder = match (self.input, on_nvidia) {
            (Codec::H265, false) => "avdec_h265",
            (Codec::H265, true) => "nvh265dec",
            (_, false) => "avdec_h264",
            (_, true) => "nvh264dec",
        };
        self.needs_nvidia |= on_nvidia;
        self.decoder = Some(ElementChoice::Named(decoder.into()));
        self
    }

    /// Encoded by this element, with these properties.
    fn encoded(mut self, codec: Codec, encoder: &str, settings: &[(&str, &str)]) -> Self {
        self.needs_nvidia |= encoder.starts_with("nv");
        self.codec = Some(codec);
        self.encoder = Some(ElementChoice::Named(encoder.into()));
        self.encoder_settings = settings.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        self
    }

    /// With the size, frames per second and bitrate that both versions start with.
    fn at_usual_setpoint(mut self) -> Self {
        self.size = Some(Size { width: 1280, height: 720 });
        self.framerate = Some(20);
        self.bitrate_kbps = Some(2000);
        self
    }
}

fn set<T: Clone>(setting: &mut T, value: Option<&T>) {
    if let Some(value) = value {
        setting.clone_from(value);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::config::{FeedId, RtspConfig, element_settings};

    fn feed() -> FeedConfig {
        let rtsp = RtspConfig::new("rtsp://h/s".parse().unwrap());
        FeedConfig::new(FeedId::from_name("Bow"), "Bow", SourceConfig::Rtsp(rtsp))
    }

    #[test]
    fn every_profile_has_a_name_of_its_own_and_allowed_settings() {
        let mut names = HashSet::new();
        for profile in Profile::all() {
            assert!(names.insert(profile.name.to_lowercase()), "{}", profile.name);
            for (name, value) in &profile.encoder_settings {
                assert_eq!(
                    element_settings::check(ElementRole::Encoder, name, value),
                    Ok(()),
                    "{}: {name}={value}",
                    profile.name
                );
            }
            assert!(!profile.title().is_empty() && profile.about().contains(profile.version));
        }
        assert_eq!(Profile::all().iter().filter(|profile| profile.version == "v1.3").count(), 13);
    }

    #[test]
    fn a_profile_is_found_by_name_and_makes_the_feed_so() {
        let mut feed = feed();
        feed.elements.entry(ElementRole::Encoder).or_default().insert("cabac".into(), "false".into());
        Profile::find("bin_h264_in_h264_out").unwrap().apply(&mut feed);
        assert_eq!(feed.encoder, ElementChoice::Named("x264enc".into()));
        assert_eq!(feed.elements[&ElementRole::Encoder]["speed-preset"], "ultrafast");
        assert_eq!(feed.elements[&ElementRole::Encoder]["cabac"], "true", "properties are replaced");
        assert_eq!((feed.picture.framerate, feed.bitrate_kbps), (Some(20), 2000));
        let SourceConfig::Rtsp(rtsp) = &feed.source else { panic!("the source should stay") };
        assert_eq!((rtsp.latency_ms, rtsp.drop_on_latency), (200, true));

        Profile::find("BIN_H265_CUDA_IN_VP8_OUT").unwrap().apply(&mut feed);
        assert_eq!((feed.codec, feed.decoder.key()), (Codec::Vp8, "nvh265dec"));
        assert!(!feed.settings_of(ElementRole::Encoder).contains_key("speed-preset"));
        assert!(Profile::find("BIN_MP3").is_none());
    }

    #[test]
    fn what_a_profile_does_not_say_stays() {
        let mut changed = feed();
        changed.bitrate_kbps = 700;
        changed.elements.entry(ElementRole::Encoder).or_default().insert("threads".into(), "2".into());
        changed.codec = Codec::Vp8;
        Profile::find("SINK_DEFAULT").unwrap().apply(&mut changed);
        assert_eq!(changed.picture.framerate, Some(25));
        assert_eq!((changed.bitrate_kbps, changed.codec), (700, Codec::Vp8));
        assert!(changed.elements.is_empty(), "they were another encoder's");
    }
}
