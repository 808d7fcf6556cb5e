//! The viewers' side of a feed: an outlet per connector.

use std::time::{Duration, Instant};

use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::block_in_place,
};

use super::{
    super::{FeedEvent, FeedState, supervisor::Input},
    Destination, Inner, REOPEN_AFTER, Worker,
};
use crate::{
    config::{RenditionRole, TransportConfig},
    connector::Connector,
    media::{
        AudioRendition, AudioState, MediaFault, Outlet, OutletEvent, OutletPlan, PictureClock, Rendition, TransportPlan,
    },
};

/// Pause before a viewers' side that could not be built anew is tried again.
const OPEN_AGAIN_AFTER: Duration = Duration::from_secs(5);

impl Worker {
    pub(super) fn outlet_event(&mut self, index: usize, event: OutletEvent) {
        let Some(destination) = self.destinations.get_mut(index) else {
            return;
        };
        match event {
            OutletEvent::Ready => destination.connection.stream_ready(),
            OutletEvent::Clock(PictureClock { session, rtp_timestamp, clock_rate, age }) => {
                destination.connection.picture_clock(&session, rtp_timestamp, clock_rate, age);
            }
            OutletEvent::Viewers(sessions) => {
                destination.viewers = sessions;
                self.viewers_changed();
            }
            OutletEvent::Estimate { session, kbps } => {
                tracing::trace!(feed = %self.config.id, session, kbps, "estimate");
                self.statistics.set_estimate(&session, kbps);
                self.assignment.set_estimate(&session, kbps, Instant::now());
            }
            OutletEvent::Sends(rendition) => self.sends(index, rendition),
            OutletEvent::Shown { session, rendition } => {
                self.statistics.set_shown(&session, rendition);
                self.shown(&session, rendition);
            }
            OutletEvent::Report { session, report } => self.statistics.take_report(&session, *report, Instant::now()),
            OutletEvent::Refused(sentences) => self.tell_refused(&sentences),
            OutletEvent::Failed(reason) => self.reopen_later(&reason),
        }
    }

    /// Announces the feed at every connector, then starts its encoder and what sends it there.
    /// In this order, so that a feed that cannot be encoded says so to its viewers.
    pub(super) fn open(&mut self) -> Result<(), MediaFault> {
        if self.is_open() {
            return self.revive();
        }
        self.openings += 1;
        if self.destinations.is_empty() {
            let connectors = self.around.connectors.iter().enumerate();
            self.destinations = connectors.map(|(index, connector)| self.announce(index, connector.as_ref())).collect();
        }
        let encoding = self.encode(RenditionRole::Main)?;
        self.audio = self.sound();
        for index in 0..self.destinations.len() {
            self.destinations[index].outlet = Some(self.serve(index, &encoding.rendition)?);
        }
        self.encodings.insert(RenditionRole::Main, encoding);
        Ok(())
    }

    /// Whether viewers have something to connect to.
    pub(super) fn is_open(&self) -> bool {
        self.destinations.iter().any(|destination| destination.outlet.is_some())
    }

    fn announce(&self, index: usize, connector: &dyn Connector) -> Destination {
        let inner = self.inner.clone();
        // What an earlier opening says comes before the words of the next: the last one holds.
        let demand = Box::new(move |viewers| drop(inner.send(Inner::Demand(index, viewers))));
        let connection = connector.open(self.around.place, &self.config.id, &self.config.name, demand);
        connection.show(self.state.name(), &self.state.sentence());
        Destination { connection, outlet: None, viewers: Vec::new(), asked: 0, sends: None }
    }

    /// The feed's sound. Whatever is wrong with it is told, and the picture goes on without.
    pub(super) fn sound(&self) -> Option<AudioRendition> {
        let (inner, opening) = (self.inner.clone(), self.openings);
        let tell = move |state| drop(inner.send(Inner::Audio(opening, state)));
        match block_in_place(|| AudioRendition::start(&self.config.audio, &self.clock, tell)) {
            Ok(audio) => audio,
            Err(error) => {
                (self.around.tell)(FeedEvent::Audio(AudioState::Missing { sentence: error.to_string() }));
                None
            }
        }
    }

    fn serve(&self, index: usize, rendition: &Rendition) -> Result<Outlet, MediaFault> {
        let opening = self.openings;
        let signaller = self.destinations[index].connection.signaller();
        let events = forward(self.inner.clone(), move |event| Inner::Outlet(opening, index, event));
        let transport = self.around.connectors[index].transport();
        let outlet = block_in_place(|| {
            let plan = OutletPlan {
                signaller,
                start_kbps: self.setpoint().bitrate_kbps,
                sound: self.audio.as_ref().map(AudioRendition::output).cloned(),
                transport: with_servers(&transport),
                priority: self.setpoint().priority,
                elements: self.config.elements.clone(),
            };
            Outlet::start(&plan, &self.clock, events)
        })?;
        outlet.connect(rendition.stream());
        self.hand_to(index, &outlet);
        Ok(outlet)
    }

    pub(super) fn close(&mut self) {
        self.reopen_at = None;
        self.supervisor.set_watched(false);
        let (destinations, encodings) = (std::mem::take(&mut self.destinations), std::mem::take(&mut self.encodings));
        let audio = self.audio.take();
        for role in encodings.keys() {
            self.around.encoders.release(&self.holder(*role));
        }
        self.forget_viewers();
        self.camera.is_taken = false;
        if !destinations.is_empty() {
            (self.around.tell)(FeedEvent::Viewers { count: 0 });
        }
        block_in_place(|| drop((destinations, encodings, audio)));
    }

    pub(super) fn reopen_later(&mut self, reason: &str) {
        tracing::error!(feed = %self.config.id, "The stream to the viewers failed and is built anew: {reason}");
        self.reopen_at = Some(Instant::now() + REOPEN_AFTER);
    }

    pub(super) fn reopen(&mut self) {
        self.reopen_at = None;
        self.close();
        if let Err(fault) = self.open() {
            let before = self.state.clone();
            self.interrupted.get_or_insert(before);
            self.reopen_at = Some(Instant::now() + OPEN_AGAIN_AFTER);
            self.tell(FeedState::Failed { fault, retry_in: OPEN_AGAIN_AFTER });
            return;
        }
        if let Some(before) = self.interrupted.take() {
            self.tell(before);
        }
        if let Some(ingest) = &self.ingest {
            for encoding in self.encodings.values_mut() {
                encoding.rendition.connect(ingest.frames());
            }
            if let Some(audio) = &mut self.audio {
                audio.connect(ingest.sound());
            }
        }
        // What was built anew runs; it rests again if still nobody watches.
        if self.supervisor.is_resting() {
            self.input(Input::Start);
        }
    }
}

/// Without the password of its TURN servers a feed goes without any, and a line in the log says so.
fn with_servers(transport: &TransportConfig) -> TransportPlan {
    TransportPlan::of(transport).unwrap_or_else(|error| {
        tracing::error!("The STUN and TURN servers are not used: {error}");
        TransportPlan::without_servers(transport)
    })
}

/// A sender whose events reach the worker as `wrap` makes them.
fn forward<E: Send + 'static>(
    inner: UnboundedSender<Inner>,
    wrap: impl Fn(E) -> Inner + Send + 'static,
) -> UnboundedSender<E> {
    let (sender, mut receiver) = unbounded_channel();
    tokio::spawn(async move {
        while let Some(event) = receiver.recv().await {
            if inner.send(wrap(event)).is_err() {
                break;
            }
        }
    });
    sender
}
