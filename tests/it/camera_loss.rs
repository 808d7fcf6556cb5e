//! Cameras go away and come back; viewers stay.

use std::time::{Duration, Instant};

use crate::support::{
    browser::{Browser, Tab},
    camera::Camera,
    free_port,
    program::Program,
};

/// From the camera's return to the picture's, as the design asks.
const BACK_WITHIN: Duration = Duration::from_secs(3);
/// From the loss to the word for it.
const STALLED_WITHIN: Duration = Duration::from_secs(2);

fn fresh(feed: &str) -> String {
    format!("heliograph.tiles().some(t => t.peerId === '{feed}' && !t.stale && t.framesDecoded > 30)")
}

fn watch(program: &Program) -> (Browser, Tab) {
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&program.url());
    (browser, tab)
}

#[test]
fn a_camera_that_was_away_comes_back_into_the_same_session() {
    let away = [1, 10, 40].map(Duration::from_secs);
    let ports = away.map(|_| free_port());
    let mut cameras = ports.map(|port| Some(Camera::gstreamer(port, "640x360")));
    let feeds: Vec<String> = away
        .iter()
        .zip(&cameras)
        .map(|(away, camera)| format!("away{}={}", away.as_secs(), camera.as_ref().unwrap().url()))
        .collect();
    let args: Vec<&str> = feeds.iter().flat_map(|feed| ["--feed", feed]).collect();
    let program = Program::serve(&args);
    let (mut browser, tab) = watch(&program);
    for away in away {
        browser.wait(tab, &fresh(&format!("away{}", away.as_secs())), 30_000);
    }

    let skip = program.lines().len();
    let lost = Instant::now();
    for camera in &mut cameras {
        drop(camera.take());
    }
    for away in away {
        let feed = format!("feed=away{} state=\"stalled\"", away.as_secs());
        program.wait_line_after(skip, &feed, STALLED_WITHIN.saturating_sub(lost.elapsed()));
    }
    browser.wait(tab, "heliograph.tiles().every(t => t.stale)", 2_000);

    for (index, away) in away.into_iter().enumerate() {
        std::thread::sleep(away.saturating_sub(lost.elapsed()));
        cameras[index] = Some(Camera::gstreamer(ports[index], "640x360"));
        let returned = Instant::now();
        browser.wait(tab, &fresh(&format!("away{}", away.as_secs())), BACK_WITHIN.as_millis() as u64);
        println!("away {away:?}: picture back after {:?}", returned.elapsed());
    }
    assert!(browser.tiles(tab).iter().all(|tile| tile.sessions == 1), "{:?}", browser.tiles(tab));
}

#[test]
fn a_camera_may_come_back_with_another_picture() {
    let camera = Camera::gstreamer(free_port(), "1280x720");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("heliograph.toml");
    let feeds = ["h264", "vp8"]
        .map(|codec| format!("[[feeds]]\nname = \"{codec}\"\naddress = \"{}\"\ncodec = \"{codec}\"\n", camera.url()));
    std::fs::write(&config, format!("version = 1\n{}", feeds.concat())).unwrap();
    let program = Program::serve(&["--config", config.to_str().unwrap()]);
    let (mut browser, tab) = watch(&program);
    for codec in ["h264", "vp8"] {
        browser.wait(tab, &fresh(codec), 20_000);
    }

    let port = camera.port;
    drop(camera);
    for (size, width) in [("640x360", 640), ("1920x1080", 1920)] {
        let _camera = Camera::gstreamer(port, size);
        let picture = format!("heliograph.tiles().every(t => t.width === {width} && !t.stale)");
        browser.wait(tab, &picture, 8_000);
    }
    assert!(browser.tiles(tab).iter().all(|tile| tile.sessions == 1), "{:?}", browser.tiles(tab));
}

#[test]
fn a_camera_that_is_not_there_at_first_is_found_when_it_comes() {
    let port = free_port();
    let program = Program::serve(&["--feed", &format!("bow=rtsp://127.0.0.1:{port}/demo")]);
    let (mut browser, tab) = watch(&program);
    program.wait_line("state=\"backoff\"", Duration::from_secs(5));
    browser.wait(tab, "heliograph.tiles().some(t => t.text.includes('Nothing listens'))", 5_000);
    let _camera = Camera::gstreamer(port, "640x360");
    browser.wait(tab, &fresh("bow"), 5_000);
    assert_eq!(browser.tiles(tab)[0].sessions, 1);
}

#[test]
fn a_frozen_camera_stalls_and_thaws() {
    let camera = Camera::gstreamer(free_port(), "640x360");
    let program = Program::serve(&["--feed", &format!("bow={}", camera.url())]);
    let (mut browser, tab) = watch(&program);
    browser.wait(tab, &fresh("bow"), 20_000);
    let skip = program.lines().len();
    camera.freeze();
    program.wait_line_after(skip, "state=\"stalled\"", STALLED_WITHIN);
    std::thread::sleep(Duration::from_secs(8));
    camera.thaw();
    browser.wait(tab, &fresh("bow"), 6_000);
    assert_eq!(browser.tiles(tab)[0].sessions, 1);
}
