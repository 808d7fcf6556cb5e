//! Messages over MQTT, opened as the settings ask, also where those change meanwhile.

use gtk::{glib, prelude::*, subclass::prelude::*};
use tokio::sync::mpsc::unbounded_channel;

use super::Desk;
use crate::{
    config::{Config, ConfigFile, FeedId, Kept, Loaded, MqttConfig, Password},
    i18n::gettext,
    mqtt::BrokerError,
    station::settings_watch,
};

impl Desk {
    /// Opens it, and says what stands in the way.
    pub(super) fn open_post(&self) {
        let config = self.imp().config.borrow().mqtt.clone();
        let (sender, mut faults) = unbounded_channel();
        let tell = move |fault: &BrokerError| drop(sender.send(fault.to_string()));
        self.imp().post.replace(Some(self.parts().station.open_post(config, tell)));
        let desk = self.downgrade();
        glib::spawn_future_local(async move {
            while let Some(fault) = faults.recv().await {
                let Some(desk) = desk.upgrade() else { return };
                desk.notice(&gettext("There are no messages over MQTT."), &fault);
            }
        });
        self.follow_settings();
    }

    /// Somebody may change the file in an editor meanwhile.
    fn follow_settings(&self) {
        let Some(path) = self.parts().settings.clone().or_else(|| ConfigFile::default_path().ok()) else { return };
        let (sender, mut changes) = unbounded_channel();
        self.parts().runtime.spawn(settings_watch::watch(path, move |loaded| sender.send(loaded).is_ok()));
        let desk = self.downgrade();
        glib::spawn_future_local(async move {
            while let Some(loaded) = changes.recv().await {
                let Some(desk) = desk.upgrade() else { return };
                desk.take_changes(loaded);
            }
        });
    }

    /// What the window never writes is the operator's own, and holds at once. Where nothing else is
    /// different in the file, it can be saved as before.
    fn take_changes(&self, loaded: Loaded) {
        let before = self.imp().config.borrow().clone();
        let theirs = loaded.config;
        let merged = Config {
            encoders: theirs.encoders.clone(),
            recording: theirs.recording.clone(),
            statistics: theirs.statistics.clone(),
            mqtt: theirs.mqtt.clone(),
            watch: theirs.watch.clone(),
            connectors: theirs.connectors.clone(),
            ..before.clone()
        };
        if let Some(post) = &*self.imp().post.borrow() {
            post.change(&merged.mqtt);
        }
        if let Some(watch) = &*self.imp().watch.borrow() {
            watch.change((&merged).into());
        }
        self.parts().station.reconfigure(&merged);
        let is_all = merged == theirs;
        let is_news = merged != before;
        self.imp().config.replace(merged);
        if is_all && is_news {
            self.read_again();
        }
        if is_news {
            self.tell_elsewhere();
        }
    }

    /// What is asked of messages over MQTT now.
    pub fn mqtt(&self) -> MqttConfig {
        self.imp().config.borrow().mqtt.clone()
    }

    /// Has messages go another way, from now on and after the next start of the program. A password is
    /// kept in the keyring.
    pub fn set_mqtt(&self, mqtt: MqttConfig, password: Option<Password>) {
        self.imp().config.borrow_mut().mqtt = mqtt.clone();
        self.save();
        let Some(password) = password else {
            return self.imp().post.borrow().iter().for_each(|post| post.change(&mqtt));
        };
        let secrets = self.parts().station.secrets.clone();
        let keep = async move { secrets.keep(&FeedId::of_broker(), &password).await };
        self.then(keep, move |desk, kept| {
            if let Kept::ThisRunOnly(why) = kept {
                desk.notice(&gettext("The password is kept for this run only"), &why.to_string());
            }
            desk.imp().post.borrow().iter().for_each(|post| post.begin_anew(&mqtt));
        });
    }

    /// Says goodbye to the broker.
    pub(super) async fn shut_post(&self) {
        let post = self.imp().post.take();
        if let Some(post) = post {
            let _ = self.parts().runtime.spawn(post.stop()).await;
        }
    }
}
