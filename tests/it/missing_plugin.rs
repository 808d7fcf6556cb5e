//! A GStreamer plugin that is not installed: the program says which package has it.

use std::{path::Path, time::Duration};

use heliograph::media;
use tempfile::TempDir;

use crate::support::{browser::Browser, camera::Camera, free_port, get, program::Program};

/// The installed plugins without some, as a folder of links that goes with this value.
struct Plugins {
    folder: TempDir,
}

impl Plugins {
    fn without(libraries: &[&str]) -> Self {
        media::init().unwrap();
        let core = gst::Registry::get().find_plugin("coreelements").unwrap().filename().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let installed = core.parent().unwrap().read_dir().unwrap().map(|entry| entry.unwrap().path());
        for plugin in
            installed.filter(|path| path.is_file() && !libraries.iter().any(|library| path.ends_with(library)))
        {
            std::os::unix::fs::symlink(&plugin, folder.path().join(plugin.file_name().unwrap())).unwrap();
        }
        Self { folder }
    }

    /// The program with these plugins, and with a memory of its own of what is installed.
    fn serve(&self, args: &[&str]) -> Program {
        let place = |path: &Path| path.display().to_string();
        let (folder, registry) = (place(self.folder.path()), place(&self.folder.path().join("registry.bin")));
        let env = [("GST_PLUGIN_SYSTEM_PATH_1_0", folder.as_str()), ("GST_REGISTRY", &registry)];
        Program::serve_at(free_port(), args, &env)
    }
}

const LIBAV: &str = "libgstlibav.so";
const OPENH264: &str = "libgstopenh264.so";
const X264: &str = "libgstx264.so";

/// All plugins are looked at anew, which takes a while.
const SCAN: Duration = Duration::from_mins(1);

#[test]
fn without_a_decoder_the_feed_says_so_and_the_program_goes_on() {
    let camera = Camera::gstreamer(free_port(), "640x360");
    let plugins = Plugins::without(&[LIBAV, OPENH264]);
    let program = plugins.serve(&["--feed", &format!("bow={}", camera.url())]);
    let line = program.wait_line("“avdec_h264” is not installed", SCAN);
    assert!(line.contains("Install the package gstreamer1.0-libav"), "{line}");
    assert!(line.contains("feed=bow state=\"failed\""), "{line}");
    assert!(get(program.port, "/healthz").ends_with("ok"));
}

#[test]
fn without_the_best_elements_the_next_best_do() {
    let camera = Camera::gstreamer(free_port(), "640x360");
    let plugins = Plugins::without(&[LIBAV, X264]);
    let program = plugins.serve(&["--feed", &format!("bow={}", camera.url())]);
    program.wait_line("Automatic: OpenH264, no hardware encoder found.", SCAN);
    program.wait_state("bow", "live", Duration::from_secs(20));
}

#[test]
fn without_an_encoder_the_feeds_of_another_codec_stay_live() {
    let camera = Camera::gstreamer(free_port(), "640x360");
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("heliograph.toml");
    let feed = |name: &str| {
        format!("[[feeds]]\nname = \"{name}\"\naddress = \"{}\"\ncodec = \"{}\"\n", camera.url(), name.to_lowercase())
    };
    std::fs::write(&config, format!("version = 1\n{}{}", feed("H264"), feed("VP8"))).unwrap();
    let plugins = Plugins::without(&[X264, OPENH264]);
    let program = plugins.serve(&["--config", config.to_str().unwrap()]);
    let line = program.wait_line("“x264enc” is not installed", SCAN);
    assert!(line.contains("Install the package gstreamer1.0-plugins-ugly"), "{line}");
    assert!(line.contains("feed=h264 state=\"failed\""), "{line}");
    program.wait_state("vp8", "live", Duration::from_secs(20));
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&program.url());
    browser.wait(tab, "heliograph.tiles().some(t => t.peerId === 'vp8' && t.framesDecoded > 30 && !t.stale)", 20_000);
    browser.wait(tab, "heliograph.tiles().some(t => t.text.includes('“x264enc” is not installed'))", 5_000);
}

#[test]
fn without_rtsp_or_ice_the_feeds_say_so_and_the_program_goes_on() {
    let cases = [
        ("libgstrtsp.so", "“rtspsrc” is not installed", "gstreamer1.0-plugins-good"),
        ("libgstnice.so", "“nicesink” is not installed", "gstreamer1.0-nice"),
    ];
    for (library, sentence, package) in cases {
        let plugins = Plugins::without(&[library]);
        let mut program = plugins.serve(&["--demo"]);
        let line = program.wait_line(sentence, SCAN);
        assert!(line.contains(&format!("Install the package {package}")), "{line}");
        assert!(line.contains("feed=demo state=\"failed\""), "{line}");
        assert!(get(program.port, "/healthz").ends_with("ok"));
        let (code, _) = program.terminate("TERM");
        assert_eq!(code, Some(0));
    }
}
