//! The keyring for real: GNOME Keyring on a session bus of its own, a keyring that has
//! stopped answering, and sessions that have none.
//!
//! Where a keyring is found depends on the environment, which a test must not change for
//! the tests beside it. So each test here runs one of the `inside` functions in another
//! process: this same program, asked for that one test.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up should fail")]

use std::env;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use heliograph::{
    config::{
        ConnectorConfig, ConnectorSettings, FeedId, KeyringStore, Password, PasswordSource, SecretError, SecretStore,
        Secrets,
    },
    connector::FORMS,
};
use tempfile::TempDir;

/// Says to the `inside` functions that they are where they belong.
const MARK: &str = "HELIOGRAPH_INSIDE_TEST_SESSION";

/// A session bus that starts no services by itself.
const BUS: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:tmpdir=/tmp</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// Starts an unlocked keyring, runs the test, and ends the keyring. "$0" is the test.
const WITH_KEYRING: &str = r#"
mkfifo "$HOME/ready"
printf planted-login | gnome-keyring-daemon --foreground --unlock --components=secrets >"$HOME/ready" &
export KEYRING_PID=$!
read -r _ <"$HOME/ready"
"$0" "$@"; status=$?
kill -CONT $KEYRING_PID; kill $KEYRING_PID
exit $status
"#;

// ---- the sessions ------------------------------------------------------------

#[test]
fn a_keyring_keeps_passwords() {
    in_session("inside::keeps_passwords", &["sh", "-c", WITH_KEYRING]);
}

#[test]
fn a_keyring_keeps_a_connectors_token() {
    in_session("inside::keeps_a_token", &["sh", "-c", WITH_KEYRING]);
}

#[test]
fn a_locked_keyring_is_an_error_where_nobody_can_be_asked() {
    in_session("inside::is_locked", &["sh", "-c", WITH_KEYRING]);
}

#[test]
fn a_keyring_that_stopped_answering_is_given_up() {
    in_session("inside::has_stopped", &["sh", "-c", WITH_KEYRING]);
}

#[test]
fn a_session_without_a_keyring_is_told_apart() {
    in_session("inside::finds_none", &[]);
}

#[test]
fn no_session_at_all_is_told_apart() {
    let home = TempDir::new().unwrap();
    let address = format!("unix:path={}/none", home.path().display());
    run_inside(&mut Command::new(this_program()), home.path(), &address, "inside::finds_none");
}

#[test]
fn a_session_bus_that_never_answers_is_given_up() {
    let home = TempDir::new().unwrap();
    let socket = home.path().join("bus");
    let _silent = UnixListener::bind(&socket).unwrap();
    let address = format!("unix:path={}", socket.display());
    run_inside(&mut Command::new(this_program()), home.path(), &address, "inside::gives_up");
}

/// Runs one `inside` function on a session bus of its own, by way of `launcher`.
fn in_session(test: &str, launcher: &[&str]) {
    let home = TempDir::new().unwrap();
    let config = home.path().join("bus.conf");
    std::fs::write(&config, BUS).unwrap();
    let mut command = Command::new("dbus-run-session");
    command.arg("--config-file").arg(&config).arg("--").args(launcher).arg(this_program());
    run_inside(&mut command, home.path(), "", test);
}

fn this_program() -> std::path::PathBuf {
    env::current_exe().unwrap()
}

fn run_inside(command: &mut Command, home: &Path, bus: &str, test: &str) {
    command.args(["--exact", test, "--nocapture"]);
    command.env(MARK, "1").env("DBUS_SESSION_BUS_ADDRESS", bus);
    for folder in ["HOME", "XDG_RUNTIME_DIR", "XDG_DATA_HOME", "XDG_CONFIG_HOME"] {
        command.env(folder, home);
    }
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?} should start ({error}); `./dev test` installs what it needs"));
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{test}:\n{said}");
}

// ---- what is done in them ----------------------------------------------------

mod inside {
    use super::*;

    /// Nothing happens unless the tests above have made the session.
    fn run<F: Future<Output = ()>>(test: impl FnOnce(FeedId, KeyringStore) -> F) {
        if env::var_os(MARK).is_none() {
            return;
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let started = Instant::now();
        let id = FeedId::from_name("Bow");
        runtime.block_on(test(id, KeyringStore::without_prompts()));
        assert!(started.elapsed() < Duration::from_secs(10), "a keyring may not hold a feed up");
    }

    #[test]
    fn keeps_passwords() {
        run(|id, keyring| async move {
            let other = FeedId::from_name("Stern");
            assert_eq!(keyring.load(&id).await.unwrap(), None);
            for text in ["first", "plänted \" \n"] {
                keyring.store(&id, &Password::new(text)).await.unwrap();
                assert_eq!(keyring.load(&id).await.unwrap(), Some(Password::new(text)));
            }
            assert_eq!(keyring.load(&other).await.unwrap(), None);
            assert_eq!(as_secret_tool_sees(&id), "plänted \" \n");
            keyring.remove(&id).await.unwrap();
            assert_eq!(keyring.load(&id).await.unwrap(), None);
            keyring.remove(&id).await.unwrap();
        });
    }

    #[test]
    fn keeps_a_token() {
        run(|_, keyring| async move {
            let line = "shore=webrtcsink,address=wss://h:1/,token_keyring=true";
            let config = ConnectorConfig::from_line(line, FORMS).unwrap();
            let name = FeedId::of_connector(&config.id, "token");
            let settings = ConnectorSettings::new(config, Arc::new(Secrets::new(KeyringStore::without_prompts())));
            assert!(matches!(settings.secret("token").await, Err(SecretError::NotInKeyring)));
            keyring.store(&name, &Password::new("planted")).await.unwrap();
            assert_eq!(settings.secret("token").await.unwrap(), Some(Password::new("planted")));
            assert_eq!(as_secret_tool_sees(&name), "planted");
        });
    }

    /// libsecret's own tool: our entries are ordinary ones.
    fn as_secret_tool_sees(id: &FeedId) -> String {
        let lookup = ["lookup", "xdg:schema", "org.heliograph.Heliograph.Camera", "feed"];
        let output = Command::new("secret-tool").args(lookup).arg(id.as_str()).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn is_locked() {
        run(|id, keyring| async move {
            keyring.store(&id, &Password::new("planted")).await.unwrap();
            let service = oo7::dbus::Service::new().await.unwrap();
            service.default_collection().await.unwrap().lock(None).await.unwrap();
            assert!(matches!(keyring.load(&id).await, Err(SecretError::Locked)));

            let secrets = Secrets::new(keyring);
            let kept = secrets.keep(&id, &Password::new("planted")).await;
            let told = kept.to_string();
            assert!(told.starts_with("The password is kept for this run only. The keyring is"));
            let found = secrets.resolve(&id, &PasswordSource::Keyring).await.unwrap();
            assert_eq!(found, Some(Password::new("planted")));
        });
    }

    #[test]
    fn has_stopped() {
        run(|id, keyring| async move {
            keyring.store(&id, &Password::new("planted")).await.unwrap();
            let process = env::var("KEYRING_PID").unwrap();
            let stopped = Command::new("kill").args(["-STOP", &process]).status().unwrap();
            assert!(stopped.success());
            assert_given_up(&id, &keyring).await;
        });
    }

    #[test]
    fn gives_up() {
        run(|id, keyring| async move { assert_given_up(&id, &keyring).await });
    }

    async fn assert_given_up(id: &FeedId, keyring: &KeyringStore) {
        let started = Instant::now();
        let answer = keyring.load(id).await;
        assert!(matches!(answer, Err(SecretError::TimedOut)), "{answer:?}");
        let waited = started.elapsed();
        assert!((2900..3500).contains(&waited.as_millis()), "it took {waited:?}");
    }

    #[test]
    fn finds_none() {
        run(|id, keyring| async move {
            let started = Instant::now();
            let error = keyring.load(&id).await.unwrap_err();
            assert!(matches!(error, SecretError::Unavailable(_)), "{error:?}");
            assert!(error.to_string().starts_with("There is no keyring in this session."));
            assert!(started.elapsed() < Duration::from_secs(1), "nothing is there to wait for");
        });
    }
}
