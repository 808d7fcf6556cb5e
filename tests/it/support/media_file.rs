//! Small files for cameras to repeat, made by FFmpeg.

use std::{os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use tempfile::TempDir;

/// A few seconds of media; the file goes with this value.
pub struct MediaFile {
    folder: TempDir,
    name: &'static str,
}

impl MediaFile {
    /// H.264 as cameras send it, 704 × 576.
    pub fn h264() -> Self {
        let codec = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-bf", "0", "-pix_fmt", "yuv420p"];
        Self::make("h264.mp4", "testsrc=size=704x576:rate=25", &codec)
    }

    /// MPEG-4 Part 2, which old cameras send.
    pub fn mpeg4() -> Self {
        Self::make("mpeg4.mp4", "testsrc=size=352x288:rate=25", &["-c:v", "mpeg4"])
    }

    /// Sound and nothing else.
    pub fn sound() -> Self {
        Self::make("sound.mp3", "sine=440", &["-c:a", "libmp3lame"])
    }

    fn make(name: &'static str, picture: &str, codec: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Whoever repeats it may be another user.
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let file = Self { folder, name };
        let status = Command::new("ffmpeg")
            .args(["-loglevel", "error", "-f", "lavfi", "-i", picture, "-t", "5"])
            .args(codec)
            .arg(file.path())
            .status()
            .expect("ffmpeg should start; ./dev test installs it");
        assert!(status.success());
        file
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join(self.name)
    }
}
