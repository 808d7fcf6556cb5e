//! The log of a station: one line for every change of a feed.

use std::collections::HashMap;

use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::{
    config::{ConnectorId, FeedId, Setpoint},
    connector::ConnectorState,
    engine::{EngineEvent, FeedEvent, FeedState},
    media::AudioState,
};

/// Writes lines until the engine is gone.
pub(super) async fn report(mut events: Receiver<EngineEvent>) {
    let mut told = HashMap::new();
    let mut at_connectors = HashMap::new();
    loop {
        match events.recv().await {
            Ok(EngineEvent::Feed { feed, event: FeedEvent::State(state) }) => {
                // The next attempt failed like the one before: nothing changed.
                let kind = (state.name(), state.fault().map(|fault| fault.kind));
                if told.insert(feed.clone(), kind) != Some(kind) {
                    log_state(&feed, &state);
                }
            }
            Ok(EngineEvent::Feed { feed, event: FeedEvent::Viewers { count } }) => {
                tracing::info!(%feed, viewers = count, "Viewers: {count}.");
            }
            Ok(EngineEvent::Feed { feed, event: FeedEvent::Notice { sentence } }) => {
                tracing::warn!(%feed, "{sentence}");
            }
            Ok(EngineEvent::Feed { feed, event: FeedEvent::NotSaved { sentence, .. } }) => {
                tracing::warn!(%feed, "{sentence}");
            }
            Ok(EngineEvent::Feed { feed, event: FeedEvent::Encoder(encoder) }) => {
                tracing::info!(%feed, encoder = encoder.element, "{}.", encoder.reason);
            }
            Ok(EngineEvent::Feed { feed, event: FeedEvent::Setpoint(in_force) }) => {
                let Setpoint { bitrate_kbps, size, framerate, fec_percent, priority } = in_force.setpoint;
                let by = in_force.by;
                tracing::debug!(%feed, bitrate_kbps, ?size, framerate, fec_percent, %priority, ?by, "Another setpoint.");
            }
            // Every attempt begins so.
            Ok(EngineEvent::Feed {
                event: FeedEvent::Connector { state: Some(ConnectorState::Connecting), .. },
                ..
            }) => {}
            Ok(EngineEvent::Feed { feed, event: FeedEvent::Connector { connector, state: Some(state) } }) => {
                // The next attempt failed like the one before: nothing changed.
                let word = state.sentence_without_wait();
                if at_connectors.insert((feed.clone(), connector.clone()), word.clone()).as_ref() != Some(&word) {
                    log_connector(&feed, &connector, &state);
                }
            }
            Ok(EngineEvent::Feed { feed, event: FeedEvent::Connector { connector, state: None } }) => {
                at_connectors.remove(&(feed.clone(), connector.clone()));
                tracing::info!(%feed, %connector, state = "gone", "The feed does not go there any more.");
            }
            Ok(EngineEvent::Feed { feed, event: FeedEvent::Audio(audio) }) => log_audio(&feed, &audio),
            Ok(_) => {}
            Err(RecvError::Lagged(missed)) => tracing::warn!("{missed} events were not logged: the log is too slow."),
            Err(RecvError::Closed) => return,
        }
    }
}

fn log_audio(feed: &FeedId, audio: &AudioState) {
    match audio {
        AudioState::Off => tracing::info!(%feed, audio = "off", "No sound."),
        AudioState::Live => tracing::info!(%feed, audio = "live", "Sound is heard."),
        AudioState::Missing { sentence } => tracing::warn!(%feed, audio = "missing", "{sentence}"),
    }
}

fn log_connector(feed: &FeedId, connector: &ConnectorId, state: &ConnectorState) {
    let (name, sentence) = (state.name(), state.sentence());
    match state {
        ConnectorState::Connecting => {}
        ConnectorState::Ready { set_up } => {
            tracing::info!(%feed, %connector, state = name, set_up = set_up.words(), "{sentence}");
        }
        ConnectorState::Backoff { .. } => tracing::warn!(%feed, %connector, state = name, "{sentence}"),
    }
}

fn log_state(feed: &FeedId, state: &FeedState) {
    let (name, sentence) = (state.name(), state.sentence());
    match state.fault().map(|fault| fault.detail.as_str()) {
        Some(detail) if !detail.is_empty() => tracing::warn!(%feed, state = name, detail, "{sentence}"),
        Some(_) => tracing::warn!(%feed, state = name, "{sentence}"),
        None => tracing::info!(%feed, state = name, "{sentence}"),
    }
}
