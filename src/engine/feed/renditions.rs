//! The encoded forms of a feed: which encoder makes each, and what becomes of it.

use std::time::{Duration, Instant};

use tokio::task::block_in_place;

use super::{
    super::{
        EncoderInUse, FeedEvent,
        encoders::{Chosen, Holder, Wish},
        form::Form,
    },
    Inner, REOPEN_AFTER, Worker, drop_aside,
    rate::Rate,
};
use crate::{
    config::{Codec, ElementChoice, PictureConfig, RenditionRole, Size},
    i18n::gettext_f,
    media::{MediaFault, Rendition, RenditionFailure, RenditionPlan},
};

/// Pause before encoders that all failed are tried again.
const ENCODE_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How often it is seen what an encoder costs.
const WEIGH_EVERY: Duration = Duration::from_secs(3);

/// The low rendition, which is made for viewers with little bandwidth: lines, frames a second, kbit/s.
const LOW_LINES: u32 = 360;
const LOW_FRAMERATE: u32 = 15;
pub(super) const LOW_KBPS: u32 = 400;

/// A rendition at work.
pub(super) struct Encoding {
    pub(super) rendition: Rendition,
    in_use: EncoderInUse,
    /// What an earlier encoder says is not heard.
    number: u64,
    /// When the encoder was weighed, and what it had used by then.
    load: Option<(Instant, Duration)>,
    /// How many cores it is told to keep busy.
    told_cores: Option<f64>,
    rate: Rate,
}

impl Encoding {
    /// Which of the feed's encoders it is.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// How many cores it keeps busy, roughly.
    pub(super) fn told_cores(&self) -> Option<f64> {
        self.told_cores
    }
}

impl Worker {
    /// As which the encoders know a rendition of this feed.
    pub(super) fn holder(&self, form: Form) -> Holder {
        (self.config.id.clone(), form)
    }

    /// What a rendition really sends, in kbit/s, over the last second; `None` before that.
    pub(super) fn sent_kbps(&self, form: Form) -> Option<f64> {
        self.encodings.get(&form)?.rate.kbps()
    }

    /// What is sent to everybody who can take it, in kbit/s.
    pub(super) fn full_kbps(&self) -> Option<f64> {
        let codec = self.config.codec;
        match self.camera.role_in(codec) {
            Some(RenditionRole::Sub) => self.second.kbps(),
            Some(_) => self.camera.kbps(),
            // While it is not made, it is what it would be.
            None if !self.encodings.contains_key(&Form::main(codec)) => Some(self.setpoint().bitrate_kbps.into()),
            None => self.sent_kbps(Form::main(codec)),
        }
    }

    /// Looks how much was sent.
    pub(super) fn count(&mut self, now: Instant) {
        self.camera.count(now);
        self.second.count(now);
        for encoding in self.encodings.values_mut() {
            encoding.rate.count(encoding.rendition.stream().bytes(), now);
        }
    }

    /// What a rendition's encoder is asked for, in kbit/s.
    pub(super) fn target_kbps(&self, role: RenditionRole) -> u32 {
        match role {
            RenditionRole::Low => LOW_KBPS,
            _ => self.setpoint().bitrate_kbps,
        }
    }

    fn plan(&self, role: RenditionRole) -> RenditionPlan {
        let picture = match role {
            RenditionRole::Low => self.low_picture(),
            _ => self.picture_config(),
        };
        let bitrate_kbps = self.target_kbps(role);
        RenditionPlan { role, bitrate_kbps, picture, from: self.memory, elements: self.config.elements.clone() }
    }

    fn low_picture(&self) -> PictureConfig {
        let main = self.picture_config();
        PictureConfig {
            size: self.main_size().map(|size| size.within(LOW_LINES)),
            framerate: Some(main.framerate.map_or(LOW_FRAMERATE, |main| main.min(LOW_FRAMERATE))),
            ..main
        }
    }

    /// The size in which the main rendition is sent; `None` while nothing is known of the camera.
    fn main_size(&self) -> Option<Size> {
        self.camera_size().map(|camera| self.picture_config().size_of(camera)).or(self.setpoint().size)
    }

    /// Starts the best encoder that there is for this rendition.
    pub(super) fn encode(&mut self, form: Form) -> Result<Encoding, MediaFault> {
        let chosen = self.choose_encoder(form)?;
        self.renditions += 1;
        let (inner, number) = (self.inner.clone(), self.renditions);
        let failed = move |failure| {
            let _ = inner.send(Inner::RenditionFailed(number, failure));
        };
        let plan = self.plan(form.role);
        let rendition = match block_in_place(|| Rendition::start(&chosen.encoder, &plan, &self.clock, failed)) {
            Ok(rendition) => rendition,
            // It worked when it was tried, so it has no room. The next encoder is another one: the
            // device counts as full from now on.
            Err(error) if chosen.encoder.device().is_hardware() => {
                tracing::warn!(feed = %self.config.id, "{} takes no more feeds: {error}", chosen.encoder.label());
                self.around.encoders.refused(&self.holder(form));
                return self.encode(form);
            }
            Err(error) => return Err(error.into()),
        };
        let Chosen { encoder, words } = chosen;
        let in_use = EncoderInUse { element: encoder.element().into(), label: encoder.label(), reason: words };
        Ok(Encoding { rendition, in_use, number, load: None, told_cores: None, rate: Rate::default() })
    }

    /// What encodes in the codec that the operator set, and which of the operator's settings it does not
    /// take; where that is not what was told last.
    fn tell_encoder(&mut self) {
        let Some(main) = self.encodings.get(&Form::main(self.config.codec)) else { return };
        if self.encoder.as_ref() != Some(&main.in_use) {
            let (in_use, refused) = (main.in_use.clone(), main.rendition.refused_settings().to_vec());
            self.tell_refused(&refused);
            (self.around.tell)(FeedEvent::Encoder(in_use.clone()));
            self.encoder = Some(in_use);
        }
    }

    /// The encoder the operator chose, or the best; the next best where that one failed.
    fn choose_encoder(&self, form: Form) -> Result<Chosen, MediaFault> {
        let choice = if form.codec == self.config.codec { &self.config.encoder } else { &ElementChoice::Automatic };
        self.around.encoders.choose(&Wish {
            holder: &self.holder(form),
            choice,
            broken: &self.broken_encoders,
            pixel_rate: self.pixel_rate(form.role),
        })
    }

    /// Pixels to be encoded in a second, as far as it is known: cameras send 30 pictures a second or
    /// fewer. One of which nothing is known counts as small, for what it costs is soon measured.
    fn pixel_rate(&self, role: RenditionRole) -> f64 {
        const UNKNOWN: Size = Size { width: 320, height: 240 };
        let PictureConfig { size, framerate, .. } = self.plan(role).picture;
        let size = size.or(self.main_size()).unwrap_or(UNKNOWN);
        f64::from(size.width) * f64::from(size.height) * f64::from(framerate.unwrap_or(30).min(30))
    }

    /// What encoding cost since the last time, told to whoever shares the machine out; and whether
    /// a better place has become free.
    pub(super) fn weigh(&mut self) {
        let forms: Vec<Form> = self.encodings.keys().copied().collect();
        for form in forms {
            let (holder, pixel_rate) = (self.holder(form), self.pixel_rate(form.role));
            let Some(encoding) = self.encodings.get_mut(&form) else { continue };
            let Some(cores) = encoding.cores(Instant::now()) else { continue };
            encoding.told_cores = Some(steady(encoding.told_cores, cores));
            let encoder = encoding.rendition.encoder().element();
            self.around.encoders.measured(&holder, encoder, cores, pixel_rate);
            if self.around.encoders.may_move(&holder) {
                self.change_rendition(form);
            }
        }
    }

    /// Every rendition has its size, of the picture that the camera sends now, and its rate.
    pub(super) fn apply_pictures(&self) {
        for (form, encoding) in &self.encodings {
            let PictureConfig { size, framerate, .. } = self.plan(form.role).picture;
            encoding.rendition.set_framerate(framerate);
            encoding.rendition.set_size(size);
        }
    }

    /// All renditions by another way from the camera.
    pub(super) fn change_renditions(&mut self) {
        let forms: Vec<Form> = self.encodings.keys().copied().collect();
        for form in forms {
            self.change_rendition(form);
        }
    }

    /// Those that are due after all encoders had failed.
    pub(super) fn encode_again(&mut self, now: Instant) {
        let due: Vec<Form> = self.encode_at.iter().filter(|(_, at)| **at <= now).map(|(form, _)| *form).collect();
        for form in due {
            self.change_rendition(form);
        }
    }

    /// Another encoder, or another way to it, behind the same sessions.
    pub(super) fn change_rendition(&mut self, form: Form) {
        self.encode_at.remove(&form);
        let Some(old) = self.encodings.remove(&form) else { return };
        match self.encode(form) {
            Ok(encoding) => {
                self.put_to_work(form, encoding);
                drop_aside(old);
            }
            Err(fault) => {
                self.encodings.insert(form, old);
                self.notice(fault.to_string());
                self.broken_encoders.clear();
                self.encode_at.insert(form, Instant::now() + ENCODE_AGAIN_AFTER);
            }
        }
    }

    /// The viewers first: the encoder's first frame is the key frame they go on with.
    pub(super) fn put_to_work(&mut self, form: Form, mut encoding: Encoding) {
        let stream = encoding.rendition.stream();
        match form.role {
            RenditionRole::Low => self.show_low(stream),
            _ if self.camera.is_taken_in(form.codec) => {}
            _ => self.send_to_all(stream),
        }
        if let Some(ingest) = &self.ingest {
            encoding.rendition.connect(ingest.frames());
        }
        self.encodings.insert(form, encoding);
        self.tell_encoder();
        self.decode_as_needed();
    }

    /// Has what everybody of this codec is sent: an encoder's, unless one of the camera's streams is taken.
    pub(super) fn provide(&mut self, codec: Codec) -> Result<(), MediaFault> {
        let main = Form::main(codec);
        if !self.camera.is_taken_in(codec) && !self.encodings.contains_key(&main) {
            let encoding = self.encode(main)?;
            self.put_to_work(main, encoding);
        }
        // One that is at work already may have been another codec's until now.
        self.tell_encoder();
        Ok(())
    }

    /// Ends an encoder that nobody needs any more.
    pub(super) fn end_encoding(&mut self, form: Form) {
        self.encode_at.remove(&form);
        if let Some(encoding) = self.encodings.remove(&form) {
            self.around.encoders.release(&self.holder(form));
            drop_aside(encoding.rendition);
            self.decode_as_needed();
        }
    }

    /// Streaming goes on with the next best encoder.
    pub(super) fn rendition_failed(&mut self, number: u64, failure: RenditionFailure) {
        let failed = self.encodings.iter().find(|(_, encoding)| encoding.number == number);
        let Some(form) = failed.map(|(form, _)| *form) else { return };
        let RenditionFailure { encoder, by_encoder, reason } = failure;
        tracing::error!(feed = %self.config.id, "The encoder {encoder} stopped: {reason}");
        if !by_encoder {
            self.encode_at.insert(form, Instant::now() + REOPEN_AFTER);
            return;
        }
        // Hardware may have been refused for want of room, which the next feed need not find out.
        self.around.encoders.refused(&self.holder(form));
        self.broken_encoders.push(encoder.clone());
        self.change_rendition(form);
        let next = self.encodings.get(&form).map(|encoding| encoding.rendition.encoder_name());
        if let Some(next) = next.filter(|next| *next != encoder) {
            let names = [("failed", encoder.as_str()), ("next", next)];
            self.notice(gettext_f("The encoder {failed} failed; streaming goes on with {next}.", &names));
        }
    }
}

impl Encoding {
    /// Cores kept busy since the last time; `None` at the first, and too soon after.
    fn cores(&mut self, now: Instant) -> Option<f64> {
        if self.load.is_some_and(|(then, _)| now.duration_since(then) < WEIGH_EVERY) {
            return None;
        }
        // Reads every thread of the process, so not more often than needed.
        let used = self.rendition.used_time();
        let (then, before) = self.load.replace((now, used))?;
        Some(used.saturating_sub(before).as_secs_f64() / now.duration_since(then).as_secs_f64())
    }
}

/// What is told of a value that comes and goes a little.
fn steady(told: Option<f64>, now: f64) -> f64 {
    told.filter(|told| (now - told).abs() <= (told * 0.25).max(0.1)).unwrap_or(now)
}
