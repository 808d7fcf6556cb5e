//! What a source's pad carries.

use crate::{
    i18n::{gettext, gettext_f},
    media::{FaultKind, InputCodec, MediaFault},
};

/// What a source's pad carries, told by its caps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::media) enum StreamKind {
    /// Video in RTP.
    Packets(&'static Payload),
    /// Encoded video.
    Encoded(InputCodec),
    /// Pictures.
    Raw,
    /// Sound, in RTP or not.
    Sound,
    /// Video of a kind that we cannot decode by ourselves: what people call it.
    Unknown(String),
    /// Neither picture nor sound.
    Other,
}

/// How a codec travels in RTP (RFC 6184, 7798, 2435, 7741, 9628; AV1 by its own specification).
#[derive(Debug, PartialEq, Eq)]
pub(in crate::media) struct Payload {
    /// By the RTP parameters registry.
    encoding_name: &'static str,
    pub(in crate::media) depayloader: &'static str,
    pub(in crate::media) codec: InputCodec,
}

const PAYLOADS: &[Payload] = &[
    Payload { encoding_name: "H264", depayloader: "rtph264depay", codec: InputCodec::H264 },
    Payload { encoding_name: "H265", depayloader: "rtph265depay", codec: InputCodec::H265 },
    Payload { encoding_name: "JPEG", depayloader: "rtpjpegdepay", codec: InputCodec::Mjpeg },
    Payload { encoding_name: "VP8", depayloader: "rtpvp8depay", codec: InputCodec::Vp8 },
    Payload { encoding_name: "VP9", depayloader: "rtpvp9depay", codec: InputCodec::Vp9 },
    Payload { encoding_name: "AV1", depayloader: "rtpav1depay", codec: InputCodec::Av1 },
];

impl StreamKind {
    /// Reads a pad's caps.
    pub(in crate::media) fn of(caps: &gst::CapsRef) -> Self {
        let Some(fields) = caps.structure(0) else { return Self::Other };
        match fields.name().as_str() {
            "application/x-rtp" => Self::of_packets(fields),
            "video/x-raw" => Self::Raw,
            name if name.starts_with("audio/") => Self::Sound,
            name => match InputCodec::from_caps_name(name) {
                Some(codec) => Self::Encoded(codec),
                None if name.starts_with("video/") || name.starts_with("image/") => Self::Unknown(name.to_owned()),
                None => Self::Other,
            },
        }
    }

    fn of_packets(fields: &gst::StructureRef) -> Self {
        match fields.get::<&str>("media") {
            Ok("audio") => Self::Sound,
            Ok("video") => {
                let encoding = fields.get::<&str>("encoding-name").unwrap_or_default().to_uppercase();
                match PAYLOADS.iter().find(|payload| payload.encoding_name == encoding) {
                    Some(payload) => Self::Packets(payload),
                    None => Self::Unknown(name_of(&encoding).to_owned()),
                }
            }
            _ => Self::Other,
        }
    }
}

/// What people call an encoding of the RTP parameters registry.
fn name_of(encoding: &str) -> &str {
    match encoding {
        "MP4V-ES" => "MPEG-4 Part 2",
        "MPV" => "MPEG-1 or MPEG-2",
        "MP2T" => "an MPEG transport stream",
        "H261" => "H.261",
        other if other.starts_with("H263") => "H.263",
        "" => "video of an unknown kind",
        other => other,
    }
}

/// The camera sends what nothing here decodes.
pub(in crate::media) fn undecodable(codec: &str) -> MediaFault {
    let known = InputCodec::ALL.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    MediaFault::new(
        FaultKind::UndecodableCodec,
        gettext_f("The camera sends {codec}, which Heliograph cannot decode.", &[("codec", codec)]),
        gettext_f("Set the camera to one of: {codecs}.", &[("codecs", &known)]),
    )
}

/// A stream ended that should not.
pub(in crate::media) fn ended() -> MediaFault {
    MediaFault::new(
        FaultKind::Closed,
        gettext("The camera ended the stream."),
        gettext("Heliograph connects again by itself."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(caps: &str) -> StreamKind {
        gst::init().unwrap();
        StreamKind::of(&caps.parse::<gst::Caps>().unwrap())
    }

    #[test]
    fn caps_tell_what_a_pad_carries() {
        let StreamKind::Packets(payload) = kind("application/x-rtp, media=video, encoding-name=h265") else {
            panic!("H.265 in RTP should be known")
        };
        assert_eq!((payload.codec, payload.depayloader), (InputCodec::H265, "rtph265depay"));
        let old = kind("application/x-rtp, media=video, encoding-name=MP4V-ES");
        assert_eq!(old, StreamKind::Unknown("MPEG-4 Part 2".into()));
        assert_eq!(kind("application/x-rtp, media=audio, encoding-name=PCMU"), StreamKind::Sound);
        assert_eq!(kind("application/x-rtp, media=application"), StreamKind::Other);
        assert_eq!(kind("image/jpeg, width=640"), StreamKind::Encoded(InputCodec::Mjpeg));
        assert_eq!(kind("video/x-raw, format=I420"), StreamKind::Raw);
        assert_eq!(kind("audio/x-opus"), StreamKind::Sound);
        assert_eq!(kind("video/x-prores"), StreamKind::Unknown("video/x-prores".into()));
    }
}
