//! The camera's side of a feed: connecting, and what the camera tells.

use std::sync::Arc;

use super::{
    super::{
        FeedEvent,
        dial::{Dial, DialEvent},
        form::Form,
        supervisor::Input,
    },
    Inner, Worker, drop_aside,
};
use crate::{
    config::RenditionRole,
    i18n::gettext_f,
    media::{Ingest, IngestEvent, Memory, Picture, Preview, source::Transport},
};

impl Worker {
    pub(super) fn dial_event(&mut self, event: DialEvent) {
        match event {
            DialEvent::Started(Ok(ingest)) => self.take(ingest),
            DialEvent::Started(Err(fault)) | DialEvent::Ingest(IngestEvent::Fault(fault)) => {
                self.input(Input::Fault(fault));
            }
            DialEvent::Offered(feeds) => {
                self.received = feeds.first().map(|feed| feed.id.clone());
                (self.around.tell)(FeedEvent::Offered { feeds });
            }
            DialEvent::Ingest(IngestEvent::Certificate(first)) => self.know_by(Some(first)),
            DialEvent::Ingest(IngestEvent::Answered) => self.input(Input::Answered),
            DialEvent::Ingest(IngestEvent::Packet) => self.input(Input::Packet),
            DialEvent::Ingest(IngestEvent::Picture(picture)) => self.picture(picture),
            DialEvent::Ingest(IngestEvent::Stream(stream)) => self.take_stream(stream),
            DialEvent::Ingest(IngestEvent::Judged(verdict)) => self.judged(verdict),
            DialEvent::Ingest(IngestEvent::Refused(sentences)) => self.tell_refused(&sentences),
            DialEvent::Ingest(IngestEvent::DecoderFailed(decoder)) => self.decoder_failed(decoder),
        }
    }

    /// Pictures that lie elsewhere than before need another way to the encoder.
    fn picture(&mut self, picture: Picture) {
        if picture.memory != self.memory {
            self.memory = picture.memory;
            self.change_renditions();
        }
        self.picture = Some(picture.clone());
        self.input(Input::Picture(picture));
        self.apply_pictures();
        self.decode_as_needed();
    }

    /// Connects again; the decoder that failed is not used for this camera any more.
    fn decoder_failed(&mut self, decoder: String) {
        if !self.broken_decoders.contains(&decoder) {
            self.notice(gettext_f(
                "The decoder {decoder} failed on this camera's stream; Heliograph goes on with the next best.",
                &[("decoder", &decoder)],
            ));
            self.broken_decoders.push(decoder);
        }
        self.connect(self.transport);
    }

    pub(super) fn connect(&mut self, transport: Transport) {
        self.hang_up();
        self.transport = transport;
        let (inner, attempt) = (self.inner.clone(), self.attempt);
        let dial = Dial {
            config: self.config.clone(),
            role: RenditionRole::Camera,
            secrets: self.around.secrets.clone(),
            demo: self.around.demo.clone(),
            transport,
            broken_decoders: self.broken_decoders.clone(),
            encoder_memory: self
                .encodings
                .get(&Form::main(self.config.codec))
                .map_or(Memory::System, |main| main.rendition.memory()),
            clock: self.clock.clone(),
            received: self.received.clone(),
            tell: Arc::new(move |event| {
                let _ = inner.send(Inner::Dial(attempt, event));
            }),
        };
        self.dialling = Some(dial.spawn());
    }

    pub(super) fn hang_up(&mut self) {
        self.attempt += 1;
        if let Some(dialling) = self.dialling.take() {
            dialling.abort();
        }
        self.sound.connect(None);
        self.lose_stream();
        self.picture = None;
        if let Some(ingest) = self.ingest.take() {
            drop_aside(ingest);
        }
    }

    pub(super) fn take(&mut self, ingest: Ingest) {
        for encoding in self.encodings.values_mut() {
            encoding.rendition.connect(ingest.frames());
        }
        self.sound.connect(Some(&ingest));
        for preview in self.previews.values_mut() {
            show(preview, &ingest);
        }
        self.catch_up(&ingest);
        self.ingest = Some(ingest);
    }
}

/// A preview that fails leaves the stream alone.
pub(super) fn show(preview: &mut Preview, ingest: &Ingest) {
    if let Err(error) = preview.connect(ingest.frames()) {
        tracing::warn!("The preview cannot be shown: {error}.");
    }
}
