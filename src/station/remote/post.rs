//! Messages over MQTT as the settings ask for them: opened, and opened anew where those change.

use std::sync::Arc;

use tokio::{sync::watch, task::JoinHandle, time::sleep};

use super::{super::LISTEN_AGAIN, Remote};
use crate::{
    config::{MqttConfig, Secrets},
    engine::Engine,
    mqtt::BrokerError,
};

/// The way of messages, for as long as somebody wants it.
pub struct Post {
    wanted: watch::Sender<MqttConfig>,
    work: JoinHandle<()>,
}

impl Post {
    /// Opens it, and waits for the embedded broker's port while another program has it: that is told
    /// once, and tried again every two seconds. What does not pass by itself is told, and that is all.
    pub fn open(
        engine: Engine,
        secrets: Arc<Secrets>,
        config: MqttConfig,
        tell: impl Fn(&BrokerError) + Send + Sync + 'static,
    ) -> Self {
        let (wanted, asked) = watch::channel(config);
        Self { wanted, work: tokio::spawn(keep(engine, secrets, asked, tell)) }
    }

    /// Has it be like this from now on. Where nothing is different nobody loses a connection.
    pub fn change(&self, config: &MqttConfig) {
        self.wanted.send_if_modified(|before| {
            let is_news = before != config;
            before.clone_from(config);
            is_news
        });
    }

    /// The same, but opened anew in any case: the password has changed.
    pub fn begin_anew(&self, config: &MqttConfig) {
        self.wanted.send_replace(config.clone());
    }

    /// Says goodbye, and closes it.
    pub async fn stop(self) {
        drop(self.wanted);
        let _ = self.work.await;
    }
}

async fn keep(
    engine: Engine,
    secrets: Arc<Secrets>,
    mut wanted: watch::Receiver<MqttConfig>,
    tell: impl Fn(&BrokerError) + Send + Sync,
) {
    loop {
        let config = wanted.borrow_and_update().clone();
        let remote = tokio::select! {
            remote = open_patiently(&engine, &secrets, &config, &tell) => remote,
            changed = wanted.changed() => match changed {
                Ok(()) => continue,
                Err(_) => return,
            },
        };
        let changed = wanted.changed().await;
        if let Some(remote) = remote {
            remote.stop().await;
        }
        if changed.is_err() {
            return;
        }
    }
}

/// `None` where the settings want no messages, or there can be none.
async fn open_patiently(
    engine: &Engine,
    secrets: &Secrets,
    config: &MqttConfig,
    tell: impl Fn(&BrokerError),
) -> Option<Remote> {
    let mut told = false;
    loop {
        match Remote::start(engine, secrets, config).await {
            Ok(remote) => return remote,
            Err(error) => {
                if !told {
                    tell(&error);
                }
                if !error.may_pass() {
                    return None;
                }
                told = true;
                sleep(LISTEN_AGAIN).await;
            }
        }
    }
}
