//! The sound beside a feed's picture: its own, or silence at destinations that must have some.

use gst_utils::StreamProducer;
use tokio::task::block_in_place;

use super::{super::FeedEvent, Inner, Worker, drop_aside};
use crate::{
    config::{AudioConfig, AudioSource},
    connector::Sound,
    media::{AudioRendition, AudioState, Ingest, MediaError, MediaFault},
};

/// What is heard of a feed that is open.
#[derive(Default)]
pub(super) struct FeedSound {
    /// `None` where the operator wants no sound, and where it cannot be made.
    own: Option<AudioRendition>,
    /// Made only where the feed has no sound, for destinations that cannot do without.
    silence: Option<AudioRendition>,
}

impl FeedSound {
    /// The feed's own.
    pub(super) fn own(&self) -> Option<&StreamProducer> {
        self.own.as_ref().map(AudioRendition::output)
    }

    /// What is heard at a destination that asks for this, as far as it is being made.
    fn at(&self, wanted: Sound) -> Option<&StreamProducer> {
        let silence = self.silence.as_ref().filter(|_| wanted == Sound::Mandatory);
        self.own().or(silence.map(AudioRendition::output))
    }

    /// Takes the camera's from this ingest from now on, where that is what is to be heard.
    pub(super) fn connect(&mut self, ingest: Option<&Ingest>) {
        if let Some(own) = &mut self.own {
            own.connect(ingest.and_then(Ingest::sound));
        }
    }
}

impl Worker {
    /// Begins the feed's sound, where there is none yet. Whatever is wrong with it is told, and the
    /// picture goes on without.
    pub(super) fn begin_sound(&mut self) {
        if self.sound.own.is_some() {
            return;
        }
        let (inner, opening) = (self.inner.clone(), self.openings);
        let tell = move |state| drop(inner.send(Inner::Audio(opening, state)));
        match block_in_place(|| AudioRendition::start(&self.config.audio, &self.clock, tell)) {
            Ok(own) => self.sound.own = own,
            Err(error) => {
                (self.around.tell)(FeedEvent::Audio(AudioState::Missing { sentence: error.to_string() }));
            }
        }
    }

    /// What is heard at a destination that asks for this; silence is made for it where nothing else is.
    ///
    /// # Errors
    /// Silence is needed and cannot be made.
    pub(super) fn sound_at(&mut self, wanted: Sound) -> Result<Option<StreamProducer>, MediaError> {
        if wanted == Sound::Mandatory && self.sound.at(wanted).is_none() {
            tracing::info!(feed = %self.config.id, "The feed has no sound; where it must have some, silence is sent.");
            let silence = AudioConfig { source: AudioSource::Silence, ..AudioConfig::default() };
            // Silence is as it should be: there is nothing to tell of it.
            self.sound.silence = block_in_place(|| AudioRendition::start(&silence, &self.clock, drop))?;
        }
        Ok(self.sound.at(wanted).cloned())
    }

    /// Gives all outlets what is heard there.
    ///
    /// # Errors
    /// As [`Self::sound_at`].
    pub(super) fn connect_sound(&mut self) -> Result<(), MediaFault> {
        let needed = self.destinations.iter().map(|(place, destination)| (*place, destination.needs.sound));
        for (place, wanted) in needed.collect::<Vec<_>>() {
            let Some(sound) = self.sound_at(wanted)? else { continue };
            let Some(destination) = self.destinations.get_mut(&place) else { continue };
            for served in destination.outlets.values_mut() {
                served.outlet.connect_sound(&sound);
            }
        }
        Ok(())
    }

    /// Ends silence for which nobody asks any more.
    pub(super) fn end_silence(&mut self) {
        let is_wanted = self.destinations.values().any(|destination| destination.needs.sound == Sound::Mandatory);
        if let Some(silence) = self.sound.silence.take_if(|_| !is_wanted) {
            drop_aside(silence);
        }
    }
}
