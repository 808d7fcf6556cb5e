//! A picture that is not live never looks live, whatever stopped it.

use crate::support::{
    browser::{Browser, Tab},
    camera::{Camera, signal},
    free_port,
    program::Program,
    stale::goes_stale,
};

fn watch(program: &Program) -> (Browser, Tab) {
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&program.url());
    (browser, tab)
}

#[test]
fn when_the_camera_stops() {
    let camera = Camera::gstreamer(free_port(), "640x360");
    let program = Program::serve(&["--feed", &format!("bow={}", camera.url())]);
    let (mut browser, tab) = watch(&program);
    goes_stale(&mut browser, tab, || camera.freeze());
}

#[test]
fn when_the_encoder_stops() {
    let camera = Camera::gstreamer(free_port(), "640x360");
    let program = Program::serve(&["--feed", &format!("bow={}", camera.url())]);
    let (mut browser, tab) = watch(&program);
    goes_stale(&mut browser, tab, || signal(program.id(), "STOP"));
    signal(program.id(), "CONT");
    browser.wait(tab, "heliograph.tiles().some(t => !t.stale)", 20_000);
}
