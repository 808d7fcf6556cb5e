//! Graphics cards: their driver, and whether this user may use them.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use rustix::fs::Access;

use super::{Finding, Section};
use crate::{
    i18n::{gettext, gettext_f},
    media::graphics::{self, GraphicsCard},
};

pub(super) fn check() -> Vec<Finding> {
    let cards = GraphicsCard::installed();
    // Those without a render node are NVIDIA's, whose driver has a line of its own.
    let mut findings: Vec<_> = cards.iter().filter(|card| card.node.starts_with("/dev/dri")).map(line).collect();
    findings.extend(nvidia(Path::new("/proc"), Path::new("/dev")));
    if findings.is_empty() {
        let sentence = gettext("This machine shows none, so pictures are encoded by the processor.");
        findings.push(Section::Graphics.not_here(gettext("Graphics card"), sentence));
    }
    findings
}

fn line(card: &GraphicsCard) -> Finding {
    let subject = card.node.display().to_string();
    if !card.node.exists() {
        let sentence = gettext("The kernel knows it, but it is not here: most likely this is a container without it.");
        return Section::Graphics.problem(subject, sentence, gettext("Give the container the folder /dev/dri."));
    }
    match &card.access {
        graphics::Access::Allowed => {
            let driver = if card.driver.is_empty() { "?" } else { &card.driver };
            Section::Graphics.ok(subject, gettext_f("The driver is {driver}.", &[("driver", driver)]))
        }
        graphics::Access::Denied => {
            Section::Graphics.problem(subject, gettext("This user may not use it."), join_group(&card.node))
        }
        graphics::Access::Unknown(reason) => {
            let sentence = gettext_f("It cannot be opened: {reason}.", &[("reason", reason)]);
            Section::Graphics.problem(subject, sentence, gettext("Check that its driver is loaded."))
        }
    }
}

/// How to be let in to a node that belongs to a group.
pub(super) fn join_group(node: &Path) -> String {
    let group = node.metadata().ok().and_then(|node| group_name(node.gid(), Path::new("/etc/group")));
    match group {
        Some(group) if group != "root" => gettext_f(
            "Add yourself to its group with “sudo usermod -aG {group} $USER”, then log in again.",
            &[("group", &group)],
        ),
        _ => gettext_f("Let this user read and write {path}.", &[("path", &node.display().to_string())]),
    }
}

fn group_name(number: u32, groups: &Path) -> Option<String> {
    let groups = fs::read_to_string(groups).ok()?;
    let number = number.to_string();
    groups.lines().map(|line| line.split(':').collect::<Vec<_>>()).find_map(|fields| match fields[..] {
        [name, _, gid, ..] if gid == number => Some(name.to_owned()),
        _ => None,
    })
}

/// NVIDIA's own driver has its own places.
fn nvidia(proc: &Path, dev: &Path) -> Option<Finding> {
    let version = fs::read_to_string(proc.join("driver/nvidia/version")).ok()?;
    let version = version.lines().next().unwrap_or_default().trim_start_matches("NVRM version:").trim().to_owned();
    let node = dev.join("nvidia0");
    let subject = gettext("NVIDIA's driver");
    if !node.exists() {
        let sentence = gettext_f("The kernel has it ({version}), but no card is here.", &[("version", &version)]);
        let next = gettext(
            "In a container, start it with the NVIDIA Container Toolkit; elsewhere run “nvidia-smi”, which says more.",
        );
        return Some(Section::Graphics.problem(subject, sentence, next));
    }
    Some(match rustix::fs::access(&node, Access::READ_OK | Access::WRITE_OK) {
        Ok(()) => Section::Graphics.ok(subject, format!("{version}.")),
        Err(_) => Section::Graphics.problem(subject, gettext("This user may not use it."), join_group(&node)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nvidia_without_its_node_is_a_problem() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(nvidia(root.path(), root.path()), None);
        fs::create_dir_all(root.path().join("driver/nvidia")).unwrap();
        fs::write(root.path().join("driver/nvidia/version"), "NVRM version: NVIDIA UNIX 550.1\nGCC 14\n").unwrap();
        let finding = nvidia(root.path(), root.path()).unwrap();
        assert!(finding.sentence.contains("NVIDIA UNIX 550.1"), "{finding:?}");
        assert_eq!(finding.verdict, super::super::Verdict::Problem);
    }

    #[test]
    fn groups_have_names() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "root:x:0:\nvideo:x:44:me\nrender:x:105:\n").unwrap();
        assert_eq!(group_name(105, file.path()).as_deref(), Some("render"));
        assert_eq!(group_name(1, file.path()), None);
    }
}
