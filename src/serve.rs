//! The headless face: the engine with a log instead of a window.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use tokio::{runtime::Runtime, sync::mpsc::unbounded_channel};

use crate::{
    cli::ServeOptions,
    config::{
        AddressError, BrokerChoice, ChoiceError, Config, ConfigFile, ConnectorConfig, DeviceConfig, ElementRole,
        EmbeddedBroker, FeedConfig, FeedId, FileConfig, KeyringStore, Loaded, Password, PasswordSource, RtspConfig,
        Secrets, SourceAddress, SourceConfig, TestConfig, Token, element_settings,
    },
    connector::{FORMS, local::ServerError},
    engine::FeedCommand,
    i18n::{gettext, gettext_f},
    mqtt::BrokerError,
    signals,
    station::{LISTEN_AGAIN, Station, remote::Post, settings_watch},
};

/// Runs until it is told to end.
pub(crate) fn run(path: Option<PathBuf>, options: &ServeOptions) -> ExitCode {
    let loaded = settings_path(path).and_then(|path| Ok((apply(load(&path)?, options)?, path)));
    let (loaded, path) = match loaded {
        Ok(loaded) => loaded,
        Err(error) => {
            tracing::error!("{error}");
            return ExitCode::from(2);
        }
    };
    let runtime = Runtime::new().expect("an async runtime should start");
    let code = runtime.block_on(serve(loaded, path, options));
    runtime.shutdown_timeout(Duration::from_millis(300));
    code
}

async fn serve(loaded: Loaded, path: PathBuf, options: &ServeOptions) -> ExitCode {
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let secrets = Secrets::new(KeyringStore::without_prompts());
    for (feed, password) in &loaded.passwords {
        secrets.keep_for_this_run(feed, password);
    }
    let station = Station::new(tokio::runtime::Handle::current(), secrets);
    station.log_events();
    station.keep_certificates(path.clone());
    if let Err(error) = station.add_feeds(&loaded.config) {
        tracing::error!("{error}");
        return ExitCode::from(2);
    }
    if options.record.is_some() {
        for feed in station.engine.feeds() {
            let sent = station.engine.command(&feed.config.id, FeedCommand::StartRecording);
            sent.expect("a feed that was added should be there");
        }
    }
    if loaded.config.feeds.is_empty() {
        tracing::warn!("There is no feed. Add one with --feed NAME=SOURCE, --demo, or in the configuration file.");
    }
    let ended = run_until_told(&station, &loaded.config, path, options).await;
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
async fn run_until_told(
    station: &Station,
    config: &Config,
    path: PathBuf,
    options: &ServeOptions,
) -> Result<(), ServerError> {
    let mut stop = std::pin::pin!(signals::asked_to_end());
    // Nobody who only watches waits for messages: without them there is no remote control, and pictures.
    let post = station.open_post(config.mqtt.clone(), log_broker);
    let server = tokio::select! {
        server = station.listen_patiently(&config.server, log_wait) => server?,
        () = &mut stop => {
            post.stop().await;
            return Ok(());
        }
    };
    tracing::info!("Viewers: {}", server.url());
    tracing::info!("Players that speak WHEP: {}whep/FEED", server.url());
    if let Some(fingerprint) = server.fingerprint() {
        tracing::info!("The certificate's SHA-256 fingerprint: {fingerprint}");
    }
    let (teller, mut changes) = unbounded_channel();
    let watching = tokio::spawn(settings_watch::watch(path, move |loaded| teller.send(loaded).is_ok()));
    loop {
        tokio::select! {
            () = &mut stop => break,
            Some(loaded) = changes.recv() => match apply(loaded, options) {
                Ok(loaded) => reconfigure(station, &post, &loaded.config),
                Err(error) => tracing::warn!("{error}"),
            },
        }
    }
    watching.abort();
    tracing::info!("Ending.");
    post.stop().await;
    server.stop().await;
    Ok(())
}

/// Does at once what can change while feeds run.
fn reconfigure(station: &Station, post: &Post, config: &Config) {
    tracing::info!(
        "The settings have changed: [mqtt], [control], [statistics] and [[connectors]] apply now, others at the next start."
    );
    post.change(&config.mqtt);
    station.reconfigure(config);
}

fn log_broker(error: &BrokerError) {
    if error.may_pass() {
        tracing::error!("{error} Trying again every {} s.", LISTEN_AGAIN.as_secs());
    } else {
        tracing::error!("{error}");
    }
}

fn log_wait(error: &ServerError) {
    tracing::error!("{error} Trying again every {} s.", LISTEN_AGAIN.as_secs());
}

/// The configuration file; where nobody named one, it need not exist.
fn settings_path(path: Option<PathBuf>) -> Result<PathBuf, String> {
    match path {
        Some(path) if !path.exists() => {
            Err(format!("There is no configuration file {}. Check the path after --config.", path.display()))
        }
        Some(path) => Ok(path),
        None => ConfigFile::default_path().map_err(|error| error.to_string()),
    }
}

fn load(path: &Path) -> Result<Loaded, String> {
    ConfigFile::new(path, FORMS).load().map_err(|error| error.to_string())
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
    if let Some(listen) = options.mqtt {
        if !listen.ip().is_loopback() {
            return Err(gettext(
                "--mqtt opens a broker for this machine only; who may connect from elsewhere stands in [mqtt] of the settings file",
            ));
        }
        loaded.config.mqtt.broker = BrokerChoice::Embedded(EmbeddedBroker::at(listen));
    }
    if let Some(Some(folder)) = &options.record {
        loaded.config.recording.folder = Some(folder.clone());
    }
    if options.demo {
        add(&mut loaded, "Demo", SourceConfig::Demo);
    }
    for feed in &options.feeds {
        add_feed(&mut loaded, feed)?;
    }
    for line in &options.connectors {
        let connector = ConnectorConfig::from_line(line, FORMS).map_err(|error| format!("--connector: {error}"))?;
        if loaded.config.connectors.iter().any(|known| known.id == connector.id) {
            // Translators: {id} is such as: shore.
            return Err(gettext_f(
                "--connector: there is a connector “{id}” already",
                &[("id", connector.id.as_ref())],
            ));
        }
        loaded.config.connectors.push(connector);
    }
    for property in &options.elements {
        set_element(&mut loaded.config, property).map_err(|reason| format!("--element {property}: {reason}"))?;
    }
    Ok(loaded)
}

/// Sets a property from `FEED.ROLE.NAME=VALUE`, for this run only.
fn set_element(config: &mut Config, text: &str) -> Result<(), String> {
    let form = || gettext("a property is written as FEED.ROLE.NAME=VALUE, such as bow.encoder.threads=2");
    let (place, value) = text.split_once('=').ok_or_else(form)?;
    let mut parts = place.splitn(3, '.');
    let (Some(feed), Some(role), Some(name)) = (parts.next(), parts.next(), parts.next()) else { return Err(form()) };
    let role: ElementRole = role.parse().map_err(|error: ChoiceError| {
        // Translators: {error} is such as: it is one of "source", "encoder".
        gettext_f("in the middle stands what the element does; {error}", &[("error", &error.to_string())])
    })?;
    element_settings::check(role, name, value).map_err(|error| error.to_string())?;
    let known = config.feeds.iter().map(|feed| feed.id.to_string()).collect::<Vec<_>>().join(", ");
    let feed = config.feeds.iter_mut().find(|known| known.id.as_str() == feed).ok_or_else(|| {
        // Translators: {known} is a list of feeds.
        gettext_f("there is no feed “{feed}”; there are: {known}", &[("feed", feed), ("known", &known)])
    })?;
    feed.set_element(role, name, value);
    Ok(())
}

fn add(loaded: &mut Loaded, name: &str, source: SourceConfig) -> FeedId {
    let id = loaded.config.free_id(name);
    loaded.config.feeds.push(FeedConfig::new(id.clone(), name, source));
    id
}

/// Adds a feed from `NAME=WHAT`; a user and password in an address are for this run only.
fn add_feed(loaded: &mut Loaded, text: &str) -> Result<(), String> {
    let (name, what) = text.split_once('=').ok_or_else(|| {
        gettext("--feed takes a name and a source: --feed 'Bow camera=rtsp://10.0.0.5/stream1'. See --help.")
    })?;
    FeedConfig::check_name(name).map_err(|error| format!("--feed: {error}"))?;
    let (source, password) = read_source(what).map_err(|error| format!("--feed {name}: {error}"))?;
    let id = add(loaded, name, source);
    loaded.passwords.extend(password.map(|password| (id, password)));
    Ok(())
}

/// Where a feed of the command line takes its picture from, and a password in its address.
pub(crate) fn read_source(what: &str) -> Result<(SourceConfig, Option<Password>), String> {
    let source = if what == "demo:" {
        SourceConfig::Demo
    } else if let Some(pattern) = what.strip_prefix("test:") {
        let pattern = pattern.parse().map_err(|error: ChoiceError| {
            // Translators: {words} says in lower case what is allowed.
            gettext_f("the pattern behind test: is not known; {words}", &[("words", &error.to_string())])
        })?;
        SourceConfig::Test(TestConfig { pattern, ..TestConfig::default() })
    } else if what.starts_with("/dev/") {
        SourceConfig::Device(DeviceConfig::new(what))
    } else if what.starts_with("file:") {
        let file = FileConfig::from_address(what);
        SourceConfig::File(file.ok_or_else(|| gettext("a file is written as file:///PATH, with %20 for a blank"))?)
    } else if what.starts_with('/') {
        return Err(gettext("a file is written as file:///PATH, and a camera of this machine as /dev/NAME"));
    } else {
        return read_camera(what).map_err(|error| error.to_string());
    };
    Ok((source, None))
}

fn read_camera(address: &str) -> Result<(SourceConfig, Option<Password>), AddressError> {
    let (address, credentials) = SourceAddress::parse(address)?;
    let mut rtsp = RtspConfig::new(address);
    if let Some(credentials) = &credentials {
        rtsp = rtsp.with_user(credentials.user.clone(), PasswordSource::Keyring);
    }
    Ok((SourceConfig::Rtsp(rtsp), credentials.map(|credentials| credentials.password)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::TestPattern;

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
    fn properties_of_elements_are_set_by_feed_role_and_name() {
        let with = |property: &str| {
            let options = ServeOptions { elements: vec![property.to_owned()], ..options(&["Bow=demo:"]) };
            apply(Loaded::default(), &options).map(|loaded| loaded.config.feeds[0].settings_of(ElementRole::Encoder))
        };
        assert_eq!(with("bow.encoder.threads=2").unwrap().get("threads").map(String::as_str), Some("2"));
        for (bad, reason) in [
            ("bow.encoder=2", "is written as FEED.ROLE.NAME=VALUE"),
            ("aft.encoder.threads=2", "there is no feed “aft”; there are: bow"),
            ("bow.cook.threads=2", "it is one of \"source\""),
            ("bow.encoder.bframes=2", "no B-frames"),
        ] {
            let error = with(bad).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn every_kind_of_source_has_a_form_on_the_command_line() {
        let source = |what: &str| read_source(what).map(|(source, _)| source);
        assert_eq!(source("demo:"), Ok(SourceConfig::Demo));
        let device = DeviceConfig::new("/dev/v4l/by-id/usb-cam");
        assert_eq!(source("/dev/v4l/by-id/usb-cam"), Ok(SourceConfig::Device(device)));
        let file = FileConfig { path: "/srv/the boat.mp4".into() };
        assert_eq!(source("file:///srv/the%20boat.mp4"), Ok(SourceConfig::File(file)));
        let test = TestConfig { pattern: TestPattern::Snow, ..TestConfig::default() };
        assert_eq!(source("test:snow"), Ok(SourceConfig::Test(test)));
        for address in ["rtsp://h/1", "rtsps://h/1"] {
            assert_eq!(source(address), Ok(SourceConfig::Rtsp(RtspConfig::new(address.parse().unwrap()))));
        }
        let error = source("test:stripes").unwrap_err();
        assert!(error.contains("\"bars\", \"ball\""), "{error}");
    }

    #[test]
    fn a_feed_that_is_none_is_refused_with_a_sentence() {
        for bad in [
            "",
            "rtsp://me:planted@h/2",
            "Bow=",
            "Bow=http://me:planted@h/",
            "=rtsp://h/",
            "Bow=test:planted",
            "Bow=/home/planted.mp4",
            "Bow=file:planted%",
            "Bow=file://host/planted",
            "Bow=demo",
        ] {
            let error = apply(Loaded::default(), &options(&[bad])).unwrap_err();
            assert!(error.starts_with("--feed") && !error.contains("planted"), "{bad}: {error}");
        }
    }
}
