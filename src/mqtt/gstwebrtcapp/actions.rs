//! What agents and people ask for.

use serde_json::{Map, Value};

use crate::config::{FeedConfig, FeedId, OrCamera, Preset, SetpointChange, Size};

/// What is asked of a feed.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Other values. A bitrate alone is only worth it beyond [`worth_applying`].
    Change(SetpointChange),
    /// A preset.
    Preset(SetpointChange),
    /// Another agent: `gcc`, `drl`, `sd` or `man`.
    Switch(&'static str),
    /// End for good.
    Off,
    /// Begin the agent anew whose name begins so.
    ReloadAgent(String),
    /// Say something on a data channel.
    SendOnChannel {
        /// The channel's name.
        name: String,
        /// What.
        msg: Value,
    },
}

/// Whether a bitrate differs enough from the present one, both in kbit/s: by more than 5 %.
pub fn worth_applying(now: u32, new: u32) -> bool {
    now.abs_diff(new) * 20 > now
}

/// Reads what is asked, in the order in which it is applied, and the keys that are not understood.
pub fn actions(msg: &Value) -> (Vec<Action>, Vec<String>) {
    let (mut understood, mut others) = (Vec::new(), Vec::new());
    for (key, value) in msg.as_object().into_iter().flatten() {
        match action(key, value) {
            // Not being off is no action.
            _ if key == "off" && *value == false => {}
            Some(action) => understood.push(action),
            None => others.push(key.chars().filter(|c| !c.is_control()).take(40).collect()),
        }
    }
    (understood, others)
}

fn action(key: &str, value: &Value) -> Option<Action> {
    let change = |change: SetpointChange| change.check().ok().map(|()| Action::Change(change));
    match key {
        "bitrate" => {
            let kbps = whole(value)?.clamp(*FeedConfig::BITRATE_KBPS.start(), *FeedConfig::BITRATE_KBPS.end());
            change(SetpointChange::bitrate(kbps))
        }
        "resolution" => {
            let (width, height) = (whole(value.get("width")?)?, whole(value.get("height")?)?);
            let size = Size::new(width & !1, height & !1).ok()?;
            change(SetpointChange::size(Some(size)))
        }
        "framerate" => {
            change(SetpointChange { framerate: Some(OrCamera::Set(whole(value)?)), ..SetpointChange::default() })
        }
        "fec" => change(SetpointChange { fec_percent: Some(whole(value)?.min(100)), ..SetpointChange::default() }),
        "preset" => {
            let preset = match value {
                Value::String(name) => Preset::named(name).ok()?,
                number => Preset::at(whole(number)? as usize).ok()?,
            };
            Some(Action::Preset(preset.change()))
        }
        "switch" => switch(value).map(Action::Switch),
        "off" => (*value == true).then_some(Action::Off),
        "reload_agent" => value.as_str().map(|agent| Action::ReloadAgent(agent.to_owned())),
        "send_dc" => {
            let name = value.get("name")?.as_str()?.to_owned();
            Some(Action::SendOnChannel { name, msg: value.get("msg").cloned().unwrap_or_default() })
        }
        _ => None,
    }
}

/// Its programs send whole numbers as fractions; what is behind the point does not count.
fn whole(value: &Value) -> Option<u32> {
    let number = value.as_f64().filter(|number| (0.0..=f64::from(u32::MAX)).contains(number))?;
    Some(number as u32)
}

fn switch(value: &Value) -> Option<&'static str> {
    match value {
        Value::String(name) => ["gcc", "drl", "sd", "man"].into_iter().find(|known| known == name),
        number => match number.as_i64()? {
            0 => Some("gcc"),
            1 => Some("drl"),
            2 => Some("sd"),
            -1 => Some("man"),
            _ => None,
        },
    }
}

/// What is asked of its `FeedController`, which may be us.
#[derive(Clone, Debug, PartialEq)]
pub enum ControllerCommand {
    /// How important feeds are, by their names.
    Weights(Vec<(FeedId, f64)>),
    /// Limits of the bitrate for all feeds, in kbit/s.
    Limits {
        /// At least.
        least: Option<u32>,
        /// At most.
        most: u32,
    },
    /// A person takes the feed over, or gives it back.
    Manual(FeedId, bool),
    /// The feed takes part in the allocation, or decides for itself.
    Allocated(FeedId, bool),
    /// What is passed on to the feed.
    Forward(FeedId, Action),
}

/// Reads commands for the controller: `{"<feed>": {"<action>": value}}`. Notifications of connectors,
/// and what is not understood, are passed over; a feed is meant by its whole name.
pub fn controller_commands(msg: &Value) -> Vec<ControllerCommand> {
    let mut commands = Vec::new();
    for (feed, asked) in msg.as_object().into_iter().flatten() {
        let Some(asked) = asked.as_object() else { continue };
        if feed == "all" {
            commands.extend(for_all(asked));
        } else if let Ok(feed) = feed.parse::<FeedId>() {
            commands.extend(asked.iter().filter_map(|(key, value)| for_one(&feed, key, value)));
        }
    }
    commands
}

fn for_all(asked: &Map<String, Value>) -> Vec<ControllerCommand> {
    let weights = asked.get("weights").and_then(Value::as_object).map(|weights| {
        let weight = |(feed, weight): (&String, &Value)| Some((feed.parse().ok()?, weight.as_f64()?));
        ControllerCommand::Weights(weights.iter().filter_map(weight).collect())
    });
    let limits = asked.get("limits").and_then(|limits| limits.get("bitrate")).and_then(Value::as_array);
    let limits = limits.and_then(|limits| match limits.as_slice() {
        [least, most] => Some(ControllerCommand::Limits { least: Some(whole(least)?), most: whole(most)? }),
        _ => None,
    });
    weights.into_iter().chain(limits).collect()
}

fn for_one(feed: &FeedId, key: &str, value: &Value) -> Option<ControllerCommand> {
    match key {
        "manual" => Some(ControllerCommand::Manual(feed.clone(), value.as_bool()?)),
        "alloc" => Some(ControllerCommand::Allocated(feed.clone(), value.as_bool()?)),
        "max_bitrate" => Some(ControllerCommand::Limits { least: None, most: whole(value)? }),
        _ => action(key, value).map(|action| ControllerCommand::Forward(feed.clone(), action)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_action_key_is_understood() {
        let size = Size::new(1280, 720).unwrap();
        let cases = [
            (json!({ "bitrate": 2500.7 }), Action::Change(SetpointChange::bitrate(2500))),
            (
                json!({ "resolution": { "width": 1280, "height": 720 } }),
                Action::Change(SetpointChange::size(Some(size))),
            ),
            (json!({ "framerate": 25 }), Action::Change(SetpointChange::framerate(Some(25)))),
            (
                json!({ "fec": 120 }),
                Action::Change(SetpointChange { fec_percent: Some(100), ..SetpointChange::default() }),
            ),
            (json!({ "preset": 3 }), Action::Preset(Preset::named("FHD").unwrap().change())),
            (json!({ "preset": "hd" }), Action::Preset(Preset::named("HD").unwrap().change())),
            (json!({ "switch": 1 }), Action::Switch("drl")),
            (json!({ "switch": "man" }), Action::Switch("man")),
            (json!({ "off": true }), Action::Off),
            (json!({ "reload_agent": "drl" }), Action::ReloadAgent("drl".into())),
            (
                json!({ "send_dc": { "name": "c", "msg": { "a": 1 } } }),
                Action::SendOnChannel { name: "c".into(), msg: json!({ "a": 1 }) },
            ),
        ];
        for (msg, action) in cases {
            assert_eq!(actions(&msg), (vec![action], Vec::new()), "{msg}");
        }
        assert_eq!(actions(&json!({ "off": false })), (Vec::new(), Vec::new()));
        let many = actions(&json!({ "bitrate": null, "framerate": -1, "resolution": "x", "preset": 9, "what": 1 }));
        assert_eq!((many.0.len(), many.1.len()), (0, 5));
        assert_eq!(actions(&json!("2500")), (Vec::new(), Vec::new()));
    }

    #[test]
    fn a_bitrate_within_five_percent_is_not_worth_it() {
        assert!(!worth_applying(2000, 2100) && !worth_applying(2000, 1900) && !worth_applying(2000, 2000));
        assert!(worth_applying(2000, 2101) && worth_applying(2000, 1899));
    }

    #[test]
    fn controllers_mean_a_feed_by_its_whole_name() {
        let id = |text: &str| text.parse::<FeedId>().unwrap();
        let commands = controller_commands(&json!({
            "all": { "weights": { "video1": 0.7, "video10": 0.3 }, "limits": { "bitrate": [400, 10000] } },
            "video1": { "manual": true, "bitrate": 3000, "on": "video1/actions" },
            "video10": { "alloc": false, "off": false },
            "no feed!": { "bitrate": 1 },
        }));
        assert_eq!(
            commands,
            [
                ControllerCommand::Weights(vec![(id("video1"), 0.7), (id("video10"), 0.3)]),
                ControllerCommand::Limits { least: Some(400), most: 10_000 },
                ControllerCommand::Forward(id("video1"), Action::Change(SetpointChange::bitrate(3000))),
                ControllerCommand::Manual(id("video1"), true),
                ControllerCommand::Allocated(id("video10"), false),
            ]
        );
    }
}
