//! Where the program keeps its files: whether it may, and whether there is room.

use std::{
    env,
    path::{Path, PathBuf},
};

use rustix::fs::Access;

use super::{Finding, Section};
use crate::{
    config::ConfigFile,
    i18n::{gettext, gettext_f},
};

/// Below this the disk is as good as full, in MiB: a settings file, a certificate and
/// GStreamer's memory of its plugins take less than ten.
const LEAST_MIB: u64 = 50;

pub(super) fn check() -> Vec<Finding> {
    let settings = ConfigFile::default_path().ok().and_then(|file| Some(file.parent()?.to_owned()));
    let folders = [settings, folder("XDG_STATE_HOME", ".local/state"), folder("XDG_CACHE_HOME", ".cache")];
    let findings: Vec<_> = folders.into_iter().flatten().map(|folder| line(&folder)).collect();
    if findings.is_empty() {
        let sentence = gettext("Neither HOME nor the XDG variables say where files are kept.");
        return vec![Section::Folders.problem(
            gettext("Folders"),
            sentence,
            gettext("Set HOME to a folder of this user."),
        )];
    }
    findings
}

/// Heliograph's folder below the variable's, by default below `home` (XDG Base Directory Specification 0.8).
fn folder(variable: &str, home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let base = absolute(variable).or_else(|| Some(absolute("HOME")?.join(home)))?;
    Some(base.join("heliograph"))
}

/// A folder that does not exist yet is made when it is needed, in the nearest one that does.
fn line(folder: &Path) -> Finding {
    let subject = folder.display().to_string();
    let Some(there) = folder.ancestors().find(|path| path.exists()) else {
        return Section::Folders.not_checked(subject, gettext("Nothing of its path is there."));
    };
    let place = there.display().to_string();
    if !there.is_dir() || rustix::fs::access(there, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        let sentence = gettext_f("Nothing can be written to {place}.", &[("place", &place)]);
        let next = gettext("Make it a folder that this user may write to.");
        return Section::Folders.problem(subject, sentence, next);
    }
    match free_mib(there) {
        Some(free) if free < LEAST_MIB => {
            let sentence = gettext_f("Only {free} MiB are free there.", &[("free", &free.to_string())]);
            Section::Folders.problem(subject, sentence, gettext("Make room on that disk."))
        }
        _ => Section::Folders.ok(subject, gettext("It can be written to.")),
    }
}

fn free_mib(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize) / (1024 * 1024))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_file_in_the_way_of_a_folder_is_a_problem() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(line(&folder.path().join("a/b")).verdict, Verdict::Ok);
        let file = folder.path().join("file");
        std::fs::write(&file, "").unwrap();
        let finding = line(&file.join("heliograph"));
        assert!(finding.verdict == Verdict::Problem && finding.next_step.is_some(), "{finding:?}");
    }
}
