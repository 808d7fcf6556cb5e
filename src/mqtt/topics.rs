//! The names of topics.

use crate::config::FeedId;

/// What all of ours begin with.
const ROOT: &str = "heliograph";

/// The topics of one Heliograph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    /// `heliograph/<instance>`.
    base: String,
}

/// What is told of a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FeedTopic {
    /// How it is; retained.
    State,
    /// Its statistics.
    Stats,
    /// What the network is thought to carry.
    Estimate,
    /// Who changed what.
    Actions,
    /// Its viewers.
    Viewers,
}

impl FeedTopic {
    /// The last word of the topic.
    pub const fn word(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Stats => "stats",
            Self::Estimate => "estimate",
            Self::Actions => "actions",
            Self::Viewers => "viewers",
        }
    }
}

/// Whom a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// This Heliograph.
    Instance,
    /// A feed, by the name in the topic.
    Feed(FeedId),
    /// Who shares bitrate out among the feeds.
    Control,
}

impl Topics {
    /// Those of the Heliograph of this name.
    pub fn of(instance: &FeedId) -> Self {
        Self { base: format!("{ROOT}/{instance}") }
    }

    /// Whether it is there; retained, and the last will.
    pub fn state(&self) -> String {
        format!("{}/state", self.base)
    }

    /// Its feeds; retained.
    pub fn feeds(&self) -> String {
        format!("{}/feeds", self.base)
    }

    /// Requests to it.
    pub fn command(&self) -> String {
        format!("{}/command", self.base)
    }

    /// How bitrate is shared out among its feeds; retained.
    pub fn control(&self) -> String {
        format!("{}/control", self.base)
    }

    /// Requests about that.
    pub fn control_command(&self) -> String {
        format!("{}/control/command", self.base)
    }

    /// What is told of a feed.
    pub fn feed(&self, feed: &FeedId, what: FeedTopic) -> String {
        format!("{}/feeds/{feed}/{}", self.base, what.word())
    }

    /// What viewers say on a data channel of a feed.
    pub fn data(&self, feed: &FeedId, channel: &str) -> String {
        format!("{}/feeds/{feed}/data/{channel}", self.base)
    }

    /// Requests to a feed.
    pub fn feed_command(&self, feed: &FeedId) -> String {
        format!("{}/feeds/{feed}/command", self.base)
    }

    /// Where answers go that nobody named a place for: beside the request.
    pub fn reply_beside(command: &str) -> String {
        match command.strip_suffix("/command") {
            Some(base) => format!("{base}/reply"),
            None => format!("{command}/reply"),
        }
    }

    /// A place for the answers to one client.
    pub fn reply_to(&self, client: &str) -> String {
        format!("{}/reply/{client}", self.base)
    }

    /// What has to be subscribed to hear all requests.
    pub fn requests(&self) -> Vec<String> {
        vec![self.command(), self.control_command(), format!("{}/feeds/+/command", self.base)]
    }

    /// What has to be subscribed to hear what the broker keeps of our feeds.
    pub fn states(&self) -> String {
        format!("{}/feeds/+/state", self.base)
    }

    /// Whether this is the topic of a feed's state.
    pub fn is_state(&self, topic: &str) -> bool {
        topic.strip_prefix(&self.base).is_some_and(|rest| rest.starts_with("/feeds/") && rest.ends_with("/state"))
    }

    /// Whom a request on this topic is for; `None` where it is no topic of requests, or no feed
    /// can have that name.
    pub fn target(&self, topic: &str) -> Option<Target> {
        let words: Vec<&str> = topic.strip_prefix(&self.base)?.strip_prefix('/')?.split('/').collect();
        match words[..] {
            ["command"] => Some(Target::Instance),
            ["control", "command"] => Some(Target::Control),
            ["feeds", feed, "command"] => feed.parse().ok().map(Target::Feed),
            _ => None,
        }
    }
}

/// Whether an answer may be sent there. Whoever may send requests could have us say anything anywhere
/// otherwise: pretend a state, or send requests to another Heliograph.
pub fn may_reply_to(topic: &str) -> bool {
    let is_name = (1..=256).contains(&topic.len()) && !topic.contains(['+', '#', '\0']) && !topic.starts_with('$');
    let words: Vec<&str> = topic.split('/').collect();
    is_name
        && (words[0] != ROOT
            || matches!(
                words[..],
                [ROOT, _, "reply", ..] | [ROOT, _, "control", "reply"] | [ROOT, _, "feeds", _, "reply"]
            ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> FeedId {
        text.parse().unwrap()
    }

    #[test]
    fn requests_are_known_by_their_topic_exactly() {
        let topics = Topics::of(&id("boat"));
        assert_eq!(topics.target("heliograph/boat/command"), Some(Target::Instance));
        assert_eq!(topics.target(&topics.control_command()), Some(Target::Control));
        assert_eq!(topics.target(&topics.feed_command(&id("bow"))), Some(Target::Feed(id("bow"))));
        for other in
            ["heliograph/boat2/command", "heliograph/boat/feeds/bow/state", "heliograph/boat/feeds/Bow/command", "x"]
        {
            assert_eq!(topics.target(other), None, "for {other}");
        }
    }

    #[test]
    fn answers_go_nowhere_where_they_could_be_taken_for_something_else() {
        let topics = Topics::of(&id("boat"));
        for good in [
            "answers/me",
            &topics.reply_to("me"),
            &Topics::reply_beside(&topics.feed_command(&id("bow"))),
            &Topics::reply_beside(&topics.control_command()),
        ] {
            assert!(may_reply_to(good), "{good}");
        }
        for bad in [
            "",
            "a/#",
            "$SYS/x",
            &topics.state(),
            &topics.feed_command(&id("bow")),
            "heliograph",
            "heliograph/b/command",
        ] {
            assert!(!may_reply_to(bad), "{bad}");
        }
    }
}
