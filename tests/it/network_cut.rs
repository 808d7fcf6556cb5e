//! The network between program and browser is cut while both run.

use std::{net::SocketAddr, time::Duration};

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
