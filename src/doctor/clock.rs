//! Whether the time of day is right, as far as the system says so without being asked
//! over the network.

use std::path::Path;

use super::{Finding, Section};
use crate::i18n::gettext;

/// systemd-timesyncd(8) makes this file once the clock has been set by a server of time.
const SET: &str = "run/systemd/timesync/synchronized";
/// What shows that chrony or ntpd is at work; whether it has succeeded only they know.
const AT_WORK: &[&str] = &["run/chrony/chronyd.pid", "run/chronyd.pid", "run/ntpd.pid"];

pub(super) fn check() -> Vec<Finding> {
    vec![look(Path::new("/"))]
}

fn look(root: &Path) -> Finding {
    let subject = gettext("Time of day");
    if root.join(SET).exists() {
        return Section::Clock.ok(subject, gettext("It has been set by a server of time."));
    }
    if AT_WORK.iter().any(|file| root.join(file).exists()) {
        return Section::Clock.ok(subject, gettext("A program that keeps it right is running."));
    }
    let sentence = gettext("Nothing here says whether it is right. Certificates need it to within some minutes.");
    Section::Clock.not_checked(subject, sentence)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn the_clock_is_right_where_the_system_says_so() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(look(root.path()).verdict, Verdict::NotChecked);
        std::fs::create_dir_all(root.path().join("run/systemd/timesync")).unwrap();
        std::fs::write(root.path().join(SET), "").unwrap();
        assert_eq!(look(root.path()).verdict, Verdict::Ok);
    }
}
