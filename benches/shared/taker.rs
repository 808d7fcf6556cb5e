//! A viewer that takes packets and decodes none: what it costs this machine is no picture.

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

/// A viewer by GStreamer, gone with this value.
pub(crate) struct Taker {
    pipeline: gst::Pipeline,
    packets: Arc<AtomicU64>,
    senders: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Taker {
    /// Asks whoever speaks there for a feed; `None` takes the first there is.
    pub(crate) fn start(signalling: &str, feed: Option<&str>) -> Result<Self, Fault> {
        let source = gst::ElementFactory::make("webrtcsrc").build()?;
        source.set_property("stun-server", None::<String>);
        let signaller = source.property::<gst::glib::Object>("signaller");
        signaller.set_property("uri", signalling);
        match feed {
            Some(feed) => signaller.set_property("producer-peer-id", feed),
            None => source.set_property("connect-to-first-producer", true),
        }
        let senders = remember_senders(&signaller);
        // It takes anything, and so is given packets.
        let sink = gst::ElementFactory::make("fakesink").property("sync", false).property("async", false);
        let sink = sink.property("enable-last-sample", false).build()?;
        let packets = Arc::<AtomicU64>::default();
        let pad = sink.static_pad("sink").ok_or("a fakesink without a pad")?;
        pad.add_probe(gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST, {
            let packets = packets.clone();
            move |_, info| {
                packets.fetch_add(info.buffer_list().map_or(1, |list| list.len() as u64), Ordering::Relaxed);
                gst::PadProbeReturn::Ok
            }
        });
        let pipeline = gst::Pipeline::new();
        pipeline.add_many([&source, &sink])?;
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
        let start = Instant::now();
        while self.packets.load(Ordering::Relaxed) < ENOUGH {
            if start.elapsed() > Duration::from_secs(20) {
                return Err("a viewer waited 20 s in vain".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Packets that came so far.
    pub(crate) fn packets(&self) -> u64 {
        self.packets.load(Ordering::Relaxed)
    }

    /// Where its packets may come from, as the sender told.
    pub(crate) fn senders(&self) -> Vec<SocketAddr> {
        self.senders.lock().map(|senders| senders.clone()).unwrap_or_default()
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
