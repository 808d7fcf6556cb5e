//! A viewer that takes packets and, unless it is to, decodes none: what it costs is no picture.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use gst::prelude::*;

use super::Fault;

/// Packets after which a viewer is there to stay: more than any key frame has.
const ENOUGH: u64 = 200;

/// How late a packet may be.
const LATENESS_MS: u32 = 20;

/// A viewer by GStreamer, gone with this value.
pub(crate) struct Taker {
    pipeline: gst::Pipeline,
    packets: Arc<AtomicU64>,
    senders: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Taker {
    /// Asks whoever speaks there for a feed; `None` takes the first there is.
    pub(crate) fn start(signalling: &str, feed: Option<&str>) -> Result<Self, Fault> {
        Self::take(signalling, feed, &gst::Caps::new_any())
    }

    /// The same, and decodes: what it counts are pictures.
    pub(crate) fn decode(signalling: &str, feed: Option<&str>) -> Result<Self, Fault> {
        Self::take(signalling, feed, &gst::Caps::new_empty_simple("video/x-raw"))
    }

    fn take(signalling: &str, feed: Option<&str>, caps: &gst::Caps) -> Result<Self, Fault> {
        let source = gst::ElementFactory::make("webrtcsrc").build()?;
        source.set_property("stun-server", None::<String>);
        let signaller = source.property::<gst::glib::Object>("signaller");
        signaller.set_property("uri", signalling);
        match feed {
            Some(feed) => signaller.set_property("producer-peer-id", feed),
            None => source.set_property("connect-to-first-producer", true),
        }
        let senders = remember_senders(&signaller);
        // Whoever takes anything is given packets.
        let filter = gst::ElementFactory::make("capsfilter").property("caps", caps).build()?;
        let sink = gst::ElementFactory::make("fakesink").property("sync", false).property("async", false);
        let sink = sink.property("enable-last-sample", false).build()?;
        let packets = Arc::<AtomicU64>::default();
        let end = sink.static_pad("sink").ok_or("a fakesink without a pad")?;
        end.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, {
            let packets = packets.clone();
            move |_, info| {
                packets.fetch_add(info.buffer_list().map_or(1, |list| list.len() as u64), Ordering::Relaxed);
                gst::PadProbeReturn::Ok
            }
        });
        let pipeline = gst::Pipeline::new();
        pipeline.add_many([&source, &filter, &sink])?;
        filter.link(&sink)?;
        let pad = filter.static_pad("sink").ok_or("a filter without a pad")?;
        pipeline.connect_deep_element_added(|_, _, element| show_at_once(element));
        source.connect_pad_added(move |_, new| {
            if !pad.is_linked() {
                let _ = new.link(&pad);
            }
        });
        pipeline.set_state(gst::State::Playing)?;
        Ok(Self { pipeline, packets, senders })
    }

    /// As many viewers, all of them served.
    pub(crate) fn several(count: usize, signalling: &str, feed: Option<&str>) -> Result<Vec<Self>, Fault> {
        let takers = (0..count).map(|_| Self::start(signalling, feed)).collect::<Result<Vec<_>, _>>()?;
        for taker in &takers {
            taker.wait_served()?;
        }
        Ok(takers)
    }

    /// Waits until packets flow.
    pub(crate) fn wait_served(&self) -> Result<(), Fault> {
        self.wait_for(ENOUGH)
    }

    fn wait_for(&self, packets: u64) -> Result<(), Fault> {
        let start = Instant::now();
        while self.packets() < packets {
            if start.elapsed() > Duration::from_secs(20) {
                return Err(format!("a viewer waited 20 s in vain; {} of {packets} came", self.packets()).into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Packets that came so far.
    pub(crate) fn packets(&self) -> u64 {
        self.packets.load(Ordering::Relaxed)
    }

    /// Waits for the first of them.
    pub(crate) fn wait_first(&self) -> Result<(), Fault> {
        self.wait_for(1)
    }

    /// Where its packets may come from, as the sender told.
    pub(crate) fn senders(&self) -> Vec<SocketAddr> {
        self.senders.lock().map(|senders| senders.clone()).unwrap_or_default()
    }
}

/// How often a viewer reports when packets arrived: what Chromium does at this bitrate.
const REPORTS_EVERY_NS: u64 = 50_000_000;

/// The first packet waits for as long as packets may be late, and threads of a decoder for more frames.
fn show_at_once(element: &gst::Element) {
    let Some(made_by) = element.factory() else { return };
    if made_by.name() == "rtpsession" {
        let session = element.property::<gst::glib::Object>("internal-session");
        session.set_property("twcc-feedback-interval", REPORTS_EVERY_NS);
    }
    if made_by.name() == "webrtcbin" {
        element.set_property("latency", LATENESS_MS);
    }
    if made_by.name().starts_with("avdec_") && element.has_property("max-threads") {
        element.set_property("max-threads", 1);
    }
}

/// Address and port of each candidate (RFC 8839, section 5.1).
fn remember_senders(signaller: &gst::glib::Object) -> Arc<Mutex<Vec<SocketAddr>>> {
    let senders = Arc::<Mutex<Vec<_>>>::default();
    signaller.connect("handle-ice", false, {
        let senders = senders.clone();
        move |args| {
            let text = args.get(4)?.get::<String>().ok()?;
            let mut words = text.split_whitespace().skip(4);
            let place = SocketAddr::new(words.next()?.parse().ok()?, words.next()?.parse().ok()?);
            senders.lock().ok()?.push(place);
            None
        }
    });
    senders
}

impl Drop for Taker {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}
