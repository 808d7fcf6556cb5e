//! The demo camera's sound: a beep on every full second, and the flash that goes with it.
//!
//! Both are placed by their timestamps alone, so they begin at exactly the same
//! moment: what is between them at a viewer is the error of everything between.

use gst::{ClockTime, prelude::*};

use crate::media::{
    MediaError,
    element::{caps_filter, make},
};

/// How long the beep is.
const BEEP: ClockTime = ClockTime::from_mseconds(100);
/// The beep's pitch in Hz: whole waves fit a second, so every beep begins at a zero.
const PITCH: f64 = 1000.0;
/// Frames that the flash lasts: one may fall between two refreshes of a screen.
const FLASH_FRAMES: u64 = 2;

/// How the demo camera sends its sound.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub enum DemoSound {
    /// Not at all.
    None,
    /// As AAC, as most cameras do.
    Aac,
    /// As Opus, which viewers take as it is.
    #[default]
    Opus,
    /// As G.711, as doorbells do.
    Pcmu,
    /// As it is.
    L16,
}

impl DemoSound {
    /// From raw sound to RTP: sample rate, encoder, payloader.
    fn form(self) -> Option<(i32, Option<&'static str>, &'static str)> {
        match self {
            Self::None => None,
            Self::Aac => Some((48_000, Some("avenc_aac"), "rtpmp4gpay")),
            Self::Opus => Some((48_000, Some("opusenc"), "rtpopuspay")),
            Self::Pcmu => Some((8_000, Some("mulawenc"), "rtppcmupay")),
            Self::L16 => Some((48_000, None, "rtpL16pay")),
        }
    }

    /// The sound, from test source to RTP; the last element is the payloader.
    pub(super) fn build(self) -> Result<Vec<gst::Element>, MediaError> {
        let Some((rate, encoder, payloader)) = self.form() else { return Ok(Vec::new()) };
        let mut chain = beeps(rate)?.to_vec();
        let payloader = make(payloader)?;
        if self != Self::Pcmu {
            // PCMU has a number of its own (RFC 3551).
            payloader.set_property("pt", 97_u32);
        }
        chain.push(make("audioconvert")?);
        chain.extend(encoder.map(make).transpose()?);
        chain.push(payloader);
        Ok(chain)
    }
}

/// A beep a second, as raw sound of so many samples a second.
pub(super) fn beeps(rate: i32) -> Result<[gst::Element; 2], MediaError> {
    let source = make("audiotestsrc")?;
    source.set_property("is-live", true);
    source.set_property("freq", PITCH);
    source.set_property("volume", 0.5);
    // 20 ms at a time, as microphones do.
    source.set_property("samplesperbuffer", rate / 50);
    let form = caps_filter(
        &gst::Caps::builder("audio/x-raw")
            .field("format", "S16LE")
            .field("layout", "interleaved")
            .field("rate", rate)
            .field("channels", 1_i32)
            .build(),
    )?;
    beep(&form.static_pad("src").expect("a capsfilter should have a src pad"), rate);
    Ok([source, form])
}

/// Silences everything but the beeps.
fn beep(pad: &gst::Pad, rate: i32) {
    let nanoseconds_per_sample = ClockTime::SECOND.nseconds() / u64::try_from(rate).unwrap_or(1);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer_mut()
            && let Some(start) = buffer.pts()
            && let Ok(mut samples) = buffer.make_mut().map_writable()
        {
            for (place, sample) in samples.chunks_exact_mut(2).enumerate() {
                if !is_beep(start + ClockTime::from_nseconds(place as u64 * nanoseconds_per_sample)) {
                    sample.fill(0);
                }
            }
        }
        gst::PadProbeReturn::Ok
    });
}

fn is_beep(time: ClockTime) -> bool {
    time.nseconds() % ClockTime::SECOND.nseconds() < BEEP.nseconds()
}

/// Whether the frame of this time is one of the flash, at so many frames a second.
pub(super) fn is_flash(time: ClockTime, framerate: i32) -> bool {
    let frame = ClockTime::SECOND.nseconds() / u64::try_from(framerate).unwrap_or(1).max(1);
    // Half a frame of tolerance for times that were rounded.
    (time.nseconds() + frame / 2) % ClockTime::SECOND.nseconds() < FLASH_FRAMES * frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flash_and_beep_begin_together_on_the_second() {
        let frame = |number: u64| ClockTime::from_nseconds(number * 1_000_000_000 / 30);
        let flashes: Vec<u64> = (0..65).filter(|number| is_flash(frame(*number), 30)).collect();
        assert_eq!(flashes, [0, 1, 30, 31, 60, 61]);
        assert!(is_beep(frame(30)) && is_beep(frame(32)) && !is_beep(frame(29)) && !is_beep(frame(34)));
    }
}
