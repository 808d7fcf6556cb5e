//! How a sender of a received picture is met, and what is said on the way to it.

use std::fmt;

use futures::future::BoxFuture;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::media::MediaFault;

/// A place where a sender is met.
pub trait Signalling: fmt::Debug + Send + Sync {
    /// Meets the sender once: what it says goes to `said`, and it is told the replies. Ends when there are no
    /// more of them.
    fn meet(
        &self,
        said: UnboundedSender<FromSender>,
        replies: UnboundedReceiver<ToSender>,
    ) -> BoxFuture<'static, Result<(), MediaFault>>;
}

/// What a sender says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromSender {
    /// Its offer (SDP).
    Offer(String),
    /// One of its ICE candidates.
    Candidate {
        /// As in SDP, behind `a=`.
        candidate: String,
        /// The media section.
        line: u32,
    },
    /// It is there and sends: where nothing comes, there is no way for it any more.
    Here,
}

/// What a sender is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToSender {
    /// Our answer (SDP).
    Answer(String),
    /// One of our ICE candidates.
    Candidate {
        /// As in SDP, behind `a=`.
        candidate: String,
        /// The media section.
        line: u32,
    },
    /// Nothing has come for a while.
    Missed,
    /// Nothing will come any more: the last that it is told.
    GiveUp,
}
