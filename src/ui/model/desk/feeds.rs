//! Adding, changing and removing feeds.

use gtk::{prelude::*, subclass::prelude::*};

use super::{Desk, FeedObject, changes::commands, errands::Errand};
use crate::{
    config::{
        AgentConfig, ElementRole, FeedConfig, FeedId, Fingerprint, Password, PasswordSource, RtspConfig, Secrets,
        Setpoint, SetpointChange, ShareConfig, SourceConfig, StreamChoice,
    },
    connector::bigfootbot::OfferedFeed,
    engine::{ChangedBy, FeedCommand},
    i18n::gettext,
    ui::model::Draft,
};

/// A feed that was removed, as long as that can be undone.
#[derive(Debug)]
pub struct Removed {
    position: usize,
    config: FeedConfig,
    /// It was for this run only.
    is_guest: bool,
}

impl Desk {
    /// Adds the camera inside the program.
    pub fn add_demo(&self) -> FeedObject {
        let name = gettext("Demo camera");
        let config = FeedConfig::new(self.free_id(&name), name, SourceConfig::Demo);
        self.insert(usize::MAX, config)
    }

    /// Adds a feed as the operator described it.
    pub fn add(&self, draft: Draft) -> FeedObject {
        let id = self.free_id(draft.name());
        let (config, passwords) = draft.into_config(id);
        for (name, password) in &passwords {
            self.with_password(name, password);
        }
        self.insert(usize::MAX, config)
    }

    /// From now on, what the sender of a received feed has beside it is added, too.
    pub fn set_gathers(&self, gathers: bool) {
        self.imp().gathers.set(gathers);
    }

    pub(super) fn gather(&self, feed: &FeedObject, offered: &[OfferedFeed]) {
        let config = feed.config();
        let SourceConfig::Rtsp(first) = &config.source else { return };
        // Whoever names one wants that one.
        if first.address.feed_at_relay().is_some() {
            return;
        }
        for other in offered.iter().skip(1) {
            let Some(address) = first.address.beside(&other.id) else { continue };
            let source = SourceConfig::Rtsp(RtspConfig { address, ..first.clone() });
            if self.all_feeds().iter().any(|known| known.config().source == source) {
                continue;
            }
            let id = self.free_id(&other.name);
            self.parts().station.secrets.share_for_this_run(&config.id, &id);
            self.insert(usize::MAX, FeedConfig::new(id, other.name.clone(), source));
        }
    }

    /// Makes a feed what the operator describes now. It starts anew only where that cannot be
    /// done to a feed that runs.
    pub fn edit(&self, feed: &FeedObject, draft: Draft) {
        let old = feed.config();
        let (config, passwords) = draft.change(&old);
        let has_password = !passwords.is_empty();
        if config == old && !has_password {
            return;
        }
        for (name, password) in &passwords {
            self.with_password(name, password);
        }
        self.change(feed, |kept| kept.clone_from(&config));
        // What it had and needs no more.
        if keeps_turn_password(&old) && !keeps_turn_password(&config) {
            self.forget_secrets(vec![FeedId::of_reception(&config.id)]);
        }
        self.imp().repeats.borrow_mut().forget(&config.id);
        match commands(&old, &config) {
            Some(commands) if !has_password => {
                for command in commands {
                    self.parts().errands.send(Errand::Command(config.id.clone(), command));
                }
            }
            _ => self.errand(Errand::Replace(config)),
        }
    }

    /// Starts or stops a feed, from now on and after the next start of the program.
    pub fn set_streaming(&self, feed: &FeedObject, streaming: bool) {
        if feed.config().streaming == streaming {
            return;
        }
        self.change(feed, |config| config.streaming = streaming);
        self.imp().repeats.borrow_mut().forget(&feed.id());
        let command = if streaming { FeedCommand::Start } else { FeedCommand::Stop };
        self.parts().errands.send(Errand::Command(feed.id(), command));
    }

    /// Writes a feed's statistics to files, or no more, from now on and after the next start of the program.
    pub fn set_recording(&self, feed: &FeedObject, on: bool) {
        if feed.records_statistics() == on {
            return;
        }
        if feed.remote() {
            return self.record_remote(&feed.id(), on);
        }
        self.change(feed, |config| config.record_statistics = on);
        self.parts().errands.send(Errand::Command(feed.id(), FeedCommand::RecordStatistics { on }));
    }

    /// Holds a feed to another setpoint, from now on and after the next start of the program.
    pub fn apply(&self, feed: &FeedObject, change: SetpointChange) {
        if let Err(error) = change.check() {
            return self.notice(&error.to_string(), "");
        }
        if change.is_empty() {
            return;
        }
        self.change(feed, |config| Setpoint::of(config).with(&change).store(config));
        let command = FeedCommand::Apply { change, by: ChangedBy::Person };
        self.parts().errands.send(Errand::Command(feed.id(), command));
    }

    /// Shows one of the camera's two streams, from now on and after the next start of the program.
    pub fn set_stream(&self, feed: &FeedObject, stream: StreamChoice) {
        let is_news = matches!(feed.config().source, SourceConfig::Rtsp(rtsp) if rtsp.sub_address.is_some() && rtsp.stream != stream);
        if !is_news {
            return;
        }
        self.change(feed, |config| {
            if let SourceConfig::Rtsp(rtsp) = &mut config.source {
                rtsp.stream = stream;
            }
        });
        self.parts().errands.send(Errand::Command(feed.id(), FeedCommand::SetStream { stream }));
    }

    /// Asks the engine for something that no settings keep.
    pub fn command(&self, feed: &FeedObject, command: FeedCommand) {
        self.parts().errands.send(Errand::Command(feed.id(), command));
    }

    /// Sets a property of a feed's elements that passed [`crate::config::element_settings::check`]: while it
    /// runs, where the element allows that and takes the value, or by starting it anew.
    pub fn set_element(&self, feed: &FeedObject, role: ElementRole, name: &str, value: &str, anew: bool) {
        if anew {
            self.keep_element(feed, role, name, value);
            return self.start_anew(feed);
        }
        // A person may ask for the same again, and is answered again.
        self.imp().repeats.borrow_mut().forget(&feed.id());
        let command = FeedCommand::SetElement { role, name: name.to_owned(), value: value.to_owned() };
        self.parts().errands.send(Errand::Command(feed.id(), command));
    }

    /// Takes a property of a feed's elements back: the feed starts anew without it.
    pub fn unset_element(&self, feed: &FeedObject, role: ElementRole, name: &str) {
        self.change(feed, |config| {
            let mut settings = config.settings_of(role);
            settings.remove(name);
            config.set_settings_of(role, settings);
        });
        self.start_anew(feed);
    }

    /// Keeps a property that was set.
    pub(super) fn keep_element(&self, feed: &FeedObject, role: ElementRole, name: &str, value: &str) {
        self.change(feed, |config| config.set_element(role, name, value));
    }

    /// Has another agent decide over a feed, from now on and after the next start of the program.
    pub fn set_agent(&self, feed: &FeedObject, agent: AgentConfig) {
        if feed.config().agent != agent {
            self.keep_decider(feed, agent, feed.config().share);
            self.parts().errands.send(Errand::Command(feed.id(), FeedCommand::SetAgent { agent }));
        }
    }

    /// Has a feed take part like this when bitrate is shared out, from now on and after the next start of
    /// the program.
    pub fn set_share(&self, feed: &FeedObject, share: ShareConfig) {
        if feed.config().share != share {
            self.keep_decider(feed, feed.config().agent, share);
            self.parts().errands.send(Errand::Command(feed.id(), FeedCommand::SetShare { share }));
        }
    }

    /// Keeps who is to decide over a feed.
    pub(super) fn keep_decider(&self, feed: &FeedObject, agent: AgentConfig, share: ShareConfig) {
        let before = feed.config();
        if (before.agent, before.share) != (agent, share) {
            self.change(feed, |config| (config.agent, config.share) = (agent, share));
        }
    }

    fn start_anew(&self, feed: &FeedObject) {
        self.imp().repeats.borrow_mut().forget(&feed.id());
        self.errand(Errand::Replace(feed.config()));
    }

    /// Has the camera known by whichever certificate it shows next.
    pub fn forget_certificate(&self, feed: &FeedObject) {
        self.parts().errands.send(Errand::Command(feed.id(), FeedCommand::ForgetCertificate));
    }

    /// Keeps the certificate by which a camera is known, or forgets it.
    pub(super) fn keep_certificate(&self, feed: &FeedObject, certificate: Option<Fingerprint>) {
        if feed.config().know_by(certificate) {
            self.change(feed, |config| {
                config.know_by(certificate);
            });
        }
    }

    /// Takes a feed away. Follow with [`Self::undo_remove`] or [`Self::forget`].
    pub fn remove(&self, feed: &FeedObject) -> Option<Removed> {
        let position = self.feeds().find(feed)? as usize;
        self.feeds().remove(position as u32);
        let config = feed.config();
        let is_guest = !self.is_kept(&config.id);
        self.imp().config.borrow_mut().feeds.retain(|kept| kept.id != config.id);
        self.imp().leaving.borrow_mut().push(config.clone());
        self.errand(Errand::Remove(config.id.clone()));
        self.save();
        Some(Removed { position, config, is_guest })
    }

    /// Brings a removed feed back to where it was.
    pub fn undo_remove(&self, removed: Removed) -> FeedObject {
        self.stays(&removed.config.id);
        self.put(removed.position, removed.config, !removed.is_guest)
    }

    /// A removed feed stays away: its password is forgotten.
    pub fn forget(&self, removed: &Removed) {
        let secrets = self.parts().station.secrets.clone();
        let (id, config) = (removed.config.id.clone(), removed.config.clone());
        self.then(async move { forget(&secrets, &config).await }, move |desk, ()| desk.stays(&id));
    }

    /// Forgets what could still have been undone.
    pub(super) async fn forget_leaving(&self) {
        let leaving = self.imp().leaving.take();
        let parts = self.parts();
        let secrets = parts.station.secrets.clone();
        let forgetting = parts.runtime.spawn(async move {
            for config in leaving {
                forget(&secrets, &config).await;
            }
        });
        let _ = forgetting.await;
    }

    /// Its id is in use, or free, like any other.
    fn stays(&self, id: &FeedId) {
        self.imp().leaving.borrow_mut().retain(|config| config.id != *id);
    }

    fn insert(&self, position: usize, config: FeedConfig) -> FeedObject {
        self.put(position, config, true)
    }

    fn put(&self, position: usize, config: FeedConfig, is_kept: bool) -> FeedObject {
        let feed = FeedObject::new(&config);
        let position = position.min(self.feeds().n_items() as usize);
        self.feeds().insert(position as u32, &feed);
        if is_kept {
            let mut all = self.imp().config.borrow_mut();
            // Those that are not kept stand between them in the window, not in the file.
            let shown = self.all_feeds();
            let place =
                shown[..position].iter().filter(|feed| all.feeds.iter().any(|kept| kept.id == feed.id())).count();
            all.feeds.insert(place, config.clone());
        }
        self.errand(Errand::Add(config));
        self.save();
        feed
    }

    /// Whether a feed stands in the settings; others are for this run only.
    fn is_kept(&self, feed: &FeedId) -> bool {
        self.imp().config.borrow().feeds.iter().any(|kept| kept.id == *feed)
    }

    /// A message had a feed added: it is shown like any other, and is gone after this run.
    pub(super) fn welcome(&self, feed: &FeedId) {
        if let Some(snapshot) = self.engine().feed(feed) {
            self.feeds().append(&FeedObject::new(&snapshot.config));
            self.take_snapshot(snapshot);
        }
    }

    /// A feed is gone. Where the desk did not ask for that, a message did: it is shown no more, and comes
    /// back with the next run if the settings have it.
    pub(super) fn part_from(&self, feed: &FeedId) {
        let mut removals = self.imp().removals.borrow_mut();
        if let Some(left) = removals.get_mut(feed).filter(|left| **left > 0) {
            *left -= 1;
            return;
        }
        drop(removals);
        let position = self.feed(feed).and_then(|feed| self.feeds().find(&feed));
        if let Some(position) = position {
            self.feeds().remove(position);
        }
    }

    /// Has it done; removals that come of it are the desk's own.
    fn errand(&self, errand: Errand) {
        if let Errand::Remove(feed) | Errand::Replace(FeedConfig { id: feed, .. }) = &errand {
            *self.imp().removals.borrow_mut().entry(feed.clone()).or_default() += 1;
        }
        self.parts().errands.send(errand);
    }

    fn change(&self, feed: &FeedObject, change: impl FnOnce(&mut FeedConfig)) {
        let mut config = feed.config();
        change(&mut config);
        feed.set_config(&config);
        let mut all = self.imp().config.borrow_mut();
        if let Some(kept) = all.feeds.iter_mut().find(|kept| kept.id == config.id) {
            *kept = config;
        }
        drop(all);
        self.save();
    }

    /// An id that neither a feed has nor one that may come back.
    fn free_id(&self, name: &str) -> FeedId {
        let config = self.imp().config.borrow();
        let leaving = self.imp().leaving.borrow();
        let shown: Vec<FeedId> = self.all_feeds().iter().map(FeedObject::id).collect();
        let taken = config.feeds.iter().chain(leaving.iter()).map(|feed| &feed.id).chain(&shown);
        FeedId::from_name(name).unique_among(taken)
    }

    /// The camera may be asked before the keyring has answered, so the password is at hand at once.
    pub(super) fn with_password(&self, name: &FeedId, password: &Password) {
        self.parts().station.secrets.keep_for_this_run(name, password);
        self.keep_password(name, password);
    }
}

async fn forget(secrets: &Secrets, config: &FeedConfig) {
    let SourceConfig::Rtsp(rtsp) = &config.source else { return };
    let own = Some(config.id.clone()).filter(|_| rtsp.password == PasswordSource::Keyring);
    let of_turn = Some(FeedId::of_reception(&config.id)).filter(|_| keeps_turn_password(config));
    for name in own.into_iter().chain(of_turn) {
        if let Err(error) = secrets.remove(&name).await {
            tracing::warn!("A password of the feed “{}” may still be in the keyring: {error}", config.id);
        }
    }
}

/// Whether the keyring has the password of TURN servers for this feed.
fn keeps_turn_password(config: &FeedConfig) -> bool {
    matches!(&config.source, SourceConfig::Rtsp(rtsp) if rtsp.reception.ice.password == PasswordSource::Keyring)
}
