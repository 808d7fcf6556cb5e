//! The network between program and browser is cut while both run.

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use crate::support::{
    browser::{Browser, Tab},
    free_port,
    network::Network,
    program::Program,
    stale::goes_stale,
    tunnel::Tunnel,
};

const TOKEN: &str = "for-this-test-only";

/// The demo camera's program in this network, live.
fn demo(network: &Network, listen: SocketAddr) -> Program {
    // Beyond loopback a token is needed; TLS would add nothing here.
    let args = ["--demo", "--insecure-http", "--token", TOKEN];
    let program = Program::launch(network.program(), listen, &args, &[]);
    program.wait_state("demo", "live", Duration::from_secs(20));
    program
}

/// Its page.
fn watch(listen: SocketAddr) -> (Browser, Tab) {
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&format!("http://{listen}/?token={TOKEN}"));
    (browser, tab)
}

#[test]
fn the_page_goes_stale_at_once_and_the_picture_comes_back() {
    let Some(network) = Network::lay() else { return };
    let listen = SocketAddr::from((Network::ADDRESS, free_port()));
    let _program = demo(&network, listen);
    let (mut browser, tab) = watch(listen);
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
    let _program = demo(&network, listen);
    let (mut browser, tab) = watch(listen);
    browser.wait(tab, "heliograph.tiles().some(t => t.framesDecoded > 60 && !t.stale)", 20_000);
    let mut measure = |down: u64| {
        let before = browser.tiles(tab)[0].sessions;
        network.cut();
        std::thread::sleep(Duration::from_secs(down));
        network.mend().unwrap();
        let start = Instant::now();
        browser.wait(tab, "heliograph.tiles().some(t => !t.stale)", 30_000);
        let took = start.elapsed().as_secs_f64();
        let sessions = browser.tiles(tab)[0].sessions;
        println!("after {down} s without a link the picture was back in {took:.2} s, session {before} then {sessions}");
        // What was lost meanwhile is told to both ends.
        std::thread::sleep(Duration::from_secs(3));
        (took, sessions - before)
    };
    // Chromium looks for a way every half second; a hiccup of the machine on top of it is no fault.
    let mut short = || {
        let (took, more) = measure(5);
        assert_eq!(more, 0, "a link that is down for a moment is no reason to begin anew");
        took
    };
    assert!(short() <= 1.0 || short() <= 1.0, "a picture should come within a second of the link");
    let (took, _) = measure(30);
    assert!(took <= 3.0, "the picture came {took:.2} s after the link");
}

#[test]
fn pictures_fit_through_a_narrow_tunnel_and_are_back_after_it_was_made_anew() {
    let Some(network) = Network::lay() else { return };
    let tunnel = Tunnel::dig(&network);
    let port = free_port();
    let _program = demo(&network, SocketAddr::from(([0, 0, 0, 0], port)));
    // No way but the tunnel.
    network.cut();
    let (mut browser, tab) = watch(SocketAddr::from((Tunnel::ADDRESS, port)));
    browser.wait(tab, "heliograph.tiles().some(t => t.framesDecoded > 150 && !t.stale)", 30_000);
    let (fragments, longest) = tunnel.fragments_and_longest();
    println!("the longest packet of a tunnel for {} bytes had {longest}", Tunnel::MTU);
    assert_eq!(fragments, 0);
    assert!(longest > 1000, "no picture came through the tunnel");
    drop(tunnel);
    std::thread::sleep(Duration::from_secs(3));
    let _tunnel = Tunnel::dig(&network);
    let start = Instant::now();
    browser.wait(tab, "heliograph.tiles().some(t => !t.stale)", 30_000);
    let took = start.elapsed().as_secs_f64();
    println!("a picture came {took:.2} s after the tunnel was there again");
    assert!(took <= 5.0);
}
