//! What a camera sends, on the terminal: `heliograph probe`.

mod text;

use std::{process::ExitCode, time::Duration};

use tokio::runtime::Runtime;

use crate::{
    cli::ProbeOptions,
    config::{Credentials, FileConfig, Password, SourceAddress},
    i18n::{gettext, gettext_f},
    media::{
        FaultKind, MediaFault,
        probe::{ProbeLimits, ProbeReport, ProbeTarget, RtspTarget, VERSION, probe},
    },
    signals,
};

/// Looks, and prints what was found; a failure ends with code 1, as does an interruption.
pub(crate) fn run(options: &ProbeOptions) -> ExitCode {
    let runtime = Runtime::new().expect("an async runtime should start");
    let (source, result) = runtime.block_on(look(options));
    runtime.shutdown_timeout(Duration::from_millis(300));
    match &result {
        Ok(report) if options.json => print_json(report),
        Ok(report) => print!("{}", text::of(report)),
        Err(fault) if options.json => print_json(&failure(&source, fault)),
        Err(fault) => eprintln!("{fault}{}", detail(fault)),
    }
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The source's name for people, and what was found there.
async fn look(options: &ProbeOptions) -> (String, Result<ProbeReport, MediaFault>) {
    let target = match target(options) {
        Ok(target) => target,
        // What was typed is not repeated: it may hold a password.
        Err(sentence) => return (String::new(), Err(MediaFault::new(FaultKind::Other, sentence, ""))),
    };
    let source = target.to_string();
    let limits = ProbeLimits { look: Duration::from_secs(options.seconds) };
    let found = tokio::select! {
        found = probe(target, limits) => found,
        () = signals::asked_to_end() => Err(MediaFault::new(FaultKind::Other, gettext("The look was interrupted."), "")),
    };
    (source, found)
}

/// What is to be looked at.
fn target(options: &ProbeOptions) -> Result<ProbeTarget, String> {
    let source = options.source.as_str();
    if source == "demo:" {
        Ok(ProbeTarget::Demo)
    } else if source.starts_with("/dev/") {
        Ok(ProbeTarget::Device(source.into()))
    } else if source.starts_with("file:") {
        let file = FileConfig::from_address(source);
        let file = file.ok_or_else(|| gettext("A file is written as file:///PATH, with %20 for a blank."))?;
        Ok(ProbeTarget::File(file.path))
    } else if source.starts_with('/') {
        Err(gettext("A file is written as file:///PATH, and a camera of this machine as /dev/NAME."))
    } else {
        camera(options).map(ProbeTarget::Rtsp)
    }
}

/// A camera, with the login of the options or of the address.
fn camera(options: &ProbeOptions) -> Result<RtspTarget, String> {
    let (address, in_address) = SourceAddress::parse(&options.source)
        // Translators: {reason} says in lower case what is wrong with an address.
        .map_err(|error| gettext_f("The address cannot be used: {reason}.", &[("reason", &error.to_string())]))?;
    if address.relay().is_some() {
        return Err(gettext(
            "A robot's sender is met by one receiver at a time, and not looked at before. Add it as a feed: heliograph serve --feed NAME=ws://HOST:PORT.",
        ));
    }
    let credentials = match &options.user {
        Some(user) => Some(Credentials { user: user.clone(), password: password(options.password_env.as_deref())? }),
        None => in_address,
    };
    let (latency_ms, transport, certificate) = (options.latency_ms, options.transport, options.certificate);
    Ok(RtspTarget { address, credentials, latency_ms, transport, certificate })
}

fn password(variable: Option<&str>) -> Result<Password, String> {
    let Some(variable) = variable else { return Ok(Password::default()) };
    std::env::var(variable).map(Password::new).map_err(|_| {
        gettext_f(
            "The environment variable {variable} holds no password. Set it and start again.",
            &[("variable", variable)],
        )
    })
}

/// The form of a failure, as stable as that of the report.
fn failure(source: &str, fault: &MediaFault) -> serde_json::Value {
    serde_json::json!({ "version": VERSION, "source": source, "error": fault })
}

fn print_json(report: &impl serde::Serialize) {
    println!("{}", serde_json::to_string_pretty(report).expect("a report should be writable as JSON"));
}

/// For whoever looks into the matter, on a line of its own.
fn detail(fault: &MediaFault) -> String {
    if fault.detail.is_empty() { String::new() } else { format!("\n({})", fault.detail) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Verb};

    fn options(args: &[&str]) -> ProbeOptions {
        let cli = Cli::try_parse_from([&["heliograph", "probe"], args].concat()).unwrap();
        let Some(Verb::Probe(options)) = cli.verb else { panic!("probe should be understood") };
        options
    }

    #[test]
    fn every_kind_of_source_is_understood() {
        let shown = |source: &str| target(&options(&[source])).map(|target| target.to_string());
        for source in ["demo:", "/dev/video0", "rtsp://h/s", "rtsps://h/s"] {
            assert_eq!(shown(source), Ok(source.into()));
        }
        assert_eq!(shown("file:///srv/the%20boat.mp4"), Ok("/srv/the boat.mp4".into()));
        for bad in ["/srv/boat.mp4", "file:boat.mp4", "http://h/", "boat"] {
            assert!(shown(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_login_comes_from_the_options_or_the_address() {
        let login = |args: &[&str]| match target(&options(args)).unwrap() {
            ProbeTarget::Rtsp(target) => {
                target.credentials.map(|login| (login.user, login.password.expose().to_owned()))
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(login(&["rtsp://me:planted@h/s"]), Some(("me".into(), "planted".into())));
        assert_eq!(login(&["rtsp://h/s", "--user", "me"]), Some(("me".into(), String::new())));
        let path = std::env::var("PATH").unwrap();
        assert_eq!(login(&["rtsp://a:b@h/s", "--user", "me", "--password-env", "PATH"]), Some(("me".into(), path)));
        let error =
            target(&options(&["rtsp://h/s", "--user", "me", "--password-env", "HELIOGRAPH_NO_SUCH"])).unwrap_err();
        assert!(error.contains("HELIOGRAPH_NO_SUCH"), "{error}");
    }
}
