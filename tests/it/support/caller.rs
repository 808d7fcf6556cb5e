//! A viewer that says each word of webrtcsink's protocol itself.

use std::{net::SocketAddr, time::Duration};

use futures::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

const PATIENCE: Duration = Duration::from_secs(10);

/// Its socket. It leaves with this value.
pub struct Caller(WebSocketStream<TcpStream>);

impl Caller {
    /// Comes to the server of ours that listens there.
    pub async fn come(listen: SocketAddr) -> Self {
        let stream = TcpStream::connect(listen).await.unwrap();
        Self(client_async(format!("ws://{listen}/signalling"), stream).await.unwrap().0)
    }

    pub async fn say(&mut self, message: &Value) {
        self.0.send(Message::text(message.to_string())).await.unwrap();
    }

    /// Waits for the first message that `pick` takes.
    pub async fn hear<T>(&mut self, what: &str, pick: impl Fn(&Value) -> Option<T>) -> T {
        let heard = timeout(PATIENCE, async {
            loop {
                let Message::Text(text) = self.0.next().await.unwrap().unwrap() else { continue };
                if let Some(picked) = pick(&serde_json::from_str(&text).unwrap()) {
                    return picked;
                }
            }
        });
        heard.await.unwrap_or_else(|_| panic!("waited {PATIENCE:?} in vain for {what}"))
    }
}
