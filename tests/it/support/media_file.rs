//! Small files for cameras to repeat, made by FFmpeg.

use std::{os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use tempfile::TempDir;

/// A test picture that is quickly encoded.
const SMALL: &str = "testsrc=size=320x240:rate=25";

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

    /// H.264 with B-frames and two channels of AAC, as recorders send it.
    pub fn h264_b_frames() -> Self {
        let video = ["-c:v", "libx264", "-preset", "fast", "-g", "25", "-bf", "2", "-pix_fmt", "yuv420p"];
        let sound = ["-f", "lavfi", "-i", "sine=440:sample_rate=16000", "-t", "5", "-c:a", "aac", "-ac", "2"];
        Self::make("b-frames.mp4", "testsrc=size=640x360:rate=25", &[&sound[..], &video].concat())
    }

    /// H.265 with a key frame every two seconds and no B-frames.
    pub fn h265_rare_key_frames() -> Self {
        let codec = ["-c:v", "libx265", "-preset", "ultrafast", "-pix_fmt", "yuv420p"];
        let parameters = ["-x265-params", "log-level=error:bframes=0:keyint=40:min-keyint=40:scenecut=0"];
        Self::make("rare-keys.mp4", "testsrc=size=640x360:rate=20", &[&codec[..], &parameters].concat())
    }

    /// H.264 with one key frame, as cameras send it that save bits.
    pub fn h264_one_key_frame() -> Self {
        let codec = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "1000", "-pix_fmt", "yuv422p"];
        Self::make("one-key.mp4", "testsrc=size=640x360:rate=25", &codec)
    }

    /// A moving picture with noise, which takes whatever bitrate an encoder is allowed, 960 × 540.
    pub fn noisy() -> Self {
        let codec = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "30", "-bf", "0", "-pix_fmt", "yuv420p"];
        Self::make("noisy.mp4", "testsrc2=size=960x540:rate=30,noise=alls=12:allf=t", &codec)
    }

    /// MPEG-4 Part 2, which old cameras send.
    pub fn mpeg4() -> Self {
        Self::make("mpeg4.mp4", "testsrc=size=352x288:rate=25", &["-c:v", "mpeg4"])
    }

    /// One second of H.264 and AAC.
    pub fn second_with_sound() -> Self {
        let codec = ["-f", "lavfi", "-i", "sine=440", "-c:v", "libx264", "-preset", "ultrafast", "-c:a", "aac"];
        Self::make_for("1", "second.mp4", SMALL, &codec)
    }

    /// H.265, 320 × 240.
    pub fn h265() -> Self {
        Self::make("h265.mkv", SMALL, &["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error"])
    }

    /// Motion JPEG, 320 × 240.
    pub fn mjpeg() -> Self {
        Self::make("mjpeg.avi", SMALL, &["-c:v", "mjpeg", "-pix_fmt", "yuvj420p"])
    }

    /// VP8, 320 × 240.
    pub fn vp8() -> Self {
        Self::make("vp8.webm", SMALL, &["-c:v", "libvpx", "-deadline", "realtime"])
    }

    /// VP9, 320 × 240.
    pub fn vp9() -> Self {
        Self::make("vp9.webm", SMALL, &["-c:v", "libvpx-vp9", "-deadline", "realtime"])
    }

    /// AV1, 320 × 240.
    pub fn av1() -> Self {
        Self::make("av1.mkv", SMALL, &["-c:v", "libsvtav1", "-preset", "12", "-loglevel", "fatal"])
    }

    /// Sound and nothing else.
    pub fn sound() -> Self {
        Self::make("sound.mp3", "sine=440", &["-c:a", "libmp3lame"])
    }

    fn make(name: &'static str, picture: &str, codec: &[&str]) -> Self {
        Self::make_for("5", name, picture, codec)
    }

    fn make_for(seconds: &str, name: &'static str, picture: &str, codec: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Whoever repeats it may be another user.
        std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let file = Self { folder, name };
        let status = Command::new("ffmpeg")
            .args(["-loglevel", "error", "-f", "lavfi", "-i", picture])
            .args(codec)
            .args(["-t", seconds])
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
