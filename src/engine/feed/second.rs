//! The camera's second stream: called while somebody needs less than its first one sends.
//!
//! It is a connection of its own, and nothing that happens to it touches the first one. Where it
//! is late, lost or not suitable, an encoder does instead, and later it is called again.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::task::AbortHandle;

use super::{
    super::dial::{Dial, DialEvent},
    Inner, Worker, drop_aside,
    rate::Rate,
    renditions::LOW_KBPS,
};
use crate::{
    config::{AudioConfig, FeedConfig, PathChoice, RenditionRole, SourceConfig, StreamChoice},
    control::{SecondStreamFit, StreamForm},
    i18n::gettext_f,
    media::{EncodedStream, Ingest, IngestEvent, Memory, pass_through::Verdict},
};

/// How long it is waited for before an encoder does instead, by viewers who have too much meanwhile…
const SLOW_WAIT_FOR: Duration = Duration::from_secs(2);
/// …and by everybody, who have the first stream.
const ALL_WAIT_FOR: Duration = Duration::from_secs(5);
/// How long it is kept when nobody needs it any more.
const LINGER: Duration = Duration::from_secs(3);
/// How long it may take to begin.
const BEGINS_WITHIN: Duration = Duration::from_secs(10);
/// Silence after which it is lost.
const SILENT_FOR: Duration = Duration::from_millis(1500);
/// Pause before one that was lost is called again; each time that it does not last doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
const LAST_PAUSE: Duration = Duration::from_mins(2);
/// One that lasts so long was well.
const LASTS: Duration = Duration::from_mins(1);
/// What was found of it does not hold for ever: cameras are set to something else.
const KNOWN_FOR: Duration = Duration::from_mins(2);

/// The second stream and what is known of it.
#[derive(Debug)]
pub(super) struct SecondStream {
    /// Number of the present call; what older ones say is not heard.
    attempt: u64,
    dialling: Option<AbortHandle>,
    ingest: Option<Ingest>,
    stream: Option<EncodedStream>,
    rate: Rate,
    frames: Rate,
    /// Kept when it is hung up, with its form: the next time it is the same.
    verdict: Verdict,
    form: StreamForm,
    /// When there was something to be known.
    known_at: Option<Instant>,
    fit: SecondStreamFit,
    /// `None` while it is not called.
    called_at: Option<Instant>,
    needed_at: Option<Instant>,
    /// Not to be called before this.
    not_before: Option<Instant>,
    failures: u32,
    /// Whether everybody is to get it, or might be.
    pub(super) is_wanted_for_all: bool,
}

impl Default for SecondStream {
    fn default() -> Self {
        Self {
            attempt: 0,
            dialling: None,
            ingest: None,
            stream: None,
            rate: Rate::default(),
            frames: Rate::of_frames(),
            verdict: Verdict::Unknown,
            form: StreamForm::default(),
            known_at: None,
            fit: SecondStreamFit::default(),
            called_at: None,
            needed_at: None,
            not_before: None,
            failures: 0,
            is_wanted_for_all: false,
        }
    }
}

/// What is to be had of the second stream.
pub(super) enum Standing {
    /// It will not do.
    No,
    /// It may come; whoever waits has waited long enough.
    Late,
    /// It may come soon.
    Awaited,
    /// Here it is.
    Suits(EncodedStream),
}

impl SecondStream {
    pub(super) fn stream(&self) -> Option<&EncodedStream> {
        self.stream.as_ref()
    }

    /// What it sends, in kbit/s.
    pub(super) fn kbps(&self) -> Option<f64> {
        self.form.kbps
    }

    /// Its size and rate, for people: “640×360 at 15 fps”.
    pub(super) fn words(&self) -> String {
        let size = self.form.size.map(|size| format!("{}×{}", size.width, size.height)).unwrap_or_default();
        match self.form.framerate {
            None => size,
            Some(framerate) => gettext_f(
                // Translators: {size} is such as 640×360, {framerate} such as 15.
                "{size} at {framerate} fps",
                &[("size", &size), ("framerate", &format!("{framerate:.0}"))],
            ),
        }
    }

    pub(super) fn count(&mut self, now: Instant) {
        let Some(stream) = &self.stream else { return };
        self.rate.count(stream.bytes(), now);
        self.frames.count(stream.frames(), now);
        self.look(now);
    }

    /// Takes down what is known of it.
    fn look(&mut self, now: Instant) {
        let Some(stream) = &self.stream else { return };
        self.known_at = Some(now);
        self.form = StreamForm {
            size: stream.size().or(self.form.size),
            kbps: self.rate.kbps().or(self.form.kbps),
            framerate: self.frames.per_second().or(self.form.framerate),
        };
    }

    /// What is to be had, where it suits its purpose or not as far as that is known.
    fn standing(&self, suits: Option<bool>, wait_for: Duration, now: Instant) -> Standing {
        let is_out_of_question = matches!(self.verdict, Verdict::Unsuitable(_)) || suits == Some(false);
        if is_out_of_question || !self.may_be_called(now) {
            return Standing::No;
        }
        let is_known = matches!(self.verdict, Verdict::Suitable(_)) && suits.is_some();
        match &self.stream {
            Some(stream) if is_known => Standing::Suits(stream.clone()),
            _ if self.called_at.is_none_or(|at| now.duration_since(at) < wait_for) => Standing::Awaited,
            _ => Standing::Late,
        }
    }

    /// Whether it was not lost a moment ago.
    fn may_be_called(&self, now: Instant) -> bool {
        self.not_before.is_none_or(|at| at <= now)
    }

    fn hang_up(&mut self) {
        self.attempt += 1;
        if let Some(dialling) = self.dialling.take() {
            dialling.abort();
        }
        (self.stream, self.called_at) = (None, None);
        if let Some(ingest) = self.ingest.take() {
            drop_aside(ingest);
        }
    }

    /// Why it is to be given up, if it is.
    fn trouble(&self, now: Instant) -> Option<&'static str> {
        let called_at = self.called_at?;
        match self.ingest.as_ref().and_then(Ingest::silence) {
            Some(silence) => (silence > SILENT_FOR).then_some("it fell silent"),
            None => (now.duration_since(called_at) > BEGINS_WITHIN).then_some("it does not begin"),
        }
    }
}

impl Worker {
    /// What is to be had of the second stream for everybody, at the present setpoint.
    pub(super) fn second_for_all(&mut self, now: Instant) -> Standing {
        if self.config.path != PathChoice::Automatic || !self.has_second() {
            return Standing::No;
        }
        let (asked, second) = (self.setpoint(), &mut self.second);
        let suits = second.fit.suits(second.form, asked, now);
        second.standing(suits, ALL_WAIT_FOR, now)
    }

    /// What is to be had of it for viewers with little bandwidth.
    pub(super) fn second_for_slow(&mut self, now: Instant) -> Standing {
        // Where everybody has it and somebody cannot take it, less is needed.
        if self.camera.takes(RenditionRole::Sub) || !self.has_second() {
            return Standing::No;
        }
        let second = &mut self.second;
        let suits = second.fit.suits_slow(second.form, LOW_KBPS, now);
        second.standing(suits, SLOW_WAIT_FOR, now)
    }

    /// Whether the camera has a second stream that might go out as it is.
    fn has_second(&self) -> bool {
        let SourceConfig::Rtsp(rtsp) = &self.config.source else { return false };
        let is_other_codec = matches!(self.second.verdict, Verdict::Suitable(codec) if codec != self.config.codec);
        rtsp.sub_address.is_some()
            && rtsp.stream == StreamChoice::Main
            && self.config.path != PathChoice::Transcode
            && self.is_same_picture()
            && !is_other_codec
    }

    /// Calls it while somebody needs it, hangs up afterwards, and notices when it is gone.
    pub(super) fn keep_second(&mut self, now: Instant) {
        if self.supervisor.is_resting() {
            return;
        }
        if let Some(trouble) = self.second.trouble(now) {
            self.lose_second(trouble, now);
        }
        let second = &mut self.second;
        if second.called_at.is_none() && second.known_at.is_some_and(|at| now.duration_since(at) > KNOWN_FOR) {
            (second.verdict, second.form, second.known_at) = (Verdict::Unknown, StreamForm::default(), None);
            second.fit = SecondStreamFit::default();
        }
        if self.needs_second(now) {
            self.second.needed_at = Some(now);
            if self.second.called_at.is_none() && self.second.may_be_called(now) {
                self.call_second(now);
            }
        } else if self.second.called_at.is_some()
            && self.second.needed_at.is_none_or(|at| now.duration_since(at) > LINGER)
        {
            tracing::info!(feed = %self.config.id, "Nobody needs the camera's second stream any more.");
            self.hang_up_second();
        }
    }

    fn needs_second(&mut self, now: Instant) -> bool {
        let is_sent = self.served().any(|served| served.sends == Some(RenditionRole::Sub));
        let is_there = self.picture.is_some() && self.second.may_be_called(now);
        let might_suit_slow = self.are_some_low() && !matches!(self.second_for_slow(now), Standing::No);
        let is_in_use = self.camera.takes(RenditionRole::Sub) || is_sent || self.low_uses(RenditionRole::Sub);
        is_in_use || (is_there && self.has_second() && (self.second.is_wanted_for_all || might_suit_slow))
    }

    fn call_second(&mut self, now: Instant) {
        let Some(config) = second_config(&self.config) else { return };
        tracing::info!(feed = %self.config.id, "The camera's second stream is called.");
        self.second.attempt += 1;
        let (inner, attempt) = (self.inner.clone(), self.second.attempt);
        let dial = Dial {
            config,
            role: RenditionRole::Sub,
            secrets: self.around.secrets.clone(),
            demo: self.around.demo.clone(),
            // What works for the first one.
            transport: self.transport,
            broken_decoders: Vec::new(),
            encoder_memory: Memory::System,
            clock: self.clock.clone(),
            received: None,
            tell: Arc::new(move |event| {
                let _ = inner.send(Inner::Second(attempt, event));
            }),
        };
        self.second.dialling = Some(dial.spawn());
        self.second.called_at = Some(now);
    }

    pub(super) fn second_event(&mut self, attempt: u64, event: DialEvent) {
        let now = Instant::now();
        match event {
            DialEvent::Started(Ok(late)) if attempt != self.second.attempt => drop_aside(late),
            _ if attempt != self.second.attempt => {}
            DialEvent::Started(Ok(ingest)) => {
                // Whoever needs pictures has those of the first stream.
                ingest.set_decoding(false);
                self.second.ingest = Some(ingest);
            }
            DialEvent::Started(Err(fault)) | DialEvent::Ingest(IngestEvent::Fault(fault)) => {
                self.lose_second(&fault.to_string(), now);
            }
            DialEvent::Ingest(IngestEvent::DecoderFailed(decoder)) => self.lose_second(&decoder, now),
            DialEvent::Ingest(IngestEvent::Stream(stream)) => self.take_second(&stream),
            DialEvent::Ingest(IngestEvent::Judged(verdict)) => {
                // While a stream that is known is looked at anew, nothing is known against it.
                if verdict != Verdict::Unknown {
                    self.second.verdict = verdict;
                    self.second.look(now);
                    self.choose_path(now);
                    self.serve_low(now);
                }
            }
            DialEvent::Ingest(_) | DialEvent::Offered(_) => {}
        }
    }

    fn take_second(&mut self, stream: &EncodedStream) {
        let second = &mut self.second;
        (second.rate, second.frames) = (Rate::default(), Rate::of_frames());
        second.stream = Some(stream.clone());
        if self.camera.takes(RenditionRole::Sub) {
            self.send_to_all(stream);
        }
    }

    fn lose_second(&mut self, reason: &str, now: Instant) {
        tracing::warn!(feed = %self.config.id, "The camera's second stream is not to be had: {reason}");
        let second = &mut self.second;
        if second.called_at.is_some_and(|at| now.duration_since(at) > LASTS) {
            second.failures = 0;
        }
        let pause = FIRST_PAUSE.saturating_mul(2_u32.saturating_pow(second.failures)).min(LAST_PAUSE);
        second.failures += 1;
        second.not_before = Some(now + pause);
        second.hang_up();
        self.choose_path(now);
        self.serve_low(now);
    }

    pub(super) fn hang_up_second(&mut self) {
        self.second.hang_up();
    }

    /// The operator changed what is asked for: a second stream that was lost may be called again.
    pub(super) fn may_call_second(&mut self) {
        self.second.not_before = None;
    }
}

/// The feed as if its second stream were the only one, without sound.
fn second_config(config: &FeedConfig) -> Option<FeedConfig> {
    let mut config = FeedConfig { audio: AudioConfig::default(), ..config.clone() };
    match &mut config.source {
        SourceConfig::Rtsp(rtsp) if rtsp.sub_address.is_some() => rtsp.stream = StreamChoice::Sub,
        _ => return None,
    }
    Some(config)
}
