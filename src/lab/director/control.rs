//! A feed's control connection, as the Director sees it.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use gst::prelude::*;
use gst_webrtc::WebRTCDataChannel;
use serde_json::Value;
use tokio::{
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    task::spawn_blocking,
    time::sleep,
};

use super::{FeedView, Shared, plays::Play};
use crate::webrtc::{Peer, PeerFault, Ways};

/// How long the other side may take to hear that we hang up.
pub(super) const GOODBYE: Duration = Duration::from_millis(200);

/// A feed that was attached.
pub(super) struct Attached {
    pub(super) codec: String,
    /// What is to be said; its end ends the connection.
    say: Option<UnboundedSender<String>>,
    pub(super) is_open: bool,
    pub(super) plays: Vec<Play>,
    /// Which attach of this feed it is.
    serial: u64,
}

/// What happens on the connection.
enum Event {
    Channel(WebRTCDataChannel),
    Said(String),
    Closed,
}

impl Attached {
    /// Answers a connector's offer; its feed is attached from then on, in place of an earlier attach.
    pub(super) async fn answer(
        shared: &Arc<Shared>,
        name: &str,
        codec: String,
        offer: &str,
    ) -> Result<String, PeerFault> {
        let (tell, events) = unbounded_channel();
        let started = spawn_blocking(move || Peer::start(&Ways::default(), |bin| take_channels(bin, &tell))).await;
        let peer = started.unwrap_or(Err(PeerFault::Plugin))?;
        let answer = peer.answer(offer).await?;
        let (say, said) = unbounded_channel();
        let mut feeds = shared.feeds();
        let before = feeds.remove(name);
        let serial = before.as_ref().map_or(1, |before| before.serial + 1);
        let plays = before.map(|before| before.plays).unwrap_or_default();
        let line = Line { shared: Arc::downgrade(shared), name: name.to_owned(), serial, peer, events, said };
        tokio::spawn(line.carry());
        feeds.insert(name.to_owned(), Self { codec, say: Some(say), is_open: false, plays, serial });
        Ok(answer)
    }

    pub(super) fn say(&self, text: String) {
        if let Some(say) = &self.say {
            let _ = say.send(text);
        }
    }

    pub(super) fn hang_up(&mut self) {
        (self.is_open, self.say) = (false, None);
    }

    pub(super) fn view(&self, name: &str) -> FeedView {
        FeedView {
            name: name.to_owned(),
            is_attached: self.is_open,
            codec: self.codec.clone(),
            plays: self.plays.iter().map(Play::view).collect(),
        }
    }
}

/// A connection, for as long as it is carried on.
struct Line {
    shared: Weak<Shared>,
    name: String,
    serial: u64,
    peer: Peer,
    events: UnboundedReceiver<Event>,
    said: UnboundedReceiver<String>,
}

impl Line {
    async fn carry(mut self) {
        let mut channels: Vec<WebRTCDataChannel> = Vec::new();
        loop {
            let event = tokio::select! {
                event = self.events.recv() => event.unwrap_or(Event::Closed),
                () = self.peer.lost() => Event::Closed,
                text = self.said.recv() => {
                    let Some(text) = text else { return say_goodbye(&channels).await };
                    if let Some(control) = channels.iter().find(|channel| is_called(channel, "control")) {
                        let _ = control.send_string_full(Some(&text));
                    }
                    continue;
                }
            };
            let Some(shared) = self.shared.upgrade() else { return };
            match event {
                Event::Channel(channel) => {
                    if !channel.is_ordered() || channel.max_retransmits() >= 0 || channel.max_packet_lifetime() >= 0 {
                        shared.complain(format!("A channel of “{}” is not ordered and reliable.", self.name));
                    }
                    channels.push(channel);
                    let has = |label: &str| channels.iter().any(|channel| is_called(channel, label));
                    if has("control") && has("telemetry") {
                        tracing::info!("“{}” is in the gallery.", self.name);
                        self.mark(&shared, true);
                    }
                }
                Event::Said(text) => shared.hear(&self.name, &text),
                Event::Closed => {
                    tracing::info!("“{}” has gone from the gallery.", self.name);
                    return self.mark(&shared, false);
                }
            }
        }
    }

    fn mark(&self, shared: &Shared, is_open: bool) {
        if let Some(attached) = shared.feeds().get_mut(&self.name).filter(|attached| attached.serial == self.serial) {
            attached.is_open = is_open;
        }
    }
}

/// Closes the channels, and lets the word of it leave.
async fn say_goodbye(channels: &[WebRTCDataChannel]) {
    for channel in channels {
        channel.close();
    }
    sleep(GOODBYE).await;
}

fn is_called(channel: &WebRTCDataChannel, label: &str) -> bool {
    channel.label().is_some_and(|called| called == label)
}

fn take_channels(bin: &gst::Element, tell: &UnboundedSender<Event>) {
    let tell = tell.clone();
    bin.connect("on-data-channel", false, move |args| {
        let channel = args[1].get::<WebRTCDataChannel>().ok()?;
        if is_called(&channel, "control") {
            let said = tell.clone();
            channel.connect_on_message_string(move |_, text| {
                let _ = said.send(Event::Said(text.unwrap_or_default().to_owned()));
            });
            let closed = tell.clone();
            channel.connect_on_close(move |_| drop(closed.send(Event::Closed)));
        }
        let _ = tell.send(Event::Channel(channel));
        None
    });
}

impl Shared {
    /// Takes what a connector says, if it is in its envelope.
    fn hear(self: &Arc<Self>, feed: &str, text: &str) {
        match payload(text, self.key.expose()) {
            Ok((name, content)) => self.reply(feed, &name, &content),
            Err(why) => self.complain(format!("A message of “{feed}” is refused: {why}")),
        }
    }
}

/// The one reply in an envelope of this key.
fn payload(text: &str, key: &str) -> Result<(String, Value), String> {
    let message: Value = serde_json::from_str(text).map_err(|_| "it is not JSON.".to_owned())?;
    let only = |value: &Value, names: &[&str]| {
        value
            .as_object()
            .is_some_and(|fields| fields.len() == names.len() && names.iter().all(|name| fields.contains_key(*name)))
    };
    let inner = &message["message"];
    if !only(&message, &["message"]) || !only(inner, &["to", "payload"]) {
        return Err("it is not in an envelope {message: {to, payload}}.".to_owned());
    }
    if inner["to"].as_str() != Some(&format!("director.api_{key}")) {
        return Err("it is addressed to somebody else.".to_owned());
    }
    let payload = inner["payload"].as_object().filter(|payload| payload.len() == 1);
    let (name, content) = payload.and_then(|payload| payload.iter().next()).ok_or("its payload is not one reply.")?;
    Ok((name.clone(), content.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_envelope_with_the_key_is_opened() {
        let good = r#"{"message":{"to":"director.api_k","payload":{"sdpResponse":{"success":true}}}}"#;
        assert_eq!(payload(good, "k").unwrap().0, "sdpResponse");
        for (bad, why) in [
            ("x", "not JSON"),
            (r#"{"sdpResponse":{}}"#, "envelope"),
            (r#"{"message":{"to":"director.api_k","payload":{},"more":1}}"#, "envelope"),
            (r#"{"message":{"to":"director.api_other","payload":{"sdpResponse":{}}}}"#, "somebody else"),
            (r#"{"message":{"to":"director.api_k","payload":{}}}"#, "one reply"),
        ] {
            let said = payload(bad, "k").unwrap_err();
            assert!(said.contains(why), "{bad}: {said}");
        }
    }
}
