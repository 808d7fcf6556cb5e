//! What can be asked over MQTT: of a feed every [`FeedCommand`] and a little more, of a Heliograph the
//! rest.

use std::sync::LazyLock;

use schemars::{JsonSchema, schema_for};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::reports::{ControlReport, FeedList, FeedName, FeedReport, VERSION};
use crate::{
    config::{
        BudgetKind, ChangedBy, ControlConfig, ElementRole, FeedConfig, FeedId, Preset, RtspConfig, SourceAddress,
        SourceConfig, TestConfig, element_settings,
    },
    engine::{Engine, EngineError, FeedCommand},
    i18n::{gettext, gettext_f},
    mqtt::{Refusal, RefusalKind, Request, Target},
};

/// What can be asked of a Heliograph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum InstanceCommand {
    /// Which feeds there are; the answer is what `…/feeds` says.
    ListFeeds,
    /// Add a feed, until the program ends. Only where the settings allow it.
    AddFeed {
        /// What people call it.
        name: String,
        /// An RTSP address without user and password, `demo:` or `test:PATTERN`.
        source: String,
    },
    /// Remove a feed, until the program ends. Only where the settings allow adding.
    RemoveFeed {
        /// Which.
        feed: FeedId,
    },
}

/// What can be asked about the sharing out of bitrate among the feeds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum ControlCommand {
    /// How it is shared out; the answer is what `…/control` says.
    DescribeControl,
    /// Share this out from now on.
    SetBudget {
        /// What there is.
        budget: BudgetKind,
        /// How much that is where it is fixed, in kbit/s; none: as much as before.
        #[serde(default)]
        kbps: Option<u32>,
        /// For how many seconds what an agent asks for counts; none: as long as before.
        #[serde(default)]
        aggregation_timeout: Option<u32>,
    },
}

/// What can be asked of a feed beside its [`FeedCommand`]s.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum FeedQuestion {
    /// How it is; the answer is what `…/state` says.
    Describe,
    /// Its last statistics.
    Statistics,
    /// Hold it to a preset.
    Preset {
        /// The preset's name, such as `HD`.
        preset: String,
        /// Who asks; a person, unless it is said.
        #[serde(default = "person")]
        by: ChangedBy,
    },
}

fn person() -> ChangedBy {
    ChangedBy::Person
}

type Outcome = Result<Option<Value>, Refusal>;

/// Does what is asked.
pub(super) async fn obey(engine: &Engine, allow_add: bool, target: &Target, request: Request) -> Outcome {
    match target {
        Target::Instance => obey_instance(engine, allow_add, read(request.body)?).await,
        Target::Feed(feed) => obey_feed(engine, feed, request.body),
        Target::Control => obey_control(engine, &read(request.body)?),
    }
}

async fn obey_instance(engine: &Engine, allow_add: bool, command: InstanceCommand) -> Outcome {
    let not_allowed = || {
        let why = gettext("feeds are added and removed by messages only where [mqtt] says allow_add = true");
        Err(Refusal::new(RefusalKind::NotAllowed, why))
    };
    match command {
        InstanceCommand::ListFeeds => Ok(Some(to_value(&feed_list(engine)))),
        InstanceCommand::AddFeed { .. } | InstanceCommand::RemoveFeed { .. } if !allow_add => not_allowed(),
        InstanceCommand::AddFeed { name, source } => {
            let config = new_feed(engine, &name, &source)?;
            let id = config.id.clone();
            engine.add(config).map_err(|error| refused(&error))?;
            Ok(Some(to_value(&FeedName { id, name })))
        }
        InstanceCommand::RemoveFeed { feed } => {
            engine.remove(&feed).await.map_err(|error| refused(&error))?;
            Ok(None)
        }
    }
}

fn obey_control(engine: &Engine, command: &ControlCommand) -> Outcome {
    match *command {
        ControlCommand::DescribeControl => Ok(Some(to_value(&ControlReport { v: VERSION, control: engine.control() }))),
        ControlCommand::SetBudget { budget, kbps, aggregation_timeout } => {
            let before = engine.control().config;
            let control = ControlConfig {
                budget,
                budget_kbps: kbps.unwrap_or(before.budget_kbps),
                aggregation_timeout: aggregation_timeout.unwrap_or(before.aggregation_timeout),
            };
            engine.configure_control(control).map_err(|error| refused(&error))?;
            Ok(None)
        }
    }
}

/// The feeds there are.
pub(super) fn feed_list(engine: &Engine) -> FeedList {
    let name = |feed: crate::engine::FeedSnapshot| FeedName { id: feed.config.id, name: feed.config.name };
    FeedList { v: VERSION, feeds: engine.feeds().into_iter().map(name).collect() }
}

/// Only what names nothing of this machine, and holds no password: it went through a broker in clear.
fn new_feed(engine: &Engine, name: &str, source: &str) -> Result<FeedConfig, Refusal> {
    let unknown = |why: String| Refusal::new(RefusalKind::Unknown, why);
    FeedConfig::check_name(name).map_err(|error| unknown(error.to_string()))?;
    let source = if source == "demo:" {
        SourceConfig::Demo
    } else if let Some(pattern) = source.strip_prefix("test:") {
        let pattern = pattern.parse().map_err(|_| unknown(gettext("no test picture is called so")))?;
        SourceConfig::Test(TestConfig { pattern, ..TestConfig::default() })
    } else {
        let (address, login) = SourceAddress::parse(source).map_err(|error| unknown(error.to_string()))?;
        if login.is_some() {
            let why = gettext(
                "an address with a user or a password is not taken from a message; add this camera in the window or the settings file",
            );
            return Err(Refusal::new(RefusalKind::NotAllowed, why));
        }
        SourceConfig::Rtsp(RtspConfig::new(address))
    };
    let feeds = engine.feeds();
    let id = FeedId::from_name(name).unique_among(feeds.iter().map(|feed| &feed.config.id));
    Ok(FeedConfig::new(id, name, source))
}

fn obey_feed(engine: &Engine, feed: &FeedId, mut body: Map<String, Value>) -> Outcome {
    let snapshot = engine.feed(feed).ok_or_else(|| refused(&EngineError::NoSuchFeed(feed.clone())))?;
    // A message is from a person, unless it names an agent: nobody speaks for the settings file.
    if body.get("by").is_none_or(|by| !by.is_object()) {
        body.insert("by".into(), to_value(&ChangedBy::Person));
    }
    if is_one_of(&QUESTIONS, &body) {
        return match read(body)? {
            FeedQuestion::Describe => Ok(Some(to_value(&FeedReport::of(&snapshot)))),
            FeedQuestion::Statistics => Ok(snapshot.stats.map(|sample| to_value(&*sample))),
            FeedQuestion::Preset { preset, by } => {
                let preset =
                    Preset::named(&preset).map_err(|error| Refusal::new(RefusalKind::Unknown, error.to_string()))?;
                command(engine, feed, FeedCommand::Apply { change: preset.change(), by })
            }
        };
    }
    let asked = read::<FeedCommand>(body)?;
    if let FeedCommand::SetElement { role, name, value } = &asked {
        check_element(*role, name, value)?;
    }
    command(engine, feed, asked)
}

/// Said at once, where the engine would tell it to everybody a moment later.
fn check_element(role: ElementRole, name: &str, value: &str) -> Result<(), Refusal> {
    element_settings::check(role, name, value).map_err(|error| Refusal::new(RefusalKind::NotAllowed, error.to_string()))
}

fn command(engine: &Engine, feed: &FeedId, command: FeedCommand) -> Outcome {
    engine.command(feed, command).map_err(|error| refused(&error))?;
    Ok(None)
}

fn refused(error: &EngineError) -> Refusal {
    let kind = match error {
        EngineError::NoSuchFeed(_) => RefusalKind::NotFound,
        _ => RefusalKind::Failed,
    };
    Refusal::new(kind, error.to_string())
}

// ---- reading -----------------------------------------------------------------

static QUESTIONS: LazyLock<Vec<String>> = LazyLock::new(names::<FeedQuestion>);

fn is_one_of(names: &[String], body: &Map<String, Value>) -> bool {
    body.get("command").and_then(Value::as_str).is_some_and(|command| names.iter().any(|name| name == command))
}

/// The commands that a type knows, from its schema: a new one is known here without another word.
pub fn names<T: JsonSchema>() -> Vec<String> {
    let schema = schema_for!(T);
    let variants = schema.get("oneOf").and_then(Value::as_array).cloned().unwrap_or_default();
    let name = |variant: &Value| variant.pointer("/properties/command/const")?.as_str().map(str::to_owned);
    variants.iter().filter_map(name).collect()
}

/// Reads a command. What was sent is not repeated: nobody knows what it is.
fn read<T: DeserializeOwned + JsonSchema>(body: Map<String, Value>) -> Result<T, Refusal> {
    let known = names::<T>();
    let command = body
        .get("command")
        .and_then(Value::as_str)
        .and_then(|command| known.iter().find(|name| *name == command))
        .cloned();
    let Some(command) = command else {
        let mut all = known;
        if all.iter().any(|name| name == "start") {
            all.extend(QUESTIONS.iter().cloned());
        }
        let why = gettext_f(
            // Translators: {names} is a list such as start, stop.
            "the `command` is none that is known here; it is one of {names}",
            &[("names", &all.join(", "))],
        );
        return Err(Refusal::new(RefusalKind::Unknown, why));
    };
    serde_json::from_value(Value::Object(body)).map_err(|error| {
        let error = error.to_string();
        // Only these words of serde's name what is ours; others repeat what was sent.
        let missing = error.strip_prefix("missing field ").map(|rest| rest.split(' ').next().unwrap_or_default());
        let why = match missing {
            Some(field) => gettext_f("{command} needs {field}", &[("command", &command), ("field", field)]),
            None => gettext_f(
                "a value of {command} is not what it should be; see its schema, feed-command.json, control-command.json or instance-command.json",
                &[("command", &command)],
            ),
        };
        Refusal::new(RefusalKind::Unknown, why)
    })
}

fn to_value<T: Serialize>(message: &T) -> Value {
    serde_json::to_value(message).expect("a message should be JSON: its types have text keys only")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(map) => map,
            _ => panic!("no object"),
        }
    }

    #[test]
    fn every_command_of_a_feed_is_known_by_its_name() {
        let names = names::<FeedCommand>();
        for name in ["start", "stop", "apply", "set-stream", "set-element", "forget-certificate"] {
            assert!(names.iter().any(|known| known == name), "{name} is not among {names:?}");
        }
        assert_eq!(self::names::<FeedQuestion>(), ["describe", "statistics", "preset"]);
    }

    #[test]
    fn what_is_wrong_with_a_command_is_said_without_repeating_it() {
        let cases = [
            (serde_json::json!({ "command": "planted" }), "it is one of start, stop"),
            (serde_json::json!({ "planted": 1 }), "it is one of start, stop"),
            (serde_json::json!({ "command": "apply", "by": "person" }), "apply needs `change`"),
            (serde_json::json!({ "command": "apply", "by": "person", "change": { "planted": 1 } }), "a value of apply"),
            (serde_json::json!({ "command": "set-stream", "stream": "planted" }), "a value of set-stream"),
        ];
        for (request, words) in cases {
            let refusal = read::<FeedCommand>(body(request.clone())).unwrap_err();
            assert!(refusal.sentence.contains(words), "{request}: {}", refusal.sentence);
            assert!(!refusal.sentence.contains("planted"), "{}", refusal.sentence);
        }
    }

    #[tokio::test]
    async fn requests_to_a_feed_that_is_not_there_and_what_is_not_allowed_are_refused() {
        let secrets = std::sync::Arc::new(crate::config::Secrets::new(crate::config::KeyringStore::without_prompts()));
        let engine = Engine::new(tokio::runtime::Handle::current(), secrets);
        let ask = async |target: Target, request: Value, allow: bool| {
            obey(&engine, allow, &target, Request { id: None, body: body(request) }).await
        };
        let feed = Target::Feed("bow".parse().unwrap());
        let refusal = ask(feed, serde_json::json!({ "command": "start" }), false).await.unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::NotFound);
        let add = serde_json::json!({ "command": "add-feed", "name": "Bow", "source": "rtsp://me:planted@h/1" });
        for allow in [false, true] {
            let refusal = ask(Target::Instance, add.clone(), allow).await.unwrap_err();
            assert_eq!(refusal.kind, RefusalKind::NotAllowed);
            assert!(!refusal.sentence.contains("planted"));
        }
        for source in ["/etc/passwd", "file:///etc/passwd", "/dev/video0", "http://h/"] {
            let add = serde_json::json!({ "command": "add-feed", "name": "Bow", "source": source });
            assert_eq!(ask(Target::Instance, add, true).await.unwrap_err().kind, RefusalKind::Unknown);
        }
        let budget = serde_json::json!({ "command": "set-budget", "budget": "fixed", "kbps": 6000 });
        assert_eq!(ask(Target::Control, budget, false).await, Ok(None));
        let state = ask(Target::Control, serde_json::json!({ "command": "describe-control" }), false).await.unwrap();
        assert_eq!(state.unwrap()["config"]["budget_kbps"], 6000);
        let budget = serde_json::json!({ "command": "set-budget", "budget": "fixed", "kbps": 6 });
        assert_eq!(ask(Target::Control, budget, false).await.unwrap_err().kind, RefusalKind::Failed);
        assert_eq!(
            ask(Target::Instance, serde_json::json!({ "command": "list-feeds" }), false).await.unwrap(),
            Some(serde_json::json!({ "v": 1, "feeds": [] }))
        );
    }
}
