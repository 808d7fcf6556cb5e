//! One `[[feeds]]` table.

use super::super::fields::Fields;
use super::control::read_share;
use super::data_channels::read_data_channels;
use super::elements::read_elements;
use super::source::{read_source, source_keys};
use crate::config::{AgentConfig, AudioConfig, Crop, FeedConfig, FeedId, Password, PictureConfig, Priority, Setpoint};
use crate::i18n::{gettext, gettext_f};

/// The keys that every kind of feed takes.
const FEED_KEYS: &[&str] = &[
    "decoder",
    "deinterlace",
    "crop",
    "rotate",
    "flip",
    "size",
    "framerate",
    "letterbox",
    "audio",
    "audio_bitrate_kbps",
    "path",
    "codec",
    "encoder",
    "encoder_settings",
    "elements",
    "bitrate_kbps",
    "fec_percent",
    "priority",
    "agent",
    "agent_passive",
    "agent_least_kbps",
    "agent_most_kbps",
    "agent_picture",
    "importance",
    "focus_importance",
    "independent",
    "pinned_viewers",
    "data_channels",
    "streaming",
    "keep_warm",
    "record_statistics",
];

/// A feed as it stands in the file: it may have no id yet.
pub(super) struct Draft {
    pub(super) id: Option<FeedId>,
    pub(super) id_line: usize,
    pub(super) feed: FeedConfig,
    /// A password that stood in the address.
    pub(super) password: Option<Password>,
    pub(super) address_line: usize,
}

pub(super) fn read_feed(fields: &Fields<'_>) -> Option<Draft> {
    let known: Vec<&str> = ["name", "id"].into_iter().chain(source_keys()).chain(FEED_KEYS.iter().copied()).collect();
    fields.refuse_others(&known);
    let name = fields.checked("name", FeedConfig::check_name);
    if !fields.has("name") {
        fields.notes.add(fields.line, gettext("this feed has no name; write name = \"…\" below"));
    }
    let id = fields.parsed::<FeedId>("id");
    let source = read_source(fields);
    let with_settings = read_settings(fields);

    let (name, (source, password)) = (name?, source?);
    let unnamed = id.clone().unwrap_or_else(|| FeedId::from_name(&name));
    let feed = with_settings(FeedConfig::new(unnamed, name, source));
    Some(Draft { id, id_line: fields.line_of("id"), feed, password, address_line: fields.line_of("address") })
}

/// What is done with the source, whatever it is.
fn read_settings(fields: &Fields<'_>) -> impl FnOnce(FeedConfig) -> FeedConfig {
    let decoder = fields.parsed("decoder").unwrap_or_default();
    let picture = read_picture(fields);
    let audio = read_audio(fields);
    let path = fields.parsed("path").unwrap_or_default();
    let codec = fields.parsed("codec").unwrap_or_default();
    let encoder = fields.parsed("encoder").unwrap_or_default();
    let elements = read_elements(fields);
    let bitrate = fields.number("bitrate_kbps", &FeedConfig::BITRATE_KBPS);
    let fec_percent = fields.number("fec_percent", &Setpoint::FEC_PERCENT);
    let priority = fields.number("priority", &(1..=4));
    let agent = read_agent(fields);
    let share = read_share(fields);
    let pinned_viewers = read_pinned_viewers(fields);
    let data_channels = read_data_channels(fields);
    let streaming = fields.flag("streaming");
    let keep_warm = fields.flag("keep_warm").unwrap_or_default();
    let record_statistics = fields.flag("record_statistics").unwrap_or_default();
    move |feed| FeedConfig {
        decoder,
        picture,
        audio,
        path,
        codec,
        encoder,
        elements,
        bitrate_kbps: bitrate.unwrap_or(feed.bitrate_kbps),
        fec_percent: fec_percent.unwrap_or(feed.fec_percent),
        priority: priority.and_then(Priority::of_number).unwrap_or(feed.priority),
        agent,
        share,
        pinned_viewers,
        data_channels,
        streaming: streaming.unwrap_or(feed.streaming),
        keep_warm,
        record_statistics,
        ..feed
    }
}

fn read_picture(fields: &Fields<'_>) -> PictureConfig {
    PictureConfig {
        deinterlace: fields.flag("deinterlace").unwrap_or_default(),
        crop: read_crop(fields).unwrap_or_default(),
        rotate: read_rotation(fields).unwrap_or_default(),
        flip: fields.parsed("flip").unwrap_or_default(),
        size: fields.parsed("size"),
        framerate: fields.number("framerate", &PictureConfig::FRAMERATE),
        letterbox: fields.flag("letterbox").unwrap_or_default(),
    }
}

fn read_crop(fields: &Fields<'_>) -> Option<Crop> {
    let allowed = gettext_f(
        // Translators: this stands behind "it must be".
        "four whole numbers from 0 to {most}: [left, top, right, bottom]",
        &[("most", &Crop::EDGE.end().to_string())],
    );
    let edges = fields.typed("crop", |item| edges(item.as_array()?), &allowed)?;
    let [left, top, right, bottom] = edges;
    Some(Crop { left, top, right, bottom })
}

fn edges(array: &toml_edit::Array) -> Option<[u32; 4]> {
    let edge = |value: &toml_edit::Value| u32::try_from(value.as_integer()?).ok().filter(|n| Crop::EDGE.contains(n));
    array.iter().map(edge).collect::<Option<Vec<_>>>()?.try_into().ok()
}

/// A number in the file: quotes around it would be a trap.
fn read_rotation(fields: &Fields<'_>) -> Option<crate::config::Rotation> {
    // Translators: this stands behind "it must be".
    let allowed = gettext("0, 90, 180 or 270, without quotes");
    fields.typed("rotate", |item| item.as_integer()?.to_string().parse().ok(), &allowed)
}

fn read_audio(fields: &Fields<'_>) -> AudioConfig {
    let default = AudioConfig::default();
    AudioConfig {
        source: fields.parsed("audio").unwrap_or(default.source),
        bitrate_kbps: fields.number("audio_bitrate_kbps", &AudioConfig::BITRATE_KBPS).unwrap_or(default.bitrate_kbps),
    }
}

fn read_agent(fields: &Fields<'_>) -> AgentConfig {
    let default = AgentConfig::default();
    let agent = AgentConfig {
        kind: fields.parsed("agent").unwrap_or_default(),
        is_passive: fields.flag("agent_passive").unwrap_or_default(),
        least_kbps: fields.number("agent_least_kbps", &FeedConfig::BITRATE_KBPS).unwrap_or(default.least_kbps),
        most_kbps: fields.number("agent_most_kbps", &FeedConfig::BITRATE_KBPS).unwrap_or(default.most_kbps),
        adapts_picture: fields.flag("agent_picture").unwrap_or(default.adapts_picture),
    };
    if agent.least_kbps > agent.most_kbps {
        let key = if fields.has("agent_least_kbps") { "agent_least_kbps" } else { "agent_most_kbps" };
        let (least, most) = (agent.least_kbps.to_string(), agent.most_kbps.to_string());
        let values = [("least", least.as_str()), ("most", &most)];
        // Translators: this stands behind the name of a key and a colon.
        fields.refuse(key, gettext_f("the least bitrate, {least}, is above the most, {most}", &values));
    }
    agent
}

fn read_pinned_viewers(fields: &Fields<'_>) -> Vec<String> {
    // Translators: this stands behind "it must be".
    let allowed = gettext("a list of viewers' names, such as [\"pilot\"]");
    let names = |item: &toml_edit::Item| {
        let texts = item.as_array()?.iter().map(|name| name.as_str().map(str::to_owned));
        texts.collect::<Option<Vec<String>>>()
    };
    let mut names = fields.typed("pinned_viewers", names, &allowed).unwrap_or_default();
    names.retain(|name| match FeedConfig::check_name(name) {
        Ok(()) => true,
        Err(error) => {
            fields.refuse("pinned_viewers", error);
            false
        }
    });
    names
}
