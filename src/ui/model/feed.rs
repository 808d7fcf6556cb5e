//! A feed as the window shows it.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    time::{Duration, Instant},
};

use gtk::{
    glib::{self, Object, Properties},
    prelude::*,
    subclass::prelude::*,
};

use super::{
    charted::Charted,
    chosen::{Chosen, Facts},
    figure::Figure,
    sharing,
    words::{Health, Words},
};
use crate::{
    config::{FeedConfig, FeedId, Setpoint, SourceConfig},
    control::{CrewState, FeedShare},
    engine::{Beside, ChangedBy, EncoderInUse, FeedEvent, FeedState, InForce, PathInUse},
    i18n::{gettext, gettext_f},
    media::{AudioState, choose_encoder},
    station::watch::{Presence, RemoteState},
    stats::{FeedSample, History, ViewerSample},
};

/// How long a viewer to whom there is no way is shown, and how many of them.
const UNREACHED_FOR: Duration = Duration::from_mins(1);
const MOST_UNREACHED: usize = 4;

mod imp {
    use super::*;

    #[derive(Properties, Default)]
    #[properties(wrapper_type = super::FeedObject)]
    pub struct FeedObject {
        /// What people call it.
        #[property(get, set)]
        name: RefCell<String>,
        /// Where its picture comes from, without anything secret.
        #[property(get, set)]
        source: RefCell<String>,
        /// Whether it is to stream.
        #[property(get, set)]
        streaming: Cell<bool>,
        /// Whether it is another program's, and only watched here.
        #[property(get)]
        pub(super) remote: Cell<bool>,
        /// Whether it is ours.
        #[property(get = Self::is_local)]
        _local: std::marker::PhantomData<bool>,
        /// How many viewers are connected.
        #[property(get, set)]
        viewers: Cell<u32>,
        /// Since when it is recorded, in seconds since the Unix epoch; 0 where it is not.
        #[property(get, set)]
        recorded_since: Cell<f64>,
        /// Whether the last of it is kept in memory.
        #[property(get, set)]
        keeps_last: Cell<bool>,
        /// Goes up whenever the engine starts the feed anew: previews attach again.
        #[property(get, set)]
        generation: Cell<u32>,
        /// How it is, as far as colour and icon go.
        #[property(name = "health", get, type = Health, member = health, builder(Health::Off))]
        /// How it is, in one or two words.
        #[property(name = "status", get, type = String, member = status)]
        /// The same with the number of viewers.
        #[property(name = "caption", get, type = String, member = caption)]
        /// What the camera sends; empty while it sends nothing.
        #[property(name = "picture", get, type = String, member = picture)]
        /// What is wrong; empty without trouble.
        #[property(name = "fault", get, type = String, member = fault)]
        /// What to do about it.
        #[property(name = "hint", get, type = String, member = hint)]
        /// The trouble for somebody who looks into it.
        #[property(name = "detail", get, type = String, member = detail)]
        pub(super) words: RefCell<Words>,
        /// What decodes, with the delay that it adds.
        #[property(name = "decoding", get, type = String, member = decoding)]
        /// Which way the camera's stream takes to the viewers, and why.
        #[property(name = "path", get, type = String, member = path)]
        /// Codec and encoder, as in "H.264 by x264enc", and why it is this one.
        #[property(name = "encoding", get, type = String, member = encoding)]
        /// The same with all that may be asked about it.
        #[property(name = "encoder-details", get, type = String, member = encoder_details)]
        /// Where sound comes from, or why there is none.
        #[property(name = "sound", get, type = String, member = sound)]
        /// Whether sound should be heard and is not.
        #[property(name = "sound-missing", get, type = bool, member = sound_missing)]
        /// By what an `rtsps` camera is recognised; empty for others.
        #[property(name = "certificate", get, type = String, member = certificate)]
        pub(super) chosen: RefCell<Chosen>,
        /// Which agent has set what the feed is held to; empty where a person has. Told anew
        /// whenever any of that changes.
        #[property(get = Self::set_by)]
        _set_by: std::marker::PhantomData<String>,
        /// Why whoever decides over that decides as it does. Told anew whenever anything of that changes:
        /// agent, limits, importance, share.
        #[property(get = Self::deciding)]
        _deciding: std::marker::PhantomData<String>,
        /// The properties of its elements that are set, in one line.
        #[property(get = Self::elements)]
        _elements: std::marker::PhantomData<String>,
        pub(super) in_force: RefCell<Option<InForce>>,
        /// The encoder that is expected before one is in use; empty where there is none.
        pub(super) expected: RefCell<String>,
        pub(super) encoder: RefCell<Option<EncoderInUse>>,
        pub(super) path: RefCell<Option<PathInUse>>,
        pub(super) beside: RefCell<Vec<Beside>>,
        pub(super) agent: RefCell<Option<CrewState>>,
        pub(super) share: RefCell<Option<FeedShare>>,
        pub(super) audio: RefCell<AudioState>,
        pub(super) config: RefCell<Option<FeedConfig>>,
        pub(super) state: RefCell<Option<(FeedState, Instant)>>,
        /// How it is, where it is another program's.
        pub(super) elsewhere: RefCell<RemoteState>,
        pub(super) sample: RefCell<Box<FeedSample>>,
        /// Viewers to whom no way was found of late.
        pub(super) unreached: RefCell<Vec<(ViewerSample, Instant)>>,
        pub(super) charted: RefCell<Charted>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for FeedObject {
        const NAME: &'static str = "HlgFeedObject";
        type Type = super::FeedObject;
    }

    #[glib::derived_properties]
    impl ObjectImpl for FeedObject {}

    impl FeedObject {
        /// Says anew how the feed is; tells only what has changed.
        pub(super) fn refresh(&self) {
            let viewers = self.viewers.get() as usize;
            let new = match &*self.state.borrow() {
                _ if self.remote.get() => Words::elsewhere(&self.elsewhere.borrow()),
                Some((state, since)) => Words::new(state, since.elapsed(), viewers),
                None => Words::new(&FeedState::Idle, Duration::ZERO, viewers),
            };
            let old = self.words.replace(new.clone());
            self.tell(&[
                ("health", old.health != new.health),
                ("status", old.status != new.status),
                ("caption", old.caption != new.caption),
                ("picture", old.picture != new.picture),
                ("fault", old.fault != new.fault),
                ("hint", old.hint != new.hint),
                ("detail", old.detail != new.detail),
            ]);
        }

        /// Says anew what the feed is made with; tells only what has changed.
        pub(super) fn refresh_chosen(&self) {
            let Some(new) = self.choices() else { return };
            let old = self.chosen.replace(new.clone());
            self.tell(&[
                ("decoding", old.decoding != new.decoding),
                ("path", old.path != new.path),
                ("encoding", old.encoding != new.encoding),
                ("encoder-details", old.encoder_details != new.encoder_details),
                ("sound", old.sound != new.sound),
                ("sound-missing", old.sound_missing != new.sound_missing),
                ("certificate", old.certificate != new.certificate),
            ]);
        }

        fn is_local(&self) -> bool {
            !self.remote.get()
        }

        fn elements(&self) -> String {
            let elements = self.config.borrow().as_ref().map(|config| config.elements.clone()).unwrap_or_default();
            let set = elements.values().flat_map(|set| set.iter().map(|(name, value)| format!("{name}={value}")));
            let set: Vec<String> = set.collect();
            // Translators: no properties of elements are set.
            if set.is_empty() { gettext("None set") } else { set.join(", ") }
        }

        fn deciding(&self) -> String {
            sharing::deciding(self.agent.borrow().as_ref())
        }

        fn set_by(&self) -> String {
            match &*self.in_force.borrow() {
                Some(InForce { by: ChangedBy::Agent(agent), .. }) => {
                    // Translators: {agent} is the name of a program that chooses bitrate and size.
                    gettext_f("Set by {agent}", &[("agent", agent)])
                }
                Some(InForce { by: ChangedBy::Controller, .. }) => gettext("Set to its share of the bitrate"),
                _ => String::new(),
            }
        }

        fn choices(&self) -> Option<Chosen> {
            let config = self.config.borrow();
            let config = config.as_ref()?;
            let (state, audio, encoder) = (self.state.borrow(), self.audio.borrow(), self.encoder.borrow());
            let path = self.path.borrow();
            Some(Chosen::new(&Facts {
                codec: config.codec,
                bitrate_kbps: self.obj().setpoint().bitrate_kbps,
                audio_source: &config.audio.source,
                source: &config.source,
                state: state.as_ref().map_or(&FeedState::Idle, |(state, _)| state),
                audio: &audio,
                path: path.as_ref(),
                beside: &self.beside.borrow(),
                encoder: encoder.as_ref(),
                expected: &self.expected.borrow(),
            }))
        }

        fn tell(&self, changed: &[(&str, bool)]) {
            let _together = self.obj().freeze_notify();
            for (name, _) in changed.iter().filter(|(_, changed)| *changed) {
                self.obj().notify(name);
            }
        }
    }
}

glib::wrapper! {
    /// A feed as the window shows it: what was asked for, and what is known of it now.
    pub struct FeedObject(ObjectSubclass<imp::FeedObject>);
}

impl FeedObject {
    /// A feed of which nothing is known yet but what was asked for.
    pub fn new(config: &FeedConfig) -> Self {
        let feed: Self = Object::new();
        feed.set_config(config);
        feed.imp().refresh();
        feed
    }

    /// A feed of another program, which nothing is asked of here.
    pub fn elsewhere(id: &FeedId, state: &RemoteState) -> Self {
        let feed: Self = Object::new();
        feed.imp().remote.set(true);
        // Where its picture comes from is known there.
        feed.imp().config.replace(Some(FeedConfig::new(id.clone(), &*state.name, SourceConfig::Demo)));
        feed.take_elsewhere(state);
        feed
    }

    /// Takes what is told of a feed of another program.
    pub fn take_elsewhere(&self, state: &RemoteState) {
        let imp = self.imp();
        imp.elsewhere.replace(state.clone());
        self.set_name(state.name.as_str());
        // Translators: {origin} is the name of another program, which has this camera.
        self.set_source(gettext_f("Elsewhere: {origin}", &[("origin", &state.origin)]));
        self.set_viewers(state.viewers as u32);
        if state.presence != Presence::Live {
            imp.sample.take();
        }
        imp.refresh();
    }

    /// Whether its statistics are written to files.
    pub fn records_statistics(&self) -> bool {
        if self.remote() { self.imp().elsewhere.borrow().is_recorded } else { self.config().record_statistics }
    }

    /// What programs call it.
    pub fn id(&self) -> FeedId {
        self.config().id
    }

    /// What was asked for.
    pub fn config(&self) -> FeedConfig {
        self.imp().config.borrow().clone().expect("a feed should have a configuration from the start")
    }

    /// What it is held to.
    pub fn setpoint(&self) -> Setpoint {
        let in_force = self.imp().in_force.borrow().as_ref().map(|in_force| in_force.setpoint);
        in_force.unwrap_or_else(|| Setpoint::of(&self.config()))
    }

    /// Who decides over that, once somebody does.
    pub fn agent(&self) -> Option<CrewState> {
        self.imp().agent.borrow().clone()
    }

    /// What it gets of the bitrate that there is for all, once that is known.
    pub fn share(&self) -> Option<FeedShare> {
        self.imp().share.borrow().clone()
    }

    /// Takes what it gets of the bitrate that there is for all; what there is may have changed, too.
    pub fn take_share(&self, share: Option<&FeedShare>) {
        self.imp().share.replace(share.cloned());
        self.notify_deciding();
    }

    /// Takes what is asked for from now on.
    pub fn set_config(&self, config: &FeedConfig) {
        let imp = self.imp();
        let before = imp.config.replace(Some(config.clone()));
        if before.is_none_or(|before| (before.codec, &before.encoder) != (config.codec, &config.encoder)) {
            imp.expected.replace(expected_encoder(config));
            imp.encoder.replace(None);
        }
        self.set_name(config.name.as_str());
        self.set_source(config.source.words());
        self.set_streaming(config.streaming);
        imp.refresh_chosen();
        self.notify_elements();
        self.notify_deciding();
    }

    /// Takes what the engine tells.
    pub fn take(&self, event: FeedEvent) {
        let imp = self.imp();
        match event {
            FeedEvent::State(state) => {
                imp.state.replace(Some((state, Instant::now())));
            }
            FeedEvent::Viewers { count } => self.set_viewers(count as u32),
            FeedEvent::Stats(sample) => {
                imp.sample.replace(sample);
            }
            // The desk tells the one and keeps the others.
            FeedEvent::Notice { .. }
            | FeedEvent::Offered { .. }
            | FeedEvent::Decider { .. }
            | FeedEvent::Certificate { .. }
            | FeedEvent::Codec { .. }
            | FeedEvent::Connector { .. }
            | FeedEvent::Element { .. }
            | FeedEvent::Saved { .. }
            | FeedEvent::NotSaved { .. } => {}
            FeedEvent::Unreached { viewer } => self.keep_unreached(*viewer),
            FeedEvent::Recording(recording) => {
                self.set_recorded_since(recording.since.unwrap_or_default());
                self.set_keeps_last(recording.keeps_last);
            }
            FeedEvent::Audio(audio) => {
                imp.audio.replace(audio);
            }
            FeedEvent::Setpoint(in_force) => {
                imp.in_force.replace(Some(in_force));
                self.notify_set_by();
            }
            FeedEvent::Agent(agent) => {
                imp.agent.replace(Some(agent));
                self.notify_deciding();
            }
            FeedEvent::Encoder(encoder) => {
                imp.encoder.replace(Some(encoder));
            }
            FeedEvent::Beside { others } => {
                imp.beside.replace(others);
            }
            FeedEvent::Path(path) => {
                imp.path.replace(Some(path));
            }
        }
        imp.refresh();
        imp.refresh_chosen();
    }

    /// A second has passed: counts waits down and samples the figures.
    pub fn tick(&self) {
        let imp = self.imp();
        imp.refresh();
        // Nobody sends while it is off, which is not the same as sending nothing.
        let streams = if self.remote() { self.health() == Health::Live } else { self.health() != Health::Off };
        imp.charted.borrow_mut().push(&imp.sample.borrow(), streams);
    }

    /// What a figure was: of this viewer's session, or over all viewers.
    pub fn history(&self, figure: Figure, session: Option<&str>) -> Rc<RefCell<History>> {
        self.imp().charted.borrow_mut().of(figure, session)
    }

    fn keep_unreached(&self, viewer: ViewerSample) {
        let mut unreached = self.imp().unreached.borrow_mut();
        unreached.retain(|(known, _)| known.session != viewer.session);
        unreached.push((viewer, Instant::now()));
        let most = unreached.len().saturating_sub(MOST_UNREACHED);
        unreached.drain(..most);
    }

    /// Viewers to whom no way was found in the last minute, the latest last.
    pub fn unreached(&self) -> Vec<ViewerSample> {
        self.imp().unreached.borrow_mut().retain(|(_, since)| since.elapsed() < UNREACHED_FOR);
        self.imp().unreached.borrow().iter().map(|(viewer, _)| viewer.clone()).collect()
    }

    /// What is known of a viewer, or was known of one who was not reached.
    pub fn viewer(&self, session: &str) -> Option<ViewerSample> {
        let sample = self.imp().sample.borrow();
        let unreached = self.imp().unreached.borrow();
        let mut all = sample.viewers.iter().chain(unreached.iter().map(|(viewer, _)| viewer));
        all.rfind(|viewer| viewer.session == session).cloned()
    }

    /// What is known of it and its viewers now.
    pub fn sample(&self) -> FeedSample {
        (**self.imp().sample.borrow()).clone()
    }
}

fn expected_encoder(config: &FeedConfig) -> String {
    choose_encoder(config.codec, &config.encoder).map(|encoder| encoder.element().to_owned()).unwrap_or_default()
}
