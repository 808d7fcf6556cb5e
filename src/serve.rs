//! The headless face: the engine with a log instead of a window.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use tokio::runtime::Runtime;

use crate::{
    cli::ServeOptions,
    config::{
        ConfigFile, FeedConfig, FeedId, KeyringStore, Loaded, PasswordSource, RtspConfig, Secrets, ServerConfig,
        SourceAddress, SourceConfig, Token,
    },
    connector::local::ServerError,
    signals,
    station::{LISTEN_AGAIN, Station},
};

/// Runs until it is told to end.
pub(crate) fn run(path: Option<PathBuf>, options: &ServeOptions) -> ExitCode {
    let loaded = match load(path).and_then(|loaded| apply(loaded, options)) {
        Ok(loaded) => loaded,
        Err(error) => {
            tracing::error!("{error}");
            return ExitCode::from(2);
        }
    };
    let runtime = Runtime::new().expect("an async runtime should start");
    let code = runtime.block_on(serve(loaded));
    runtime.shutdown_timeout(Duration::from_millis(300));
    code
}

async fn serve(loaded: Loaded) -> ExitCode {
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let secrets = Secrets::new(KeyringStore::without_prompts());
    for (feed, password) in &loaded.passwords {
        secrets.keep_for_this_run(feed, password);
    }
    let station = Station::new(tokio::runtime::Handle::current(), secrets);
    station.log_events();
    if let Err(error) = station.add_feeds(&loaded.config) {
        tracing::error!("{error}");
        return ExitCode::from(2);
    }
    if loaded.config.feeds.is_empty() {
        tracing::warn!("There is no feed. Add one with --feed NAME=URL, --demo, or in the configuration file.");
    }
    let ended = run_until_told(&station, &loaded.config.server).await;
    station.engine.shutdown().await;
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::from(2)
        }
    }
}

/// Serves viewers until a signal comes.
async fn run_until_told(station: &Station, config: &ServerConfig) -> Result<(), ServerError> {
    let mut stop = std::pin::pin!(signals::asked_to_end());
    let server = tokio::select! {
        server = station.listen_patiently(config, log_wait) => server?,
        () = &mut stop => return Ok(()),
    };
    tracing::info!("Viewers: {}", server.url());
    if let Some(fingerprint) = server.fingerprint() {
        tracing::info!("The certificate's SHA-256 fingerprint: {fingerprint}");
    }
    stop.await;
    tracing::info!("Ending.");
    server.stop().await;
    Ok(())
}

fn log_wait(error: &ServerError) {
    tracing::error!("{error} Trying again every {} s.", LISTEN_AGAIN.as_secs());
}

/// The configuration file, or none where nobody named one and there is none.
fn load(path: Option<PathBuf>) -> Result<Loaded, String> {
    let path = match path {
        Some(path) if !path.exists() => {
            return Err(format!("There is no configuration file {}. Check the path after --config.", path.display()));
        }
        Some(path) => path,
        None => ConfigFile::default_path().map_err(|error| error.to_string())?,
    };
    ConfigFile::new(path).load().map_err(|error| error.to_string())
}

/// What the command line says goes before what the file says.
fn apply(mut loaded: Loaded, options: &ServeOptions) -> Result<Loaded, String> {
    let server = &mut loaded.config.server;
    if let Some(listen) = options.listen {
        server.listen = listen;
    }
    if let Some(token) = &options.token {
        server.token = Some(Token::new(token.clone()).map_err(|error| format!("--token: {error}"))?);
    }
    if options.tls_cert.is_some() {
        server.tls_cert.clone_from(&options.tls_cert);
        server.tls_key.clone_from(&options.tls_key);
    }
    server.insecure_http |= options.insecure_http;
    if options.demo {
        add(&mut loaded, "Demo", SourceConfig::Demo);
    }
    for feed in &options.feeds {
        add_feed(&mut loaded, feed)?;
    }
    Ok(loaded)
}

fn add(loaded: &mut Loaded, name: &str, source: SourceConfig) -> FeedId {
    let id = loaded.config.free_id(name);
    loaded.config.feeds.push(FeedConfig::new(id.clone(), name, source));
    id
}

/// Adds a feed from `NAME=URL`; a user and password in the URL are for this run only.
fn add_feed(loaded: &mut Loaded, text: &str) -> Result<(), String> {
    let (name, url) = text
        .split_once('=')
        .ok_or("--feed takes a name and an address: --feed 'Bow camera=rtsp://10.0.0.5/stream1'")?;
    FeedConfig::check_name(name).map_err(|error| format!("--feed: {error}"))?;
    let (address, credentials) = SourceAddress::parse(url).map_err(|error| format!("--feed {name}: {error}"))?;
    let mut rtsp = RtspConfig::new(address);
    if let Some(credentials) = &credentials {
        rtsp = rtsp.with_user(credentials.user.clone(), PasswordSource::Keyring);
    }
    let id = add(loaded, name, SourceConfig::Rtsp(rtsp));
    loaded.passwords.extend(credentials.map(|credentials| (id, credentials.password)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(args: &[&str]) -> ServeOptions {
        ServeOptions { feeds: args.iter().map(ToString::to_string).collect(), ..ServeOptions::default() }
    }

    #[test]
    fn feeds_of_the_command_line_join_those_of_the_file() {
        let mut loaded = Loaded::default();
        add(&mut loaded, "Bow", SourceConfig::Demo);
        let loaded = apply(loaded, &options(&["Bow=rtsp://h/1", "Aft=rtsp://me:planted@h/2"])).unwrap();
        let ids: Vec<_> = loaded.config.feeds.iter().map(|feed| feed.id.to_string()).collect();
        assert_eq!(ids, ["bow", "bow-2", "aft"]);
        assert_eq!(loaded.passwords[0].1.expose(), "planted");
        assert!(!format!("{loaded:?}").contains("planted"));
    }

    #[test]
    fn a_feed_that_is_none_is_refused_with_a_sentence() {
        for bad in ["", "rtsp://me:planted@h/2", "Bow=", "Bow=http://me:planted@h/", "=rtsp://h/"] {
            let error = apply(Loaded::default(), &options(&[bad])).unwrap_err();
            assert!(error.starts_with("--feed") && !error.contains("planted"), "{bad}: {error}");
        }
    }
}
