//! The settings file, read once and written after every change.

use std::path::PathBuf;

use gtk::subclass::prelude::*;
use tokio::{
    runtime::Handle,
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
};

use super::{Desk, FeedObject, errands::Errand};
use crate::{
    config::{Config, ConfigError, ConfigFile, FeedId, Kept, Loaded, Password},
    connector::FORMS,
    i18n::gettext,
};

/// Writes the settings on a thread that may wait for the disk, one after another.
pub(super) struct SettingsKeeper(UnboundedSender<Order>);

enum Order {
    Save(Box<Config>, oneshot::Sender<Result<(), ConfigError>>),
    /// Somebody else changed what is not ours in the file: take it as it is now.
    ReadAgain,
    /// Tell when everything before is done.
    Tell(oneshot::Sender<()>),
}

impl SettingsKeeper {
    fn new(runtime: &Handle, file: ConfigFile) -> Self {
        let (sender, orders) = unbounded_channel();
        runtime.spawn_blocking(move || keep(file, orders));
        Self(sender)
    }

    /// Comes back when all that was to be saved is.
    pub(super) async fn finish(&self) {
        let (sender, done) = oneshot::channel();
        let _ = self.0.send(Order::Tell(sender));
        let _ = done.await;
    }
}

fn keep(mut file: ConfigFile, mut orders: UnboundedReceiver<Order>) {
    while let Some(order) = orders.blocking_recv() {
        match order {
            Order::Save(config, done) => drop(done.send(file.save(&config))),
            // What is wrong with it, the next save says.
            Order::ReadAgain => drop(file.load()),
            Order::Tell(done) => drop(done.send(())),
        }
    }
}

/// The settings, and who keeps them. A file that was not understood is never written.
pub(super) fn load(runtime: &Handle, path: Option<PathBuf>) -> (Result<Loaded, ConfigError>, Option<SettingsKeeper>) {
    let path = match path.map_or_else(ConfigFile::default_path, Ok) {
        Ok(path) => path,
        Err(error) => return (Err(error), None),
    };
    let mut file = ConfigFile::new(path, FORMS);
    let loaded = file.load();
    let keeper = loaded.is_ok().then(|| SettingsKeeper::new(runtime, file));
    (loaded, keeper)
}

impl Desk {
    pub(super) fn take_settings(&self, loaded: Result<Loaded, ConfigError>) {
        let loaded = loaded.unwrap_or_else(|error| {
            tracing::error!("{error}");
            self.set_saves(false);
            self.set_settings_remarks(error.to_string());
            Loaded::default()
        });
        for (feed, password) in &loaded.passwords {
            self.parts().station.secrets.keep_for_this_run(feed, password);
            self.keep_password(feed, password);
        }
        self.show_warnings(&loaded);
        self.parts().station.configure(&loaded.config);
        for config in &loaded.config.feeds {
            self.feeds().append(&FeedObject::new(config));
            self.parts().errands.send(Errand::Add(config.clone()));
        }
        self.imp().config.replace(loaded.config);
    }

    fn show_warnings(&self, loaded: &Loaded) {
        let lines: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
        for line in &lines {
            tracing::warn!("{line}");
        }
        if !lines.is_empty() {
            self.set_settings_remarks(lines.join("\n"));
        }
    }

    /// Writes what is asked for now. Without a file that can be written nothing
    /// happens: the window has said so since the start.
    pub(super) fn save(&self) {
        let Some(keeper) = &self.parts().keeper else { return };
        let (done, saved) = oneshot::channel();
        let config = Box::new(self.imp().config.borrow().clone());
        let _ = keeper.0.send(Order::Save(config, done));
        self.then(saved, |desk, saved| {
            if let Ok(Err(error)) = saved {
                desk.notice(&gettext("The settings were not saved"), &error.to_string());
            }
        });
    }

    /// Somebody else changed what is not ours in the file.
    pub(super) fn read_again(&self) {
        if let Some(keeper) = &self.parts().keeper {
            let _ = keeper.0.send(Order::ReadAgain);
        }
    }

    /// Puts a password where the feed finds it, and tells where that is if it is not for good.
    pub(super) fn keep_password(&self, feed: &FeedId, password: &Password) {
        let secrets = self.parts().station.secrets.clone();
        let (feed, password) = (feed.clone(), password.clone());
        self.then(async move { secrets.keep(&feed, &password).await }, |desk, kept| {
            if let Kept::ThisRunOnly(why) = kept {
                desk.notice(&gettext("The password is kept for this run only"), &why.to_string());
            }
        });
    }
}
