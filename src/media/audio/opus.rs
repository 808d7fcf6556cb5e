//! What Opus packets are (RFC 6716), and how sound is made into them.

use gst::prelude::*;

use crate::media::{
    MediaError,
    element::{caps_filter, make},
};

/// How much sound a packet of ours holds: less means more headers, more means more delay.
pub(super) const PACKET: gst::ClockTime = gst::ClockTime::from_mseconds(20);

/// 20 ms of silence: fullband CELT, one frame with nothing in it.
pub(super) const SILENCE: [u8; 3] = [0xfc, 0xff, 0xfe];

/// What part of the packets is prepared for being lost, in per cent: each
/// carries a coarse copy of the one before where that pays.
const LOSS_PREPARED_FOR: i32 = 5;

/// How far sound may drift from its timestamps before it is put right. The default
/// of 40 ms would eat up all that lip sync has.
const DRIFT_ALLOWED: gst::ClockTime = gst::ClockTime::from_mseconds(15);

/// The caps of every packet, whatever is in it: a decoder is told by the packet itself
/// whether it is stereo, and webrtcsink bears no change.
pub(super) fn caps() -> gst::Caps {
    gst::Caps::builder("audio/x-opus")
        .field("rate", 48_000_i32)
        .field("channels", 2_i32)
        .field("channel-mapping-family", 0_i32)
        .field("stream-count", 1_i32)
        .field("coupled-count", 1_i32)
        .build()
}

/// Makes raw sound of any kind into Opus at this bitrate (kbit/s).
pub(super) fn encoder(bitrate_kbps: u32) -> Result<Vec<gst::Element>, MediaError> {
    let form = caps_filter(
        &gst::Caps::builder("audio/x-raw")
            .field("rate", 48_000_i32)
            .field("channels", gst::IntRange::new(1, 2))
            .build(),
    )?;
    let encoder = make("opusenc")?;
    encoder.set_property("bitrate", i32::try_from(bitrate_kbps * 1000).unwrap_or(i32::MAX));
    // The link is shared with the picture: a loud moment may not burst.
    encoder.set_property_from_str("bitrate-type", "constrained-vbr");
    encoder.set_property_from_str("frame-size", "20");
    encoder.set_property("inband-fec", true);
    encoder.set_property("packet-loss-percentage", LOSS_PREPARED_FOR);
    encoder.set_property("tolerance", DRIFT_ALLOWED.nseconds().cast_signed());
    Ok(vec![make("audioconvert")?, make("audioresample")?, form, encoder])
}

/// How much sound is in a packet (RFC 6716, section 3.1); `None` where it is none.
pub(super) fn duration(packet: &[u8]) -> Option<gst::ClockTime> {
    const SILK: [u64; 4] = [10_000, 20_000, 40_000, 60_000];
    const HYBRID: [u64; 2] = [10_000, 20_000];
    const CELT: [u64; 4] = [2_500, 5_000, 10_000, 20_000];
    let toc = *packet.first()?;
    let configuration = usize::from(toc >> 3);
    let frame = match configuration {
        0..12 => SILK[configuration % 4],
        12..16 => HYBRID[configuration % 2],
        _ => CELT[configuration % 4],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(*packet.get(1)? & 0x3f),
    };
    // No packet holds more than 120 ms.
    (1..=120_000).contains(&(frame * frames)).then(|| gst::ClockTime::from_useconds(frame * frames))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packet_says_how_long_it_is() {
        let milliseconds = |packet: &[u8]| duration(packet).map(|time| time.useconds() as f64 / 1000.0);
        assert_eq!(duration(&SILENCE), Some(PACKET));
        assert_eq!(milliseconds(&[0b0001_1000]), Some(60.0), "SILK");
        assert_eq!(milliseconds(&[0b0110_0001]), Some(20.0), "hybrid, two frames of 10 ms");
        assert_eq!(milliseconds(&[0b1000_0000]), Some(2.5), "CELT");
        assert_eq!(milliseconds(&[0b1111_1011, 3]), Some(60.0), "three frames of 20 ms");
        assert_eq!(milliseconds(&[0b1111_1011, 63]), None, "more than a packet holds");
        assert_eq!(milliseconds(&[0b1111_1011]), None, "cut off");
        assert_eq!(milliseconds(&[]), None);
    }
}
