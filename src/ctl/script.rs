//! Requests at their times, from a file.

use std::{fs, path::Path, time::Duration};

use serde_json::{Map, Value};
use tokio::time::{Instant, sleep_until};

use super::{Trouble, caller::Caller};
use crate::{
    config::FeedId,
    mqtt::Target,
    station::remote::requests::{ControlCommand, names},
};

/// The longest script in bytes.
const LONGEST: u64 = 1024 * 1024;

/// A request, and when it is due.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Step {
    line: usize,
    due: Due,
    target: Target,
    body: Map<String, Value>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Due {
    /// So long after the step before was answered.
    After(Duration),
    /// So long after the beginning.
    At(Duration),
}

/// Reads a script: a JSON object a line, `after` or `at` in seconds, `feed` where it is for one, and
/// the request. Empty lines and lines that begin with # are passed over.
pub(super) fn read(path: &Path) -> Result<Vec<Step>, String> {
    let unreadable = |reason: String| format!("The script {} cannot be read: {reason}.", path.display());
    if path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() > LONGEST) {
        return Err(unreadable("it is longer than 1 MiB".into()));
    }
    let text = fs::read_to_string(path).map_err(|error| unreadable(error.to_string()))?;
    parse(&text).map_err(|fault| format!("The script {} cannot be played; nothing was done. {fault}", path.display()))
}

fn parse(text: &str) -> Result<Vec<Step>, String> {
    let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    lines.map(|(number, line)| step(number, line).map_err(|why| format!("Line {number}: {why}."))).collect()
}

fn step(line: usize, text: &str) -> Result<Step, String> {
    let value = serde_json::from_str(text).map_err(|error| format!("this is no JSON object: {error}"))?;
    let Value::Object(mut body) = value else {
        return Err("a step is a JSON object, such as {\"after\": 2, \"feed\": \"bow\", \"command\": \"stop\"}".into());
    };
    let due = match (body.remove("after"), body.remove("at")) {
        (None, None) => Due::After(Duration::ZERO),
        (Some(after), None) => Due::After(seconds(&after)?),
        (None, Some(at)) => Due::At(seconds(&at)?),
        (Some(_), Some(_)) => return Err("a step has `after` or `at`, not both".into()),
    };
    let target = match body.remove("feed") {
        // The only request to a Heliograph that names a feed has no other place for it.
        Some(feed) if body.get("command").is_some_and(|command| command == "remove-feed") => {
            body.insert("feed".into(), feed);
            Target::Instance
        }
        Some(Value::String(feed)) => Target::Feed(feed.parse::<FeedId>().map_err(|error| error.to_string())?),
        Some(_) => return Err("`feed` is a feed's id, in quotes".into()),
        None if is_control(&body) => Target::Control,
        None => Target::Instance,
    };
    if !body.get("command").is_some_and(Value::is_string) {
        return Err("it has no `command`".into());
    }
    Ok(Step { line, due, target, body })
}

fn is_control(body: &Map<String, Value>) -> bool {
    let command = body.get("command").and_then(Value::as_str).unwrap_or_default();
    names::<ControlCommand>().iter().any(|name| name == command)
}

fn seconds(value: &Value) -> Result<Duration, String> {
    let seconds = value.as_f64().filter(|seconds| (0.0..=86_400.0).contains(seconds));
    seconds.map(Duration::from_secs_f64).ok_or_else(|| "`after` and `at` are seconds, from 0 to 86400".into())
}

/// Plays the steps in their order; a refusal ends it.
pub(super) async fn play(caller: &mut Caller, steps: Vec<Step>) -> Result<(), Trouble> {
    let start = Instant::now();
    for step in steps {
        sleep_until(match step.due {
            Due::After(wait) => Instant::now() + wait,
            Due::At(moment) => start + moment,
        })
        .await;
        let command = step.body.get("command").cloned().unwrap_or_default();
        let answer = caller.ask(&step.target, step.body).await.map_err(|trouble| match trouble {
            Trouble::Refused(sentence) => Trouble::Refused(format!("Line {}: {sentence}", step.line)),
            Trouble::Unreachable(sentence) => Trouble::Unreachable(format!("Line {}: {sentence}", step.line)),
        })?;
        let at = start.elapsed().as_secs_f64();
        println!("{at:.3} {command} {}", answer.unwrap_or(Value::Bool(true)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_have_their_times_and_targets() {
        let text = "# warm up\n\n{\"feed\":\"bow\",\"command\":\"start\"}\n{\"after\":1.5,\"feed\":\"bow\",\"command\":\"stop\"}\n\
                    {\"at\":3,\"command\":\"remove-feed\",\"feed\":\"bow\"}\n{\"command\":\"set-budget\",\"budget\":\"off\"}\n";
        let steps = parse(text).unwrap();
        let times: Vec<_> = steps.iter().map(|step| (step.line, step.due)).collect();
        let (zero, after, at) = (Duration::ZERO, Duration::from_millis(1500), Duration::from_secs(3));
        assert_eq!(times, [(3, Due::After(zero)), (4, Due::After(after)), (5, Due::At(at)), (6, Due::After(zero))]);
        assert_eq!(steps[0].target, Target::Feed("bow".parse().unwrap()));
        assert_eq!(steps[3].target, Target::Control);
        assert_eq!((&steps[2].target, &steps[2].body["feed"]), (&Target::Instance, &"bow".into()));
    }

    #[test]
    fn a_fault_names_its_line() {
        for (line, words) in [
            ("nonsense", "Line 2: this is no JSON object"),
            ("[]", "Line 2: a step is a JSON object"),
            ("{\"feed\":\"bow\"}", "Line 2: it has no `command`"),
            ("{\"after\":-1,\"command\":\"stop\"}", "Line 2: `after` and `at` are seconds"),
            ("{\"after\":1,\"at\":1,\"command\":\"stop\"}", "Line 2: a step has `after` or `at`"),
            ("{\"feed\":\"Bow!\",\"command\":\"stop\"}", "Line 2: a feed's id is"),
        ] {
            let error = parse(&format!("{{\"command\":\"list-feeds\"}}\n{line}\n")).unwrap_err();
            assert!(error.starts_with(words), "{line}: {error}");
        }
    }
}
