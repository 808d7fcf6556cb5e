//! What the window asks of the engine, carried out one after another.
//!
//! Removing a feed takes a moment. Without an order, an Undo right after it
//! would find the old feed still there.

use tokio::{
    runtime::Handle,
    sync::{
        mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
        oneshot,
    },
};

use crate::{
    config::{FeedConfig, FeedId},
    engine::{Engine, FeedCommand},
};

/// One thing to do.
pub(super) enum Errand {
    Add(FeedConfig),
    Remove(FeedId),
    /// End the feed and start it with this.
    Replace(FeedConfig),
    Command(FeedId, FeedCommand),
    /// Tell when everything before is done.
    Tell(oneshot::Sender<()>),
}

/// The errands of one engine.
pub(super) struct Errands(UnboundedSender<Errand>);

impl Errands {
    /// Starts to wait for errands.
    pub(super) fn new(runtime: &Handle, engine: Engine) -> Self {
        let (sender, receiver) = unbounded_channel();
        runtime.spawn(run(engine, receiver));
        Self(sender)
    }

    /// Has it done, after all that was asked before.
    pub(super) fn send(&self, errand: Errand) {
        let _ = self.0.send(errand);
    }

    /// Comes back when all that was asked before is done.
    pub(super) async fn finish(&self) {
        let (sender, done) = oneshot::channel();
        self.send(Errand::Tell(sender));
        let _ = done.await;
    }
}

async fn run(engine: Engine, mut errands: UnboundedReceiver<Errand>) {
    while let Some(errand) = errands.recv().await {
        let done = match errand {
            Errand::Add(config) => engine.add(config),
            Errand::Remove(id) => engine.remove(&id).await,
            Errand::Replace(config) => {
                let _ = engine.remove(&config.id).await;
                engine.add(config)
            }
            Errand::Command(id, command) => engine.command(&id, command),
            Errand::Tell(sender) => {
                let _ = sender.send(());
                Ok(())
            }
        };
        if let Err(error) = done {
            // The window asks only for feeds it knows, so this is a fault of ours.
            tracing::error!("The engine refused: {error}.");
        }
    }
}
