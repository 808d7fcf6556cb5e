//! `heliograph ctl`: a running Heliograph, steered from the terminal over MQTT.
//!
//! It is a client like any other: it says what any program could say, and may what its user may.

mod access;
mod caller;
mod script;
mod text;

use std::{io::Write, path::PathBuf, process::ExitCode};

use serde_json::{Map, Value, json};
use tokio::runtime::Runtime;

use crate::{
    cli::{AgentOptions, CtlBudget, CtlOptions, CtlVerb, ShareOptions},
    config::{AgentConfig, FeedId, SetpointChange, ShareConfig},
    mqtt::Target,
    signals,
};
use caller::Caller;

/// What can go wrong: the sentence, and the exit code.
enum Trouble {
    /// There is nobody to ask, or what was typed cannot be meant.
    Unreachable(String),
    /// It was asked, and refused.
    Refused(String),
}

/// Does what the command line asks; 1 where Heliograph refuses, 2 where there is none to ask.
pub(crate) fn run(config: Option<PathBuf>, options: &CtlOptions) -> ExitCode {
    let runtime = Runtime::new().expect("an async runtime should start");
    let result = runtime.block_on(async {
        tokio::select! {
            result = act(config, options) => result,
            () = signals::asked_to_end() => Ok(()),
        }
    });
    runtime.shutdown_timeout(std::time::Duration::from_millis(300));
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Trouble::Refused(sentence)) => {
            eprintln!("{sentence}");
            ExitCode::FAILURE
        }
        Err(Trouble::Unreachable(sentence)) => {
            eprintln!("{sentence}");
            ExitCode::from(2)
        }
    }
}

async fn act(config: Option<PathBuf>, options: &CtlOptions) -> Result<(), Trouble> {
    // A script with a fault is refused before anything of it was done.
    let steps = match &options.verb {
        CtlVerb::Script { file } => Some(script::read(file).map_err(Trouble::Unreachable)?),
        _ => None,
    };
    let access = access::find(config, options).map_err(Trouble::Unreachable)?;
    let mut caller = Caller::connect(access, options.instance.as_ref()).await.map_err(Trouble::Unreachable)?;
    let result = match steps {
        Some(steps) => script::play(&mut caller, steps).await,
        None => obey(&mut caller, options).await,
    };
    caller.close().await;
    result
}

async fn obey(caller: &mut Caller, options: &CtlOptions) -> Result<(), Trouble> {
    let (target, body) = match &options.verb {
        CtlVerb::Watch { feed, count } => return watch(caller, feed.as_ref(), *count).await,
        CtlVerb::Feeds => {
            text::print_feeds(&caller.feeds().await.map_err(Trouble::Unreachable)?, options.json);
            return Ok(());
        }
        CtlVerb::Agent(AgentOptions { feed, .. }) | CtlVerb::Share(ShareOptions { feed, .. }) => {
            let state = caller.ask(&Target::Feed(feed.clone()), object(json!({ "command": "describe" }))).await?;
            (Target::Feed(feed.clone()), changed(&options.verb, &state.unwrap_or_default()))
        }
        verb => request(verb).map_err(Trouble::Unreachable)?,
    };
    let answer = caller.ask(&target, body).await?;
    text::print(&options.verb, answer.as_ref(), options.json);
    Ok(())
}

/// The feed's agent or share as it is told, but for what a verb names.
fn changed(verb: &CtlVerb, state: &Value) -> Map<String, Value> {
    let command = match verb {
        CtlVerb::Agent(options) => {
            let before: AgentConfig = serde_json::from_value(state["agent"].clone()).unwrap_or_default();
            let agent = AgentConfig {
                kind: options.agent.unwrap_or(before.kind),
                is_passive: options.passive.unwrap_or(before.is_passive),
                least_kbps: options.least_kbps.unwrap_or(before.least_kbps),
                most_kbps: options.most_kbps.unwrap_or(before.most_kbps),
                adapts_picture: options.picture.unwrap_or(before.adapts_picture),
            };
            json!({ "command": "set-agent", "agent": agent })
        }
        CtlVerb::Share(options) => {
            let before: ShareConfig = serde_json::from_value(state["share"].clone()).unwrap_or_default();
            let share = ShareConfig {
                importance: options.importance.unwrap_or(before.importance),
                focus_importance: options.focus_importance.or(before.focus_importance),
                is_independent: options.independent.unwrap_or(before.is_independent),
            };
            json!({ "command": "set-share", "share": share })
        }
        _ => Value::Null,
    };
    object(command)
}

/// What a verb asks, and whom.
fn request(verb: &CtlVerb) -> Result<(Target, Map<String, Value>), String> {
    let of = |feed: &FeedId, body: Value| Ok((Target::Feed(feed.clone()), object(body)));
    match verb {
        CtlVerb::State { feed } => of(feed, json!({ "command": "describe" })),
        CtlVerb::Stats { feed } => of(feed, json!({ "command": "statistics" })),
        CtlVerb::Start { feed } => of(feed, json!({ "command": "start" })),
        CtlVerb::Stop { feed } => of(feed, json!({ "command": "stop" })),
        CtlVerb::Apply(apply) => {
            let change = SetpointChange {
                bitrate_kbps: apply.bitrate_kbps,
                size: apply.size,
                framerate: apply.framerate,
                fec_percent: apply.fec_percent,
                priority: apply.priority,
            };
            if change.is_empty() {
                return Err(
                    "Nothing is to be different. Name at least one value; `heliograph ctl apply --help` lists them."
                        .into(),
                );
            }
            of(&apply.feed, json!({ "command": "apply", "change": change }))
        }
        CtlVerb::Preset { feed, preset } => of(feed, json!({ "command": "preset", "preset": preset })),
        CtlVerb::Stream { feed, stream } => of(feed, json!({ "command": "set-stream", "stream": stream })),
        CtlVerb::Codec { feed, codec, encoder } => {
            of(feed, json!({ "command": "set-codec", "codec": codec, "encoder": encoder }))
        }
        CtlVerb::Element { feed, role, name, value } => {
            of(feed, json!({ "command": "set-element", "role": role, "name": name, "value": value }))
        }
        CtlVerb::Overtake { feed, seconds } => of(feed, json!({ "command": "overtake", "limit": seconds })),
        CtlVerb::Attend { feed, on, attention } => {
            of(feed, json!({ "command": "attend", "attention": attention, "on": on }))
        }
        CtlVerb::Control => Ok((Target::Control, object(json!({ "command": "describe-control" })))),
        CtlVerb::Budget { budget: CtlBudget { budget, kbps } } => {
            let request = json!({ "command": "set-budget", "budget": budget, "kbps": kbps });
            Ok((Target::Control, object(request)))
        }
        CtlVerb::GiveBack { feed } => of(feed, json!({ "command": "give-back" })),
        CtlVerb::RecordStatistics { feed, on } => of(feed, json!({ "command": "record-statistics", "on": on })),
        CtlVerb::Record { feed, on } => {
            of(feed, json!({ "command": if *on { "start-recording" } else { "stop-recording" } }))
        }
        CtlVerb::KeepLast { feed, on } => of(feed, json!({ "command": "keep-last", "on": on })),
        CtlVerb::SaveLast { feed } => of(feed, json!({ "command": "save-last" })),
        CtlVerb::Snapshot { feed } => of(feed, json!({ "command": "snapshot" })),
        CtlVerb::Say { feed, channel, text, session } => {
            let payload = json!({ "text": text });
            of(feed, json!({ "command": "send-data", "channel": channel, "session": session, "payload": payload }))
        }
        CtlVerb::ForgetCertificate { feed } => of(feed, json!({ "command": "forget-certificate" })),
        CtlVerb::Add { name, source } => {
            Ok((Target::Instance, object(json!({ "command": "add-feed", "name": name, "source": source }))))
        }
        CtlVerb::Remove { feed } => Ok((Target::Instance, object(json!({ "command": "remove-feed", "feed": feed })))),
        CtlVerb::Send { request, feed } => {
            let request: Value = serde_json::from_str(request).map_err(|error| {
                format!("This is no JSON object: {error}. Write it as '{{\"command\": \"start\"}}'.")
            })?;
            let Value::Object(body) = request else {
                return Err("A request is a JSON object, such as '{\"command\": \"start\"}'.".into());
            };
            Ok((feed.clone().map_or(Target::Instance, Target::Feed), body))
        }
        CtlVerb::Feeds | CtlVerb::Watch { .. } | CtlVerb::Script { .. } | CtlVerb::Agent(_) | CtlVerb::Share(_) => {
            unreachable!("these ask in their own way")
        }
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// Everything that is told, a line each, until there were enough of them.
async fn watch(caller: &mut Caller, feed: Option<&FeedId>, count: Option<u64>) -> Result<(), Trouble> {
    caller.listen(feed).await.map_err(Trouble::Unreachable)?;
    let mut left = count.unwrap_or(u64::MAX);
    while left > 0 {
        let message = caller.told().await.map_err(Trouble::Unreachable)?;
        let line = format!("{} {}\n", message.topic, String::from_utf8_lossy(&message.payload));
        // Whoever read this has enough.
        if std::io::stdout().write_all(line.as_bytes()).is_err() {
            return Ok(());
        }
        left -= 1;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::{
        cli::{Cli, Verb},
        config::AgentKind,
        engine::FeedCommand,
        station::remote::requests::names,
    };

    fn asked(args: &[&str]) -> Value {
        let cli = Cli::try_parse_from([&["heliograph", "ctl"], args].concat()).unwrap();
        let Some(Verb::Ctl(options)) = cli.verb else { panic!("no ctl") };
        Value::Object(request(&options.verb).unwrap().1)
    }

    #[test]
    fn verbs_are_requests_that_are_understood() {
        let change = json!({ "bitrate_kbps": 900, "size": "camera", "framerate": 5, "priority": 4 });
        let args = ["apply", "bow", "--bitrate-kbps", "900", "--size", "camera", "--framerate", "5", "--priority", "4"];
        assert_eq!(asked(&args), json!({ "command": "apply", "change": change }));
        for args in [
            &args[..],
            &["stop", "bow"],
            &["stream", "bow", "sub"],
            &["codec", "bow", "vp8"],
            &["codec", "bow", "h264", "--encoder", "x264enc"],
            &["element", "bow", "encoder", "threads", "2"],
            &["say", "bow", "chat", "hello"],
            &["overtake", "bow", "--seconds", "30"],
            &["give-back", "bow"],
            &["attend", "bow", "on"],
            &["attend", "bow", "off", "--attention", "enlarged"],
            &["record-statistics", "bow", "on"],
            &["record", "bow", "on"],
            &["record", "bow", "off"],
            &["keep-last", "bow", "on"],
            &["save-last", "bow"],
            &["snapshot", "bow"],
            &["forget-certificate", "bow"],
        ] {
            let mut body = asked(args);
            body["by"] = json!("person");
            serde_json::from_value::<FeedCommand>(body).unwrap();
        }
        assert_eq!(asked(&["send", r#"{"command":"x"}"#, "--feed", "bow"]), json!({ "command": "x" }));
    }

    #[test]
    fn what_a_verb_does_not_name_stays_as_it_is() {
        let state = json!({
            "agent": { "kind": "gcc", "least_kbps": 300, "most_kbps": 4000 },
            "share": { "importance": 3.0, "focus_importance": 5.0 },
        });
        let asked = |args: &[&str]| {
            let cli = Cli::try_parse_from([&["heliograph", "ctl"], args].concat()).unwrap();
            let Some(Verb::Ctl(options)) = cli.verb else { panic!("no ctl") };
            serde_json::from_value::<FeedCommand>(Value::Object(changed(&options.verb, &state))).unwrap()
        };
        let agent = AgentConfig { kind: AgentKind::Gcc, least_kbps: 300, most_kbps: 900, ..AgentConfig::default() };
        assert_eq!(asked(&["agent", "bow", "--most-kbps", "900"]), FeedCommand::SetAgent { agent });
        let agent = AgentConfig { kind: AgentKind::Manual, most_kbps: 4000, ..agent };
        assert_eq!(asked(&["agent", "bow", "manual"]), FeedCommand::SetAgent { agent });
        let share = ShareConfig {
            importance: 0.5.try_into().unwrap(),
            focus_importance: Some(5.0.try_into().unwrap()),
            is_independent: true,
        };
        let args = ["share", "bow", "--importance", "0.5", "--independent", "on"];
        assert_eq!(asked(&args), FeedCommand::SetShare { share });
        let budget = json!({ "command": "set-budget", "budget": "fixed", "kbps": 6000 });
        assert_eq!(super::tests::asked(&["budget", "6000"]), budget);
    }

    /// Whoever adds a command gives it a verb.
    #[test]
    fn every_command_of_a_feed_has_a_verb() {
        let verbs = [
            "start",
            "stop",
            "apply",
            "set-stream",
            "set-codec",
            "set-element",
            "send-data",
            "set-agent",
            "overtake",
            "give-back",
            "set-share",
            "attend",
            "record-statistics",
            "start-recording",
            "stop-recording",
            "keep-last",
            "save-last",
            "snapshot",
            "forget-certificate",
        ];
        let without: Vec<String> =
            names::<FeedCommand>().into_iter().filter(|name| !verbs.contains(&name.as_str())).collect();
        assert_eq!(without, Vec::<String>::new(), "these commands have no verb of `heliograph ctl`");
    }
}
