//! What is told over MQTT. Every message is one of these, as JSON, and has the version `v`.

use std::{collections::BTreeMap, path::Path};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    channels::Payload,
    config::{AgentConfig, ChangedBy, ConnectorId, FeedId, Setpoint, ShareConfig},
    connector::ConnectorState,
    control::{ControlState, CrewState},
    engine::{FeedSnapshot, FeedState, RecordingState},
    media::{AudioState, Kept},
    mqtt::{Refusal, RefusalKind},
    stats::{EstimateBasis, FeedSample, ViewerSample},
};

/// The version of all messages. A new one may only be needed where something old changes its meaning:
/// whoever reads must pass over what it does not know.
pub const VERSION: u64 = 1;

/// No message is larger, in bytes: of a feed with very many viewers only the first are told.
pub const LARGEST_REPORT: usize = 64 * 1024;

/// `…/state`: whether this Heliograph is there. Retained, and its last will.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct InstanceState {
    /// The version of this message.
    pub v: u64,
    /// Whether it runs and is connected.
    pub online: bool,
    /// The program's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// How many requests were not obeyed since it started.
    #[serde(default)]
    pub requests_refused: u64,
    /// How many messages were dropped since it started, because nobody took them in time.
    #[serde(default)]
    pub messages_dropped: u64,
}

/// `…/feeds`: the feeds there are, in their order. Retained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeedList {
    /// The version of this message.
    pub v: u64,
    /// The feeds.
    pub feeds: Vec<FeedName>,
}

/// A feed's names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FeedName {
    /// What programs call it, and its topics.
    pub id: FeedId,
    /// What people call it.
    pub name: String,
}

/// `…/feeds/<feed>/state`: how a feed is. Retained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FeedReport {
    /// The version of this message.
    pub v: u64,
    /// Which feed.
    pub feed: FeedId,
    /// What people call it.
    pub name: String,
    /// `idle`, `connecting`, `live`, `stalled`, `backoff`, `failed`, `standby` or `stopped`.
    pub state: String,
    /// The same in a sentence; of a trouble also what to do next.
    pub sentence: String,
    /// What the camera sends, while it is live.
    pub picture: Option<PictureReport>,
    /// How many viewers are connected.
    pub viewers: usize,
    /// What the feed is held to.
    pub setpoint: Setpoint,
    /// Who said so.
    pub by: ChangedBy,
    /// The element that encodes; `None` before anything does.
    pub encoder: Option<String>,
    /// Whether the camera's stream goes out as it is; `None` before that is known.
    pub passes_through: Option<bool>,
    /// Which way the stream takes and why, in a sentence.
    pub path: Option<String>,
    /// `off`, `live` or `missing`.
    pub audio: String,
    /// Who is to decide over the setpoint, and what it may do.
    #[serde(default)]
    pub agent: AgentConfig,
    /// How it takes part when bitrate is shared out; where it stands is told by `…/control`.
    #[serde(default)]
    pub share: ShareConfig,
    /// What is kept of it.
    #[serde(default)]
    pub recording: RecordingReport,
    /// How it is at the connectors that lead elsewhere, by their ids.
    #[serde(default)]
    pub connectors: BTreeMap<ConnectorId, ConnectorReport>,
}

/// How a feed is at a connector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ConnectorReport {
    /// `connecting`, `ready` or `backoff`.
    pub state: String,
    /// The same in a sentence; of a trouble also what to do next.
    pub sentence: String,
}

/// What is kept of a feed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RecordingReport {
    /// Since when it is recorded, in seconds since the Unix epoch; `None` where it is not.
    pub since: Option<f64>,
    /// The name of the file that is being written. Its folder is this machine's own affair.
    pub file: Option<String>,
    /// The last of it is kept in memory.
    pub keeps_last: bool,
}

impl RecordingReport {
    /// What is told of it.
    pub fn of(recording: &RecordingState) -> Self {
        let RecordingState { since, file, keeps_last } = recording;
        Self { since: *since, file: file.as_deref().map(name_of), keeps_last: *keeps_last }
    }
}

/// The name of a file, without the folder.
pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// What a camera sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PictureReport {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// As people call it.
    pub codec: String,
}

impl FeedReport {
    /// A feed as it is known now. Its address is not in it.
    pub fn of(feed: &FeedSnapshot) -> Self {
        let picture = match &feed.state {
            FeedState::Live { picture } => {
                Some(PictureReport { width: picture.width, height: picture.height, codec: picture.codec.clone() })
            }
            _ => None,
        };
        let audio = match &feed.audio {
            AudioState::Off => "off",
            AudioState::Live => "live",
            AudioState::Missing { .. } => "missing",
        };
        Self {
            v: VERSION,
            feed: feed.config.id.clone(),
            name: feed.config.name.clone(),
            state: feed.state.name().to_owned(),
            sentence: feed.state.sentence(),
            picture,
            viewers: feed.viewers,
            setpoint: feed.in_force.setpoint,
            by: feed.in_force.by.clone(),
            encoder: feed.encoder.as_ref().map(|encoder| encoder.element.clone()),
            passes_through: feed.path.as_ref().map(|path| path.passes_through),
            path: feed.path.as_ref().map(|path| path.sentence.clone()),
            audio: audio.to_owned(),
            agent: feed.config.agent,
            share: feed.config.share,
            recording: RecordingReport::of(&feed.recording),
            connectors: feed.connectors.iter().map(|(id, state)| (id.clone(), ConnectorReport::of(state))).collect(),
        }
    }
}

impl ConnectorReport {
    fn of(state: &ConnectorState) -> Self {
        Self { state: state.name().to_owned(), sentence: state.sentence() }
    }
}

/// `…/control`: how bitrate is shared out among the feeds. Retained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ControlReport {
    /// The version of this message.
    pub v: u64,
    /// How.
    #[serde(flatten)]
    pub control: ControlState,
}

/// `…/feeds/<feed>/stats`: a sample of its statistics.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StatsReport {
    /// The version of this message.
    pub v: u64,
    /// Which feed.
    pub feed: FeedId,
    /// How many viewers were left out, so that the message does not become too large.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub viewers_left_out: usize,
    /// What is known.
    pub sample: FeedSample,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl StatsReport {
    /// The message, within [`LARGEST_REPORT`].
    pub fn payload(feed: &FeedId, sample: &FeedSample) -> Vec<u8> {
        let mut report = Self { v: VERSION, feed: feed.clone(), viewers_left_out: 0, sample: sample.clone() };
        loop {
            let payload = json(&report);
            let viewers = &mut report.sample.viewers;
            if payload.len() <= LARGEST_REPORT || viewers.is_empty() {
                return payload;
            }
            // In proportion to what is too much, and a little more.
            let keep = (viewers.len() * LARGEST_REPORT / payload.len()).min(viewers.len() - 1);
            report.viewers_left_out += viewers.len() - keep;
            viewers.truncate(keep);
        }
    }
}

/// `…/feeds/<feed>/estimate`: what the network is thought to carry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EstimateReport {
    /// The version of this message.
    pub v: u64,
    /// Which feed.
    pub feed: FeedId,
    /// When, in seconds since the Unix epoch.
    pub time: f64,
    /// The lowest of the viewers' estimates, in kbit/s; `None` while there is none.
    pub estimate_kbps: Option<f64>,
    /// How that one is known: `receiver-reports` are a poor base, of viewers who tell nothing better.
    pub basis: Option<EstimateBasis>,
}

/// `…/feeds/<feed>/viewers`: who watches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ViewersReport {
    /// The version of this message.
    pub v: u64,
    /// Which feed.
    pub feed: FeedId,
    /// How many there are.
    pub count: usize,
    /// Those of whom something is known.
    pub viewers: Vec<ViewerReport>,
}

/// A viewer, in short.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ViewerReport {
    /// Its session.
    pub session: String,
    /// What it calls itself.
    pub name: Option<String>,
    /// What it sees: `main` or `low`.
    pub rendition: Option<String>,
    /// What its connection may carry, in kbit/s.
    pub estimate_kbps: Option<u32>,
    /// How that is known.
    pub estimate_basis: Option<EstimateBasis>,
    /// Why it is not connected, in a sentence; `None` where it is, and where that may still come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_connected: Option<String>,
}

impl ViewerReport {
    /// Those of a sample; the first 64 of them.
    pub fn all(viewers: &[ViewerSample]) -> Vec<Self> {
        let one = |viewer: &ViewerSample| Self {
            session: viewer.session.clone(),
            name: viewer.viewer.clone(),
            rendition: viewer.rendition.map(|rendition| rendition.key().to_owned()),
            estimate_kbps: viewer.estimate_kbps,
            estimate_basis: viewer.estimate_basis,
            not_connected: viewer.ice_verdict.clone(),
        };
        viewers.iter().take(64).map(one).collect()
    }
}

/// `…/feeds/<feed>/actions`: what was done to a feed, or could not be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ActionReport {
    /// The version of this message.
    pub v: u64,
    /// Which feed.
    pub feed: FeedId,
    /// What.
    #[serde(flatten)]
    pub action: Action,
}

/// What was done to a feed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Action {
    /// It is held to another setpoint.
    Setpoint {
        /// To this one.
        setpoint: Setpoint,
        /// Who said so.
        by: ChangedBy,
    },
    /// Another agent decides, or for another reason.
    Agent {
        /// Who, and why.
        agent: CrewState,
    },
    /// It is to be decided over by another agent, or shared out otherwise.
    Decider {
        /// The agent, and what it may do.
        agent: AgentConfig,
        /// How the feed takes part when bitrate is shared out.
        share: ShareConfig,
    },
    /// Something else is kept of it from now on, or nothing any more.
    Recording {
        /// What.
        recording: RecordingReport,
    },
    /// A file of what is kept is complete.
    Saved {
        /// What is in it.
        kept: Kept,
        /// Its name. Its folder is this machine's own affair.
        file: String,
    },
    /// Something could not be kept. A recording goes on as soon as it can.
    NotSaved {
        /// What.
        kept: Kept,
        /// Why, and what to do.
        sentence: String,
    },
    /// Something that the operator should know.
    Notice {
        /// What.
        sentence: String,
    },
}

/// `…/feeds/<feed>/data/<channel>`: what a viewer said on a data channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DataReport {
    /// The version of this message.
    pub v: u64,
    /// Whose channel it is.
    pub feed: FeedId,
    /// The channel's label.
    pub channel: String,
    /// The viewer's session.
    pub session: String,
    /// What the viewer calls itself.
    pub viewer: Option<String>,
    /// What it said.
    pub payload: Payload,
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reply {
    /// The version of this message.
    pub v: u64,
    /// The request's `id`, if it had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Value>,
    /// Whether it was obeyed. What takes time, such as connecting to a camera, has then begun.
    pub ok: bool,
    /// What was asked for, where something was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// Why it was not obeyed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ReplyError>,
}

/// Why a request was not obeyed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplyError {
    /// The kind, for programs.
    pub kind: RefusalKind,
    /// What is wrong and what would be right, for people.
    pub sentence: String,
}

impl Reply {
    /// The answer to the request with this `id`.
    pub fn new(id: Option<Value>, outcome: Result<Option<Value>, Refusal>) -> Self {
        let (ok, result, error) = match outcome {
            Ok(result) => (true, result, None),
            Err(Refusal { kind, sentence }) => (false, None, Some(ReplyError { kind, sentence })),
        };
        Self { v: VERSION, id, ok, result, error }
    }
}

/// A message as it is sent.
pub fn json<T: Serialize>(message: &T) -> Vec<u8> {
    serde_json::to_vec(message).expect("a message should be JSON: its types have text keys only")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_of_very_many_viewers_stay_within_the_bound() {
        let viewer = ViewerSample { session: "x".repeat(40), ..ViewerSample::default() };
        let feed: FeedId = "bow".parse().unwrap();
        for count in [0, 1, 100, 5000] {
            let sample = FeedSample { viewers: vec![viewer.clone(); count], ..FeedSample::default() };
            let payload = StatsReport::payload(&feed, &sample);
            assert!(payload.len() <= LARGEST_REPORT, "{count} viewers: {} bytes", payload.len());
            let back: StatsReport = serde_json::from_slice(&payload).unwrap();
            assert_eq!(back.sample.viewers.len() + back.viewers_left_out, count);
        }
    }

    #[test]
    fn an_answer_says_whether_it_worked_and_repeats_the_id() {
        let good = serde_json::to_value(Reply::new(Some(7.into()), Ok(None))).unwrap();
        assert_eq!(good, serde_json::json!({ "v": 1, "id": 7, "ok": true }));
        let refusal = Refusal::new(RefusalKind::NotFound, "There is none.");
        let bad = serde_json::to_value(Reply::new(None, Err(refusal))).unwrap();
        assert_eq!(
            bad,
            serde_json::json!({ "v": 1, "ok": false, "error": { "kind": "not-found", "sentence": "There is none." } })
        );
    }
}
