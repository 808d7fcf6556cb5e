//! The viewers' side of a feed: the encoder, and an outlet per connector.

use std::time::{Duration, Instant};

use tokio::{
    sync::mpsc::{UnboundedSender, unbounded_channel},
    task::block_in_place,
};

use super::{
    super::{
        EncoderInUse, FeedEvent, FeedState,
        encoders::{Chosen, Wish},
    },
    Destination, Inner, REOPEN_AFTER, Worker, drop_aside,
};
use crate::{
    config::{PictureConfig, Size},
    connector::Connector,
    i18n::gettext_f,
    media::{
        AudioRendition, AudioState, Change, MediaFault, Outlet, OutletEvent, PictureClock, Rendition, RenditionFailure,
        RenditionPlan,
    },
};

/// Pause before encoders that all failed are tried again.
const ENCODE_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How often it is seen what an encoder costs.
const WEIGH_EVERY: Duration = Duration::from_secs(3);

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
            OutletEvent::Viewers(count) => {
                destination.viewers = count;
                let count = self.destinations.iter().map(|destination| destination.viewers).sum();
                self.supervisor.set_watched(count > 0);
                (self.around.tell)(FeedEvent::Viewers { count });
            }
            OutletEvent::Failed(reason) => self.reopen_later(&reason),
        }
    }

    /// Announces the feed at every connector, then starts its encoder and what sends it there.
    /// In this order, so that a feed that cannot be encoded says so to its viewers.
    pub(super) fn open(&mut self) -> Result<(), MediaFault> {
        if self.rendition.is_some() {
            return Ok(());
        }
        self.openings += 1;
        if self.destinations.is_empty() {
            self.destinations =
                self.around.connectors.iter().map(|connector| self.announce(connector.as_ref())).collect();
        }
        let rendition = self.encode()?;
        self.audio = self.sound();
        for index in 0..self.destinations.len() {
            self.destinations[index].outlet = Some(self.serve(index, &rendition)?);
        }
        self.rendition = Some(rendition);
        Ok(())
    }

    fn announce(&self, connector: &dyn Connector) -> Destination {
        let connection = connector.open(self.around.place, &self.config.id, &self.config.name);
        connection.show(self.state.name(), &self.state.sentence());
        Destination { connection, outlet: None, viewers: 0 }
    }

    fn encode(&mut self) -> Result<Rendition, MediaFault> {
        let chosen = self.choose_encoder()?;
        self.renditions += 1;
        let (inner, number) = (self.inner.clone(), self.renditions);
        let failed = move |failure| {
            let _ = inner.send(Inner::RenditionFailed(number, failure));
        };
        let plan = RenditionPlan {
            bitrate_kbps: self.config.bitrate_kbps,
            picture: self.config.picture,
            from: self.memory,
            settings: self.config.encoder_settings.clone(),
        };
        let rendition = match block_in_place(|| Rendition::start(&chosen.encoder, &plan, &self.clock, failed)) {
            Ok(rendition) => rendition,
            // It worked when it was tried, so it has no room. The next encoder is another one: the
            // device counts as full from now on.
            Err(error) if chosen.encoder.device().is_hardware() => {
                tracing::warn!(feed = %self.config.id, "{} takes no more feeds: {error}", chosen.encoder.label());
                self.around.encoders.refused(&self.config.id);
                return self.encode();
            }
            Err(error) => return Err(error.into()),
        };
        self.load = None;
        self.tell_encoder(chosen, &rendition);
        Ok(rendition)
    }

    /// What encodes from now on, and which of the operator's settings it does not take.
    fn tell_encoder(&mut self, chosen: Chosen, rendition: &Rendition) {
        let Chosen { encoder, words } = chosen;
        let in_use = EncoderInUse { element: encoder.element().into(), label: encoder.label(), reason: words };
        if self.encoder.as_ref() != Some(&in_use) {
            for sentence in rendition.refused_settings() {
                self.notice(sentence.clone());
            }
            (self.around.tell)(FeedEvent::Encoder(in_use.clone()));
            self.encoder = Some(in_use);
        }
    }

    /// The encoder the operator chose, or the best; the next best where that one failed.
    fn choose_encoder(&self) -> Result<Chosen, MediaFault> {
        self.around.encoders.choose(&Wish {
            feed: &self.config.id,
            codec: self.config.codec,
            choice: &self.config.encoder,
            broken: &self.broken_encoders,
            pixel_rate: self.pixel_rate(),
        })
    }

    /// Pixels to be encoded in a second, as far as it is known: cameras send 30 pictures a second or
    /// fewer. One of which nothing is known counts as small, for what it costs is soon measured.
    fn pixel_rate(&self) -> f64 {
        const UNKNOWN: Size = Size { width: 320, height: 240 };
        let PictureConfig { size, framerate, .. } = self.config.picture;
        let (width, height) = match (size, &self.state) {
            (Some(size), _) => (size.width, size.height),
            (None, FeedState::Live { picture }) => (picture.width, picture.height),
            _ => (UNKNOWN.width, UNKNOWN.height),
        };
        f64::from(width) * f64::from(height) * f64::from(framerate.unwrap_or(30).min(30))
    }

    /// What encoding cost since the last time, told to whoever shares the machine out; and whether
    /// a better place has become free.
    pub(super) fn weigh(&mut self) {
        let Some(rendition) = &self.rendition else { return };
        let now = Instant::now();
        if self.load.is_some_and(|(then, _)| now.duration_since(then) < WEIGH_EVERY) {
            return;
        }
        // Reads every thread of the process, so not more often than needed.
        let used = rendition.used_time();
        if let Some((then, before)) = self.load {
            let elapsed = now.duration_since(then);
            let cores = used.saturating_sub(before).as_secs_f64() / elapsed.as_secs_f64();
            let encoder = rendition.encoder().element();
            self.around.encoders.measured(&self.config.id, encoder, cores, self.pixel_rate());
        }
        self.load = Some((now, used));
        if self.around.encoders.may_move(&self.config.id) {
            self.change_rendition();
        }
    }

    /// Live where the encoder can do that, else by another encoder of the same kind.
    pub(super) fn set_bitrate(&mut self, kbps: u32) {
        let before = std::mem::replace(&mut self.config.bitrate_kbps, kbps);
        let Some(rendition) = &self.rendition else { return };
        match rendition.encoder().row().bitrate_change {
            Change::Live | Change::KeyFrame => rendition.set_bitrate(kbps),
            Change::Restart if kbps != before => self.change_rendition(),
            Change::Restart => {}
        }
    }

    pub(super) fn set_size(&mut self, size: Option<Size>) {
        self.config.picture.size = size;
        if let Some(rendition) = &self.rendition {
            rendition.set_size(size);
        }
    }

    /// Another encoder, or another way to it, behind the same sessions.
    pub(super) fn change_rendition(&mut self) {
        self.encode_at = None;
        let Some(old) = self.rendition.take() else { return };
        match self.encode() {
            Ok(mut rendition) => {
                // The viewers first: the encoder's first frame is the key frame they go on with.
                for outlet in self.destinations.iter_mut().filter_map(|destination| destination.outlet.as_mut()) {
                    outlet.connect(rendition.output());
                }
                if let Some(ingest) = &self.ingest {
                    rendition.connect(ingest.frames());
                }
                self.rendition = Some(rendition);
                drop_aside(old);
            }
            Err(fault) => {
                self.rendition = Some(old);
                self.notice(fault.to_string());
                self.broken_encoders.clear();
                self.encode_at = Some(Instant::now() + ENCODE_AGAIN_AFTER);
            }
        }
    }

    /// Streaming goes on with the next best encoder.
    pub(super) fn rendition_failed(&mut self, failure: RenditionFailure) {
        let RenditionFailure { encoder, by_encoder, reason } = failure;
        tracing::error!(feed = %self.config.id, "The encoder {encoder} stopped: {reason}");
        if !by_encoder {
            self.encode_at = Some(Instant::now() + REOPEN_AFTER);
            return;
        }
        // Hardware may have been refused for want of room, which the next feed need not find out.
        self.around.encoders.refused(&self.config.id);
        self.broken_encoders.push(encoder.clone());
        self.change_rendition();
        if let Some(next) = self.rendition.as_ref().map(Rendition::encoder_name).filter(|next| *next != encoder) {
            let names = [("failed", encoder.as_str()), ("next", next)];
            self.notice(gettext_f("The encoder {failed} failed; streaming goes on with {next}.", &names));
        }
    }

    /// The feed's sound. Whatever is wrong with it is told, and the picture goes on without.
    fn sound(&self) -> Option<AudioRendition> {
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
        let sound = self.audio.as_ref().map(AudioRendition::output);
        let mut outlet = block_in_place(|| {
            Outlet::start(signaller, self.config.bitrate_kbps, &self.clock, sound, &self.around.ice, events)
        })?;
        outlet.connect(rendition.output());
        Ok(outlet)
    }

    pub(super) fn close(&mut self) {
        self.reopen_at = None;
        self.supervisor.set_watched(false);
        let (destinations, rendition) = (std::mem::take(&mut self.destinations), self.rendition.take());
        let audio = self.audio.take();
        self.around.encoders.release(&self.config.id);
        if !destinations.is_empty() {
            (self.around.tell)(FeedEvent::Viewers { count: 0 });
        }
        block_in_place(|| drop((destinations, rendition, audio)));
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
            self.reopen_at = Some(Instant::now() + ENCODE_AGAIN_AFTER);
            self.tell(FeedState::Failed { fault, retry_in: ENCODE_AGAIN_AFTER });
            return;
        }
        if let Some(before) = self.interrupted.take() {
            self.tell(before);
        }
        if let (Some(rendition), Some(ingest)) = (&mut self.rendition, &self.ingest) {
            rendition.connect(ingest.frames());
            if let Some(audio) = &mut self.audio {
                audio.connect(ingest.sound());
            }
        }
    }
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
