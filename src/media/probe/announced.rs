//! What a camera says that it sends (SDP, RFC 8866).

use gst_sdp::{SDPMediaRef, SDPMessage};
use serde::{Deserialize, Serialize};

use crate::media::InputCodec;

/// One stream as the camera announces it; Heliograph has not looked into it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Announced {
    /// `video`, `audio`, `application`, …
    pub media: String,
    /// Its codec as people call it.
    pub codec: String,
    /// Frames a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub framerate: Option<f64>,
    /// Samples a second, of audio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sample_rate: Option<u32>,
    /// Channels, of audio.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<u32>,
}

/// The streams of a description, in its order.
pub(super) fn streams(description: &SDPMessage) -> Vec<Announced> {
    description.medias().map(announced).collect()
}

fn announced(media: &SDPMediaRef) -> Announced {
    let kind = media.media().unwrap_or_default();
    let number = media.format(0).unwrap_or_default();
    let mapped = mapping(media, number).or_else(|| fixed(number));
    let (encoding, clock, channels) = mapped.unwrap_or_else(|| (number.to_uppercase(), 0, 1));
    let is_audio = kind == "audio";
    Announced {
        media: kind.into(),
        codec: name_of(&encoding),
        framerate: media.attribute_val("framerate").and_then(|rate| rate.trim().parse().ok()),
        sample_rate: (is_audio && clock > 0).then(|| sample_rate(&encoding, clock)),
        channels: is_audio.then_some(channels),
    }
}

/// Encoding, clock rate and channels.
type Mapping = (String, u32, u32);

/// `a=rtpmap:96 MPEG4-GENERIC/48000/2`.
fn mapping(media: &SDPMediaRef, number: &str) -> Option<Mapping> {
    media.attributes().filter(|attribute| attribute.key() == "rtpmap").find_map(|attribute| {
        let (mapped, encoding) = attribute.value()?.trim().split_once(' ')?;
        (mapped == number).then(|| parse_mapping(encoding))?
    })
}

fn parse_mapping(text: &str) -> Option<Mapping> {
    let mut parts = text.trim().split('/');
    let encoding = parts.next()?.to_uppercase();
    let clock = parts.next().and_then(|clock| clock.parse().ok()).unwrap_or(0);
    let channels = parts.next().and_then(|channels| channels.parse().ok()).unwrap_or(1);
    Some((encoding, clock, channels))
}

/// Payload types that need no mapping (RFC 3551, tables 4 and 5).
fn fixed(number: &str) -> Option<Mapping> {
    let text = match number {
        "0" => "PCMU/8000",
        "3" => "GSM/8000",
        "8" => "PCMA/8000",
        "9" => "G722/8000",
        "10" => "L16/44100/2",
        "11" => "L16/44100",
        "14" => "MPA/90000",
        "26" => "JPEG/90000",
        "32" => "MPV/90000",
        "33" => "MP2T/90000",
        _ => return None,
    };
    parse_mapping(text)
}

/// G.722 is announced with half its rate, an old mistake (RFC 3551, section 4.5.2).
fn sample_rate(encoding: &str, clock: u32) -> u32 {
    if encoding == "G722" { 16_000 } else { clock }
}

/// What people call an encoding of the RTP parameters registry.
fn name_of(encoding: &str) -> String {
    match encoding {
        "H264" => "H.264",
        "H265" => "H.265",
        "JPEG" => "Motion JPEG",
        "MP4V-ES" => "MPEG-4 Part 2",
        "MPV" => "MPEG-1 or MPEG-2",
        "MP2T" => "MPEG transport stream",
        "MPEG4-GENERIC" | "MP4A-LATM" => "AAC",
        "MPA" => "MPEG audio",
        "PCMU" => "G.711 µ-law",
        "PCMA" => "G.711 A-law",
        "G722" => "G.722",
        "OPUS" => "Opus",
        "L16" => "16-bit PCM",
        "VND.ONVIF.METADATA" => "ONVIF metadata",
        other => return other.replacen("G726-", "G.726 ", 1),
    }
    .into()
}

/// What a stream's caps say of it.
pub(super) fn from_caps(caps: &gst::Caps) -> Announced {
    let Some(structure) = caps.structure(0) else { return Announced::default() };
    let name = structure.name().as_str();
    let media = if name.starts_with("image/") { "video" } else { name.split('/').next().unwrap_or_default() };
    let count = |field: &str| structure.get::<i32>(field).ok().and_then(|count| u32::try_from(count).ok());
    let framerate = structure.get::<gst::Fraction>("framerate").ok().filter(|rate| rate.numer() > 0);
    Announced {
        media: media.into(),
        codec: InputCodec::from_caps_name(name).map_or_else(|| codec_of(structure), |codec| codec.to_string()),
        framerate: framerate.map(|rate| f64::from(rate.numer()) / f64::from(rate.denom())),
        sample_rate: count("rate"),
        channels: count("channels"),
    }
}

/// What people call what is no video of ours.
fn codec_of(structure: &gst::StructureRef) -> String {
    let version = structure.get::<i32>("mpegversion").ok();
    match (structure.name().as_str(), version) {
        ("audio/mpeg", Some(2 | 4)) => "AAC".into(),
        ("audio/mpeg", _) => "MPEG audio".into(),
        ("video/mpeg", Some(4)) => "MPEG-4 Part 2".into(),
        ("audio/x-opus", _) => "Opus".into(),
        ("audio/x-mulaw", _) => "G.711 µ-law".into(),
        ("audio/x-alaw", _) => "G.711 A-law".into(),
        ("video/x-raw", _) => structure.get::<String>("format").unwrap_or_else(|_| "raw".into()),
        (name, _) => name.rsplit('/').next().unwrap_or(name).trim_start_matches("x-").into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cameras_streams_are_named() {
        gst::init().unwrap();
        let text = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=Bow\r\nt=0 0\r\n\
            m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=framerate:25.0\r\n\
            m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/16000/2\r\n\
            m=audio 0 RTP/AVP 8\r\n\
            m=application 0 RTP/AVP 107\r\na=rtpmap:107 vnd.onvif.metadata/90000\r\n\
            m=video 0 RTP/AVP 99\r\n";
        let streams = streams(&SDPMessage::parse_buffer(text.as_bytes()).unwrap());
        let stream =
            |media: &str, codec: &str| Announced { media: media.into(), codec: codec.into(), ..Default::default() };
        let sound = |codec, rate, channels| Announced {
            sample_rate: Some(rate),
            channels: Some(channels),
            ..stream("audio", codec)
        };
        let expected = [
            Announced { framerate: Some(25.0), ..stream("video", "H.264") },
            sound("AAC", 16_000, 2),
            sound("G.711 A-law", 8000, 1),
            stream("application", "ONVIF metadata"),
            stream("video", "99"),
        ];
        assert_eq!(streams, expected);
    }
}
