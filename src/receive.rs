//! `heliograph receive`: a window with nothing in it but pictures.

use std::process::ExitCode;

use crate::{
    cli::ReceiveOptions,
    config::{FeedConfig, FeedId, Password, PasswordSource, SourceConfig},
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
    numbered.map(|(place, address)| feed(place, address, options.token_env.as_deref())).collect()
}

fn feed(place: usize, address: &str, token_env: Option<&str>) -> Result<(FeedConfig, Option<Password>), String> {
    // The address is not repeated: it may hold a password.
    let place = (place + 1).to_string();
    let (mut source, password) = read_source(address).map_err(|reason| {
        // Translators: {number} counts addresses; {reason} says in lower case what is wrong.
        gettext_f("Address {number}: {reason}", &[("number", &place), ("reason", &reason)])
    })?;
    if let (SourceConfig::Rtsp(rtsp), Some(variable)) = (&mut source, token_env)
        && rtsp.address.relay().is_some()
    {
        *rtsp = rtsp.clone().with_user(USER, PasswordSource::Environment(variable.to_owned()));
    }
    let name = match &source {
        SourceConfig::Rtsp(rtsp) => format!("{}:{}", rtsp.address.host(), rtsp.address.port()),
        other => other.words(),
    };
    Ok((FeedConfig::new(FeedId::from_name(&format!("picture {place}")), name, source), password))
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
    fn what_is_no_address_is_told_by_its_place() {
        let error = feeds(&options(&["ws://robot:8765", "http://me:planted@h"], None)).unwrap_err();
        assert!(error.starts_with("Address 2: ") && !error.contains("planted"), "{error}");
    }
}
