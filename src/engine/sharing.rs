//! The feed controller at work: feeds report to it from their workers, and it is told of like them.

use std::{
    sync::{Mutex, MutexGuard},
    time::Instant,
};

use tokio::sync::broadcast;

use super::{EngineEvent, lock};
use crate::{
    config::{Attention, ControlConfig, FeedId, ShareState},
    control::{ControlState, FeedController, FeedReport, Share},
};

/// One feed controller for all feeds of an engine.
pub(super) struct Sharing {
    controller: Mutex<FeedController>,
    events: broadcast::Sender<EngineEvent>,
}

impl Sharing {
    pub(super) fn new(events: broadcast::Sender<EngineEvent>) -> Self {
        Self { controller: Mutex::default(), events }
    }

    pub(super) fn configure(&self, config: ControlConfig) {
        let mut controller = self.controller();
        controller.configure(config);
        self.tell(&mut controller, Instant::now());
    }

    pub(super) fn config(&self) -> ControlConfig {
        self.controller().config()
    }

    pub(super) fn state(&self) -> ControlState {
        self.controller().state()
    }

    pub(super) fn attend(&self, feed: &FeedId, attention: Attention, on: bool) {
        self.controller().attend(feed, attention, on, Instant::now());
    }

    pub(super) fn remove(&self, feed: &FeedId) {
        let mut controller = self.controller();
        controller.remove(feed);
        self.tell(&mut controller, Instant::now());
    }

    /// A feed tells of itself, and is told where it stands.
    pub(super) fn report(&self, feed: &FeedId, report: FeedReport, now: Instant) -> (ShareState, Option<Share>) {
        let mut controller = self.controller();
        let answer = controller.report(feed, report, now);
        self.tell(&mut controller, now);
        answer
    }

    fn tell(&self, controller: &mut FeedController, now: Instant) {
        if let Some(state) = controller.news(now) {
            let _ = self.events.send(EngineEvent::Control { state });
        }
    }

    fn controller(&self) -> MutexGuard<'_, FeedController> {
        lock(&self.controller)
    }
}
