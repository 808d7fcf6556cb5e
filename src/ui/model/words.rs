//! What the window says about a feed: a state, put into a few words.
//!
//! Pure: the same state, the same words. A window shows only what stands here,
//! so list, picture and details never contradict each other.

use std::time::Duration;

use gtk::glib;

use crate::{
    engine::{Awaited, FeedState},
    i18n::{gettext, gettext_f},
    station::watch::{Presence, RemoteState},
    ui::units,
};

/// How a feed is, as far as colour and icon go.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, glib::Enum)]
#[enum_type(name = "HlgHealth")]
pub enum Health {
    /// Nobody asked it to stream.
    #[default]
    Off,
    /// On its way; nothing is wrong yet.
    Connecting,
    /// Pictures are coming.
    Live,
    /// Something is wrong that may pass by itself.
    Trouble,
    /// Somebody has to change something.
    Failed,
}

impl Health {
    /// The symbolic icon that says the same as the colour.
    pub fn icon(self) -> &'static str {
        match self {
            Self::Off => "camera-disabled-symbolic",
            Self::Connecting => "content-loading-symbolic",
            Self::Live => "camera-video-symbolic",
            Self::Trouble => "dialog-warning-symbolic",
            Self::Failed => "dialog-error-symbolic",
        }
    }

    /// The style class that colours the icon; empty for none.
    pub fn style_class(self) -> &'static str {
        match self {
            Self::Off | Self::Connecting => "dimmed-state",
            Self::Live => "success",
            Self::Trouble => "warning",
            Self::Failed => "error",
        }
    }
}

/// Everything the window says about a feed's state.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Words {
    /// How it is.
    pub health: Health,
    /// One or two words: "Live", "Retrying in 8 s".
    pub status: String,
    /// The same with what else matters in a list: "Live, 3 viewers".
    pub caption: String,
    /// What the camera sends, while it sends.
    pub picture: String,
    /// The trouble: what happened. Empty without one.
    pub fault: String,
    /// The trouble: what to do next.
    pub hint: String,
    /// The trouble, for somebody who looks into it.
    pub detail: String,
}

impl Words {
    /// The words for a feed that has been in this state for `since`, with so many viewers.
    pub fn new(state: &FeedState, since: Duration, viewers: usize) -> Self {
        let status = status(state, since);
        let caption = if viewers == 0 { status.clone() } else { with_viewers(&status, viewers) };
        let mut words = Self { health: health(state), status, caption, picture: picture(state), ..Self::default() };
        if let Some(fault) = state.fault() {
            words.fault.clone_from(&fault.message);
            words.hint.clone_from(&fault.hint);
            words.detail.clone_from(&fault.detail);
        }
        words
    }

    /// The words for a feed that is elsewhere.
    pub fn elsewhere(state: &RemoteState) -> Self {
        let status = state.presence.words();
        let caption = if state.viewers == 0 { status.clone() } else { with_viewers(&status, state.viewers) };
        let health = match state.presence {
            Presence::Off => Health::Off,
            Presence::Connecting => Health::Connecting,
            Presence::Live => Health::Live,
            Presence::Away | Presence::Trouble => Health::Trouble,
        };
        let fault = if health == Health::Trouble { state.sentence.clone() } else { String::new() };
        Self { health, status, caption, picture: state.picture.clone(), fault, ..Self::default() }
    }
}

fn health(state: &FeedState) -> Health {
    match state {
        FeedState::Idle | FeedState::Standby | FeedState::Stopped => Health::Off,
        FeedState::Connecting { .. } => Health::Connecting,
        FeedState::Live { .. } => Health::Live,
        FeedState::Stalled { .. } | FeedState::Backoff { .. } => Health::Trouble,
        FeedState::Failed { .. } => Health::Failed,
    }
}

fn status(state: &FeedState, since: Duration) -> String {
    match state {
        FeedState::Idle | FeedState::Stopped => gettext("Off"),
        // Translators: a feed that starts when somebody watches.
        FeedState::Standby => gettext("Ready"),
        FeedState::Connecting { awaited: Awaited::Nothing } => gettext("Connecting…"),
        FeedState::Connecting { awaited: Awaited::Answer } => gettext("No answer yet…"),
        FeedState::Connecting { awaited: Awaited::Packets } => gettext("Nothing sent yet…"),
        FeedState::Connecting { awaited: Awaited::KeyFrame } => gettext("No key frame yet…"),
        FeedState::Live { .. } => gettext("Live"),
        FeedState::Stalled { .. } => gettext("No picture"),
        FeedState::Backoff { retry_in, .. } => units::retrying_in(retry_in.saturating_sub(since)),
        FeedState::Failed { .. } => gettext("Needs attention"),
    }
}

fn with_viewers(status: &str, viewers: usize) -> String {
    // Translators: a state such as "Live" and then such as "3 viewers".
    gettext_f("{status}, {viewers}", &[("status", status), ("viewers", &units::viewers(viewers))])
}

fn picture(state: &FeedState) -> String {
    match state {
        FeedState::Live { picture } => {
            let size = units::picture_size(picture.width, picture.height);
            // Translators: what a camera sends, such as "1280×720, H.264".
            gettext_f("{size}, {codec}", &[("size", &size), ("codec", &picture.codec)])
        }
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{FaultKind, MediaFault};

    fn refused() -> MediaFault {
        MediaFault::new(FaultKind::Refused, "The camera refuses.", "Switch it on.").with_detail("errno 111")
    }

    /// With plain spaces, which can be told apart in this file.
    fn plain(text: &str) -> String {
        text.replace('\u{a0}', " ")
    }

    #[test]
    fn a_wait_is_counted_down_and_never_below_zero() {
        let state = FeedState::Backoff { fault: refused(), retry_in: Duration::from_secs(8) };
        let caption = |since| plain(&Words::new(&state, Duration::from_millis(since), 0).caption);
        assert_eq!(caption(0), "Retrying in 8 s");
        assert_eq!(caption(7100), "Retrying in 1 s");
        assert_eq!(caption(60_000), "Retrying");
    }

    #[test]
    fn viewers_stand_beside_the_state() {
        let caption = |viewers| plain(&Words::new(&FeedState::Stopped, Duration::ZERO, viewers).caption);
        assert_eq!(
            (caption(0), caption(1), caption(3)),
            ("Off".into(), "Off, 1 viewer".into(), "Off, 3 viewers".into())
        );
    }

    #[test]
    fn a_trouble_is_told_with_its_next_step() {
        let state = FeedState::Failed { fault: refused(), retry_in: Duration::MAX };
        let words = Words::new(&state, Duration::ZERO, 0);
        assert_eq!(words.health, Health::Failed);
        assert_eq!((words.fault.as_str(), words.hint.as_str()), ("The camera refuses.", "Switch it on."));
        assert_eq!(Words::new(&FeedState::Connecting { awaited: Awaited::Nothing }, Duration::ZERO, 0).fault, "");
    }

    #[test]
    fn a_feed_elsewhere_that_is_away_says_so_and_why() {
        let state = RemoteState { sentence: "It is away.".into(), ..RemoteState::default() };
        let words = Words::elsewhere(&state);
        assert_eq!(
            (words.health, words.caption.as_str(), words.fault.as_str()),
            (Health::Trouble, "Away", "It is away.")
        );
        let words = Words::elsewhere(&RemoteState { presence: Presence::Live, viewers: 2, ..state });
        assert_eq!((plain(&words.caption).as_str(), words.fault.as_str()), ("Live, 2 viewers", ""));
    }
}
