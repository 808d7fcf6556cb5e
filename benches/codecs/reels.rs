//! What is put into encoders and decoders: hard pictures, and streams made of them.

use std::error::Error;

use gst::prelude::*;
use heliograph::{
    config::Codec,
    media::{Encoder, InputCodec},
};

use crate::{
    BITRATE_KBPS,
    hard_content::HardContent,
    rig::{FRAMERATE, Reel},
};

pub(crate) const WIDTH: u16 = 1280;
pub(crate) const HEIGHT: u16 = 720;

/// As many different pictures: two seconds, and about 80 MB.
const PICTURES: usize = 60;

/// How long one frame of the slowest encoder may take.
const LIMIT: gst::ClockTime = gst::ClockTime::from_seconds(10);

/// The pictures as a camera would send them uncompressed.
pub(crate) fn raw() -> Reel {
    let content = HardContent::new(WIDTH.into(), HEIGHT.into());
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", "I420")
        .field("width", i32::from(WIDTH))
        .field("height", i32::from(HEIGHT))
        .field("framerate", gst::Fraction::new(FRAMERATE.cast_signed(), 1));
    let frames = (0..PICTURES).map(|number| gst::Buffer::from_slice(content.picture(number))).collect();
    Reel { caps: caps.build(), frames }
}

/// The pictures in this codec, by the first encoder of the processor that there is for it.
pub(crate) fn encoded(raw: &Reel, codec: InputCodec) -> Result<Reel, Box<dyn Error>> {
    let source = gst_app::AppSrc::builder().caps(&raw.caps).format(gst::Format::Time).build();
    let sink = gst_app::AppSink::builder().sync(false).build();
    let pipeline = gst::Pipeline::new();
    let chain = [vec![source.clone().upcast()], encoder(codec)?, vec![sink.clone().upcast()]].concat();
    pipeline.add_many(&chain)?;
    gst::Element::link_many(&chain)?;
    pipeline.set_state(gst::State::Playing)?;
    let samples = encode(raw, &source, &sink);
    let _ = pipeline.set_state(gst::State::Null);
    let samples = samples?;
    let caps = samples.first().and_then(|sample| sample.caps_owned()).ok_or("its encoder made nothing")?;
    Ok(Reel { caps, frames: samples.iter().filter_map(|sample| sample.buffer_owned()).collect() })
}

fn encode(raw: &Reel, source: &gst_app::AppSrc, sink: &gst_app::AppSink) -> Result<Vec<gst::Sample>, gst::FlowError> {
    for (number, frame) in (0..).zip(&raw.frames) {
        let mut frame = frame.copy();
        frame.make_mut().set_pts(gst::ClockTime::SECOND * number / u64::from(FRAMERATE));
        source.push_buffer(frame)?;
    }
    source.end_of_stream()?;
    Ok(std::iter::from_fn(|| sink.try_pull_sample(LIMIT)).collect())
}

fn encoder(codec: InputCodec) -> Result<Vec<gst::Element>, Box<dyn Error>> {
    let codec = match codec {
        InputCodec::H264 => Codec::H264,
        InputCodec::H265 => Codec::H265,
        InputCodec::Vp8 => Codec::Vp8,
        InputCodec::Vp9 => Codec::Vp9,
        InputCodec::Av1 => Codec::Av1,
        // Heliograph sends none, and its bitrate is what the quality makes it.
        InputCodec::Mjpeg => return Ok(vec![gst::ElementFactory::make("jpegenc").build()?]),
    };
    let mut encoders = Encoder::installed().into_iter().filter(|encoder| encoder.codec() == codec);
    let encoder = encoders.find(|encoder| !encoder.device().is_hardware()).ok_or("no encoder for it is installed")?;
    encoder_chain(&encoder)
}

/// The encoder as in a feed, with what belongs in front of it and behind.
pub(crate) fn encoder_chain(encoder: &Encoder) -> Result<Vec<gst::Element>, Box<dyn Error>> {
    // Does nothing where the encoder takes the pictures as they are.
    let convert = gst::ElementFactory::make("videoconvert").build()?;
    let filter = gst::ElementFactory::make("capsfilter").property("caps", encoder.output_caps()).build()?;
    let mut chain = vec![convert, encoder.build(BITRATE_KBPS, FRAMERATE)?, filter];
    chain.extend(encoder.build_parser()?);
    Ok(chain)
}
