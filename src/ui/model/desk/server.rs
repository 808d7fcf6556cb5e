//! The server for viewers, opened again until it works.

use gtk::{glib, prelude::*, subclass::prelude::*};
use tokio::{sync::mpsc::unbounded_channel, task::AbortHandle};

use super::Desk;
use crate::{
    config::FeedId,
    connector::local::{LocalServer, ServerError},
};

/// The way in for viewers: on its way, or open.
pub(super) enum Doors {
    Opening(AbortHandle),
    Open(LocalServer),
}

impl Desk {
    /// Tries at once to let viewers in, whatever stood in the way before.
    pub fn open_doors(&self) {
        if let Some(Doors::Opening(attempt)) = self.imp().doors.take() {
            attempt.abort();
        }
        let parts = self.parts();
        let (station, config) = (parts.station.clone(), self.imp().config.borrow().server.clone());
        let (sender, mut faults) = unbounded_channel();
        let attempt = parts.runtime.spawn(async move {
            let tell = |fault: &ServerError| drop(sender.send(fault.to_string()));
            station.listen_patiently(&config, tell).await
        });
        self.imp().doors.replace(Some(Doors::Opening(attempt.abort_handle())));
        let desk = self.downgrade();
        glib::spawn_future_local(async move {
            while let Some(fault) = faults.recv().await {
                let Some(desk) = desk.upgrade() else { return };
                desk.doors_stuck(&fault);
            }
            let Some((result, desk)) = attempt.await.ok().zip(desk.upgrade()) else { return };
            match result {
                Ok(server) => desk.doors_open(server),
                Err(error) => desk.doors_stuck(&error.to_string()),
            }
        });
    }

    fn doors_open(&self, server: LocalServer) {
        tracing::info!("Viewers: {}", server.url());
        self.set_viewer_url(server.url());
        self.set_server_fault("");
        self.imp().doors.replace(Some(Doors::Open(server)));
    }

    fn doors_stuck(&self, fault: &str) {
        tracing::error!("{fault}");
        self.set_viewer_url("");
        self.set_server_fault(fault);
    }

    /// Closes the server.
    pub(super) async fn shut_doors(&self) {
        match self.imp().doors.take() {
            Some(Doors::Opening(attempt)) => attempt.abort(),
            Some(Doors::Open(server)) => {
                let _ = self.parts().runtime.spawn(server.stop()).await;
            }
            None => {}
        }
    }

    /// The page of a feed, to be shown: the token is not in it. None while the server is closed.
    pub fn viewer_page(&self, feed: &FeedId) -> Option<String> {
        let base = self.viewer_url();
        (!base.is_empty()).then(|| format!("{base}feed/{feed}"))
    }

    /// The link for whoever may watch, token included. None while the server is closed.
    pub fn viewer_link(&self, feed: &FeedId) -> Option<String> {
        Some(self.viewer_page(feed)? + &self.token_part())
    }

    /// The address for players that speak WHEP, token included. None while the server is closed.
    pub fn whep_address(&self, feed: &FeedId) -> Option<String> {
        let base = self.viewer_url();
        (!base.is_empty()).then(|| format!("{base}whep/{feed}{}", self.token_part()))
    }

    /// What stands behind an address for whoever may watch.
    fn token_part(&self) -> String {
        let config = self.imp().config.borrow();
        config.server.token.as_ref().map_or_else(String::new, |token| format!("?token={}", token.expose()))
    }
}
