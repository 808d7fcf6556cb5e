//! Stand-ins for services that not everybody can have: to try a connector out, and to test it.
//!
//! May use `webrtc`, `connector`, `media` and `config`; nothing but the command line and tests uses it.

pub mod director;

use std::{env, net::SocketAddr, process::ExitCode, time::Duration};

use tokio::runtime::Runtime;

use self::director::{Director, DirectorSettings};
use crate::{
    cli::{LabDirectorOptions, LabVerb},
    config::Password,
    signals,
};

/// What lets in where nothing is said, and only on this machine.
const LAB_KEY: &str = "lab";

/// Runs until it is told to end.
pub(crate) fn run(verb: &LabVerb) -> ExitCode {
    let LabVerb::Director(options) = verb;
    let key = match key(options) {
        Ok(key) => key,
        Err(error) => {
            tracing::error!("{error}");
            return ExitCode::from(2);
        }
    };
    let runtime = Runtime::new().expect("an async runtime should start");
    let code = runtime.block_on(serve(options.listen, key, options.api_key_env.as_deref()));
    runtime.shutdown_timeout(Duration::from_millis(300));
    code
}

async fn serve(listen: SocketAddr, key: Password, variable: Option<&str>) -> ExitCode {
    let director = match Director::start(DirectorSettings { listen, key }).await {
        Ok(director) => director,
        Err(error) => {
            tracing::error!("Nothing can listen at {listen}: {error}. Choose another place with --listen.");
            return ExitCode::from(2);
        }
    };
    if !listen.ip().is_loopback() {
        tracing::warn!("Whoever is in between can read the API key: this stand-in speaks no TLS.");
    }
    let address = director.attach_address();
    let key = match variable {
        None => "HELIOGRAPH_DIRECTOR_KEY=lab ",
        Some(_) => "",
    };
    let variable = variable.unwrap_or("HELIOGRAPH_DIRECTOR_KEY");
    tracing::info!("This is no Director of Ahoy's: it behaves as one, so that you see what a feed does there.");
    tracing::info!(
        "Attach a feed: {key}heliograph serve --demo --connector 'lab=ahoy,address={address},api_key_env={variable}'"
    );
    tracing::info!("Play and stop: http://{}/", director.address());
    signals::asked_to_end().await;
    tracing::info!("Ending.");
    director.stop().await;
    ExitCode::SUCCESS
}

fn key(options: &LabDirectorOptions) -> Result<Password, String> {
    match &options.api_key_env {
        Some(variable) => env::var(variable)
            .ok()
            .filter(|key| !key.is_empty())
            .map(Password::new)
            .ok_or_else(|| format!("The environment variable {variable} holds no API key. Set it and start again.")),
        None if options.listen.ip().is_loopback() => Ok(Password::new(LAB_KEY)),
        None => {
            Err("Beyond this machine an API key is needed: name a variable that holds one with --api-key-env."
                .to_owned())
        }
    }
}
