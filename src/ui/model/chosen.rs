//! What a feed is made with, and why, in words.
//!
//! Pure, as [`super::words`]: the same facts, the same words.

use crate::{
    config::{AudioSource, Codec, Fingerprint, SourceConfig},
    engine::{Beside, EncoderInUse, FeedState, PathInUse},
    i18n::{gettext, gettext_f, ngettext_f},
    media::{AudioState, licence_note},
    ui::units,
};

/// Digits of a fingerprint that are shown: enough to compare at a glance.
const DIGITS: usize = 16;

/// What the choices are told from.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// What is asked for.
    pub codec: Codec,
    /// In kbit/s.
    pub bitrate_kbps: u32,
    /// The source of sound that is asked for.
    pub audio_source: &'a AudioSource,
    /// Where the picture comes from.
    pub source: &'a SourceConfig,
    /// How the feed is.
    pub state: &'a FeedState,
    /// What is heard.
    pub audio: &'a AudioState,
    /// Which way the camera's stream takes, once that is known.
    pub path: Option<&'a PathInUse>,
    /// Who gets another codec than all others.
    pub beside: &'a [Beside],
    /// What encodes, once something does.
    pub encoder: Option<&'a EncoderInUse>,
    /// The element that is expected to encode before that; empty where there is none.
    pub expected: &'a str,
}

/// Everything the window says about what was chosen.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Chosen {
    /// The element, such as `avdec_h264`, with its delay where it has one.
    pub decoding: String,
    /// Which way the camera's stream takes, and why.
    pub path: String,
    /// "H.264 by x264enc", and why it is this one.
    pub encoding: String,
    /// The same with all that may be asked about it.
    pub encoder_details: String,
    /// Where sound comes from, or why there is none.
    pub sound: String,
    /// Whether sound should be heard and is not.
    pub sound_missing: bool,
    /// By what an `rtsps` camera is recognised; empty for others.
    pub certificate: String,
}

impl Chosen {
    /// The words for these facts.
    pub fn new(facts: &Facts<'_>) -> Self {
        Self {
            decoding: decoding(facts.state),
            path: path(facts),
            encoding: encoding(facts),
            encoder_details: encoder_details(facts),
            sound: sound(facts),
            sound_missing: is_missing(facts),
            certificate: certificate(facts.source),
        }
    }
}

/// The path and its reason in one line, and whatever is made beside it in the next.
fn path(facts: &Facts<'_>) -> String {
    let first = facts.path.map_or_else(|| gettext("Not known yet"), |path| path.sentence.clone());
    let others = facts.beside.iter().map(Beside::words);
    [first].into_iter().chain(others).collect::<Vec<_>>().join("\n")
}

fn decoding(state: &FeedState) -> String {
    let FeedState::Live { picture } = state else { return gettext("None at present") };
    if picture.decoder.is_empty() {
        return gettext("Not needed");
    }
    if picture.held_back == 0 {
        return picture.decoder.clone();
    }
    // Translators: {decoder} is an element's name, {n} how many pictures it holds back.
    ngettext_f(
        "{decoder}, {n} frame of delay",
        "{decoder}, {n} frames of delay",
        picture.held_back,
        &[("decoder", &picture.decoder)],
    )
}

/// What encodes in one line, and why it is this in the next.
fn encoding(facts: &Facts<'_>) -> String {
    if facts.path.is_some_and(|path| path.passes_through) {
        return gettext("Not needed");
    }
    let Some(encoder) = facts.encoder else { return by(facts.codec, facts.expected) };
    format!("{}\n{}", by(facts.codec, &encoder.element), reason(encoder))
}

fn by(codec: Codec, element: &str) -> String {
    let codec = codec.to_string();
    if element.is_empty() {
        return codec;
    }
    // Translators: codec and encoder, such as "H.264 by x264enc".
    gettext_f("{codec} by {encoder}", &[("codec", &codec), ("encoder", element)])
}

/// An encoder whose name is all the reason there is was named by the operator.
fn reason(encoder: &EncoderInUse) -> String {
    if encoder.reason == encoder.label { gettext("As chosen in the settings") } else { encoder.reason.clone() }
}

fn encoder_details(facts: &Facts<'_>) -> String {
    let bitrate = gettext_f("Bitrate: {bitrate}", &[("bitrate", &units::bitrate(f64::from(facts.bitrate_kbps)))]);
    let mut lines = vec![encoding(facts)];
    if let Some(encoder) = facts.encoder {
        lines.push(gettext_f("Name: {name}", &[("name", &encoder.label)]));
    }
    lines.extend([bitrate, licence_note(facts.codec)]);
    lines.join("\n")
}

fn sound(facts: &Facts<'_>) -> String {
    match (facts.audio_source, facts.audio) {
        (AudioSource::None, _) => gettext("Off"),
        (_, AudioState::Missing { sentence }) if is_missing(facts) => sentence.clone(),
        (AudioSource::Silence, _) if is_on(facts) => gettext("Silence"),
        (source, AudioState::Live) if is_on(facts) => sound_source(source),
        _ => gettext("None at present"),
    }
}

fn sound_source(source: &AudioSource) -> String {
    match source {
        AudioSource::None | AudioSource::Silence => String::new(),
        AudioSource::Camera => gettext("From the camera"),
        AudioSource::Device(name) => gettext_f("From “{device}”", &[("device", name)]),
        AudioSource::Tone => gettext("A test tone"),
    }
}

fn is_missing(facts: &Facts<'_>) -> bool {
    matches!(facts.audio, AudioState::Missing { .. }) && is_on(facts)
}

/// Whether sound can be expected: the camera's own comes with its picture.
fn is_on(facts: &Facts<'_>) -> bool {
    match (facts.audio_source, facts.state) {
        (AudioSource::None, _) | (_, FeedState::Idle | FeedState::Standby | FeedState::Stopped) => false,
        (AudioSource::Camera, state) => matches!(state, FeedState::Live { .. }),
        _ => true,
    }
}

fn certificate(source: &SourceConfig) -> String {
    match source {
        SourceConfig::Rtsp(rtsp) if rtsp.certificate.is_some() || rtsp.address.as_str().starts_with("rtsps:") => {
            rtsp.certificate.map_or_else(|| gettext("The first one that it shows is kept"), in_short)
        }
        _ => String::new(),
    }
}

/// The first digits in groups, which people can compare.
fn in_short(certificate: Fingerprint) -> String {
    let all = certificate.to_string();
    let digits: Vec<char> = all.trim_start_matches("sha256:").chars().take(DIGITS).collect();
    let groups: Vec<String> = digits.chunks(4).map(|group| group.iter().collect()).collect();
    // Translators: {fingerprint} is the beginning of a SHA-256, such as "0123 4567 89ab cdef".
    gettext_f("Known by SHA-256 {fingerprint}…", &[("fingerprint", &groups.join(" "))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{config::RtspConfig, media::Picture};

    const MISSING: &str = "The camera offers no sound.";

    fn live(decoder: &str, held_back: u32) -> FeedState {
        FeedState::Live { picture: Picture { decoder: decoder.into(), held_back, ..Picture::default() } }
    }

    fn facts<'a>(source: &'a SourceConfig, state: &'a FeedState) -> Facts<'a> {
        Facts {
            codec: Codec::H264,
            bitrate_kbps: 2000,
            audio_source: &AudioSource::None,
            source,
            state,
            audio: &AudioState::Off,
            path: None,
            beside: &[],
            encoder: None,
            expected: "x264enc",
        }
    }

    fn in_use(reason: &str) -> EncoderInUse {
        EncoderInUse { element: "x264enc".into(), label: "x264".into(), reason: reason.into() }
    }

    #[test]
    fn a_decoder_is_named_with_the_delay_that_it_adds() {
        let words = |state: &FeedState| Chosen::new(&facts(&SourceConfig::Demo, state)).decoding;
        assert_eq!(words(&live("avdec_h264", 0)), "avdec_h264");
        assert_eq!(words(&live("avdec_h264", 1)), "avdec_h264, 1 frame of delay");
        assert_eq!(words(&live("avdec_h264", 4)), "avdec_h264, 4 frames of delay");
        assert_eq!(words(&live("", 0)), "Not needed");
        assert_eq!(words(&FeedState::Stopped), "None at present");
    }

    #[test]
    fn a_stream_that_goes_out_as_it_is_needs_no_encoder() {
        let (state, demo) = (live("", 0), SourceConfig::Demo);
        let words = |path| Chosen::new(&Facts { path, ..facts(&demo, &state) });
        assert_eq!(words(None).path, "Not known yet");
        let sentence = "Camera's H.264 goes to the viewers as it is".to_owned();
        let path = PathInUse { passes_through: true, sentence };
        let chosen = words(Some(&path));
        assert_eq!((chosen.path.as_str(), chosen.encoding.as_str()), (path.sentence.as_str(), "Not needed"));
        let beside = [Beside { codec: Codec::Vp8, viewers: 2, instead_of: Codec::H264 }];
        let chosen = Chosen::new(&Facts { path: Some(&path), beside: &beside, ..facts(&demo, &state) });
        assert!(chosen.path.ends_with("\nVP8 for 2 viewers that do not take H.264"), "{}", chosen.path);
    }

    #[test]
    fn an_encoder_is_named_with_the_reason_for_it() {
        let state = live("", 0);
        let demo = SourceConfig::Demo;
        let words = |encoder| Chosen::new(&Facts { encoder, ..facts(&demo, &state) });
        assert_eq!(words(None).encoding, "H.264 by x264enc");
        let automatic = in_use("Automatic: x264, no hardware encoder found");
        let chosen = words(Some(&automatic));
        assert_eq!(chosen.encoding, "H.264 by x264enc\nAutomatic: x264, no hardware encoder found");
        assert!(chosen.encoder_details.contains("licence from its patent pools"), "{}", chosen.encoder_details);
        assert_eq!(words(Some(&in_use("x264"))).encoding, "H.264 by x264enc\nAs chosen in the settings");
    }

    #[test]
    fn sound_is_told_while_it_can_be_expected() {
        let missing = AudioState::Missing { sentence: MISSING.into() };
        let words = |source: &AudioSource, audio: &AudioState, state: &FeedState| {
            let demo = SourceConfig::Demo;
            let chosen = Chosen::new(&Facts { audio_source: source, audio, ..facts(&demo, state) });
            (chosen.sound, chosen.sound_missing)
        };
        let (on, off) = (live("", 0), FeedState::Stopped);
        let device = AudioSource::Device("Desk".into());
        assert_eq!(words(&AudioSource::None, &AudioState::Off, &on), ("Off".into(), false));
        assert_eq!(words(&AudioSource::Camera, &AudioState::Live, &on), ("From the camera".into(), false));
        assert_eq!(words(&AudioSource::Camera, &missing, &on), (MISSING.into(), true));
        assert_eq!(words(&AudioSource::Camera, &missing, &off), ("None at present".into(), false));
        assert_eq!(words(&device, &AudioState::Live, &on), ("From “Desk”".into(), false));
        assert_eq!(words(&device, &AudioState::Live, &off), ("None at present".into(), false));
    }

    #[test]
    fn a_certificate_is_shown_where_there_is_one_to_be_known_by() {
        let state = FeedState::Idle;
        let words = |address: &str, certificate| {
            let rtsp = RtspConfig { certificate, ..RtspConfig::new(address.parse().unwrap()) };
            Chosen::new(&facts(&SourceConfig::Rtsp(rtsp), &state)).certificate
        };
        assert_eq!(words("rtsp://h/s", None), "");
        assert_eq!(words("rtsps://h/s", None), "The first one that it shows is kept");
        let known = format!("sha256:{}", "0123456789abcdef".repeat(4)).parse().unwrap();
        assert_eq!(words("rtsps://h/s", Some(known)), "Known by SHA-256 0123 4567 89ab cdef…");
    }
}
