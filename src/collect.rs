//! `heliograph collect`: the feeds of other programs, told of and recorded without a window.

use std::{collections::BTreeMap, future::pending, path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

use tokio::{
    runtime::Runtime,
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, interval, sleep_until},
};

use crate::{
    cli::CollectOptions,
    config::{
        Config, ConfigFile, ExternalBroker, FeedId, GstWebRtcAppTopics, KeyringStore, Loaded, MqttDialect,
        PasswordSource, Secrets, WatchConfig,
    },
    connector::FORMS,
    i18n::gettext,
    signals,
    station::{
        settings_watch,
        watch::{Presence, RemoteState, Watch, WatchEvent, Watched},
    },
    stats::FeedSample,
};

/// Longer than anybody waits.
const FOREVER: Duration = Duration::from_hours(24 * 365);

/// Watches until it is told to end, or for the time that was named.
pub(crate) fn run(path: Option<PathBuf>, options: &CollectOptions) -> ExitCode {
    let watched = match settings(path.clone(), options) {
        Ok(watched) => watched,
        Err(error) => {
            tracing::error!("{error}");
            return ExitCode::from(2);
        }
    };
    let runtime = Runtime::new().expect("an async runtime should start");
    if !options.no_record {
        tracing::info!("Statistics are recorded in {}.", watched.statistics.folder().display());
    }
    let secrets = Arc::new(Secrets::new(KeyringStore::without_prompts()));
    let watch = Watch::start(runtime.handle(), watched, secrets);
    runtime.block_on(async {
        let end = options.seconds.map_or(FOREVER, Duration::from_secs);
        let mut desk = Desk::default();
        tokio::select! {
            () = signals::asked_to_end() => {}
            () = sleep_until(Instant::now() + end) => {}
            () = desk.follow(watch.subscribe(), &watch, options.every) => {}
            () = follow_settings(path, options, &watch) => {}
        }
        watch.stop().await;
    });
    runtime.shutdown_timeout(Duration::from_millis(300));
    ExitCode::SUCCESS
}

/// Watches whom the settings name, also where those change meanwhile.
async fn follow_settings(path: Option<PathBuf>, options: &CollectOptions, watch: &Watch) {
    let Ok(file) = path.map_or_else(ConfigFile::default_path, Ok) else { return pending().await };
    let change = |loaded: Loaded| {
        match watched(loaded.config, options) {
            Ok(watched) => {
                tracing::info!("The settings have changed, and apply now.");
                watch.change(watched);
            }
            Err(error) => tracing::warn!("{error} What held before goes on."),
        }
        true
    };
    settings_watch::watch(file, change).await;
}

/// Who is watched, and how it is recorded: by the command line, or else by the settings.
fn settings(path: Option<PathBuf>, options: &CollectOptions) -> Result<Watched, String> {
    watched(load(path)?, options)
}

fn watched(Config { watch, mut statistics, .. }: Config, options: &CollectOptions) -> Result<Watched, String> {
    if options.folder.is_some() {
        statistics.csv_folder.clone_from(&options.folder);
    }
    if let Some(profile) = options.profile {
        statistics.csv_profile = profile;
    }
    let mut watch = named(options).map_or(watch, |named| vec![named]);
    if watch.is_empty() {
        return Err(gettext(
            "Nobody is named whose feeds are to be collected. Name a broker, as in --broker mqtt://192.0.2.9:1883, or write [[watch]] into the settings file.",
        ));
    }
    for watched in &mut watch {
        watched.record = !options.no_record;
    }
    Ok(Watched { watch, own: None, statistics })
}

fn load(path: Option<PathBuf>) -> Result<Config, String> {
    let path = path.map_or_else(ConfigFile::default_path, Ok).map_err(|error| error.to_string())?;
    Ok(ConfigFile::new(path, FORMS).load().map_err(|error| error.to_string())?.config)
}

fn named(options: &CollectOptions) -> Option<WatchConfig> {
    let mut broker = ExternalBroker::at(options.broker.clone()?);
    broker.user.clone_from(&options.user);
    broker.password = options.password_env.clone().map_or(PasswordSource::None, PasswordSource::Environment);
    broker.ca.clone_from(&options.ca);
    let dialect = options.dialect.unwrap_or_else(|| {
        // Only that one has prefixes.
        if options.prefix.is_some() { MqttDialect::GstWebRtcApp } else { MqttDialect::default() }
    });
    let usual = GstWebRtcAppTopics::default();
    let topics = GstWebRtcAppTopics { prefix: options.prefix.clone().unwrap_or_default(), ..usual };
    Some(WatchConfig { dialect, instances: options.instances.clone(), topics, ..WatchConfig::at(broker) })
}

/// What is told of the feeds, in lines.
#[derive(Default)]
struct Desk {
    feeds: BTreeMap<FeedId, (RemoteState, Option<Box<FeedSample>>)>,
}

impl Desk {
    async fn follow(&mut self, mut events: Receiver<WatchEvent>, watch: &Watch, every: u64) {
        let mut beat = interval(Duration::from_secs(every));
        beat.tick().await;
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Ok(event) => self.take(event),
                    Err(RecvError::Lagged(_)) => watch.tell_again(),
                    Err(RecvError::Closed) => return,
                },
                _ = beat.tick() => self.feeds.values().for_each(|(state, sample)| figures(state, sample.as_deref())),
            }
        }
    }

    fn take(&mut self, event: WatchEvent) {
        match event {
            WatchEvent::State { feed, state } => {
                let known = self.feeds.entry(feed).or_default();
                let is_news = (known.0.presence, &known.0.sentence) != (state.presence, &state.sentence);
                if is_news || known.0.name.is_empty() {
                    tell(&state);
                }
                if state.presence != Presence::Live {
                    known.1 = None;
                }
                known.0 = *state;
            }
            WatchEvent::Sample { feed, sample } => {
                if let Some(known) = self.feeds.get_mut(&feed) {
                    known.1 = Some(sample);
                }
            }
            WatchEvent::Gone { feed } => {
                if let Some((state, _)) = self.feeds.remove(&feed) {
                    tracing::info!(origin = state.origin, feed = state.name, "It is no more.");
                }
            }
            WatchEvent::Notice { feed, sentence } => {
                let feed = feed.map_or_else(String::new, |feed| feed.to_string());
                tracing::warn!(feed, "{sentence}");
            }
            // What is wrong with it is told as a notice.
            WatchEvent::Link { .. } => {}
        }
    }
}

fn tell(state: &RemoteState) {
    let RemoteState { name, origin, presence, sentence, picture, .. } = state;
    match presence {
        Presence::Away | Presence::Trouble => tracing::warn!(origin, feed = name, "{sentence}"),
        _ => tracing::info!(origin, feed = name, picture, "{sentence}"),
    }
}

/// What is not known is left out.
fn figures(state: &RemoteState, sample: Option<&FeedSample>) {
    let Some(sample) = sample else { return };
    let rates = &sample.rates;
    let whole = |value: Option<f64>| value.map(f64::round);
    tracing::info!(
        origin = state.origin,
        feed = state.name,
        viewers = sample.viewers.len(),
        sent_kbps = whole(rates.sent_kbps),
        goodput_kbps = whole(rates.goodput_kbps),
        estimate_kbps = whole(rates.estimate_kbps),
        round_trip_ms = whole(rates.round_trip_time.map(|time| time * 1000.0)),
        lost_percent = rates.fraction_lost.map(|part| (part * 1000.0).round() / 10.0),
        "Figures."
    );
}
