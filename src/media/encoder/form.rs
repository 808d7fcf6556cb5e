//! What the encoded stream of a codec must look like for viewers, and stay like.
//!
//! webrtcsink compares the caps of a running stream field by field. One that differs, the size and
//! a few more excepted, is “Renegotiation is not supported”, and ends all sessions. So behind
//! every encoder the caps are reduced to what is needed, and what depends on the size is replaced
//! by one value for good.

use gst::prelude::*;

use crate::config::Codec;

/// The level announced to viewers: 3840×2160 at 30 fps, which H.264, H.265 and AV1 all number 5.1
/// (H.265 and AV1 would take 60 fps there).
///
/// webrtcsink refuses a level above the one it started with, so it starts with
/// that of the largest picture a feed may come to. The parameter sets in the
/// stream carry the real one.
const LARGEST_LEVEL: &str = "5.1";

/// Caps fields that reach webrtcsink: the form of the stream, and those that may change in
/// mid-stream. Others only repeat what stands in the stream: `streamheader` of VP8 and VP9
/// contains the size, `chroma-format` and its like are the same for everything sent here, and
/// `coded-picture-structure` changes when a camera changes to interlaced pictures.
const KEPT: &[&str] = &[
    "stream-format",
    "alignment",
    "parsed",
    "width",
    "height",
    "framerate",
    "pixel-aspect-ratio",
    "colorimetry",
    "interlace-mode",
];

/// Fields that have one value for good.
const fn fixed(codec: Codec) -> &'static [(&'static str, &'static str)] {
    match codec {
        Codec::H264 => &[("profile", "constrained-baseline"), ("level", LARGEST_LEVEL)],
        Codec::H265 => &[("profile", "main"), ("tier", "main"), ("level", LARGEST_LEVEL)],
        // Neither has profile or level in its session description, and rtpvp8pay, rtpvp9pay and
        // rtpav1pay look at none: what is not there cannot change.
        Codec::Vp8 | Codec::Vp9 | Codec::Av1 => &[],
    }
}

/// The caps that an encoder is held to: what every browser that has the codec decodes, in
/// hardware where there is any.
pub(super) fn output_caps(codec: Codec) -> gst::Caps {
    let caps = match codec {
        Codec::H264 => "video/x-h264, profile=constrained-baseline, stream-format=byte-stream, alignment=au",
        Codec::H265 => "video/x-h265, profile=main, stream-format=byte-stream, alignment=au",
        Codec::Vp8 => "video/x-vp8",
        Codec::Vp9 => "video/x-vp9",
        // A temporal unit is all that is shown at one time, and with it what a packet begins with.
        Codec::Av1 => "video/x-av1, stream-format=obu-stream, alignment=tu",
    };
    caps.parse().expect("caps of this table should parse")
}

/// The parser that puts parameter sets before every key frame, for a viewer may join at any.
/// In VP8, VP9 and AV1 every key frame has all that is needed.
pub(super) const fn parser(codec: Codec) -> Option<&'static str> {
    match codec {
        Codec::H264 => Some("h264parse"),
        Codec::H265 => Some("h265parse"),
        Codec::Vp8 | Codec::Vp9 | Codec::Av1 => None,
    }
}

/// The caps without what webrtcsink would stumble over.
fn steady_caps(mut caps: gst::Caps, codec: Codec) -> gst::Caps {
    for fields in caps.make_mut().iter_mut() {
        let others: Vec<String> = fields.fields().map(ToString::to_string).collect();
        fields.remove_fields(others.iter().map(String::as_str).filter(|field| !KEPT.contains(field)));
        for (field, value) in fixed(codec) {
            fields.set(*field, *value);
        }
    }
    caps
}

/// Keeps the caps that reach this pad the same for good, but for what webrtcsink lets change.
pub(in crate::media) fn keep_caps_steady(pad: &gst::Pad, codec: Codec) {
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
        if let Some(event) = info.event()
            && let gst::EventView::Caps(caps) = event.view()
        {
            let steady =
                gst::event::Caps::builder(&steady_caps(caps.caps_owned(), codec)).seqnum(event.seqnum()).build();
            info.data = Some(gst::PadProbeData::Event(steady));
        }
        gst::PadProbeReturn::Ok
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_size_and_its_like_differ_between_two_sizes() {
        crate::media::init().unwrap();
        let caps = |width: i32, level: &str| {
            let caps = gst::Caps::builder("video/x-h265").field("width", width).field("level", level);
            let caps = caps.field("tier", "high").field("profile", "main").field("chroma-format", "4:2:0");
            steady_caps(caps.field("stream-format", "byte-stream").build(), Codec::H265)
        };
        let mut large = caps(1280, "3.1");
        large.make_mut().set("width", 640);
        assert_eq!(caps(640, "3.0"), large);
        assert_eq!(large.structure(0).unwrap().get::<&str>("level").unwrap(), "5.1");
        assert_eq!(large.structure(0).unwrap().get::<&str>("stream-format").unwrap(), "byte-stream");
    }

    #[test]
    fn every_codec_is_held_to_a_form() {
        crate::media::init().unwrap();
        for codec in Codec::ALL {
            assert_eq!(output_caps(*codec).size(), 1, "{codec}");
        }
    }
}
