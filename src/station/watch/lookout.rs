//! What is known of the feeds at one broker.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::{
    sync::{
        broadcast,
        mpsc::{Receiver, UnboundedReceiver},
        watch,
    },
    time::{MissedTickBehavior, interval},
};

use super::{Key, Presence, Reader, RemoteState, Said, WatchEvent, place};
use crate::{
    config::{FeedId, StatisticsConfig, WatchConfig},
    i18n::{gettext, gettext_f},
    mqtt::{Incoming, LinkState},
    stats::{FeedSample, Recorder},
};

/// Of a feed that has told nothing for so long, nothing is known. They tell once a second or oftener.
const SILENT_AFTER: Duration = Duration::from_secs(5);
/// How often that is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Feeds at one broker; nobody has that many, but anybody can say so.
const MOST_FEEDS: usize = 256;

/// Names that feeds elsewhere have here: each is that of a file, too.
pub(super) type Names = Arc<Mutex<HashSet<FeedId>>>;

/// What a lookout can be asked.
pub(super) enum Request {
    /// Write a feed's statistics to files, or no more.
    Record { feed: FeedId, on: bool },
    /// Tell all that is known.
    Tell,
}

pub(super) struct Lookout {
    reader: Box<dyn Reader>,
    config: WatchConfig,
    /// Where the broker is.
    place: String,
    statistics: StatisticsConfig,
    names: Names,
    events: broadcast::Sender<WatchEvent>,
    feeds: BTreeMap<Key, Known>,
    /// Programs that have said goodbye, or whose broker has for them.
    absent: Vec<String>,
    /// Why nothing can be heard; none while the broker is there.
    cut_off: Option<String>,
    link: LinkState,
}

struct Known {
    id: FeedId,
    /// What was said last of it.
    said: RemoteState,
    /// What was told last of it.
    told: Option<RemoteState>,
    heard_at: Instant,
    is_recorded: bool,
    recorder: Option<Recorder>,
}

impl Lookout {
    pub(super) fn new(
        reader: Box<dyn Reader>,
        config: &WatchConfig,
        statistics: &StatisticsConfig,
        names: Names,
        events: broadcast::Sender<WatchEvent>,
    ) -> Self {
        Self {
            reader,
            place: place(&config.broker.address),
            config: config.clone(),
            statistics: statistics.clone(),
            names,
            events,
            feeds: BTreeMap::new(),
            absent: Vec::new(),
            cut_off: None,
            link: LinkState::Connecting,
        }
    }

    /// Works until the link to the broker is gone, and knows of no feed any more then.
    pub(super) async fn run(
        mut self,
        mut incoming: Receiver<Incoming>,
        mut requests: UnboundedReceiver<Request>,
        mut link: watch::Receiver<LinkState>,
    ) {
        let mut look = interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                message = incoming.recv() => match message {
                    Some(message) => self.hear(&message, Instant::now()),
                    None => break,
                },
                Some(request) = requests.recv() => self.obey(request),
                Ok(()) = link.changed() => {
                    let state = link.borrow_and_update().clone();
                    self.linked(&state);
                }
                _ = look.tick() => self.look(Instant::now()),
            }
        }
        for key in self.feeds.keys().cloned().collect::<Vec<_>>() {
            self.forget(&key);
        }
    }

    fn obey(&mut self, request: Request) {
        match request {
            Request::Record { feed, on } => {
                if let Some(known) = self.feeds.values_mut().find(|known| known.id == feed) {
                    known.is_recorded = on;
                }
            }
            Request::Tell => {
                self.tell_link();
                self.feeds.values_mut().for_each(|known| known.told = None);
            }
        }
        self.look(Instant::now());
    }

    fn linked(&mut self, state: &LinkState) {
        self.link = state.clone();
        if let LinkState::Down { fault, .. } = &mut self.link {
            // The sentences are those of our own connection, whose settings have another name.
            fault.sentence = fault.sentence.replace("[mqtt]", "[[watch]]");
        }
        match &self.link {
            LinkState::Up => self.cut_off = None,
            LinkState::Connecting => {}
            LinkState::Down { fault, .. } => {
                let sentence = fault.sentence.clone();
                if self.cut_off.as_ref() != Some(&sentence) {
                    self.tell(WatchEvent::Notice { feed: None, sentence: sentence.clone() });
                }
                self.cut_off = Some(sentence);
            }
        }
        self.tell_link();
        self.look(Instant::now());
    }

    fn tell_link(&self) {
        self.tell(WatchEvent::Link { watched: Box::new(self.config.clone()), state: self.link.clone() });
    }

    fn hear(&mut self, message: &Incoming, now: Instant) {
        for said in self.reader.read(message, now) {
            match said {
                Said::State(key, state) => {
                    if let Some(known) = self.known(&key, now) {
                        known.said = state;
                        // What a broker has kept says nothing of now.
                        if !message.retained {
                            known.heard_at = now;
                        }
                    }
                }
                Said::Sample(key, sample) => self.sample(&key, &sample, now),
                Said::Gone(key) => self.forget(&key),
                Said::Program(program, true) => self.absent.retain(|absent| *absent != program),
                Said::Program(program, false) => {
                    if !self.absent.contains(&program) && self.absent.len() < MOST_FEEDS {
                        self.absent.push(program);
                    }
                }
            }
        }
        self.look(now);
    }

    fn sample(&mut self, key: &Key, sample: &FeedSample, now: Instant) {
        // Only of a feed whose state is known: statistics alone have no name.
        let Some(known) = self.feeds.get_mut(key) else { return };
        known.heard_at = now;
        if known.is_recorded && known.recorder.is_none() {
            let (events, feed) = (self.events.clone(), known.id.clone());
            let tell = move |sentence| drop(events.send(WatchEvent::Notice { feed: Some(feed.clone()), sentence }));
            known.recorder = Some(Recorder::start(&known.id, &self.statistics, Box::new(tell)));
        } else if !known.is_recorded {
            known.recorder = None;
        }
        if let Some(recorder) = known.recorder.as_mut().filter(|_| !sample.is_off()) {
            recorder.record(sample);
        }
        let _ = self.events.send(WatchEvent::Sample { feed: known.id.clone(), sample: Box::new(sample.clone()) });
    }

    fn known(&mut self, key: &Key, now: Instant) -> Option<&mut Known> {
        if !self.feeds.contains_key(key) {
            if self.feeds.len() >= MOST_FEEDS {
                return None;
            }
            let mut names = self.names.lock().expect("no holder of this lock should panic");
            let id = FeedId::from_name(&format!("{} {}", key.0, key.1)).unique_among(&*names);
            names.insert(id.clone());
            let known = Known {
                id,
                said: RemoteState::default(),
                told: None,
                heard_at: now,
                is_recorded: self.config.record,
                recorder: None,
            };
            drop(names);
            self.feeds.insert(key.clone(), known);
        }
        self.feeds.get_mut(key)
    }

    fn forget(&mut self, key: &Key) {
        if let Some(known) = self.feeds.remove(key) {
            self.names.lock().expect("no holder of this lock should panic").remove(&known.id);
            self.tell(WatchEvent::Gone { feed: known.id });
        }
    }

    /// Tells how each feed is, where that is news.
    fn look(&mut self, now: Instant) {
        for (key, known) in &mut self.feeds {
            let away = if let Some(why) = &self.cut_off {
                Some(why.clone())
            } else if self.absent.contains(&key.0) {
                let about = [("program", key.0.as_str())];
                Some(gettext_f(
                    "The Heliograph “{program}” is not at the broker. See whether it runs there, and its network.",
                    &about,
                ))
            } else if known.said.presence == Presence::Live && now.duration_since(known.heard_at) > SILENT_AFTER {
                let about = [("broker", self.place.as_str())];
                Some(gettext_f("Nothing is heard of it at the broker {broker}. See whether its program runs.", &about))
            } else {
                None
            };
            let mut state = RemoteState { is_recorded: known.is_recorded, ..known.said.clone() };
            if let Some(sentence) = away {
                (state.presence, state.sentence, state.viewers) = (Presence::Away, sentence, 0);
                // Files are ended with what they have.
                known.recorder = None;
            }
            if known.told.as_ref() != Some(&state) {
                known.told = Some(state.clone());
                let _ = self.events.send(WatchEvent::State { feed: known.id.clone(), state: Box::new(state) });
            }
        }
    }

    fn tell(&self, event: WatchEvent) {
        let _ = self.events.send(event);
    }
}

impl Presence {
    /// In one or two words.
    pub fn words(self) -> String {
        match self {
            // Translators: nothing is heard of a feed that is elsewhere.
            Self::Away => gettext("Away"),
            Self::Off => gettext("Off"),
            Self::Connecting => gettext("Connecting…"),
            Self::Live => gettext("Live"),
            Self::Trouble => gettext("Needs attention"),
        }
    }
}
