//! Whether there is a keyring, and whether it is open.

use super::{Finding, Section};
use crate::{
    config::{Config, FeedId, KeyringStore, PasswordSource, SecretError, SecretStore, SourceConfig},
    i18n::{gettext, gettext_f, ngettext_f},
};

/// Asks the keyring for a password that nobody keeps; it never asks the user anything.
pub(super) async fn check(config: &Config) -> Vec<Finding> {
    let answer = KeyringStore::without_prompts().load(&FeedId::from_name("doctor")).await;
    let needing = config.feeds.iter().filter(|feed| keeps_password(&feed.source)).count();
    vec![line(answer.err().as_ref(), u32::try_from(needing).unwrap_or(u32::MAX))]
}

fn keeps_password(source: &SourceConfig) -> bool {
    let SourceConfig::Rtsp(rtsp) = source else { return false };
    [&rtsp.password, &rtsp.reception.ice.password].contains(&&PasswordSource::Keyring)
}

/// `needing` feeds have their password in the keyring. Where none has, lacking it is no fault.
fn line(error: Option<&SecretError>, needing: u32) -> Finding {
    let subject = gettext("Secret Service");
    let Some(error) = error else {
        return Section::Keyring.ok(subject, gettext("It answers and is not locked."));
    };
    let sentence = match error {
        SecretError::Unavailable(_) => gettext("There is no keyring in this session."),
        SecretError::Locked | SecretError::Dismissed => {
            gettext("The keyring is locked, or has none of its folders yet.")
        }
        SecretError::TimedOut => gettext("The keyring does not answer."),
        _ => gettext("The keyring answers with an error of its own."),
    };
    if needing == 0 {
        let needless = gettext("No feed needs it now; passwords entered in the window last until it is closed.");
        return Section::Keyring.not_here(subject, format!("{sentence} {needless}"));
    }
    let waiting = ngettext_f("{n} feed has its password there.", "{n} feeds have their passwords there.", needing, &[]);
    Section::Keyring.problem(subject, format!("{sentence} {waiting}"), next_step(error))
}

fn next_step(error: &SecretError) -> String {
    let first = match error {
        SecretError::Unavailable(_) => gettext("Install one (such as gnome-keyring)"),
        SecretError::Locked | SecretError::Dismissed => gettext("Unlock it in your system's password manager"),
        _ => gettext("Look at it in your system's password manager"),
    };
    // Translators: {first} is what to do with the keyring, such as "Install one".
    gettext_f(
        "{first}, or name the passwords with password_env or password_file in the settings file.",
        &[("first", &first)],
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_keyring_is_missed_only_by_feeds_that_need_it() {
        assert_eq!(line(None, 2).verdict, Verdict::Ok);
        assert_eq!(line(Some(&SecretError::Locked), 0).verdict, Verdict::NotHere);
        let finding = line(Some(&SecretError::Locked), 2);
        assert!(finding.sentence.ends_with("2 feeds have their passwords there."), "{finding:?}");
        assert!(finding.next_step.unwrap().starts_with("Unlock it"));
    }
}
