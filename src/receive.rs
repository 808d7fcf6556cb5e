//! `heliograph receive`: a window with nothing in it but pictures.

use std::process::ExitCode;

use crate::{
    cli::ReceiveOptions,
    config::{FeedConfig, FeedId, IceServers, Password, PasswordSource, ReceptionConfig, SourceConfig},
    i18n::{gettext, gettext_f},
    serve::read_source,
};

/// Whoever asks a relay is known by the token alone; this is what stands for a name.
const USER: &str = "receiver";

/// Shows what the addresses send until the window is closed.
pub(crate) fn run(options: &ReceiveOptions) -> ExitCode {
    match feeds(options) {
        Ok(feeds) => show(feeds, options),
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::from(2)
        }
    }
}

#[cfg(feature = "gui")]
fn show(feeds: Vec<(FeedConfig, Option<Password>)>, options: &ReceiveOptions) -> ExitCode {
    use crate::ui;

    crate::i18n::init();
    if ui::has_display() {
        return ui::show_pictures(feeds, ui::Wall { is_full_screen: options.fullscreen, is_one: options.grid });
    }
    tracing::error!(
        "{}",
        gettext(
            "There is no display for a window. Run this in a desktop session; without one, `heliograph serve --feed NAME=ADDRESS` passes the picture on.",
        )
    );
    ExitCode::FAILURE
}

#[cfg(not(feature = "gui"))]
fn show(_: Vec<(FeedConfig, Option<Password>)>, _: &ReceiveOptions) -> ExitCode {
    tracing::error!(
        "{}",
        gettext(
            "This Heliograph was built without windows. Use one with the feature `gui`; this one passes the picture on with `heliograph serve --feed NAME=ADDRESS`.",
        )
    );
    ExitCode::FAILURE
}

/// A feed for each address, with the password that stood in it.
fn feeds(options: &ReceiveOptions) -> Result<Vec<(FeedConfig, Option<Password>)>, String> {
    let numbered = options.addresses.iter().enumerate();
    numbered.map(|(place, address)| feed(place, address, options)).collect()
}

fn feed(place: usize, address: &str, options: &ReceiveOptions) -> Result<(FeedConfig, Option<Password>), String> {
    // The address is not repeated: it may hold a password.
    let place = (place + 1).to_string();
    let (mut source, password) = read_source(address).map_err(|reason| {
        // Translators: {number} counts addresses; {reason} says in lower case what is wrong.
        gettext_f("Address {number}: {reason}", &[("number", &place), ("reason", &reason)])
    })?;
    if let SourceConfig::Rtsp(rtsp) = &mut source
        && rtsp.address.relay().is_some()
    {
        if let Some(variable) = &options.token_env {
            *rtsp = rtsp.clone().with_user(USER, PasswordSource::Environment(variable.clone()));
        }
        rtsp.reception = reception(options);
    }
    let name = match &source {
        SourceConfig::Rtsp(rtsp) => format!("{}:{}", rtsp.address.host(), rtsp.address.port()),
        other => other.words(),
    };
    Ok((FeedConfig::new(FeedId::from_name(&format!("picture {place}")), name, source), password))
}

fn reception(options: &ReceiveOptions) -> ReceptionConfig {
    let password = options.ice_password_env.clone().map_or(PasswordSource::None, PasswordSource::Environment);
    let ice = IceServers { servers: options.ice_servers.clone(), password };
    ReceptionConfig { ca: options.ca.clone(), ice, relay_only: options.relay_only, ..ReceptionConfig::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(addresses: &[&str], token_env: Option<&str>) -> ReceiveOptions {
        ReceiveOptions {
            addresses: addresses.iter().map(ToString::to_string).collect(),
            token_env: token_env.map(str::to_owned),
            ..ReceiveOptions::default()
        }
    }

    #[test]
    fn each_address_is_a_feed_and_a_token_is_for_relays_only() {
        let made = feeds(&options(&["ws://robot:8765", "rtsp://bow.local/s", "test:ball"], Some("TOKEN"))).unwrap();
        let names: Vec<_> = made.iter().map(|(feed, _)| feed.name.as_str()).collect();
        assert_eq!(names, ["robot:8765", "bow.local:554", "Test picture"]);
        let passwords: Vec<_> = made
            .iter()
            .filter_map(|(feed, _)| match &feed.source {
                SourceConfig::Rtsp(rtsp) => Some(rtsp.password.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(passwords, [PasswordSource::Environment("TOKEN".to_owned()), PasswordSource::None]);
    }

    #[test]
    fn the_ways_to_a_robot_are_for_relays_only() {
        let ice_servers = vec!["turn:me@relay.example:3478".parse().unwrap()];
        let addresses = options(&["wss://robot:8765#bow", "rtsp://bow.local/s"], None);
        let made =
            feeds(&ReceiveOptions { ice_servers, relay_only: true, ca: Some("/ca".into()), ..addresses }).unwrap();
        let ways: Vec<_> = made
            .iter()
            .filter_map(|(feed, _)| match &feed.source {
                SourceConfig::Rtsp(rtsp) => Some(&rtsp.reception),
                _ => None,
            })
            .collect();
        assert!(ways[0].relay_only && ways[0].ice.has_relay() && ways[0].ca.is_some());
        assert_eq!(*ways[1], ReceptionConfig::default());
    }

    #[test]
    fn what_is_no_address_is_told_by_its_place() {
        let error = feeds(&options(&["ws://robot:8765", "http://me:planted@h"], None)).unwrap_err();
        assert!(error.starts_with("Address 2: ") && !error.contains("planted"), "{error}");
    }
}
