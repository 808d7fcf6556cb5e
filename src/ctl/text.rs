//! Answers for people.

use serde_json::Value;

use crate::{
    cli::CtlVerb,
    config::ConnectorId,
    control::{ControlState, FeedShare},
    station::remote::reports::{ConnectorReport, ControlReport, FeedList, FeedReport},
};

/// Prints what was answered; nothing where it was only done.
pub(super) fn print(verb: &CtlVerb, answer: Option<&Value>, as_json: bool) {
    let Some(answer) = answer else { return };
    let text = if as_json { None } else { for_people(verb, answer) };
    match text {
        Some(text) => print!("{text}"),
        None => println!("{answer:#}"),
    }
}

/// Prints the feeds' ids and names.
pub(super) fn print_feeds(list: &FeedList, as_json: bool) {
    if as_json {
        println!("{:#}", serde_json::json!(list));
    } else {
        list.feeds.iter().for_each(|feed| println!("{}\t{}", feed.id, feed.name));
    }
}

fn for_people(verb: &CtlVerb, answer: &Value) -> Option<String> {
    match verb {
        CtlVerb::State { .. } => {
            let state: FeedReport = serde_json::from_value(answer.clone()).ok()?;
            let setpoint = state.setpoint;
            let connector = |(id, report): (&ConnectorId, &ConnectorReport)| format!("At {id}: {}\n", report.sentence);
            let connectors: String = state.connectors.iter().map(connector).collect();
            let or_camera = |value: Option<String>| value.unwrap_or_else(|| "as the camera".to_owned());
            Some(format!(
                "{} ({}): {}\nViewers: {}\nBitrate: {} kbit/s\nSize: {}\nFrames per second: {}\n{}{connectors}",
                state.name,
                state.feed,
                state.sentence,
                state.viewers,
                setpoint.bitrate_kbps,
                or_camera(setpoint.size.map(|size| size.to_string())),
                or_camera(setpoint.framerate.map(|framerate| framerate.to_string())),
                state.path.map_or_else(String::new, |path| format!("{path}\n")),
            ))
        }
        CtlVerb::Control => {
            let ControlReport { control, .. } = serde_json::from_value(answer.clone()).ok()?;
            Some(control_for_people(&control))
        }
        _ => None,
    }
}

/// A line for what there is, and one for each feed.
fn control_for_people(control: &ControlState) -> String {
    let there_is = match control.shared_kbps {
        Some(kbps) => format!("Shared out: {kbps} kbit/s ({})", control.config.budget),
        None => "Each feed decides for itself.".to_owned(),
    };
    let mut lines = vec![there_is];
    lines.extend(control.shortfall.clone());
    lines.extend(control.feeds.iter().map(|feed| {
        let FeedShare { feed, state, importance, share_kbps, .. } = feed;
        let share = share_kbps.map_or_else(|| "-".to_owned(), |kbps| format!("{kbps} kbit/s"));
        format!("{feed}\t{state}\timportance {importance}\t{share}")
    }));
    lines.join("\n") + "\n"
}
