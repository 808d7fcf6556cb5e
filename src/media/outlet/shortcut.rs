//! The short way through a viewer's session, past elements that have nothing to do there.
//!
//! webrtcsink parses what was parsed before, and between its payloader and the place where picture and
//! sound come together stand filters, a wait for the clock and the makers of repair packets. Most of
//! them take lists of packets apart, so that each packet goes by itself through all that follows and
//! leaves by a system call of its own. So frames go from the `appsrc` right to the payloader, and their
//! packets right behind the makers of repair packets, where those make none.
//!
//! Events go the long way, and so does the frame behind each, because some elements keep events until
//! one comes: what stands at the end always has its caps, and nothing is overtaken.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use gst::{glib, prelude::*};

use super::{picture_clock::is_sound, session::is_payloader};

/// Leave alone what the encoder's or the camera's own parser has parsed.
const PARSERS: [&str; 3] = ["capsfilter", "h264parse", "h265parse"];

/// Has frames go right to the payloader.
pub(super) fn past_parser(source: &gst::Pad) {
    take_shortcut(source, |source| {
        let leaves_alone = |element: &gst::Element| PARSERS.contains(&kind(element).as_str());
        match follow(source, leaves_alone, is_payloader) {
            None => Way::Long,
            Some(end) => match (source.current_caps(), end.current_caps()) {
                (Some(before), Some(behind)) if form(&before) == form(&behind) => Way::Short(end.downgrade()),
                (Some(_), Some(_)) => Way::Long,
                _ => Way::Unknown,
            },
        }
    });
}

/// Has packets of the picture go right to where they meet those of the sound, unless repair packets are
/// made of them.
pub(super) fn past_menders(payloader: &gst::Pad) {
    take_shortcut(payloader, |payloader| match follow(payloader, mends_nothing, |next| kind(next) == "rtpfunnel") {
        Some(end) if end.current_caps().is_none() => Way::Unknown,
        Some(end) if !is_sound(payloader) => Way::Short(end.downgrade()),
        _ => Way::Long,
    });
}

/// How a stream goes through a session.
enum Way {
    /// Nothing has come to its end yet.
    Unknown,
    /// By what this pad sends.
    Short(glib::WeakRef<gst::Pad>),
    /// Something has to be done on it.
    Long,
}

impl Way {
    /// The pad at the end of the short one.
    fn end(&mut self, pad: &gst::Pad, find: fn(&gst::Pad) -> Self) -> Option<gst::Pad> {
        if matches!(self, Self::Unknown) {
            *self = find(pad);
        }
        match self {
            Self::Short(end) => end.upgrade(),
            Self::Unknown | Self::Long => None,
        }
    }
}

fn take_shortcut(pad: &gst::Pad, find: fn(&gst::Pad) -> Way) {
    let follows_event = Arc::new(AtomicBool::new(true));
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, {
        let follows_event = follows_event.clone();
        move |_, _| {
            follows_event.store(true, Ordering::Relaxed);
            gst::PadProbeReturn::Ok
        }
    });
    let way = Mutex::new(Way::Unknown);
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |pad, info| {
        if follows_event.swap(false, Ordering::Relaxed) {
            return gst::PadProbeReturn::Ok;
        }
        let end = way.lock().expect("no holder of this lock should panic").end(pad, find);
        let Some(end) = end else { return gst::PadProbeReturn::Ok };
        info.flow_res = match info.data.take() {
            Some(gst::PadProbeData::Buffer(buffer)) => end.push(buffer),
            Some(gst::PadProbeData::BufferList(list)) => end.push_list(list),
            _ => return gst::PadProbeReturn::Ok,
        };
        gst::PadProbeReturn::Handled
    });
}

/// The last pad before an element that is wanted; `None` where one stands before it that may not be passed.
fn follow(
    pad: &gst::Pad,
    may_pass: impl Fn(&gst::Element) -> bool,
    is_wanted: impl Fn(&gst::Element) -> bool,
) -> Option<gst::Pad> {
    let mut pad = pad.clone();
    loop {
        let next = into_bins(pad.peer()?);
        // Out of a bin.
        if let Some(ghost) = next.parent().and_downcast::<gst::GhostPad>() {
            pad = ghost.upcast();
            continue;
        }
        let element = next.parent_element()?;
        if is_wanted(&element) {
            return Some(pad);
        }
        pad = element.static_pad("src").filter(|_| may_pass(&element))?;
    }
}

fn into_bins(mut pad: gst::Pad) -> gst::Pad {
    while let Some(target) = pad.downcast_ref::<gst::GhostPad>().and_then(GhostPadExt::target) {
        pad = target;
    }
    pad
}

/// Neither does webrtcbin's maker of repair packets, where they were not negotiated: it has no payload
/// type for them then, which is written as 255, and as 0 where packets are wrapped.
fn mends_nothing(element: &gst::Element) -> bool {
    match kind(element).as_str() {
        "capsfilter" | "clocksync" => true,
        "rtpulpfecenc" => element.property::<u32>("pt") == 255,
        "rtpredenc" => element.property::<i32>("pt") == 0,
        _ => false,
    }
}

fn kind(element: &gst::Element) -> glib::GString {
    element.factory().map_or_else(|| "".into(), |factory| factory.name())
}

/// What a parser could change of a stream.
fn form(caps: &gst::Caps) -> Option<(String, [Option<String>; 2])> {
    let fields = caps.structure(0)?;
    let field = |name| fields.get::<String>(name).ok();
    Some((fields.name().to_string(), [field("stream-format"), field("alignment")]))
}
