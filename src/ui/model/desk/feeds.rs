//! Adding, changing and removing feeds.

use gtk::{prelude::*, subclass::prelude::*};

use super::{Desk, FeedObject, changes::commands, errands::Errand};
use crate::{
    config::{
        AgentConfig, ElementRole, FeedConfig, FeedId, Fingerprint, Password, PasswordSource, RtspConfig, Secrets,
        Setpoint, SetpointChange, ShareConfig, SourceConfig, StreamChoice,
    },
    engine::{ChangedBy, FeedCommand},
    i18n::gettext,
    ui::model::Draft,
};

/// A feed that was removed, as long as that can be undone.
#[derive(Debug)]
pub struct Removed {
    position: usize,
    config: FeedConfig,
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
        let (config, password) = draft.into_config(id);
        self.with_password(&config.id, password);
        self.insert(usize::MAX, config)
    }

    /// Makes a feed what the operator describes now. It starts anew only where that cannot be
    /// done to a feed that runs.
    pub fn edit(&self, feed: &FeedObject, draft: Draft) {
        let old = feed.config();
        let (config, password) = draft.change(&old);
        let has_password = password.is_some();
        if config == old && !has_password {
            return;
        }
        self.with_password(&config.id, password);
        self.change(feed, |kept| kept.clone_from(&config));
        self.imp().repeats.borrow_mut().forget(&config.id);
        match commands(&old, &config) {
            Some(commands) if !has_password => {
                for command in commands {
                    self.parts().errands.send(Errand::Command(config.id.clone(), command));
                }
            }
            _ => self.parts().errands.send(Errand::Replace(config)),
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
        if feed.config().record_statistics == on {
            return;
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
        self.parts().errands.send(Errand::Replace(feed.config()));
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
        let config = self.imp().config.borrow_mut().feeds.remove(position);
        self.imp().leaving.borrow_mut().push(config.clone());
        self.parts().errands.send(Errand::Remove(config.id.clone()));
        self.save();
        Some(Removed { position, config })
    }

    /// Brings a removed feed back to where it was.
    pub fn undo_remove(&self, removed: Removed) -> FeedObject {
        self.stays(&removed.config.id);
        self.insert(removed.position, removed.config)
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
        let feed = FeedObject::new(&config);
        let position = position.min(self.feeds().n_items() as usize);
        self.feeds().insert(position as u32, &feed);
        self.imp().config.borrow_mut().feeds.insert(position, config.clone());
        self.parts().errands.send(Errand::Add(config));
        self.save();
        feed
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
        let taken = config.feeds.iter().chain(leaving.iter()).map(|feed| &feed.id);
        FeedId::from_name(name).unique_among(taken)
    }

    /// The camera may be asked before the keyring has answered, so the password is at hand at once.
    fn with_password(&self, feed: &FeedId, password: Option<Password>) {
        if let Some(password) = password {
            self.parts().station.secrets.keep_for_this_run(feed, &password);
            self.keep_password(feed, &password);
        }
    }
}

async fn forget(secrets: &Secrets, config: &FeedConfig) {
    let SourceConfig::Rtsp(RtspConfig { password: PasswordSource::Keyring, .. }) = &config.source else { return };
    if let Err(error) = secrets.remove(&config.id).await {
        tracing::warn!("The password of the feed “{}” may still be in the keyring: {error}", config.id);
    }
}
