//! Serving beyond this machine: only with a token, and encrypted unless the operator says otherwise.

use std::{net::SocketAddr, process::Command, time::Duration};

use crate::support::{
    browser::Browser,
    free_port,
    program::{PROGRAM, Program},
};

const TOKEN: &str = "planted-token-for-tests";

/// At every address of this machine; the tests come through loopback all the same.
fn everywhere() -> SocketAddr {
    SocketAddr::from(([0, 0, 0, 0], free_port()))
}

fn serve(args: &[&str]) -> Program {
    // From the environment, as others can see arguments; and in the most talkative log.
    let env = [("HELIOGRAPH_TOKEN", TOKEN), ("RUST_LOG", "trace")];
    let program = Program::launch(Command::new(PROGRAM), everywhere(), &[&["--demo"], args].concat(), &env);
    program.wait_line("Viewers: http", Duration::from_secs(10));
    program
}

/// The status that a client of another kind gets: curl, with more arguments.
fn status(address: &str, more: &[&str]) -> String {
    let output = Command::new("curl")
        .args(["--insecure", "--silent", "--output", "/dev/null", "--max-time", "10", "--write-out", "%{http_code}"])
        .args(more)
        .arg(address)
        .output()
        .expect("curl should start; ./dev test installs it");
    String::from_utf8(output.stdout).unwrap()
}

/// What makes a request the start of a websocket (RFC 6455, section 4.1).
const WEBSOCKET: [&str; 9] = [
    "--http1.1",
    "--header",
    "Connection: Upgrade",
    "--header",
    "Upgrade: websocket",
    "--header",
    "Sec-WebSocket-Version: 13",
    "--header",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

fn decodes(browser: &mut Browser, address: &str) {
    let tab = browser.open_viewer(address);
    browser.wait(tab, "heliograph.tiles().some(t => t.framesDecoded > 60 && !t.stale)", 30_000);
    let shown = browser.eval(tab, "location.href");
    assert!(!shown.as_str().unwrap().contains("token"), "the token should leave the address: {shown}");
}

fn the_log_is_clean(program: &Program) {
    let lines = program.lines();
    let told: Vec<_> = lines.iter().filter(|line| line.contains(TOKEN)).collect();
    assert!(told.is_empty(), "the token is in the log: {told:?}");
}

#[test]
fn without_a_token_it_does_not_start() {
    let listen = everywhere().to_string();
    for more in [&[][..], &["--insecure-http"]] {
        let output = Command::new(PROGRAM).args(["serve", "--demo", "--listen", &listen]).args(more).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("--token"), "{said}");
    }
}

#[test]
fn with_a_token_it_is_encrypted_and_lets_in_who_shows_it() {
    let program = serve(&[]);
    program.wait_line("Viewers: https://", Duration::from_secs(1));
    let fingerprint = program.wait_line("SHA-256 fingerprint: ", Duration::from_secs(1));
    assert_eq!(
        fingerprint.matches(':').count() - fingerprint.split("fingerprint").next().unwrap().matches(':').count(),
        32
    );

    let (page, socket) =
        (format!("https://127.0.0.1:{}/", program.port), format!("https://127.0.0.1:{}/signalling", program.port));
    let bearer = format!("Authorization: Bearer {TOKEN}");
    assert_eq!(status(&page, &[]), "401");
    assert_eq!(status(&page, &["--header", "Authorization: Bearer wrong-token"]), "401");
    assert_eq!(status(&socket, &WEBSOCKET), "401");
    assert_eq!(status(&page, &["--header", &bearer]), "200");
    assert_eq!(status(&format!("{page}?token={TOKEN}"), &[]), "303");
    let foreign = [&["--header", &bearer, "--header", "Origin: https://evil.example"][..], &WEBSOCKET].concat();
    assert_eq!(status(&socket, &foreign), "403");

    let mut browser = Browser::start();
    decodes(&mut browser, &format!("{page}?token={TOKEN}"));
    the_log_is_clean(&program);
}

#[test]
fn unencrypted_only_when_the_operator_says_so() {
    let program = serve(&["--insecure-http"]);
    program.wait_line("Viewers: http://", Duration::from_secs(1));
    let page = format!("http://127.0.0.1:{}/", program.port);
    assert_eq!(status(&page, &[]), "401");
    let mut browser = Browser::start();
    decodes(&mut browser, &format!("{page}?token={TOKEN}"));
    the_log_is_clean(&program);
}

#[test]
fn the_certificate_is_made_once() {
    let state = tempfile::tempdir().unwrap();
    let fingerprint = || {
        let env = [("HELIOGRAPH_TOKEN", TOKEN), ("XDG_STATE_HOME", state.path().to_str().unwrap())];
        let program = Program::launch(Command::new(PROGRAM), everywhere(), &["--demo"], &env);
        let line = program.wait_line("SHA-256 fingerprint: ", Duration::from_secs(10));
        line.rsplit(' ').next().unwrap().to_owned()
    };
    assert_eq!(fingerprint(), fingerprint());
}
