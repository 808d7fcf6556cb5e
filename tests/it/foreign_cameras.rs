//! Cameras that are not ours: another program's RTSP server.

use std::time::Duration;

use crate::support::{browser::Browser, camera::Camera, free_port, media_file::MediaFile, program::Program};

#[test]
fn vlc_reaches_the_browser() {
    let camera = Camera::vlc(free_port(), MediaFile::h264());
    let program = Program::serve(&["--feed", &format!("VLC={}", camera.url())]);
    program.wait_line("state=\"live\"", Duration::from_secs(20));
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&program.url());
    browser.wait(tab, "heliograph.tiles().some(t => t.framesDecoded > 60 && t.width === 704)", 20_000);
}
