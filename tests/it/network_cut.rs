//! The network between program and browser is cut while both run.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::support::{browser::Browser, free_port, network::Network, program::Program, stale::goes_stale};

#[test]
fn the_page_goes_stale_at_once_and_the_picture_comes_back() {
    let Some(network) = Network::lay() else { return };
    let listen = SocketAddr::from((Network::ADDRESS, free_port()));
    // Beyond loopback a token is needed; TLS would add nothing here.
    let args = ["--demo", "--insecure-http", "--token", "for-this-test-only"];
    let program = Program::launch(network.program(), listen, &args, &[]);
    program.wait_state("demo", "live", Duration::from_secs(20));
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&format!("http://{listen}/?token=for-this-test-only"));
    goes_stale(&mut browser, tab, || network.cut());
    std::thread::sleep(Duration::from_secs(3));
    assert!(browser.eval(tab, "heliograph.tiles()[0].stale").as_bool().unwrap(), "nothing can have come through");
    network.mend().unwrap();
    browser.wait(tab, "heliograph.tiles().some(t => !t.stale)", 30_000);
}

#[test]
fn a_link_that_was_down_has_its_picture_again() {
    let Some(network) = Network::lay() else { return };
    let listen = SocketAddr::from((Network::ADDRESS, free_port()));
    let args = ["--demo", "--insecure-http", "--token", "for-this-test-only"];
    let program = Program::launch(network.program(), listen, &args, &[]);
    program.wait_state("demo", "live", Duration::from_secs(20));
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&format!("http://{listen}/?token=for-this-test-only"));
    browser.wait(tab, "heliograph.tiles().some(t => t.framesDecoded > 60 && !t.stale)", 20_000);
    for (down, back, is_same) in [(5, 1.0, true), (30, 3.0, false)] {
        let before = browser.tiles(tab)[0].sessions;
        network.cut();
        std::thread::sleep(Duration::from_secs(down));
        network.mend().unwrap();
        let start = Instant::now();
        browser.wait(tab, "heliograph.tiles().some(t => !t.stale)", 30_000);
        let took = start.elapsed().as_secs_f64();
        let sessions = browser.tiles(tab)[0].sessions;
        println!("after {down} s without a link the picture was back in {took:.2} s, session {before} then {sessions}");
        assert!(took <= back, "the picture came {took:.2} s after the link, which was down for {down} s");
        assert!(!is_same || sessions == before, "a link that is down for {down} s is no reason to begin anew");
        // What was lost meanwhile is told to both ends.
        std::thread::sleep(Duration::from_secs(3));
    }
}
