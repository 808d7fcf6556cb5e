//! The headless program as its operator meets it.

use std::{process::Command, time::Duration};

use crate::support::{
    browser::Browser,
    free_port, get,
    program::{PROGRAM, Program},
};

#[test]
fn it_stops_cleanly_within_two_seconds_while_somebody_watches() {
    for signal in ["TERM", "INT"] {
        let mut program = Program::serve(&["--demo"]);
        program.wait_line("live", Duration::from_secs(20));
        let mut browser = Browser::start();
        let tab = browser.open_viewer(&program.url());
        browser.wait(tab, "heliograph.tiles().some(t => t.framesDecoded > 10)", 20_000);
        let (code, took) = program.terminate(signal);
        assert_eq!(code, Some(0), "after SIG{signal}");
        assert!(took < Duration::from_secs(2), "SIG{signal} took {took:?}");
    }
}

#[test]
fn health_is_told_and_state_changes_are_lines() {
    let program = Program::serve(&["--demo", "--log-format", "json"]);
    program.wait_line("\"state\":\"live\"", Duration::from_secs(20));
    for line in program.lines() {
        serde_json::from_str::<serde_json::Value>(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
    let reply = get(program.port, "/healthz");
    assert!(reply.starts_with("HTTP/1.1 200") && reply.ends_with("ok"), "{reply}");
}

#[test]
fn a_port_that_is_taken_is_said_and_waited_for() {
    let port = free_port();
    let other = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let program = Program::serve_at(port, &["--demo"], &[]);
    let line = program.wait_line("Trying again", Duration::from_secs(10));
    assert!(line.contains(&port.to_string()), "{line}");
    drop(other);
    program.wait_line("Viewers: http", Duration::from_secs(10));
}

#[test]
fn what_cannot_work_is_refused_with_a_sentence() {
    let cases: &[(&[&str], &str)] = &[
        (&["serve", "--feed", "Bow=http://me:planted@h/"], "rtsp://"),
        (&["serve", "--feed", "nonsense"], "--feed takes a name and a source"),
        (&["serve", "--config", "/nowhere/heliograph.toml"], "There is no configuration file /nowhere/heliograph.toml"),
        (&["serve", "--listen", "0.0.0.0:0", "--demo"], "--token"),
    ];
    for (args, sentence) in cases {
        let output = Command::new(PROGRAM).args(*args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{args:?}");
        assert!(said.contains(sentence), "{args:?}: {said}");
        assert!(!said.contains("planted"), "{args:?}: {said}");
    }
}

/// A settings file, or what stands in its place, with its content for the next look.
fn settings(content: Option<&str>) -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("heliograph.toml");
    match content {
        Some(content) => std::fs::write(&file, content).unwrap(),
        // Nobody can read a folder as a file, not even root.
        None => std::fs::create_dir(&file).unwrap(),
    }
    (folder, file)
}

#[test]
fn settings_that_cannot_be_used_are_named_and_left_as_they_are() {
    let cases: &[(Option<&str>, &[&str])] = &[
        (None, &["cannot be read", "Correct its path or permissions"]),
        (Some("version = 1\n[[feeds]\n"), &["line 2", "Correct it and load it again"]),
        (Some("version = 1\n[[feeds]]\nname = \"Bow\"\nadress = \"rtsp://me:planted@h/\"\n"), &["line 4", "`address`"]),
        (Some("version = 99\n"), &["version 99", "install a newer Heliograph"]),
    ];
    for (content, sentences) in cases {
        let (_folder, file) = settings(*content);
        let output =
            Command::new(PROGRAM).args(["serve", "--demo", "--config", file.to_str().unwrap()]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(file.to_str().unwrap()) && !said.contains("planted"), "{said}");
        for sentence in *sentences {
            assert!(said.contains(sentence), "no “{sentence}” in: {said}");
        }
        assert_eq!(std::fs::read_to_string(&file).ok().as_deref(), *content);
    }
}
