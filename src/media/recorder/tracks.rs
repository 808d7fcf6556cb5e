//! What is recorded: tracks, as caps tell them, and their frames.

use super::matroska::{Content, Track};

/// Of which track a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lane {
    Picture,
    Sound,
}

/// A frame on its way to a file.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub(super) lane: Lane,
    /// On the feed's clock.
    pub(super) time: gst::ClockTime,
    /// It needs no other.
    pub(super) is_key: bool,
    pub(super) data: gst::Buffer,
}

impl Unit {
    /// The frame of a sample; `None` where that is none, or has no time.
    pub(super) fn of(sample: &gst::Sample, lane: Lane) -> Option<Self> {
        let data = sample.buffer_owned()?;
        let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
        let time = segment.to_running_time(data.pts()?)?;
        let is_key = lane == Lane::Sound || !data.flags().contains(gst::BufferFlags::DELTA_UNIT);
        Some(Self { lane, time, is_key, data })
    }
}

/// The track that these caps describe, in the form that Matroska has it.
pub(super) fn track(caps: &gst::CapsRef) -> Option<Track> {
    let fields = caps.structure(0)?;
    let codec = match fields.name().as_str() {
        "video/x-h264" => "V_MPEG4/ISO/AVC",
        "video/x-h265" => "V_MPEGH/ISO/HEVC",
        "video/x-vp8" => "V_VP8",
        "video/x-vp9" => "V_VP9",
        "video/x-av1" => "V_AV1",
        "audio/x-opus" => return Some(opus(fields)),
        _ => return None,
    };
    let number = |name| u32::try_from(fields.get::<i32>(name).ok()?).ok();
    let content = Content::Video { width: number("width")?, height: number("height")? };
    let begin = fields.get::<gst::Buffer>("codec_data").ok();
    let private = begin.and_then(|data| Some(data.map_readable().ok()?.to_vec())).unwrap_or_default();
    Some(Track { codec, private, content })
}

/// With what a decoder of Opus begins (RFC 7845, section 5.1). Nothing is skipped at the beginning: it
/// is cut out of a stream.
fn opus(fields: &gst::StructureRef) -> Track {
    let channels = fields.get::<i32>("channels").ok().and_then(|channels| u8::try_from(channels).ok()).unwrap_or(2);
    let mut private = b"OpusHead\x01".to_vec();
    private.push(channels);
    private.extend(0_u16.to_le_bytes());
    private.extend(48_000_u32.to_le_bytes());
    private.extend([0, 0, 0]);
    Track { codec: "A_OPUS", private, content: Content::Audio { channels } }
}
