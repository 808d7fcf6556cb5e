//! Processor time and memory of the program.

use std::{collections::BTreeMap, thread, time::Duration};

use crate::{
    reference::{Kind, Reference},
    report::{Limits, Report},
    shared::{
        Fault,
        camera::Camera,
        process,
        served::{FEED, Path, Served},
        taker::Taker,
    },
};

/// What goes by before anything is measured: caches, rate control and congestion control settle.
const SETTLING: Duration = Duration::from_secs(4);

/// How many viewers there are, one after the other.
const VIEWERS: [usize; 3] = [1, 4, 8];

/// One viewer, against bare pipelines beside it.
pub(crate) fn bare(length: Duration, report: &mut Report) -> Result<(), Fault> {
    let camera = Camera::start()?;
    let served = Served::feed(&camera.url(), Path::Transcode)?;
    let (plain, webrtc) =
        (Reference::start(Kind::Udp, &camera.url())?, Reference::start(Kind::Encoded, &camera.url())?);
    let _mine = Taker::several(1, &served.signalling(), Some(FEED))?;
    let _theirs = Taker::several(1, &webrtc.signalling(), None)?;
    thread::sleep(SETTLING);
    let [program, udp, sink] = process::cores([served.id(), plain.id(), webrtc.id()], length);
    let limits = Limits { must: 1.15, aim: 1.05 };
    Report::line("one viewer, against the bare pipeline into webrtcsink", program / sink, "×", limits);
    Report::line("the same, against it into udpsink: no SRTP", program / udp, "×", limits);
    report.note(format!(
        "Bare pipeline: Heliograph {program:.3} cores, into webrtcsink {sink:.3}, into udpsink {udp:.3}; at the same time.{}",
        encoders(served.id())
    ));
    Ok(())
}

/// What viewers add, from one to eight of them.
pub(crate) fn viewers(length: Duration, report: &mut Report) -> Result<(), Fault> {
    let camera = Camera::start()?;
    let (program, words) = {
        let served = Served::feed(&camera.url(), Path::Transcode)?;
        let steps = growth(served.id(), &served.signalling(), Some(FEED), length)?;
        (steps, encoders(served.id()))
    };
    let [controlled, plain, raw] = [Kind::Controlled, Kind::Encoded, Kind::Raw].map(|kind| {
        let reference = Reference::start(kind, &camera.url())?;
        growth(reference.id(), &reference.signalling(), None, length)
    });
    let (core, memory) = per_viewer(&program);
    Report::line("an added viewer, processor", core * 100.0, "% of a core", Limits { must: 0.8, aim: 0.5 });
    Report::line("an added viewer, memory", memory, "MB", Limits { must: 2.5, aim: 2.0 });
    let raw = raw?;
    let (raw_core, raw_memory) = per_viewer(&raw);
    // What it must be divides what an added viewer cost a webrtcsink by what it may cost here, in the same units: a
    // ratio is of this machine and this content.
    let name = |what| format!("an added viewer, {what}, against webrtcsink fed raw video");
    Report::line_at_least(&name("processor"), raw_core / core, "×", Limits { must: 9.6, aim: 15.4 });
    Report::line_at_least(&name("memory"), raw_memory / memory, "×", Limits { must: 6.4, aim: 8.0 });
    report.note(format!("Viewers 1, 4, 8: {}.{words}", listed(&program)));
    let beside = [
        ("the encoded stream, with congestion control", controlled?),
        ("the encoded stream, without", plain?),
        ("raw video", raw),
    ];
    for (what, steps) in beside {
        let ((core, memory), steps) = (per_viewer(&steps), listed(&steps));
        let core = core * 100.0;
        report
            .note(format!("webrtcsink fed {what}: {steps}; {core:.1} % of a core and {memory:.1} MB an added viewer."));
    }
    Ok(())
}

/// Cores and memory with ever more viewers.
fn growth(id: u32, signalling: &str, feed: Option<&str>, length: Duration) -> Result<Vec<(f64, f64)>, Fault> {
    let mut takers = Vec::new();
    let mut steps = Vec::new();
    for count in VIEWERS {
        takers.extend(Taker::several(count - takers.len(), signalling, feed)?);
        thread::sleep(SETTLING);
        let [cores] = process::cores([id], length);
        steps.push((cores, process::resident(id)));
    }
    let packets: Vec<u64> = takers.iter().map(Taker::packets).collect();
    thread::sleep(Duration::from_secs(1));
    if takers.iter().zip(&packets).any(|(taker, before)| taker.packets() == *before) {
        return Err("one of the viewers got nothing any more".into());
    }
    Ok(steps)
}

fn per_viewer(steps: &[(f64, f64)]) -> (f64, f64) {
    let added = (VIEWERS[VIEWERS.len() - 1] - VIEWERS[0]) as f64;
    match steps {
        [first, .., last] => ((last.0 - first.0) / added, (last.1 - first.1) / added),
        _ => (0.0, 0.0),
    }
}

fn listed(steps: &[(f64, f64)]) -> String {
    steps.iter().map(|(cores, memory)| format!("{cores:.3} cores {memory:.0} MB")).collect::<Vec<_>>().join(", ")
}

/// Pass-through beside encoding anew, and beside its bare elements, a viewer each.
pub(crate) fn paths(length: Duration, report: &mut Report) -> Result<(), Fault> {
    let camera = Camera::start()?;
    let [through, anew] = [Path::PassThrough, Path::Transcode].map(|path| Served::feed(&camera.url(), path));
    let (through, anew) = (through?, anew?);
    let bare = Reference::start(Kind::Through, &camera.url())?;
    let _viewers = [
        Taker::several(1, &through.signalling(), Some(FEED))?,
        Taker::several(1, &anew.signalling(), Some(FEED))?,
        Taker::several(1, &bare.signalling(), None)?,
    ];
    thread::sleep(SETTLING);
    let [cheap, dear, bare] = process::cores([through.id(), anew.id(), bare.id()], length);
    Report::line_at_least("pass-through, against encoding anew", dear / cheap, "×", Limits { must: 8.0, aim: 15.0 });
    report.note(format!(
        "Paths: pass-through {cheap:.3} cores, encoding anew {dear:.3}, and the bare elements of pass-through into a \
         webrtcsink without congestion control {bare:.3}; at the same time, a viewer each.{}{}",
        encoders(through.id()),
        encoders(anew.id())
    ));
    Ok(())
}

/// Resident memory of a program with nothing to do, and with a feed and a viewer.
pub(crate) fn memory(report: &mut Report) -> Result<(), Fault> {
    let camera = Camera::start()?;
    let idle = Served::idle()?;
    let [through, anew] = [Path::PassThrough, Path::Transcode].map(|path| Served::feed(&camera.url(), path));
    let (through, anew) = (through?, anew?);
    let _viewers =
        [Taker::several(1, &through.signalling(), Some(FEED))?, Taker::several(1, &anew.signalling(), Some(FEED))?];
    thread::sleep(SETTLING * 2);
    let ids = [idle.id(), through.id(), anew.id()];
    let [nothing, through, anew] = ids.map(process::resident);
    Report::stated("memory of an idle program", nothing, "MB", 60.0);
    Report::stated("a pass-through feed with a viewer adds", through - nothing, "MB", 6.0);
    Report::stated("a feed encoded anew with a viewer adds", anew - nothing, "MB", 40.0);
    let [own, own_through, own_anew] = ids.map(process::allocated);
    report.note(format!(
        "Memory: {nothing:.0} MB idle, {through:.0} MB pass-through, {anew:.0} MB encoding anew; of these allocated, not read \
         from programs and libraries: {own:.0}, {own_through:.0}, {own_anew:.0} MB."
    ));
    Ok(())
}

/// Processor time of the threads of a feed with a viewer, encoded anew; beside it one in pass-through,
/// in which the same thread receives and does not decode.
pub(crate) fn stages(length: Duration, report: &mut Report) -> Result<(), Fault> {
    let camera = Camera::start()?;
    let [through, anew] = [Path::PassThrough, Path::Transcode].map(|path| Served::feed(&camera.url(), path));
    let (through, anew) = (through?, anew?);
    let _viewers =
        [Taker::several(1, &through.signalling(), Some(FEED))?, Taker::several(1, &anew.signalling(), Some(FEED))?];
    thread::sleep(SETTLING);
    let ids = [through.id(), anew.id()];
    let before = ids.map(process::by_thread);
    let [_, whole] = process::cores(ids, length);
    let after = ids.map(process::by_thread);
    let [through, anew] = std::array::from_fn(|at| Threads::between(&before[at], &after[at], length.as_secs_f64()));
    let (receiving, decoding) = (through.of(RECEIVING), anew.of(RECEIVING) - through.of(RECEIVING));
    let (encoding, viewer, input) = (anew.of(&["enc"]), anew.of(VIEWER), anew.of(&["appsrc"]));
    let rest = whole - receiving - decoding - encoding - viewer - input;
    report.table(
        &["stage", "% of a core"],
        &[
            ("receive and depayload", receiving),
            ("decode", decoding),
            ("adapt (nothing, at the camera's size) and encode", encoding),
            ("hand out to the sessions", input),
            ("the one viewer: packets, congestion control, SRTP", viewer),
            ("all else", rest),
            ("whole process", whole),
        ]
        .map(|(stage, cores)| (stage.to_owned(), cores * 100.0)),
    );
    report.note(format!("Threads, encoding anew: {anew}."));
    report.note(format!("Threads, pass-through: {through}."));
    Ok(())
}

/// Threads of the camera's source, up to the decoder and including it.
const RECEIVING: &[&str] = &["udpsrc", "rtpjitterbuffer"];
/// Threads of a viewer's session.
const VIEWER: &[&str] = &["video_", "queue", "rtpgccbwe", "nicesrc", "webrtcbin", "rtpsession"];

/// Cores that threads keep busy, by name.
struct Threads(Vec<(String, f64)>);

impl Threads {
    fn between(before: &BTreeMap<String, f64>, after: &BTreeMap<String, f64>, seconds: f64) -> Self {
        let used = |name: &String, used: f64| (used - before.get(name).copied().unwrap_or_default()) / seconds;
        let mut threads: Vec<_> = after.iter().map(|(name, time)| (name.clone(), used(name, *time))).collect();
        threads.sort_by(|one, other| other.1.total_cmp(&one.1));
        Self(threads)
    }

    /// Of all threads whose name begins with one of these.
    fn of(&self, names: &[&str]) -> f64 {
        let wanted = |name: &String| names.iter().any(|begin| name.starts_with(begin));
        self.0.iter().filter(|(name, _)| wanted(name)).map(|(_, cores)| cores).sum()
    }
}

impl std::fmt::Display for Threads {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let busy = self.0.iter().filter(|(_, cores)| *cores >= 0.001);
        let words: Vec<_> = busy.map(|(name, cores)| format!("`{name}` {:.1} %", cores * 100.0)).collect();
        f.write_str(&words.join(", "))
    }
}

/// A word where more than one encoder runs: the figures are then of something else.
fn encoders(id: u32) -> String {
    let threads = process::by_thread(id);
    let count = threads.keys().filter(|name| name.starts_with("enc") && name.ends_with(":src")).count();
    if count > 1 { format!(" {count} encoders ran in it.") } else { String::new() }
}
