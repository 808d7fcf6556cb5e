//! How a decoder is tried: three small frames that come with the program.

use super::{Decoder, InputCodec};
use crate::media::{
    Device, MediaError,
    availability::{Candidate, Work, decoding_trial},
    element::make,
};

impl Candidate for Decoder {
    fn element(&self) -> &str {
        self.element()
    }

    fn device(&self) -> &Device {
        self.device()
    }

    fn work(&self) -> Work {
        Work::Decoding
    }

    fn trial(&self) -> Result<gst::Pipeline, MediaError> {
        let mut chain = self.codec().parser().map(make).transpose()?.into_iter().collect::<Vec<_>>();
        chain.push(self.build(self.threading_for(320, 240))?);
        decoding_trial(&sample_caps(self.codec()), sample(self.codec()), &chain)
    }

    fn key(&self) -> String {
        // Hardware decoders of several codecs may be one element.
        format!("{}:{}", self.element(), self.codec().key())
    }

    fn words(&self) -> String {
        self.words()
    }
}

/// Three frames of 320×240 pixels, 4:2:0, 8 bits: a white ball on black. Each frame
/// stands behind its length in bytes (32 bits, big-endian).
fn sample(codec: InputCodec) -> Vec<&'static [u8]> {
    let mut rest: &'static [u8] = match codec {
        InputCodec::H264 => include_bytes!("samples/h264.frames"),
        InputCodec::H265 => include_bytes!("samples/h265.frames"),
        InputCodec::Mjpeg => include_bytes!("samples/mjpeg.frames"),
        InputCodec::Vp8 => include_bytes!("samples/vp8.frames"),
        InputCodec::Vp9 => include_bytes!("samples/vp9.frames"),
        InputCodec::Av1 => include_bytes!("samples/av1.frames"),
    };
    let next = || {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (frame, after) = after.split_at_checked(u32::from_be_bytes(*length) as usize)?;
        rest = after;
        Some(frame)
    };
    std::iter::from_fn(next).collect()
}

fn sample_caps(codec: InputCodec) -> gst::Caps {
    let caps = gst::Caps::builder(codec.caps_name()).field("framerate", gst::Fraction::new(30, 1));
    match codec {
        InputCodec::H264 | InputCodec::H265 => caps.field("stream-format", "byte-stream").field("alignment", "au"),
        InputCodec::Av1 => caps.field("stream-format", "obu-stream").field("alignment", "tu"),
        InputCodec::Vp8 => caps.field("width", 320).field("height", 240),
        InputCodec::Mjpeg | InputCodec::Vp9 => caps,
    }
    .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_is_three_frames() {
        for codec in InputCodec::ALL {
            assert_eq!(sample(*codec).len(), 3, "{codec}");
        }
    }
}
