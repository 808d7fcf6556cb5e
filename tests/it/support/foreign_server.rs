//! A signalling server of another make: that of gst-plugins-rs, as people run it.

use std::net::Ipv4Addr;

use gst_plugin_webrtc_signalling::{handlers::Handler, server::Server};
use tokio::{net::TcpListener, runtime::Runtime};

/// It listens at all addresses, and ends with this value.
pub struct ForeignServer {
    pub port: u16,
    _runtime: Runtime,
}

impl ForeignServer {
    pub fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let port = runtime.block_on(async {
            let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, 0)).await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let server = Server::spawn(|stream| Handler::new(Box::pin(stream)));
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let _ = server.clone().accept_async(stream).await;
                }
            });
            port
        });
        Self { port, _runtime: runtime }
    }
}
