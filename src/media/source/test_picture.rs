//! A test picture, made in the pipeline itself.

use gst::prelude::*;

use super::{
    Opened,
    demo_camera::fill_white,
    demo_sound::{beeps, is_flash},
};
use crate::{
    config::{TestConfig, TestPattern},
    i18n::gettext,
    media::{
        FaultKind, MediaError, MediaFault,
        element::{add_and_link, caps_filter, make},
    },
};

/// Of a test picture that beeps.
const SAMPLES_PER_SECOND: i32 = 48_000;

/// Builds the picture's source, with sound where it has any.
pub(super) fn open(test: &TestConfig) -> Result<Opened, MediaError> {
    let bin = gst::Bin::with_name("test-picture");
    let source = make("videotestsrc")?;
    source.set_property("is-live", true);
    source.set_property_from_str("pattern", pattern(test.pattern));
    if test.pattern == TestPattern::Bars {
        // A picture that stands still would look like a dead one.
        source.set_property("horizontal-speed", 2_i32);
    }
    let filter = caps_filter(
        &gst::Caps::builder("video/x-raw")
            .field("format", "I420")
            .field("width", test.size.width.cast_signed())
            .field("height", test.size.height.cast_signed())
            .field("framerate", gst::Fraction::new(test.framerate.cast_signed(), 1))
            .build(),
    )?;
    add_and_link(&bin, &[&source, &filter])?;
    let end = filter.static_pad("src").expect("a capsfilter should have a src pad");
    bin.add_pad(&gst::GhostPad::builder_with_target(&end)?.name("picture").build())?;
    if test.pattern == TestPattern::Flash {
        flash_every_second(&end, test.framerate);
        let [source, form] = beeps(SAMPLES_PER_SECOND)?;
        add_and_link(&bin, &[&source, &form])?;
        let end = form.static_pad("src").expect("a capsfilter should have a src pad");
        bin.add_pad(&gst::GhostPad::builder_with_target(&end)?.name("sound").build())?;
    }
    Ok(Opened { element: bin.upcast(), explain: Box::new(|error| fault(&error.error())) })
}

fn pattern(pattern: TestPattern) -> &'static str {
    match pattern {
        TestPattern::Bars => "smpte75",
        TestPattern::Ball => "ball",
        TestPattern::Snow => "snow",
        TestPattern::Flash => "black",
    }
}

/// Two white pictures at every full second of their time.
fn flash_every_second(pad: &gst::Pad, framerate: u32) {
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let video = pad.current_caps().and_then(|caps| gst_video::VideoInfo::from_caps(&caps).ok());
        if let (Some(video), Some(buffer)) = (video, info.buffer_mut())
            && buffer.pts().is_some_and(|pts| is_flash(pts, framerate.cast_signed()))
            && let Ok(mut frame) = gst_video::VideoFrameRef::from_buffer_ref_writable(buffer.make_mut(), &video)
        {
            fill_white(&mut frame);
        }
        gst::PadProbeReturn::Ok
    });
}

fn fault(error: &gst::glib::Error) -> MediaFault {
    MediaFault::new(
        FaultKind::Other,
        gettext("The test picture failed."),
        gettext("Report this with the program's log if it stays."),
    )
    .with_detail(error.message())
}
