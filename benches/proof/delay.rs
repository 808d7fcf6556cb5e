//! How long the program keeps a frame.

use std::{
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{
    report::{Limits, Report},
    shared::{
        Fault,
        camera::Camera,
        child::Kept,
        served::{FEED, Path, Served},
        taker::Taker,
    },
    support::{browser::Browser, free_port, program::PROGRAM, wait_for},
    wire::Wire,
};

const SETTLING: Duration = Duration::from_secs(4);

/// How often somebody joins.
const JOINS: usize = 20;

/// Runs in the page: collects the marks of all frames.
const FRAME_MARKS: &str = include_str!("../../tests/browser/frame-marks.js");

/// From the last packet of a frame in to its last packet out, both as they lie on the wire.
pub(crate) fn forwarding(length: Duration, report: &mut Report) -> Result<(), Fault> {
    let limits =
        [(Path::PassThrough, Limits { must: 10.0, aim: 5.0 }), (Path::Transcode, Limits { must: 35.0, aim: 25.0 })];
    for (path, limits) in limits {
        let camera = Camera::start()?;
        let served = Served::feed(&camera.url(), path)?;
        let viewer = Taker::start(&served.signalling(), Some(FEED))?;
        viewer.wait_served()?;
        thread::sleep(SETTLING);
        let wire = Wire::tap()?;
        thread::sleep(length * 2);
        let (frames, mut delays) = wire.delays(camera.ssrc(), &viewer.senders());
        let Spread { half, most, .. } = Spread::of(&mut delays, 99)?;
        Report::line(&format!("RTP in to RTP out, {}, p99", path.word()), most, "ms", limits);
        let count = delays.len();
        let usual = Spread::of(&mut delays, 95)?.most;
        report.note(format!(
            "RTP, {}: {count} of {frames} frames told apart, p50 {half:.1} ms, p95 {usual:.1} ms, p99 {most:.1} ms.",
            path.word()
        ));
    }
    Ok(())
}

/// From the demo camera's clock in the picture to the frame that a browser decoded.
pub(crate) fn browser(length: Duration, report: &mut Report) -> Result<(), Fault> {
    let mut browser = Browser::start();
    for path in [Path::PassThrough, Path::Transcode] {
        let place = format!("127.0.0.1:{}", free_port());
        let _camera = Kept::start(Command::new(PROGRAM).args(["demo-camera", "--listen", &place, "--audio", "none"]))?;
        wait_for("the demo camera", Duration::from_secs(20), || std::net::TcpStream::connect(&place).ok());
        let served = Served::feed(&format!("rtsp://{place}/demo"), path)?;
        let tab = browser.open_viewer(&served.url());
        browser.wait(tab, "heliograph.tiles().some(t => t.framesDecoded > 120)", 30_000);
        browser.eval(tab, FRAME_MARKS);
        thread::sleep(length);
        let marks = browser.eval(tab, "takeFrameMarks()");
        let seen =
            marks.as_object().into_iter().flat_map(serde_json::Map::values).filter_map(Value::as_array).flatten();
        let mut ages: Vec<f64> = seen.filter(|mark| !mark[0].is_null()).filter_map(|mark| mark[1].as_f64()).collect();
        let Spread { half, most, .. } = Spread::of(&mut ages, 95)?;
        let limits = Limits { must: 120.0, aim: 80.0 };
        Report::line(&format!("demo camera to browser, {}, p95", path.word()), most, "ms", limits);
        report.note(format!("Browser, {}: {} frames, p50 {half:.0} ms.", path.word(), ages.len()));
        browser.eval(tab, "location.replace('about:blank')");
    }
    Ok(())
}

/// From asking to the first decoded frame, while another viewer watches.
pub(crate) fn joining(report: &mut Report) -> Result<(), Fault> {
    let limits = [
        (Path::Transcode, Limits { must: 200.0, aim: 150.0 }),
        (Path::PassThrough, Limits { must: 500.0, aim: 250.0 }),
    ];
    for (path, limits) in limits {
        let camera = Camera::start()?;
        let served = Served::feed(&camera.url(), path)?;
        let _other = Taker::several(1, &served.signalling(), Some(FEED))?;
        thread::sleep(SETTLING);
        let mut times: Vec<f64> = (0..JOINS).map(|number| join(&served, number)).collect::<Result<_, _>>()?;
        let Spread { half, most, longest } = Spread::of(&mut times, 95)?;
        Report::line(&format!("new viewer of a warm feed, {}, p95", path.word()), most, "ms", limits);
        report.note(format!("Joining, {}: {JOINS} times, p50 {half:.0} ms, longest {longest:.0} ms.", path.word()));
    }
    Ok(())
}

/// Milliseconds until a viewer has decoded a frame.
fn join(served: &Served, number: usize) -> Result<f64, Fault> {
    // Not always at the same place between two key frames, and never so soon that requests for them are merged.
    thread::sleep(Duration::from_millis(1100 + 137 * (number as u64 % 7)));
    let asked = Instant::now();
    let viewer = Taker::decode(&served.signalling(), Some(FEED))?;
    viewer.wait_first()?;
    Ok(asked.elapsed().as_secs_f64() * 1000.0)
}

/// Of some times in milliseconds: half are shorter, this many percent are, and the longest.
struct Spread {
    half: f64,
    most: f64,
    longest: f64,
}

impl Spread {
    fn of(times: &mut [f64], percent: usize) -> Result<Self, Fault> {
        times.sort_by(f64::total_cmp);
        let at = |percent: usize| times.get((times.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        let all = at(50).zip(at(percent)).zip(at(100)).ok_or("no frame was seen")?;
        let ((half, most), longest) = all;
        Ok(Self { half, most, longest })
    }
}
