//! Verdicts kept between two starts: `heliograph/elements.json` in the user's cache folder.
//!
//! A verdict counts as long as nothing changed that it depends on. The file may be
//! deleted at any time; whatever is wrong with it, elements are tried anew.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::Verdict;

/// Changes when the file's form does, or the way elements are tried.
const VERSION: u32 = 1;

/// The verdicts of earlier starts.
#[derive(Debug, Default)]
pub struct Cache {
    /// Where it is kept; `None` for nowhere.
    path: Option<PathBuf>,
    entries: BTreeMap<String, Entry>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Content {
    version: u32,
    elements: BTreeMap<String, Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    /// What the verdict depends on.
    fingerprint: String,
    verdict: Verdict,
}

impl Cache {
    /// The user's: `$XDG_CACHE_HOME/heliograph/elements.json`, by default under `~/.cache`.
    /// Without either there is none.
    pub fn of_user() -> Self {
        let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let folder = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
        folder.map_or_else(Self::default, |folder| Self::load(folder.join("heliograph/elements.json")))
    }

    /// Reads the file. Missing, damaged or of another version, it is as good as empty.
    pub fn load(path: PathBuf) -> Self {
        let content = fs::read(&path).ok().and_then(|bytes| serde_json::from_slice::<Content>(&bytes).ok());
        let entries = content.filter(|content| content.version == VERSION).map(|content| content.elements);
        Self { path: Some(path), entries: entries.unwrap_or_default() }
    }

    /// The verdict, if it was found under the same circumstances.
    pub(super) fn get(&self, key: &str, fingerprint: &str) -> Option<&Verdict> {
        self.entries.get(key).filter(|entry| entry.fingerprint == fingerprint).map(|entry| &entry.verdict)
    }

    pub(super) fn put(&mut self, key: String, fingerprint: String, verdict: Verdict) {
        self.entries.insert(key, Entry { fingerprint, verdict });
    }

    /// Writes the file, whole or not at all.
    ///
    /// # Errors
    /// The folder cannot be made or written to.
    pub(super) fn save(&self) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        let content = Content { version: VERSION, elements: self.entries.clone() };
        file.write_all(&serde_json::to_vec_pretty(&content)?)?;
        file.persist(path)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_kept_until_the_driver_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/elements.json");
        let mut cache = Cache::load(path.clone());
        cache.put("vah264enc".into(), "i915 6.12".into(), Verdict::Works);
        cache.save().unwrap();

        let cache = Cache::load(path);
        assert_eq!(cache.get("vah264enc", "i915 6.12"), Some(&Verdict::Works));
        assert_eq!(cache.get("vah264enc", "i915 6.13"), None);
        assert_eq!(cache.get("vah265enc", "i915 6.12"), None);
    }

    #[test]
    fn a_damaged_or_foreign_cache_is_empty_and_written_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("elements.json");
        let foreign = r#"{"version":99,"elements":{"x264enc":{"fingerprint":"","verdict":"works"}}}"#;
        for content in ["", "{\"version\":1,\"elem", "[]", "\u{0}\u{1}", foreign] {
            fs::write(&path, content).unwrap();
            let mut cache = Cache::load(path.clone());
            assert_eq!(cache.get("x264enc", ""), None, "{content}");
            cache.put("x264enc".into(), String::new(), Verdict::NotInstalled);
            cache.save().unwrap();
            assert_eq!(Cache::load(path.clone()).get("x264enc", ""), Some(&Verdict::NotInstalled));
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no leftovers");
    }
}
