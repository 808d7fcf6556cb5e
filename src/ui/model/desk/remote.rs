//! Messages over MQTT, opened as the settings ask.

use gtk::{glib, prelude::*, subclass::prelude::*};
use tokio::{sync::mpsc::unbounded_channel, task::AbortHandle};

use super::Desk;
use crate::{i18n::gettext, mqtt::BrokerError, station::remote::Remote};

/// The way of messages: being opened, or open.
pub(super) enum Post {
    Opening(AbortHandle),
    Open(Remote),
}

impl Desk {
    /// Opens it, and says what stands in the way.
    pub(super) fn open_post(&self) {
        let parts = self.parts();
        let (station, config) = (parts.station.clone(), self.imp().config.borrow().mqtt.clone());
        let (sender, mut faults) = unbounded_channel();
        let attempt = parts.runtime.spawn(async move {
            let tell = |fault: &BrokerError| drop(sender.send(fault.to_string()));
            station.open_remote(&config, tell).await
        });
        self.imp().post.replace(Some(Post::Opening(attempt.abort_handle())));
        let desk = self.downgrade();
        glib::spawn_future_local(async move {
            while let Some(fault) = faults.recv().await {
                let Some(desk) = desk.upgrade() else { return };
                desk.post_stuck(&fault);
            }
            let Some((result, desk)) = attempt.await.ok().zip(desk.upgrade()) else { return };
            match result {
                Ok(remote) => drop(desk.imp().post.replace(remote.map(Post::Open))),
                Err(fault) => desk.post_stuck(&fault.to_string()),
            }
        });
    }

    fn post_stuck(&self, fault: &str) {
        self.notice(&gettext("There are no messages over MQTT."), fault);
    }

    /// Says goodbye to the broker.
    pub(super) async fn shut_post(&self) {
        match self.imp().post.take() {
            Some(Post::Opening(attempt)) => attempt.abort(),
            Some(Post::Open(remote)) => {
                let _ = self.parts().runtime.spawn(remote.stop()).await;
            }
            None => {}
        }
    }
}
