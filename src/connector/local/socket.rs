//! One websocket: carries text between a peer and the switchboard, and notices when
//! the peer is gone.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, close_code};
use futures::stream::{SplitSink, SplitStream};
use futures::{SinkExt, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

use crate::connector::switchboard::{Seat, Switchboard};

/// How often a peer is asked for a sign of life.
const PING_EVERY: Duration = Duration::from_secs(10);

/// A peer silent for this long is gone, whatever TCP thinks.
const SILENCE_LIMIT: Duration = Duration::from_secs(30);

/// How long the last words may take.
const FAREWELL: Duration = Duration::from_millis(500);

/// Above this, the websocket layer itself breaks the connection off: a message
/// is only refused with a sentence if it can be read to its end.
pub(super) const MAX_FRAME_BYTES: usize = 1024 * 1024;

/// Serves one socket until either side, or the server, ends it.
pub(super) async fn serve(mut socket: WebSocket, board: Arc<dyn Switchboard>, mut stop: watch::Receiver<bool>) {
    let Seat { peer_id, place, outbox, dropped } = match board.clone().join() {
        Ok(seat) => seat,
        Err(refusal) => return turn_away(&mut socket, refusal).await,
    };
    let (sink, stream) = socket.split();
    let writing = write(sink, outbox);
    tokio::pin!(writing);
    tokio::select! {
        () = &mut writing => return,
        // The switchboard gave up on a peer that does not read: it gets no farewell.
        _ = dropped => return,
        () = read(stream, board.as_ref(), &peer_id) => (),
        _ = stop.wait_for(|stop| *stop) => (),
    }
    // Closes the outbox: what is in it is still written, then the close frame.
    drop(place);
    let _ = timeout(FAREWELL, writing).await;
}

/// Returns when the peer closes, falls silent or is refused too often.
async fn read(mut stream: SplitStream<WebSocket>, board: &dyn Switchboard, peer_id: &str) {
    while let Ok(Some(Ok(message))) = timeout(SILENCE_LIMIT, stream.next()).await {
        let stay = match message {
            Message::Text(text) => board.receive(peer_id, &text),
            Message::Binary(_) => board.refuse(peer_id, "Messages are JSON text, not binary."),
            Message::Ping(_) | Message::Pong(_) => true,
            Message::Close(_) => false,
        };
        if !stay {
            return;
        }
    }
}

/// Writes messages and pings until there are no more, or the socket takes no more.
async fn write(mut sink: SplitSink<WebSocket, Message>, mut outbox: mpsc::Receiver<String>) {
    let mut pings = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let message = tokio::select! {
            text = outbox.recv() => match text {
                Some(text) => Message::Text(text.into()),
                None => break,
            },
            _ = pings.tick() => Message::Ping(Vec::new().into()),
        };
        if sink.send(message).await.is_err() {
            return;
        }
    }
    let _ = sink.send(Message::Close(None)).await;
}

async fn turn_away(socket: &mut WebSocket, refusal: String) {
    let close = CloseFrame { code: close_code::AGAIN, reason: "full".into() };
    let farewell = async {
        let _ = socket.send(Message::Text(refusal.into())).await;
        let _ = socket.send(Message::Close(Some(close))).await;
    };
    let _ = timeout(FAREWELL, farewell).await;
}
