//! The kinds of sound that cameras send and files hold: a table in code.

use gst::prelude::*;

use crate::media::{MediaError, element::make};

/// How sound of one kind is taken out of RTP, where it comes in that, and decoded.
pub(super) struct Decoding {
    /// Names in the RTP parameters registry; none for what only files hold.
    encoding_names: &'static [&'static str],
    /// Caps of it outside RTP.
    caps: &'static str,
    /// What people call it.
    pub(super) name: &'static str,
    /// None for what only files hold.
    depayloader: Option<&'static str>,
    parser: Option<&'static str>,
    /// Decoders that do, the best first; none where nothing is coded.
    decoders: &'static [&'static str],
    /// Whether viewers take it as it is.
    pub(super) passes_through: bool,
}

const DECODINGS: &[Decoding] = &[
    Decoding {
        encoding_names: &["OPUS"],
        caps: "audio/x-opus",
        name: "Opus",
        depayloader: Some("rtpopusdepay"),
        parser: None,
        decoders: &[],
        passes_through: true,
    },
    Decoding {
        encoding_names: &["MPEG4-GENERIC"],
        caps: "audio/mpeg, mpegversion={ 2, 4 }",
        name: "AAC",
        depayloader: Some("rtpmp4gdepay"),
        parser: Some("aacparse"),
        decoders: AAC,
        passes_through: false,
    },
    Decoding {
        encoding_names: &["MP4A-LATM"],
        caps: "audio/mpeg, mpegversion=4, stream-format=latm-mcp1",
        name: "AAC (LATM)",
        depayloader: Some("rtpmp4adepay"),
        parser: Some("aacparse"),
        decoders: AAC,
        passes_through: false,
    },
    decoded(&["PCMU"], "audio/x-mulaw", "G.711 (PCMU)", Some("rtppcmudepay"), &["mulawdec"]),
    decoded(&["PCMA"], "audio/x-alaw", "G.711 (PCMA)", Some("rtppcmadepay"), &["alawdec"]),
    decoded(&["L8"], "audio/x-raw", "L8", Some("rtpL8depay"), &[]),
    decoded(&["L16"], "audio/x-raw", "L16", Some("rtpL16depay"), &[]),
    decoded(&["L24"], "audio/x-raw", "L24", Some("rtpL24depay"), &[]),
    decoded(
        &["G726", "G726-16", "G726-24", "G726-32", "G726-40"],
        "audio/x-adpcm, layout=g726",
        "G.726",
        Some("rtpg726depay"),
        &["avdec_g726"],
    ),
    decoded(&["G722"], "audio/G722", "G.722", Some("rtpg722depay"), &["avdec_g722"]),
    decoded(&[], "audio/mpeg, mpegversion=1", "MP3", None, &["mpg123audiodec", "avdec_mp3"]),
    decoded(&[], "audio/x-vorbis", "Vorbis", None, &["vorbisdec", "avdec_vorbis"]),
    decoded(&[], "audio/x-flac", "FLAC", None, &["flacdec", "avdec_flac"]),
    decoded(&[], "audio/x-ac3", "AC-3", None, &["avdec_ac3", "a52dec"]),
];

/// What caps of RTP are called.
const RTP: &str = "application/x-rtp";

const AAC: &[&str] = &["avdec_aac", "fdkaacdec", "faad"];

/// A row of the table for sound that needs no parser.
const fn decoded(
    encoding_names: &'static [&'static str],
    caps: &'static str,
    name: &'static str,
    depayloader: Option<&'static str>,
    decoders: &'static [&'static str],
) -> Decoding {
    Decoding { encoding_names, caps, name, depayloader, parser: None, decoders, passes_through: false }
}

impl Decoding {
    /// The row for sound with these caps; else what they call it.
    pub(super) fn of(caps: &gst::CapsRef) -> Result<&'static Self, String> {
        let fields = caps.structure(0).ok_or_else(String::new)?;
        if fields.name() == RTP {
            let encoding = fields.get::<&str>("encoding-name").unwrap_or_default();
            return Self::of_encoding(encoding).ok_or_else(|| encoding.to_owned());
        }
        let fits = |row: &&Self| row.caps.parse::<gst::Caps>().is_ok_and(|known| known.can_intersect(caps));
        DECODINGS.iter().find(fits).ok_or_else(|| fields.name().to_string())
    }

    /// The row for a name of the RTP parameters registry, in any case.
    fn of_encoding(encoding_name: &str) -> Option<&'static Self> {
        DECODINGS.iter().find(|row| row.encoding_names.iter().any(|name| name.eq_ignore_ascii_case(encoding_name)))
    }

    /// The elements from these caps to raw sound, or to Opus where that passes through.
    pub(super) fn build(&self, caps: &gst::CapsRef) -> Result<Vec<gst::Element>, MediaError> {
        let is_rtp = caps.structure(0).is_some_and(|fields| fields.name() == RTP);
        let depayloader = self.depayloader.filter(|_| is_rtp);
        // Something that takes whatever comes, so that there is a first element.
        let mut chain = vec![make(depayloader.unwrap_or("identity"))?];
        chain.extend(self.parser.map(make).transpose()?);
        if let Some(best) = self.decoders.first() {
            let installed = self.decoders.iter().find(|name| gst::ElementFactory::find(name).is_some());
            let decoder = make(installed.unwrap_or(best))?;
            if decoder.has_property("max-errors") {
                // A damaged packet is a click, not the end.
                decoder.set_property("max-errors", -1);
            }
            chain.push(decoder);
        }
        Ok(chain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_is_known_in_rtp_and_outside() {
        gst::init().unwrap();
        let name = |caps: &str| Decoding::of(&caps.parse::<gst::Caps>().unwrap()).map(|row| row.name);
        assert_eq!(name("application/x-rtp, encoding-name=mpeg4-generic"), Ok("AAC"));
        assert_eq!(name("application/x-rtp, encoding-name=AC3"), Err("AC3".into()));
        assert_eq!(name("audio/mpeg, mpegversion=4, stream-format=raw"), Ok("AAC"));
        assert_eq!(name("audio/mpeg, mpegversion=1, layer=3"), Ok("MP3"));
        assert_eq!(name("audio/x-opus, channels=2"), Ok("Opus"));
        assert_eq!(name("audio/x-raw, format=S16LE"), Ok("L8"));
        assert_eq!(name("audio/x-speex"), Err("audio/x-speex".into()));
    }
}
