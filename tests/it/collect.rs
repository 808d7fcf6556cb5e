//! Feeds of other programs, collected through one broker: two Heliographs, and one that speaks as GstWebRTCApp does.

use std::{fs, path::Path, time::Duration};

use heliograph::stats::recorder::{FULL_COLUMNS, GSTWEBRTCAPP_COLUMNS};
use tempfile::TempDir;

use crate::support::{browser::Browser, camera::signal, free_port, mqtt::Mosquitto, program::Program, wait_for};

const LIMIT: Duration = Duration::from_secs(20);

/// A program with one feed of a test picture at this broker.
fn instance(home: &TempDir, broker: &Mosquitto, name: &str, feed: &str, mqtt: &str) -> Program {
    let path = home.path().join(format!("{name}.toml"));
    let text = format!(
        "version = 1\n[mqtt]\nbroker = \"mqtt://127.0.0.1:{}\"\ninstance = \"{name}\"\n{mqtt}\n\
         [[feeds]]\nname = \"{feed}\"\npattern = \"ball\"\npattern_size = \"320x240\"\nkeep_warm = true\n",
        broker.port
    );
    fs::write(&path, text).unwrap();
    let program = Program::serve_at(free_port(), &["--config", &path.display().to_string()], &[]);
    program.wait_line("Messages over MQTT", LIMIT);
    program
}

/// The lines of the only record of a feed, once there are so many.
fn record(folder: &Path, feed: &str, lines: usize) -> Vec<String> {
    wait_for(&format!("{lines} lines of {feed}"), LIMIT, || {
        let files = fs::read_dir(folder).ok()?.map(|file| file.unwrap().path());
        let mine = files.filter(|path| path.file_name().unwrap().to_str().unwrap().starts_with(&format!("{feed}_")));
        let [file] = mine.collect::<Vec<_>>().try_into().ok()?;
        let text: Vec<String> = fs::read_to_string(file).ok()?.lines().map(str::to_owned).collect();
        (text.len() >= lines).then_some(text)
    })
}

#[test]
fn feeds_of_two_programs_are_told_and_recorded_and_missed_when_one_is_gone() {
    let broker = Mosquitto::start("allow_anonymous true");
    let (home, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let _boat = instance(&home, &broker, "boat", "Bow", "");
    let quay = instance(&home, &broker, "quay", "Crane", "");
    let (address, folder) = (format!("mqtt://127.0.0.1:{}", broker.port), files.path().display().to_string());
    let mut collect = Program::start(&["collect", "--broker", &address, "--folder", &folder, "--every", "1"]);
    for (origin, feed) in [("boat", "Bow"), ("quay", "Crane")] {
        collect.wait_line(&format!("origin=\"{origin}\" feed=\"{feed}\""), LIMIT);
        let lines = record(files.path(), &format!("{origin}-{}", feed.to_lowercase()), 4);
        assert_eq!(lines[0], FULL_COLUMNS);
        let encoder = FULL_COLUMNS.split(',').position(|column| column == "camera_fps").unwrap();
        let fps: f64 = lines.last().unwrap().split(',').nth(encoder).unwrap().parse().unwrap();
        assert!(fps > 1.0, "{lines:?}");
    }
    collect.wait_line("Figures.", LIMIT);
    let before = collect.lines().len();
    signal(quay.id(), "KILL");
    collect.wait_line_after(before, "The Heliograph “quay” is not at the broker", LIMIT);
    assert!(!collect.lines()[before..].iter().any(|line| line.contains("“boat” is not")), "the other one is there");
    assert_eq!(collect.terminate("TERM").0, Some(0));

    let nobody = Program::start(&["collect"]);
    nobody.wait_line("Nobody is named whose feeds are to be collected", LIMIT);
}

#[test]
fn whom_the_settings_file_names_meanwhile_is_watched_and_the_others_no_more() {
    let broker = Mosquitto::start("allow_anonymous true");
    let home = tempfile::tempdir().unwrap();
    let _boat = instance(&home, &broker, "boat", "Bow", "");
    let _quay = instance(&home, &broker, "quay", "Crane", "");
    let settings = home.path().join("collect.toml");
    let name = |instances: &[&str]| {
        let watch = |name: &&str| {
            format!("[[watch]]\nbroker = \"mqtt://127.0.0.1:{}\"\ninstances = [\"{name}\"]\n", broker.port)
        };
        fs::write(&settings, "version = 1\n".to_owned() + &instances.iter().map(watch).collect::<String>()).unwrap();
    };
    name(&["boat"]);
    let path = settings.to_str().unwrap();
    let collect = Program::start(&["collect", "--config", path, "--no-record", "--every", "1"]);
    let from_boat = "Figures. origin=\"boat\"";
    collect.wait_line(from_boat, LIMIT);
    name(&["boat", "quay"]);
    collect.wait_line("origin=\"quay\" feed=\"Crane\"", LIMIT);
    name(&["quay"]);
    collect.wait_line("It is no more. origin=\"boat\" feed=\"Bow\"", LIMIT);
    let gone = |line: &String| line.contains("It is no more. origin=\"quay\"");
    assert!(!collect.lines().iter().any(gone), "who is watched as before goes on undisturbed");
}

#[test]
fn feeds_of_gstwebrtcapp_are_collected_in_its_columns() {
    let broker = Mosquitto::start("allow_anonymous true");
    let (home, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let boat = instance(&home, &broker, "boat", "Bow", "dialect = \"gstwebrtcapp\"");
    let (address, folder) = (format!("mqtt://127.0.0.1:{}", broker.port), files.path().display().to_string());
    let collect = Program::start(&[
        "collect",
        "--broker",
        &address,
        "--dialect",
        "gstwebrtcapp",
        "--profile",
        "gstwebrtcapp",
        "--folder",
        &folder,
    ]);
    // Its reports are what the columns are made of.
    let mut browser = Browser::start();
    browser.open_viewer(&format!("{}feed/bow", boat.url()));
    collect.wait_line("feed=\"bow\" picture=\"\"", LIMIT);
    let lines = record(files.path(), "bow", 3);
    assert_eq!(lines[0], GSTWEBRTCAPP_COLUMNS);
    let cell = |name: &str| {
        let column = GSTWEBRTCAPP_COLUMNS.split(',').position(|column| column == name).unwrap();
        lines.last().unwrap().split(',').nth(column).unwrap().parse::<f64>().unwrap()
    };
    assert!(cell("tx_rate_mbits") > 0.0 && cell("rx_packets") > 10.0 && cell("rtt_ms") < 1000.0, "{lines:?}");
    drop(browser);
    collect.wait_line("It has no viewer.", LIMIT);
}
