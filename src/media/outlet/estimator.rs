//! The estimate of what a viewer's connection carries, by `rtpgccbwe`.
//!
//! The element also has packets wait, so that they leave no faster than the estimate, and wakes 200
//! times a second to look which may. That is a third of what a viewer costs and up to 5 ms of delay,
//! for little: what is not used of the estimate is saved up without limit, so a frame leaves in one go
//! wherever the connection carries the stream, and where it does not, the viewer is moved. So packets
//! go past it, and it estimates: it reads reports of when they arrived.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use gst::prelude::*;
use tokio::sync::mpsc::UnboundedSender;

use super::{OutletEvent, feedback::REPORT};

/// Estimates come with every report, many times a second, and mostly differ little; whoever decides by
/// them takes seconds.
const TOLD_EVERY: Duration = Duration::from_millis(200);

/// An estimate that differs from the one told last by more than this share is told at once: it may be
/// the last for long.
const TOLD_AT_ONCE: f64 = 0.05;

/// Tells a session's estimates.
pub(super) fn tell_estimates(session: &str, estimator: &gst::Element, events: &UnboundedSender<OutletEvent>) {
    let (session, events, told) = (session.to_owned(), events.clone(), Mutex::new(None));
    estimator.connect_notify(Some("estimated-bitrate"), move |estimator, _| {
        let kbps = estimator.property::<u32>("estimated-bitrate") / 1000;
        let mut told = told.lock().expect("no holder of this lock should panic");
        if told.is_some_and(|(at, before): (Instant, u32)| at.elapsed() < TOLD_EVERY && is_near(kbps, before)) {
            return;
        }
        *told = Some((Instant::now(), kbps));
        let _ = events.send(OutletEvent::Estimate { session: session.clone(), kbps });
    });
}

fn is_near(kbps: u32, before: u32) -> bool {
    f64::from(kbps.abs_diff(before)) <= TOLD_AT_ONCE * f64::from(before)
}

/// Has packets go past the estimator, on the thread that brings them.
pub(super) fn let_packets_pass(estimator: &gst::Element) {
    let pad = |name| estimator.static_pad(name).expect("rtpgccbwe should have this pad");
    let (input, output) = (pad("sink"), pad("src"));
    let kinds = gst::PadProbeType::BUFFER | gst::PadProbeType::BUFFER_LIST;
    input.add_probe(kinds, move |_, info| {
        // What wakes. It begins whenever the pad does, so it is looked at each time.
        if output.task_state() == gst::TaskState::Started {
            let _ = output.pause_task();
        }
        info.flow_res = match info.data.take() {
            Some(gst::PadProbeData::Buffer(packet)) => output.push(packet),
            Some(gst::PadProbeData::BufferList(packets)) => output.push_list(packets),
            _ => return gst::PadProbeReturn::Ok,
        };
        gst::PadProbeReturn::Handled
    });
}

/// Reports of arrival end here. Nobody beyond reads them, and each would be handed on through half of the session.
pub(super) fn end_reports(estimator: &gst::Element) {
    let pad = estimator.static_pad("sink").expect("rtpgccbwe should have this pad");
    pad.add_probe(gst::PadProbeType::EVENT_UPSTREAM, |_, info| {
        let is_report = info.event().and_then(|event| event.structure()).is_some_and(|fields| fields.name() == REPORT);
        if is_report { gst::PadProbeReturn::Drop } else { gst::PadProbeReturn::Ok }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_changes_wait_and_the_last_great_one_is_never_lost() {
        crate::media::init().unwrap();
        let estimator = gst::ElementFactory::make("rtpgccbwe").build().unwrap();
        let (events, mut told) = tokio::sync::mpsc::unbounded_channel();
        tell_estimates("session", &estimator, &events);
        for kbps in [8000_u32, 7990, 8010, 100, 101] {
            estimator.set_property("estimated-bitrate", kbps * 1000);
        }
        let told = std::iter::from_fn(|| told.try_recv().ok());
        let told: Vec<_> = told
            .map(|event| match event {
                OutletEvent::Estimate { kbps, .. } => kbps,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(told, [8000, 100]);
    }
}
