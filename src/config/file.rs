//! The settings file: one TOML file that people and the window both write.
//!
//! ```toml
//! version = 1
//!
//! [server]
//! listen = "127.0.0.1:8443"
//!
//! [[feeds]]
//! name = "Bow camera"
//! address = "rtsp://10.0.0.5/stream1"
//! user = "admin"
//! password_env = "BOW_PASSWORD"   # or password_file, or password = ""; none: the keyring
//! codec = "h264"
//!
//! [[feeds]]
//! name = "Demo"
//! demo = true
//! ```
//!
//! `[server]` also takes `token`, `allowed_origins`, `allowed_hosts`, `tls_cert`, `tls_key`,
//! `insecure_http`, and how media travel: `mtu`, `retransmission`, `fec_percent`,
//! `ice_servers = ["stun:HOST:PORT", "turn:USER@HOST:PORT"]` and the TURN users' password by
//! `ice_password_env` or `ice_password_file`, `relay_only`, `interfaces = ["eth0", "wl*"]`.
//! `[[connectors]]` name places elsewhere where feeds go; see `docs/connectors.md`.
//! `[mqtt]` chooses a broker and what may be done over it; see `docs/settings.md`.
//! A feed has a `name` and exactly one source, with the keys that go with it:
//!
//! | source | goes with it |
//! |---|---|
//! | `address` | `user`, `password_env`, `password_file`, `password`, `sub_address`, `stream` ("main", "sub"), `transport` ("auto", "udp", "tcp", "multicast"), `latency_ms`, `drop_on_latency`, `certificate` ("sha256:…"); of a relay: `ca`, `ice_servers`, `ice_password_env`, `ice_password_file`, `relay_only`, `interfaces` |
//! | `device = "/dev/video0"` | `device_format` ("auto", "raw", "mjpeg", "h264"), `device_size`, `device_framerate` |
//! | `file = "/PATH"` | |
//! | `pattern` ("bars", "ball", "snow", "flash") | `pattern_size`, `pattern_framerate` |
//! | `demo = true` | |
//!
//! Every feed also takes `id`, `decoder`, `deinterlace`, `crop = [left, top, right, bottom]`,
//! `rotate = 90`, `flip`, `size = "1280x720"`, `framerate`, `letterbox`, `audio` ("none",
//! "camera", "tone", "silence", "device:NAME"), `audio_bitrate_kbps`, `path` ("auto",
//! "pass-through", "transcode"), `codec`, `encoder`,
//! `elements = { encoder = { "speed-preset" = "ultrafast" } }`, `bitrate_kbps`,
//! `fec_percent`, `priority`, `agent` ("manual", "gcc"), `agent_passive`, `agent_least_kbps`,
//! `agent_most_kbps`, `agent_picture`, `pinned_viewers`, `streaming`, `keep_warm` and `record_statistics`.
//! Whatever is not said has a default.
//!
//! Three promises: what the operator wrote is never lost (a file that could not be read, or
//! that changed since, is not overwritten; comments stay); a fault is named with line, key
//! and what is allowed; and what is written can be read back.

mod atomic;
mod error;
mod fields;
mod read;
mod write;

use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

pub use error::{ConfigError, Fault, Remark};

use super::{Config, ConnectorForm, FeedId, Password};
use crate::i18n::gettext;

/// The version of the form that this program reads and writes.
pub const VERSION: i64 = 1;

/// No settings are longer than this many bytes; whatever is was named by mistake.
pub const MAX_BYTES: u64 = 1024 * 1024;

/// The settings file, and what of it has been seen.
#[derive(Debug)]
pub struct ConfigFile {
    path: PathBuf,
    forms: Forms,
    seen: Seen,
}

/// The kinds of connectors that a settings file may name.
pub type Forms = &'static [&'static ConnectorForm];

/// What a successful load found.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The settings.
    pub config: Config,
    /// What is accepted but should be put right, to be shown to the operator.
    pub warnings: Vec<Remark>,
    /// Passwords that stood in addresses. They are in `config` no more, and the next save
    /// takes them out of the file: give them to [`super::Secrets`] before.
    pub passwords: Vec<(FeedId, Password)>,
}

/// What stood in the file when it was last read or written.
enum Seen {
    /// It has not been read, or could not be: nothing may be written over it.
    Unknown,
    /// There was no file.
    Missing,
    /// This text, all of it understood.
    Text(String),
}

impl ConfigFile {
    /// The settings file at this path, which need not exist.
    pub fn new(path: impl Into<PathBuf>, forms: Forms) -> Self {
        Self { path: path.into(), forms, seen: Seen::Unknown }
    }

    /// `$XDG_CONFIG_HOME/heliograph/heliograph.toml`, by default under `~/.config`
    /// (XDG Base Directory Specification 0.8: a relative `$XDG_CONFIG_HOME` does not count).
    ///
    /// # Errors
    ///
    /// [`ConfigError::NoHome`] where neither variable says where settings are.
    pub fn default_path() -> Result<PathBuf, ConfigError> {
        path_below(env::var_os("XDG_CONFIG_HOME"), env::var_os("HOME")).ok_or(ConfigError::NoHome)
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file. One that does not exist gives the default settings and no feed.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or not every line of it is understood; [`Self::save`] then
    /// refuses until a load has succeeded.
    pub fn load(&mut self) -> Result<Loaded, ConfigError> {
        self.seen = Seen::Unknown;
        let Some(text) = self.text()? else {
            self.seen = Seen::Missing;
            return Ok(Loaded::default());
        };
        let loaded = read::read(&text, self.forms).map_err(|fault| self.at_fault(fault))?;
        self.seen = Seen::Text(text);
        Ok(loaded)
    }

    /// Writes the settings, keeping comments and form of whatever has not changed.
    ///
    /// The new file stands beside the old one until it is safely on the disk and then takes
    /// its place, so that no crash leaves half a file. Only its owner can read it.
    ///
    /// # Errors
    ///
    /// The file has not been loaded, or has changed since; `config` holds what could not be
    /// read back; or the file cannot be written. The old file is then as it was.
    pub fn save(&mut self, config: &Config) -> Result<(), ConfigError> {
        let old = match &self.seen {
            Seen::Unknown => return Err(ConfigError::NotLoaded(self.path.clone())),
            Seen::Missing => None,
            Seen::Text(text) => Some(text.as_str()),
        };
        if self.text()?.as_deref() != old {
            return Err(ConfigError::Changed(self.path.clone()));
        }
        let new = write::write(old, config, self.forms).map_err(|fault| self.unsavable(fault))?;
        if old != Some(new.as_str()) {
            atomic::replace(&self.path, new.as_bytes())
                .map_err(|source| ConfigError::Unwritable { path: self.path.clone(), source })?;
            self.seen = Seen::Text(new);
        }
        Ok(())
    }

    /// What stands in the file now; `None` where there is none.
    fn text(&self) -> Result<Option<String>, ConfigError> {
        let bytes = match read_bytes(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => {
                return Err(ConfigError::Unreadable { path: self.path.clone(), source });
            }
        };
        if bytes.len() as u64 > MAX_BYTES {
            return Err(self.at_fault(Fault::TooLong));
        }
        String::from_utf8(bytes).map(Some).map_err(|error| {
            let line = fields::line_at(error.as_bytes(), error.utf8_error().valid_up_to());
            self.at_fault(Fault::NotText { line })
        })
    }

    fn at_fault(&self, fault: Fault) -> ConfigError {
        ConfigError::Faulty { path: self.path.clone(), fault }
    }

    fn unsavable(&self, fault: Fault) -> ConfigError {
        ConfigError::Unsavable { path: self.path.clone(), fault }
    }
}

/// The text of a new file with these settings.
///
/// # Errors
///
/// What could not be read back; see [`ConfigFile::save`].
pub fn to_text(config: &Config) -> Result<String, Fault> {
    // Connectors are not written here, and so not read back.
    write::write(None, config, &[])
}

/// At most one byte more than may be there. Pipes and devices could keep the reader waiting.
fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    if !path.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, gettext("it is not a regular file")));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn path_below(config_home: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let absolute = |value: OsString| Some(PathBuf::from(value)).filter(|path| path.is_absolute());
    config_home
        .and_then(absolute)
        .or_else(|| home.and_then(absolute).map(|home| home.join(".config")))
        .map(|folder| folder.join("heliograph").join("heliograph.toml"))
}

/// The text may hold a token, so it is not shown.
impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Seen::Unknown => "Unknown",
            Seen::Missing => "Missing",
            Seen::Text(_) => "Text(…)",
        })
    }
}

#[cfg(test)]
mod tests;
