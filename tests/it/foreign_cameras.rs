//! Cameras that are not ours: another program's RTSP server.

use std::{path::Path, process::Command, time::Duration};

use crate::support::{browser::Browser, camera::Camera, free_port, program::Program};

/// A few seconds of H.264, made by FFmpeg.
fn video_file(path: &Path) {
    let status = Command::new("ffmpeg")
        .args(["-loglevel", "error", "-f", "lavfi", "-i", "testsrc=size=704x576:rate=25"])
        .args(["-t", "5", "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-bf", "0"])
        .args(["-pix_fmt", "yuv420p"])
        .arg(path)
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn vlc_reaches_the_browser() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let file = folder.path().join("camera.mp4");
    video_file(&file);
    let camera = Camera::vlc(free_port(), &file);
    let program = Program::serve(&["--feed", &format!("VLC={}", camera.url())]);
    program.wait_line("state=\"live\"", Duration::from_secs(20));
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&program.url());
    browser.wait(tab, "heliograph.tiles().some(t => t.framesDecoded > 60 && t.width === 704)", 20_000);
}
