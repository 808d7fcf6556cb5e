//! The viewers' side of a feed: at each connector, an outlet for each codec in demand.

use std::time::{Duration, Instant};

use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::block_in_place,
};

use super::{
    super::{FeedEvent, FeedState, form::Form, supervisor::Input},
    Inner, REOPEN_AFTER, Served, Worker,
};
use crate::{
    config::{Codec, Password, TransportConfig},
    media::{MediaFault, Outlet, OutletEvent, OutletPlan, PictureClock, TransportPlan},
};

/// Pause before a viewers' side that could not be built anew is tried again.
const OPEN_AGAIN_AFTER: Duration = Duration::from_secs(5);

impl Worker {
    pub(super) fn outlet_event(&mut self, number: u64, event: OutletEvent) {
        let Some(served) = self.served_mut().find(|served| served.number == number) else { return };
        match event {
            OutletEvent::Ready => served.door.stream_ready(),
            OutletEvent::Clock(PictureClock { session, rtp_timestamp, clock_rate, age }) => {
                served.door.picture_clock(&session, rtp_timestamp, clock_rate, age);
            }
            OutletEvent::Viewers(sessions) => {
                served.viewers = sessions;
                self.viewers_changed();
            }
            OutletEvent::Path { session, report } => {
                self.heard(&session);
                self.path_told(&session, &report);
            }
            OutletEvent::Sends(rendition) => self.sends(number, rendition),
            OutletEvent::Shown { session, rendition } => {
                self.statistics.set_shown(&session, rendition);
                self.shown(&session, rendition);
            }
            OutletEvent::Report { session, report } => self.statistics.take_report(&session, *report, Instant::now()),
            OutletEvent::Unreached { session, set_up, ice } => self.unreached(session, set_up, *ice),
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
            self.announce();
        }
        self.begin_sound();
        self.open_outlets().inspect_err(|_| self.shut_all())
    }

    /// Ends what was begun of an opening that failed; the feed stays announced, and says why.
    fn shut_all(&mut self) {
        let outlets: Vec<_> =
            self.destinations.values_mut().map(|destination| std::mem::take(&mut destination.outlets)).collect();
        let (encodings, sound) = (std::mem::take(&mut self.encodings), std::mem::take(&mut self.sound));
        for form in encodings.keys() {
            self.around.encoders.release(&self.holder(*form));
        }
        block_in_place(|| drop((outlets, encodings, sound)));
    }

    /// Whether viewers have something to connect to.
    pub(super) fn is_open(&self) -> bool {
        self.served().next().is_some()
    }

    /// All outlets.
    pub(super) fn served(&self) -> impl Iterator<Item = &Served> {
        self.destinations.values().flat_map(|destination| destination.outlets.values())
    }

    /// All outlets.
    pub(super) fn served_mut(&mut self) -> impl Iterator<Item = &mut Served> {
        self.destinations.values_mut().flat_map(|destination| destination.outlets.values_mut())
    }

    /// The outlets of this codec.
    pub(super) fn served_in(&self, codec: Codec) -> impl Iterator<Item = &Served> {
        self.served().filter(move |served| served.codec == codec)
    }

    /// The outlet that has this session.
    pub(super) fn serves(&self, session: &str) -> Option<&Served> {
        self.served().find(|served| served.viewers.iter().any(|viewer| viewer == session))
    }

    /// Opens an outlet of this codec at a destination, and connects it to what there is to send.
    pub(super) fn serve(&mut self, place: u64, codec: Codec) -> Result<(), MediaFault> {
        self.outlets += 1;
        let number = self.outlets;
        let Some(wanted) = self.destinations.get(&place).map(|destination| destination.needs.sound) else {
            return Ok(());
        };
        let sound = self.sound_at(wanted)?;
        let Some(destination) = self.destinations.get(&place) else { return Ok(()) };
        let door = destination.connection.door(codec);
        let signaller = door.signaller();
        let events = forward(self.inner.clone(), move |event| Inner::Outlet(number, event));
        let transport = destination.connector.transport();
        let kept = self.around.secrets.ice_password(&destination.id, &transport.ice);
        let outlet = block_in_place(|| {
            let plan = OutletPlan {
                signaller,
                start_kbps: self.setpoint().bitrate_kbps,
                sound,
                transport: with_servers(&transport, kept.as_ref()),
                priority: self.setpoint().priority,
                elements: self.config.elements.clone(),
                data: self.data_plan(door.as_ref()),
            };
            Outlet::start(&plan, &self.clock, events)
        })?;
        let encoded = self.encodings.get(&Form::main(codec)).map(|main| main.rendition.stream());
        if let Some(stream) = self.camera_stream_in(codec).or(encoded) {
            outlet.connect(stream);
        }
        self.hand_to(destination.connector.as_ref(), &outlet);
        let served = Served { number, codec, door, outlet, viewers: Vec::new(), sends: None };
        if let Some(destination) = self.destinations.get_mut(&place) {
            destination.outlets.insert(codec, served);
        }
        Ok(())
    }

    pub(super) fn close(&mut self) {
        self.reopen_at = None;
        self.supervisor.set_watched(false);
        self.forget_viewers();
        self.camera.taken = None;
        self.hang_up_second();
        if !self.destinations.is_empty() {
            (self.around.tell)(FeedEvent::Viewers { count: 0 });
        }
        self.shut_all();
        self.withdraw();
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
            self.sound.connect(Some(ingest));
        }
        // What was built anew runs; it rests again if still nobody watches.
        if self.supervisor.is_resting() {
            self.input(Input::Start);
        }
    }
}

/// Without the password of its TURN servers a feed goes without any, and a line in the log says so.
fn with_servers(transport: &TransportConfig, kept: Option<&Password>) -> TransportPlan {
    let plan = kept
        .map_or_else(|| TransportPlan::of(transport), |password| Ok(TransportPlan::with_password(transport, password)));
    plan.unwrap_or_else(|error| {
        tracing::error!("The STUN and TURN servers are not used: {error}");
        TransportPlan::without_servers(transport)
    })
}

/// A sender whose events reach the worker as `wrap` makes them.
pub(super) fn forward<E: Send + 'static>(
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
