//! What goes into the engine and what comes out: plain data, no object of GLib in it.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::FeedState;
use crate::{
    channels::Payload,
    config::{
        AgentConfig, Attention, ChangedBy, Codec, ConnectorId, ElementChoice, ElementRole, FeedId, Fingerprint,
        InForce, SetpointChange, ShareConfig, StreamChoice,
    },
    connector::{ConnectorState, bigfootbot::OfferedFeed},
    control::{ControlState, CrewState},
    i18n::ngettext_f,
    media::{AudioState, Kept},
    stats::{FeedSample, ViewerSample},
};

/// What can be asked of a feed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum FeedCommand {
    /// Connect to the camera and stream.
    Start,
    /// Hang up and end all sessions.
    Stop,
    /// Hold the feed to another setpoint from now on; viewers keep their sessions. A change of
    /// the size that comes within 5 s of the one before waits, unless a person asks for it.
    Apply {
        /// Refused as a whole where [`SetpointChange::check`] refuses it.
        change: SetpointChange,
        /// Who asks.
        by: ChangedBy,
    },
    /// Have this agent decide from now on, within these bounds. Ends that a person has taken over.
    SetAgent {
        /// Which, and what it may do.
        agent: AgentConfig,
    },
    /// Have the agent only watch, while a person decides. A person's [`Self::Apply`] does so by itself.
    Overtake {
        /// For so many seconds; without a limit until [`Self::GiveBack`].
        #[serde(default)]
        limit: Option<u64>,
    },
    /// Have the agent decide again after a person has taken over.
    GiveBack,
    /// Have it take part like this when bitrate is shared out among the feeds.
    SetShare {
        /// How important it is, and whether its agent decides for itself.
        share: ShareConfig,
    },
    /// Somebody begins or ceases to look at it more than at others: meanwhile it has its focus
    /// importance. It does not wait for other commands.
    Attend {
        /// Why.
        attention: Attention,
        /// Whether somebody does.
        on: bool,
    },
    /// Show this one of the camera's two streams from now on; viewers keep their sessions.
    SetStream {
        /// The second one only where the feed has a second address.
        stream: StreamChoice,
    },
    /// Send viewers this codec from now on, those that can take it. Each gets another session; our
    /// page shows the old picture until the new one decodes.
    SetCodec {
        /// The codec.
        codec: Codec,
        /// The encoder that makes it.
        #[serde(default)]
        encoder: ElementChoice,
    },
    /// Set a property of its elements of this role from now on; viewers keep their sessions. What
    /// is refused, or does not change while the feed runs, is told by a [`FeedEvent::Notice`].
    SetElement {
        /// Whose property.
        role: ElementRole,
        /// The property.
        name: String,
        /// As GStreamer writes it; never empty.
        value: String,
    },
    /// Write its statistics to files from now on, or no more.
    RecordStatistics {
        /// Whether to.
        on: bool,
    },
    /// Take whichever certificate the camera shows next, and keep that one.
    ForgetCertificate,
    /// Record what is sent into files, from the next key frame on, until it is stopped.
    StartRecording,
    /// End the recording.
    StopRecording,
    /// Keep the last of what is sent in memory, to be saved when it turns out to matter; or forget it.
    KeepLast {
        /// Whether to keep it.
        on: bool,
    },
    /// Write what is kept in memory to a file.
    SaveLast,
    /// Save the next picture.
    Snapshot,
    /// Send this to viewers, on a data channel of the feed. It does not wait for other commands;
    /// what viewers send is heard by [`Engine::subscribe_data`](super::Engine::subscribe_data).
    SendData {
        /// The channel's label.
        channel: String,
        /// To the viewer of this session only; `None` is all.
        session: Option<String>,
        /// What it says.
        payload: Payload,
    },
}

/// What is kept of a feed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RecordingState {
    /// Since when it is recorded, in seconds since the Unix epoch; `None` where it is not.
    pub since: Option<f64>,
    /// The file that is being written; `None` before the first picture.
    pub file: Option<PathBuf>,
    /// The last of it is kept in memory.
    pub keeps_last: bool,
}

/// What encodes a feed, and why it is this.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncoderInUse {
    /// The element, such as `x264enc`.
    pub element: String,
    /// What people call it, such as “NVENC on GPU 1”.
    pub label: String,
    /// Why it is this one, such as “Automatic: x264, no hardware encoder found”.
    pub reason: String,
}

/// Which way a camera's stream takes to the viewers, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PathInUse {
    /// It goes out as it is, neither decoded nor encoded anew.
    pub passes_through: bool,
    /// The path and its reason, such as “Camera sends H.264 High with B-frames: transcoding with x264,
    /// about 0.2 core”.
    pub sentence: String,
}

/// Viewers that get another codec than the feed's, for they do not take that one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Beside {
    /// What they get.
    pub codec: Codec,
    /// How many they are.
    pub viewers: usize,
    /// What they do not take.
    pub instead_of: Codec,
}

impl Beside {
    /// The same in a few words, such as “H.264 for 1 viewer that does not take AV1”.
    pub fn words(&self) -> String {
        let (codec, instead_of) = (self.codec.to_string(), self.instead_of.to_string());
        ngettext_f(
            // Translators: {codec} and {other} are such as H.264 and AV1; {n} is a number of viewers.
            "{codec} for {n} viewer that does not take {other}",
            "{codec} for {n} viewers that do not take {other}",
            self.viewers as u32,
            &[("codec", &codec), ("other", &instead_of)],
        )
    }
}

/// What happens to a feed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum FeedEvent {
    /// The feed is in another state.
    State(FeedState),
    /// This many viewers are connected now.
    Viewers {
        /// Over all connectors.
        count: usize,
    },
    /// The sender that this feed is received from has these feeds; told anew when one comes or goes.
    Offered {
        /// This one, then the others in the order that it has them in.
        feeds: Vec<OfferedFeed>,
    },
    /// Something the operator should know, and need not answer.
    Notice {
        /// What happened, to what, and how it goes on.
        sentence: String,
    },
    /// The certificate by which the camera is known from now on is this one, or none.
    /// Whoever owns the settings keeps it there.
    Certificate {
        /// `None` once it was forgotten.
        fingerprint: Option<Fingerprint>,
    },
    /// A property of the feed's elements was set, as [`FeedCommand::SetElement`] asked. Whoever owns
    /// the settings keeps it there.
    Element {
        /// Whose property.
        role: ElementRole,
        /// The property.
        name: String,
        /// As GStreamer writes it.
        value: String,
    },
    /// Something else is heard of the feed, or nothing any more.
    Audio(AudioState),
    /// What encodes from now on.
    Encoder(EncoderInUse),
    /// The camera's stream goes another way to the viewers from now on, or for another reason.
    Path(PathInUse),
    /// Viewers who can take it are sent this codec from now on.
    Codec {
        /// The codec.
        codec: Codec,
        /// What is to encode it.
        encoder: ElementChoice,
    },
    /// These viewers get another codec now, beside all others.
    Beside {
        /// By codec; none at all where everybody gets the same.
        others: Vec<Beside>,
    },
    /// There is no way to a viewer, and its session ended by that. Why stands in `ice_verdict`.
    Unreached {
        /// What is known of it.
        viewer: Box<ViewerSample>,
    },
    /// The feed is like this at a connector from now on.
    Connector {
        /// Which.
        connector: ConnectorId,
        /// How; `None` where it is there no more.
        state: Option<ConnectorState>,
    },
    /// The feed is held to another setpoint from now on.
    Setpoint(InForce),
    /// Something else is kept of it from now on, or nothing any more.
    Recording(RecordingState),
    /// A file of what is kept is complete.
    Saved {
        /// What is in it.
        kept: Kept,
        /// Where it is.
        path: PathBuf,
    },
    /// Something could not be kept. A recording goes on as soon as it can.
    NotSaved {
        /// What.
        kept: Kept,
        /// Why, and what to do.
        sentence: String,
    },
    /// Another agent decides from now on, or for another reason.
    Agent(CrewState),
    /// Who is to decide, as [`FeedCommand::SetAgent`] or [`FeedCommand::SetShare`] asked. Whoever owns
    /// the settings keeps it there.
    Decider {
        /// The agent, and what it may do.
        agent: AgentConfig,
        /// How the feed takes part when bitrate is shared out.
        share: ShareConfig,
    },
    /// What is known of it and its viewers now.
    Stats(Box<FeedSample>),
}

/// What the engine tells its faces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum EngineEvent {
    /// A feed was added.
    Added {
        /// Which.
        feed: FeedId,
    },
    /// A feed was removed.
    Removed {
        /// Which.
        feed: FeedId,
    },
    /// Bitrate is shared out otherwise among the feeds, or there are others.
    Control {
        /// How it is shared out now.
        state: ControlState,
    },
    /// Something happened to a feed.
    Feed {
        /// Which.
        feed: FeedId,
        /// What.
        event: FeedEvent,
    },
}
