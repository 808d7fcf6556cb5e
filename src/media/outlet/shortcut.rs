//! The short way through a viewer's session, past elements that have nothing to do there.
//!
//! webrtcsink parses what was parsed before, and between its payloader and the place where picture and
//! sound come together stand filters, a wait for the clock and the makers of repair packets. Most of
//! them take lists of packets apart, so that each packet goes by itself through all that follows and
//! leaves by a system call of its own. So frames go from the `appsrc` right to the payloader, and their
//! packets right behind the makers of repair packets, where those make none.
//!
//! A payloader makes a list of packets for each slice of a frame, and single ones of what is small; all of
//! a frame go on in one list.
//!
//! Events go the long way, and so does the frame behind each, because some elements keep events until
//! one comes: what stands at the end always has its caps, and nothing is overtaken.

use std::sync::{Arc, Mutex, MutexGuard};

use gst::{glib, prelude::*};

use super::picture_clock::is_sound;

/// Leave alone what the encoder's or the camera's own parser has parsed.
const PARSERS: [&str; 4] = ["errorignore", "capsfilter", "h264parse", "h265parse"];

/// Has frames go right to the payloader.
pub(super) fn past_parser(source: &gst::Pad) {
    take_shortcut(source, None, |source| {
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
    let find = |payloader: &gst::Pad| match follow(payloader, mends_nothing, |next| kind(next) == "rtpfunnel") {
        Some(end) if end.current_caps().is_none() => Way::Unknown,
        Some(end) if !is_sound(payloader) => Way::Short(end.downgrade()),
        _ => Way::Long,
    };
    take_shortcut(payloader, Some(Frame::default()), find);
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
            self.log(pad);
        }
        match self {
            Self::Short(end) => end.upgrade(),
            Self::Unknown | Self::Long => None,
        }
    }

    /// webrtcsink's next version may put something else in between, which nobody would notice but by its cost.
    fn log(&self, pad: &gst::Pad) {
        let from = pad.parent_element().map(|element| kind(&element));
        match self {
            Self::Unknown => {}
            Self::Short(_) => tracing::debug!(?from, "a session's short way is taken"),
            Self::Long => tracing::debug!(?from, "a session's long way is taken"),
        }
    }
}

/// The packets of a frame that are there. The payloader makes all of them in one go, so none waits.
#[derive(Debug, Default)]
struct Frame(gst::BufferList);

impl Frame {
    /// Takes packets; answers those that can go on: of a frame whose last one is there, or will never be.
    fn take(&mut self, data: Data) -> Vec<Data> {
        let mut ready = Vec::new();
        match data {
            Data::List(list) if self.0.is_empty() && ends_frame(&list) => ready.push(Data::List(list)),
            Data::List(list) => list.iter_owned().for_each(|packet| self.add(packet, &mut ready)),
            Data::One(packet) => self.add(packet, &mut ready),
        }
        ready
    }

    fn add(&mut self, packet: gst::Buffer, ready: &mut Vec<Data>) {
        if self.0.get(0).is_some_and(|first| first.pts() != packet.pts()) {
            ready.extend(self.end());
        }
        self.0.make_mut().add(packet);
        if ends_frame(&self.0) {
            ready.extend(self.end());
        }
    }

    fn end(&mut self) -> Option<Data> {
        let list = std::mem::take(&mut self.0);
        (!list.is_empty()).then_some(Data::List(list))
    }
}

/// Whether the last packet of these has the marker of a frame's last (RFC 3550, 5.1).
fn ends_frame(packets: &gst::BufferListRef) -> bool {
    let last = packets.len().checked_sub(1).and_then(|last| packets.get(last));
    let head = last.filter(|last| last.n_memory() > 0).and_then(|last| last.peek_memory(0).map_readable().ok());
    head.is_some_and(|head| head.get(1).is_some_and(|byte| byte & 0x80 != 0))
}

/// What goes through a pad.
enum Data {
    One(gst::Buffer),
    List(gst::BufferList),
}

impl Data {
    fn push(self, pad: &gst::Pad) -> Result<gst::FlowSuccess, gst::FlowError> {
        match self {
            Self::One(buffer) => pad.push(buffer),
            Self::List(list) => pad.push_list(list),
        }
    }
}

/// What a shortcut knows from one buffer to the next.
struct Shortcut {
    way: Way,
    follows_event: bool,
    /// Where packets are put together.
    frame: Option<Frame>,
}

impl Shortcut {
    /// Where to send what comes next; `None`: it goes the long way.
    fn next(&mut self, pad: &gst::Pad, find: fn(&gst::Pad) -> Way) -> Option<gst::Pad> {
        if std::mem::take(&mut self.follows_event) { None } else { self.way.end(pad, find) }
    }

    fn take(&mut self, data: Data) -> Vec<Data> {
        match &mut self.frame {
            Some(frame) => frame.take(data),
            None => vec![data],
        }
    }

    /// An event comes: what it may not overtake, and where that goes.
    fn give_way(&mut self) -> Option<(gst::Pad, Data)> {
        self.follows_event = true;
        let rest = self.frame.as_mut().and_then(Frame::end)?;
        match &self.way {
            Way::Short(end) => Some((end.upgrade()?, rest)),
            Way::Unknown | Way::Long => None,
        }
    }
}

fn take_shortcut(pad: &gst::Pad, frame: Option<Frame>, find: fn(&gst::Pad) -> Way) {
    // Never held while something is sent: that may wait for whoever wants it.
    let shortcut = Arc::new(Mutex::new(Shortcut { way: Way::Unknown, follows_event: true, frame }));
    pad.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, {
        let shortcut = shortcut.clone();
        move |_, _| {
            let rest = lock(&shortcut).give_way();
            if let Some((end, rest)) = rest {
                let _ = rest.push(&end);
            }
            gst::PadProbeReturn::Ok
        }
    });
    pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, move |pad, info| {
        let Some(end) = lock(&shortcut).next(pad, find) else { return gst::PadProbeReturn::Ok };
        let data = match info.data.take() {
            Some(gst::PadProbeData::Buffer(buffer)) => Data::One(buffer),
            Some(gst::PadProbeData::BufferList(list)) => Data::List(list),
            _ => return gst::PadProbeReturn::Ok,
        };
        let ready = lock(&shortcut).take(data);
        let flow = ready.into_iter().try_fold(gst::FlowSuccess::Ok, |_, data| data.push(&end));
        // As `errorignore` has it, which is passed: a stream that is let go of ends, but is no fault.
        info.flow_res = if flow == Err(gst::FlowError::NotLinked) { Ok(gst::FlowSuccess::Ok) } else { flow };
        gst::PadProbeReturn::Handled
    });
}

fn lock(shortcut: &Mutex<Shortcut>) -> MutexGuard<'_, Shortcut> {
    shortcut.lock().expect("no holder of this lock should panic")
}

/// Whether this puts frames into packets: what adds repair packets calls itself a payloader, too, but has
/// no say in how large they are.
pub(super) fn is_payloader(element: &gst::Element) -> bool {
    let is_class = |class: &str| class.contains("Payloader/Network/RTP");
    let is_one = element.factory().is_some_and(|factory| factory.metadata("klass").is_some_and(is_class));
    is_one && element.has_property("mtu")
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

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(milliseconds: u64, is_last: bool) -> gst::Buffer {
        let mut packet = gst::Buffer::from_slice([0x80, if is_last { 0xe0 } else { 0x60 }, 0, 0]);
        packet.get_mut().unwrap().set_pts(gst::ClockTime::from_mseconds(milliseconds));
        packet
    }

    /// The times of packets that went on together.
    fn times(ready: Vec<Data>) -> Vec<Vec<u64>> {
        let times = |data| match data {
            Data::List(list) => list.iter().map(|packet| packet.pts().unwrap().mseconds()).collect(),
            Data::One(_) => panic!("a packet of a frame went on by itself"),
        };
        ready.into_iter().map(times).collect()
    }

    #[test]
    fn slices_and_small_packets_of_a_frame_go_on_together() {
        gst::init().unwrap();
        let mut frame = Frame::default();
        assert!(times(frame.take(Data::One(packet(0, false)))).is_empty());
        assert!(times(frame.take(Data::List([packet(0, false), packet(0, false)].into()))).is_empty());
        assert_eq!(times(frame.take(Data::List([packet(0, false), packet(0, true)].into()))), [[0; 5]]);
        assert_eq!(times(frame.take(Data::List([packet(33, false), packet(33, true)].into()))), [[33; 2]]);
        assert_eq!(times(frame.take(Data::One(packet(66, true)))), [[66]]);
        assert!(frame.end().is_none());
    }

    #[test]
    fn a_frame_without_a_last_packet_goes_on_before_the_next() {
        gst::init().unwrap();
        let mut frame = Frame::default();
        assert!(times(frame.take(Data::One(packet(0, false)))).is_empty());
        assert_eq!(times(frame.take(Data::List([packet(33, false), packet(33, true)].into()))), [vec![0], vec![33; 2]]);
        assert!(times(frame.take(Data::One(packet(66, false)))).is_empty());
        assert_eq!(times(frame.end().into_iter().collect()), [[66]]);
    }
}
