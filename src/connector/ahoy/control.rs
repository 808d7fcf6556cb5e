//! The connection for messages: a peer of our own, with data channels and no media.

use gst_webrtc::WebRTCDataChannel;
use tokio::{
    sync::mpsc::{Receiver, Sender, channel},
    task::spawn_blocking,
};

use crate::webrtc::{Peer, PeerFault, Ways};

/// What the Director's channels are called; it says nothing on the second, and neither do we.
const CONTROL: &str = "control";
const TELEMETRY: &str = "telemetry";
/// The most messages that wait to be read; more are lost.
const MAX_WAITING: usize = 256;

/// The connection. Dropping it hangs up.
pub(super) struct Control {
    pub(super) peer: Peer,
    channel: WebRTCDataChannel,
    _telemetry: WebRTCDataChannel,
    events: Receiver<ControlEvent>,
}

/// What happens on the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ControlEvent {
    /// It is open.
    Opened,
    /// The Director says something.
    Said(String),
    /// The Director hung up.
    Closed,
}

impl Control {
    /// Makes a connection that nobody has heard of yet.
    pub(super) async fn start(ways: Ways) -> Result<Self, PeerFault> {
        // It waits for GStreamer's threads.
        spawn_blocking(move || Self::make(&ways)).await.unwrap_or(Err(PeerFault::Plugin))
    }

    fn make(ways: &Ways) -> Result<Self, PeerFault> {
        let peer = Peer::start(ways, |_| {})?;
        let channel = peer.open_channel(CONTROL)?;
        let telemetry = peer.open_channel(TELEMETRY)?;
        let events = listen(&channel);
        Ok(Self { peer, channel, _telemetry: telemetry, events })
    }

    /// Waits for what happens next.
    pub(super) async fn next(&mut self) -> ControlEvent {
        tokio::select! {
            event = self.events.recv() => event.unwrap_or(ControlEvent::Closed),
            () = self.peer.lost() => ControlEvent::Closed,
        }
    }

    /// Says something to the Director; false where that is not possible any more.
    pub(super) fn say(&self, text: &str) -> bool {
        self.channel.send_string_full(Some(text)).is_ok()
    }
}

fn listen(channel: &WebRTCDataChannel) -> Receiver<ControlEvent> {
    let (tell, events) = self::channel(MAX_WAITING);
    let told = tell.clone();
    channel.connect_on_open(move |_| hand_over(&told, ControlEvent::Opened));
    let told = tell.clone();
    channel.connect_on_message_string(move |_, text| {
        hand_over(&told, ControlEvent::Said(text.unwrap_or_default().to_owned()));
    });
    let told = tell.clone();
    channel.connect_on_close(move |_| hand_over(&told, ControlEvent::Closed));
    channel.connect_on_error(move |_, _| hand_over(&tell, ControlEvent::Closed));
    events
}

fn hand_over(tell: &Sender<ControlEvent>, event: ControlEvent) {
    if tell.try_send(event).is_err() {
        tracing::debug!("A message of a Director is lost: too many wait, or the connection has ended.");
    }
}
