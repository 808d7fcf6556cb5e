//! A file as a camera: played at its own pace, over and over.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use gst::prelude::*;

use super::Opened;
use crate::{
    config::FileConfig,
    i18n::{gettext, gettext_f},
    media::{FaultKind, FeedClock, MediaError, MediaFault, element::make},
};

/// Opens the file; pads appear once it is clear what is in it.
pub(super) fn open(file: &FileConfig, clock: &FeedClock) -> Result<Opened, MediaFault> {
    let path = file.path.clone();
    // filesrc would say the same in words for programmers.
    std::fs::File::open(&path).map_err(|error| unreadable(&path, &error))?;
    let bin = gst::Bin::with_name("file");
    let source = make("filesrc")?;
    source.set_property("location", &path);
    let parser = make("parsebin")?;
    bin.add_many([&source, &parser]).map_err(MediaError::from)?;
    source.link(&parser).map_err(MediaError::from)?;
    let player = Arc::new(Player { clock: clock.clone(), playing: AtomicU32::new(0), shift: Mutex::default() });
    let weak = bin.downgrade();
    parser.connect_pad_added(move |_, pad| {
        if let Some(bin) = weak.upgrade()
            && let Err(error) = player.add(&bin, pad)
        {
            tracing::warn!("A stream of the file is left out: {error}");
        }
    });
    Ok(Opened { element: bin.upcast(), explain: Box::new(move |error| fault_from(error, &path)) })
}

/// Holds the file's streams to the clock, and starts them anew at their end.
struct Player {
    clock: FeedClock,
    /// Streams that have not come to their end.
    playing: AtomicU32,
    /// How far the present round is moved in running time, so that it begins now; one for all
    /// streams, or they would drift apart.
    shift: Mutex<Option<i64>>,
}

impl Player {
    /// Queue and pace for one stream of the file, and a pad of the bin behind them.
    fn add(self: &Arc<Self>, bin: &gst::Bin, pad: &gst::Pad) -> Result<(), MediaError> {
        let queue = make("queue")?;
        let pace = make("clocksync")?;
        bin.add_many([&queue, &pace])?;
        queue.link(&pace)?;
        let input = queue.static_pad("sink").expect("a queue should have a sink pad");
        self.playing.fetch_add(1, Ordering::SeqCst);
        self.begin_now(&input);
        self.begin_anew_at_the_end(&pace.static_pad("sink").expect("clocksync should have a sink pad"), bin);
        pad.link(&input).map_err(|_| gst::glib::bool_error!("a stream of the file does not fit its queue"))?;
        let end = pace.static_pad("src").expect("clocksync should have a src pad");
        let ghost = gst::GhostPad::builder_with_target(&end)?.name(pad.name()).build();
        ghost.set_active(true)?;
        for element in [&pace, &queue] {
            element.sync_state_with_parent()?;
        }
        bin.add_pad(&ghost)?;
        Ok(())
    }

    /// A file's time starts at nought, the feed's is later: moves each round to where the feed is.
    fn begin_now(self: &Arc<Self>, input: &gst::Pad) {
        let player = self.clone();
        input.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |pad, info| {
            if let Some(event) = info.event()
                && event.type_() == gst::EventType::Segment
            {
                let mut shift = player.shift.lock().expect("no holder of this lock should panic");
                let shift = shift.get_or_insert_with(|| player.clock.running_time().nseconds().cast_signed());
                pad.set_offset(*shift);
            }
            gst::PadProbeReturn::Ok
        });
    }

    /// Keeps the end to itself; the last stream to come there sends the file back to its start.
    fn begin_anew_at_the_end(self: &Arc<Self>, pace: &gst::Pad, bin: &gst::Bin) {
        let (player, bin) = (self.clone(), bin.downgrade());
        pace.add_probe(gst::PadProbeType::EVENT_DOWNSTREAM, move |_, info| {
            if info.event().is_none_or(|event| event.type_() != gst::EventType::Eos) {
                return gst::PadProbeReturn::Ok;
            }
            if player.playing.fetch_sub(1, Ordering::SeqCst) == 1
                && let Some(bin) = bin.upgrade()
            {
                player.rewind(&bin);
            }
            gst::PadProbeReturn::Drop
        });
    }

    /// Seeking needs the streaming threads that are here now, so another one does it.
    fn rewind(self: &Arc<Self>, bin: &gst::Bin) {
        let (player, bin) = (self.clone(), bin.clone());
        bin.call_async(move |bin| {
            let streams = bin.src_pads().len() as u32;
            player.playing.store(streams, Ordering::SeqCst);
            player.shift.lock().expect("no holder of this lock should panic").take();
            let start = gst::event::Seek::new(
                1.0,
                gst::SeekFlags::FLUSH | gst::SeekFlags::KEY_UNIT,
                gst::SeekType::Set,
                gst::ClockTime::ZERO,
                gst::SeekType::None,
                gst::ClockTime::NONE,
            );
            // One stream is enough: the demuxer carries all with it.
            let sought = bin.src_pads().first().is_some_and(|pad| pad.send_event(start));
            if !sought {
                gst::element_error!(bin, gst::ResourceError::Seek, ["the file cannot be played from its start again"]);
            }
        });
    }
}

fn unreadable(path: &Path, error: &std::io::Error) -> MediaFault {
    let file = path.display().to_string();
    let (kind, message) = match error.kind() {
        std::io::ErrorKind::NotFound => {
            (FaultKind::NotFound, gettext_f("There is no file {file}.", &[("file", &file)]))
        }
        std::io::ErrorKind::PermissionDenied => {
            (FaultKind::Unauthorized, gettext_f("Heliograph may not read the file {file}.", &[("file", &file)]))
        }
        _ => {
            let reason = error.to_string();
            let message =
                gettext_f("The file {file} cannot be read: {reason}.", &[("file", &file), ("reason", &reason)]);
            (FaultKind::Other, message)
        }
    };
    MediaFault::new(kind, message, gettext("Put the file there, or choose another in the feed's settings."))
}

fn fault_from(error: &gst::message::Error, path: &Path) -> MediaFault {
    let file = path.display().to_string();
    MediaFault::new(
        FaultKind::UndecodableCodec,
        gettext_f("The file {file} cannot be played.", &[("file", &file)]),
        gettext("Use a file that other players show too, such as an MP4 or MKV with H.264."),
    )
    .with_detail(format!("{} {}", error.error(), error.debug().unwrap_or_default()))
}
