//! From the text of a settings file to the settings.

mod connectors;
mod control;
mod data_channels;
mod elements;
mod encoders;
mod feed;
mod login;
mod mqtt;
mod recording;
mod server;
mod source;
mod statistics;
mod transport;
mod watch;

use std::collections::HashSet;

use toml_edit::{Document, Item, TableLike, TomlError};

use self::feed::{Draft, read_feed};
use super::fields::{Fields, Notes};
use super::{Fault, Forms, Loaded, Remark, VERSION};
use crate::config::{Config, FeedId};
use crate::i18n::{gettext, gettext_f};

pub(super) use connectors::secret_keys;
pub(super) use elements::setting_text;
pub(super) use mqtt::{EMBEDDED, EMBEDDED_KEYS, EXTERNAL_KEYS, OFF};
pub(super) use source::source_keys;

const TOP_KEYS: &[&str] =
    &["version", "server", "encoders", "recording", "statistics", "control", "mqtt", "watch", "connectors", "feeds"];

/// Reads the whole file, or says everything that is wrong with it.
pub(super) fn read(text: &str, forms: Forms) -> Result<Loaded, Fault> {
    refuse_depth(text)?;
    let document = Document::parse(text).map_err(|error| syntax_fault(text, &error))?;
    let notes = Notes::new(text);
    let top = Fields { table: document.as_table(), line: 1, notes: &notes };
    if top.table.is_empty() {
        return Ok(Loaded::default());
    }
    check_version(&top)?;
    top.refuse_others(TOP_KEYS);
    let server = server::read_server(&top);
    let encoders = encoders::read_encoders(&top);
    let recording = recording::read_recording(&top);
    let statistics = statistics::read_statistics(&top);
    let control = control::read_control(&top);
    let mqtt = mqtt::read_mqtt(&top);
    let watch = watch::read_watch(&top);
    let connectors = connectors::read_connectors(&top, forms);
    let drafts = read_feeds(&top);
    refuse_equal_ids(&drafts, &notes);
    match notes.into_remarks() {
        remarks if remarks.is_empty() => {
            let config =
                Config { server, encoders, recording, statistics, control, mqtt, watch, connectors, feeds: Vec::new() };
            Ok(finish(config, drafts))
        }
        remarks => Err(Fault::Remarks(remarks)),
    }
}

/// No settings have as many brackets in each other: four are the most.
const MOST_OPEN: usize = 100;

/// The parser follows brackets that are never closed as deep as they go (`toml_edit` 0.25), and a thread's
/// stack ends before a file of the allowed length does. Counted without regard to texts and comments, which
/// hold no such number of them either.
fn refuse_depth(text: &str) -> Result<(), Fault> {
    let mut open: usize = 0;
    for (number, line) in text.lines().enumerate() {
        for letter in line.bytes() {
            match letter {
                b'[' | b'{' => open += 1,
                b']' | b'}' => open = open.saturating_sub(1),
                _ => {}
            }
        }
        if open > MOST_OPEN {
            let most = MOST_OPEN.to_string();
            let text = gettext_f("more than {most} brackets are open here; close them", &[("most", &most)]);
            return Err(Fault::Syntax(Remark { line: number + 1, text }));
        }
    }
    Ok(())
}

/// The parser's own message, without the line it quotes: that may hold a token.
fn syntax_fault(text: &str, error: &TomlError) -> Fault {
    let line = Notes::new(text).line(error.span());
    // Translators: {reason} is in English.
    let text = gettext_f("this is no TOML: {reason}", &[("reason", error.message())]);
    Fault::Syntax(Remark { line, text })
}

/// Of a newer form nothing else is said: its keys need not be ours.
fn check_version(top: &Fields<'_>) -> Result<(), Fault> {
    let ours = [("version", &*VERSION.to_string())];
    match top.table.get("version").map(Item::as_integer) {
        Some(Some(version)) if version > VERSION => return Err(Fault::Newer { version }),
        Some(Some(VERSION)) => {}
        Some(_) => top.refuse("version", gettext_f("it must be {version}", &ours)),
        None => top.notes.add(1, gettext_f("the version is missing; write version = {version} first", &ours)),
    }
    Ok(())
}

// ---- [[feeds]] ---------------------------------------------------------------

fn read_feeds(top: &Fields<'_>) -> Vec<Draft> {
    let Some(item) = top.table.get("feeds") else {
        return Vec::new();
    };
    let Some(tables) = tables_of(item) else {
        top.refuse("feeds", gettext("write each feed below a line [[feeds]]"));
        return Vec::new();
    };
    let fields = |(table, span)| Fields { table, line: top.notes.line(span), notes: top.notes };
    tables.into_iter().map(fields).filter_map(|fields| read_feed(&fields)).collect()
}

type Spanned<'a> = (&'a dyn TableLike, Option<std::ops::Range<usize>>);

/// The tables below `[[feeds]]`, or in `feeds = [{ … }]`, which means the same.
fn tables_of(item: &Item) -> Option<Vec<Spanned<'_>>> {
    if let Some(tables) = item.as_array_of_tables() {
        return Some(tables.iter().map(|table| (table as &dyn TableLike, table.span())).collect());
    }
    item.as_array()?
        .iter()
        .map(|value| value.as_inline_table().map(|table| (table as &dyn TableLike, table.span())))
        .collect()
}

// ---- all feeds together ------------------------------------------------------

fn refuse_equal_ids(drafts: &[Draft], notes: &Notes<'_>) {
    let mut taken = HashSet::new();
    for (id, line) in drafts.iter().filter_map(|draft| Some((draft.id.as_ref()?, draft.id_line))) {
        if !taken.insert(id) {
            let text = gettext_f(
                "the id \"{id}\" is that of a feed above; give this feed another one",
                &[("id", id.as_ref())],
            );
            notes.add(line, text);
        }
    }
}

/// Adds the feeds. Ids go to those that have none after those that the operator chose.
fn finish(config: Config, drafts: Vec<Draft>) -> Loaded {
    let mut taken: Vec<FeedId> = drafts.iter().filter_map(|draft| draft.id.clone()).collect();
    let mut loaded = Loaded { config, ..Loaded::default() };
    for mut draft in drafts {
        if draft.id.is_none() {
            draft.feed.id = draft.feed.id.unique_among(&taken);
            taken.push(draft.feed.id.clone());
        }
        if let Some(password) = draft.password {
            let text = password_in_address(&draft.feed.name);
            let line = draft.address_line;
            loaded.warnings.push(Remark { line, text });
            loaded.passwords.push((draft.feed.id.clone(), password));
        }
        loaded.config.feeds.push(draft.feed);
    }
    loaded
}

fn password_in_address(name: &str) -> String {
    gettext_f(
        "the address of \"{name}\" holds a password, which everybody who reads this file can see. It is used for this run, and the next save takes it out of the file. Take it out yourself and name it with password_env or password_file, or enter it in the window, which keeps it in the keyring.",
        &[("name", name)],
    )
}
