//! `heliograph relay`: a server at which both ends of a session meet.

use std::{net::SocketAddr, process::ExitCode, time::Duration};

use tokio::runtime::Runtime;

use crate::{
    cli::{RelayOptions, RelayProtocol},
    config::{ServerConfig, Token},
    connector::{
        bigfootbot,
        local::{LocalSettings, Serves},
        webrtcsink,
    },
    signals,
};

/// Where the robot's own programs look for their relay.
const BIGFOOTBOT_PORT: u16 = 8765;

/// Runs until it is told to end.
pub(crate) fn run(options: &RelayOptions) -> ExitCode {
    let runtime = Runtime::new().expect("an async runtime should start");
    let code = match settings(options) {
        Ok(settings) => runtime.block_on(serve(options.protocol, settings)),
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::from(2)
        }
    };
    runtime.shutdown_timeout(Duration::from_millis(300));
    code
}

async fn serve(protocol: RelayProtocol, settings: LocalSettings) -> ExitCode {
    let started = match protocol {
        RelayProtocol::Webrtcsink => webrtcsink::serve_relay(settings).await,
        RelayProtocol::Bigfootbot => bigfootbot::serve_relay(settings).await,
    };
    let server = match started {
        Ok(server) => server,
        Err(error) => {
            tracing::error!("{error}");
            return ExitCode::from(2);
        }
    };
    // A websocket's address: the page's scheme begins with the same letters otherwise.
    tracing::info!("Relay: {}", server.url().replacen("http", "ws", 1));
    if let Some(fingerprint) = server.fingerprint() {
        tracing::info!("The certificate's SHA-256 fingerprint: {fingerprint}");
    }
    signals::asked_to_end().await;
    tracing::info!("Ending.");
    server.stop().await;
    ExitCode::SUCCESS
}

fn settings(options: &RelayOptions) -> Result<LocalSettings, String> {
    let usual = match options.protocol {
        RelayProtocol::Webrtcsink => ServerConfig::DEFAULT_LISTEN,
        RelayProtocol::Bigfootbot => SocketAddr::new(ServerConfig::DEFAULT_LISTEN.ip(), BIGFOOTBOT_PORT),
    };
    let token = options.token.clone().map(Token::new).transpose().map_err(|error| format!("--token: {error}"))?;
    let config = ServerConfig {
        listen: options.listen.unwrap_or(usual),
        token,
        tls_cert: options.tls_cert.clone(),
        tls_key: options.tls_key.clone(),
        insecure_http: options.insecure,
        ..ServerConfig::default()
    };
    Ok(LocalSettings { serves: Serves::Everybody { without_token: options.open }, ..LocalSettings::from(&config) })
}
