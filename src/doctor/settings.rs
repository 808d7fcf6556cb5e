//! The settings file: whether it can be read, and what it says.

use std::path::{Path, PathBuf};

use super::{Finding, Section};
use crate::{
    config::{Config, ConfigError, ConfigFile, Loaded},
    connector::FORMS,
    i18n::{gettext, ngettext_f},
};

/// Looks at the file; its settings go to the other checks, the defaults where there are none.
pub(super) fn check(named: Option<PathBuf>) -> (Vec<Finding>, Config) {
    let must_exist = named.is_some();
    match named.map_or_else(ConfigFile::default_path, Ok) {
        Ok(path) if path.exists() || !must_exist => look(&path),
        Ok(path) => (vec![missing(&path)], Config::default()),
        Err(error) => (vec![faulty(gettext("Settings file"), &error)], Config::default()),
    }
}

fn look(path: &Path) -> (Vec<Finding>, Config) {
    match ConfigFile::new(path, FORMS).load() {
        Ok(loaded) => (findings(path, &loaded), loaded.config),
        Err(error) => (vec![faulty(path.display().to_string(), &error)], Config::default()),
    }
}

fn findings(path: &Path, loaded: &Loaded) -> Vec<Finding> {
    let subject = path.display().to_string();
    let feeds = u32::try_from(loaded.config.feeds.len()).unwrap_or(u32::MAX);
    let sentence = if path.exists() {
        ngettext_f("It can be read and has {n} feed.", "It can be read and has {n} feeds.", feeds, &[])
    } else {
        gettext("There is none yet, so the defaults hold.")
    };
    let warning = |remark| {
        let next = gettext("Correct that line; the rest of the file is understood.");
        Section::Settings.problem(&subject, format!("{remark}"), next)
    };
    let well = Section::Settings.ok(&subject, sentence);
    std::iter::once(well).chain(loaded.warnings.iter().map(warning)).collect()
}

fn missing(path: &Path) -> Finding {
    let path = path.display().to_string();
    let next = gettext("Check the path after --config.");
    Section::Settings.problem(&path, gettext("There is no such settings file."), next)
}

fn faulty(subject: String, error: &ConfigError) -> Finding {
    // The error says what to do with the file; what follows from it is said here.
    let next =
        gettext("Until then Heliograph does not start with it, and the lines below are about the default settings.");
    Section::Settings.problem(subject, error.to_string(), next)
}
