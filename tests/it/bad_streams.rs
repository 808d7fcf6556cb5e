//! Whatever a camera does wrong ends in a picture or in a sentence of its own,
//! within three seconds: never in a panic, never in a silent black tile.

mod eye;

use std::{
    collections::HashSet,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use heliograph::{
    config::{
        AudioSource, EncodersConfig, FeedConfig, FeedId, KeyringStore, Overload, RtspConfig, Secrets, SourceAddress,
        SourceConfig, TransportChoice,
    },
    engine::{Awaited, Engine, EngineEvent, FeedEvent, FeedState},
    media,
};

use crate::support::bad_camera::{BadCamera, Vice};
use eye::{Eye, Seen, different};

/// How soon there is a picture, or a word.
const SOON: Duration = Duration::from_secs(3);
/// How long each camera is watched.
const WATCHED: Duration = Duration::from_secs(14);
/// Cameras with pictures at once: as many as two cores can bear. Those that show none are no work.
const AT_ONCE: usize = 16;

/// How much longer pictures may take after a while than at first, in seconds.
const MOST_GROWN: f64 = 0.1;
/// How much earlier they may be due. A clock 5 % fast that is not followed at all is ahead by
/// 0.35 s more in the second half of [`WATCHED`] than in the first.
const MOST_AHEAD: f64 = 0.26;
/// How long no picture may come where the camera sends fifteen a second, in seconds.
const LONGEST_GAP: f64 = 0.5;

/// What a vice must end in.
struct Case {
    vice: Vice,
    /// What is said within [`SOON`] of the start, or of the moment when it went wrong.
    told: Option<&'static str>,
    /// Whether pictures come in the end.
    shows: bool,
}

const fn shows(vice: Vice) -> Case {
    Case { vice, told: None, shows: true }
}

const fn says(vice: Vice, words: &'static str) -> Case {
    Case { vice, told: Some(words), shows: false }
}

/// Says something, and shows the picture after that, for as long as it lasts.
const fn says_and_shows(vice: Vice, words: &'static str) -> Case {
    Case { vice, told: Some(words), shows: true }
}

const CASES: &[Case] = &[
    shows(Vice::None),
    says(Vice::StallMidFrame, "sends no picture"),
    shows(Vice::TimestampReset),
    shows(Vice::SsrcReset),
    shows(Vice::SequenceJump),
    shows(Vice::ClockFast),
    shows(Vice::ClockSlow),
    shows(Vice::LossyNetwork),
    says(Vice::Bye, "The camera ended the stream."),
    says_and_shows(Vice::SizeChange, "Live: 640×480, H.264"),
    says_and_shows(Vice::CodecChange, "Live: 320×240, H.265"),
    says(Vice::PayloadTypeSwitch, "sends no picture"),
    says(Vice::SilentCodecSwitch, "goes on sending"),
    shows(Vice::H265),
    shows(Vice::High422),
    shows(Vice::NoParameterSets),
    shows(Vice::ParameterSetsOnlyDescribed),
    shows(Vice::BFrames),
    says_and_shows(Vice::LongGop, "no key frame yet"),
    shows(Vice::TruncatedNals),
    shows(Vice::SomeGarbage),
    says(Vice::OnlyGarbage, "no key frame yet"),
    shows(Vice::EndlessFragments),
    shows(Vice::WrongAggregates),
    shows(Vice::BrokenAac),
    says(Vice::SdpGarbage, "describes no stream"),
    says(Vice::SdpEmpty, "describes no stream"),
    says(Vice::SdpWithoutMedia, "describes no stream"),
    says(Vice::SdpUnknownEncoding, "H999, which Heliograph cannot decode"),
    says(Vice::SdpWrongEncoding, "no key frame yet"),
    says(Vice::SdpWrongControl, "no stream at"),
    shows(Vice::SdpHuge),
    says(Vice::UnauthorizedLoop, "asks for a user and a password"),
    says(Vice::NeverAnswers, "no answer yet"),
    says(Vice::HalfAnAnswer, "no answer yet"),
    says(Vice::ClosesAfterSetup, "closed the connection before it sent a picture"),
    says(Vice::PlaysNothing, "sends no picture yet"),
    says(Vice::WrongSequence, "no proper RTSP"),
    shows(Vice::NoSession),
    shows(Vice::ImpatientSession),
    says(Vice::RedirectLoop, "points to another address"),
    shows(Vice::RefusesUdp),
    says(Vice::PlayRefused, "“Session Not Found (454)”"),
    says_and_shows(Vice::HangsUp, "The camera ended the stream."),
];

/// What was seen and heard of a camera.
struct Watch {
    case: &'static Case,
    camera: BadCamera,
    began: Instant,
    told: Vec<(Instant, FeedState)>,
    seen: Vec<Seen>,
    ended: Instant,
}

#[test]
fn every_bad_stream_ends_in_a_picture_or_a_sentence() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    media::init().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    let only = std::env::var("BAD_STREAM").ok();
    let cases: Vec<&Case> =
        CASES.iter().filter(|case| only.as_ref().is_none_or(|only| only.contains(&case.vice.to_string()))).collect();
    let eye = Eye::open();
    let mut troubles = Vec::new();
    for round in rounds(&cases) {
        for watch in runtime.block_on(watch_all(&round, &eye)) {
            let wrong = watch.wrong();
            println!(
                "{}{}",
                watch.story(),
                if wrong.is_empty() { String::new() } else { format!("\n    WRONG: {}", wrong.join("; ")) }
            );
            troubles.extend(wrong.into_iter().map(|wrong| format!("{}: {wrong}", watch.case.vice)));
        }
    }
    assert!(only.is_some() || CASES.len() == Vice::ALL.len(), "every vice should have its case");
    assert!(troubles.is_empty(), "{} of {}:\n{}", troubles.len(), cases.len(), troubles.join("\n"));
}

/// Every case over the transport that is found, and those of the stream over TCP, too: there the
/// same packets come another way. Dealt out, so that each round has as many with pictures as any.
fn rounds(cases: &[&'static Case]) -> Vec<Vec<(TransportChoice, &'static Case)>> {
    let found = cases.iter().map(|case| (TransportChoice::Automatic, *case));
    let over_tcp = cases.iter().filter(|case| case.vice.is_of_the_stream()).map(|case| (TransportChoice::Tcp, *case));
    let (work, idle): (Vec<_>, Vec<_>) =
        found.chain(over_tcp).partition(|(_, case)| case.shows || case.vice.is_of_the_stream());
    let mut rounds = vec![Vec::new(); work.len().div_ceil(AT_ONCE).max(1)];
    let count = rounds.len();
    for (number, case) in work.into_iter().chain(idle).enumerate() {
        rounds[number % count].push(case);
    }
    rounds
}

/// `cargo test --test it -- --ignored --nocapture bad_cameras_for_people`
#[tokio::test]
#[ignore = "serves every bad camera until it is stopped, to try things by hand"]
async fn bad_cameras_for_people() {
    let mut cameras = Vec::new();
    for vice in Vice::ALL {
        let camera = BadCamera::start(*vice).await;
        println!("{}  {}", camera.url(), vice.describe());
        cameras.push(camera);
    }
    assert_eq!(cameras.len(), Vice::ALL.len());
    std::future::pending::<()>().await;
}

/// Gives an engine these cameras for a while.
async fn watch_all(cases: &[(TransportChoice, &'static Case)], eye: &Eye) -> Vec<Watch> {
    let secrets = Arc::new(Secrets::new(KeyringStore::without_prompts()));
    let engine = Engine::new(tokio::runtime::Handle::current(), secrets);
    // Cameras, feeds and this test share two cores.
    let encoders = EncodersConfig { overload: Overload::Allow, ..EncodersConfig::default() };
    engine.configure(&encoders);
    let told = listen(&engine);
    let mut cameras = Vec::new();
    for (transport, case) in cases {
        cameras.push((*transport, *case, BadCamera::start(case.vice).await));
    }
    let mut running = Vec::new();
    for (transport, case, camera) in cameras {
        let (address, _) = SourceAddress::parse(&camera.url()).unwrap();
        let name = format!("{} over {transport:?}", case.vice);
        let source = SourceConfig::Rtsp(RtspConfig { transport, ..RtspConfig::new(address) });
        let mut feed = FeedConfig::new(FeedId::from_name(&name), name, source);
        feed.keep_warm = true;
        if case.vice == Vice::BrokenAac {
            feed.audio.source = AudioSource::Camera;
        }
        let id = feed.id.clone();
        engine.add(feed).unwrap();
        running.push((case, camera, id, Instant::now()));
    }
    let end = Instant::now() + WATCHED;
    while Instant::now() < end {
        eye.look();
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let ended = Instant::now();
    engine.shutdown().await;
    let told = told.lock().unwrap();
    running
        .into_iter()
        .map(|(case, camera, id, began)| Watch {
            case,
            began,
            told: told.iter().filter(|(_, feed, _)| *feed == id).map(|(at, _, state)| (*at, state.clone())).collect(),
            seen: eye.seen(&camera.url()).into_iter().filter(|seen| seen.at <= ended).collect(),
            camera,
            ended,
        })
        .collect()
}

type Told = Arc<Mutex<Vec<(Instant, FeedId, FeedState)>>>;

/// Writes down what an engine tells.
fn listen(engine: &Engine) -> Told {
    let told = Told::default();
    let (mut events, writing) = (engine.subscribe(), told.clone());
    tokio::spawn(async move {
        loop {
            match events.recv().await {
                Ok(EngineEvent::Feed { feed, event: FeedEvent::State(state) }) => {
                    writing.lock().unwrap().push((Instant::now(), feed, state));
                }
                Ok(_) => {}
                Err(error) => break assert!(error == tokio::sync::broadcast::error::RecvError::Closed, "{error}"),
            }
        }
    });
    told
}

impl Watch {
    /// What is not as it should be.
    fn wrong(&self) -> Vec<String> {
        [self.silence(), self.words(), self.pictures(), self.delay()].into_iter().flatten().collect()
    }

    /// There was always a picture or a word, from the third second on.
    fn silence(&self) -> Option<String> {
        let mut at = self.began + SOON;
        while at < self.ended {
            let state = self.told.iter().rev().find(|(told, _)| *told <= at).map(|(_, state)| state);
            let is_told = match state {
                Some(FeedState::Live { .. }) => self.marked().any(|seen| seen.at <= at && at - seen.at < SOON),
                Some(FeedState::Connecting { awaited: Awaited::Nothing } | FeedState::Idle | FeedState::Stopped)
                | None => false,
                Some(_) => true,
            };
            if !is_told {
                let state = state.map_or("nothing", FeedState::name);
                return Some(format!("silent at {:.1} s, as {state}", (at - self.began).as_secs_f32()));
            }
            at += Duration::from_millis(100);
        }
        None
    }

    fn words(&self) -> Option<String> {
        let words = self.case.told?;
        let from = self.camera.moment().unwrap_or(self.began);
        let told = self.told.iter().find(|(at, state)| *at >= from && state.sentence().contains(words));
        match told {
            Some((at, _)) if *at <= from + SOON => None,
            Some((at, _)) => Some(format!("“{words}” only after {:.1} s", (*at - from).as_secs_f32())),
            None => Some(format!("“{words}” was never said")),
        }
    }

    /// Pictures come in the last three seconds: at least half of what was sent, and not the same ones.
    fn pictures(&self) -> Option<String> {
        let late: Vec<Seen> = self.seen.iter().copied().filter(|seen| self.ended - seen.at < SOON).collect();
        let count = different(&late);
        (self.case.shows && count < 15).then(|| format!("{count} pictures in the last {SOON:?}"))
    }

    /// The delay does not grow over the time of a connection, and pictures do not come in bursts.
    fn delay(&self) -> Option<String> {
        if !matches!(self.case.vice, Vice::None | Vice::ClockFast | Vice::ClockSlow) {
            return None;
        }
        let gaps = self.seen.windows(2).map(|pair| (pair[1].at - pair[0].at).as_secs_f64());
        // What came before is the start, which is busy with others' starts.
        let longest = gaps.skip(self.seen.len() / 4).fold(0.0, f64::max);
        let late: Vec<f64> = self.marked().map(|seen| seen.late).collect();
        let grown = [self.delays(), late].map(|times| grown(&times));
        println!("    {}: delay and lateness grown by {grown:.3?} s; longest gap {longest:.3} s", self.case.vice);
        let is_followed = grown.iter().all(|grown| (-MOST_AHEAD..MOST_GROWN).contains(grown));
        (!is_followed || longest > LONGEST_GAP)
            .then(|| format!("delay and lateness grew by {grown:.3?} s; longest gap {longest:.3} s"))
    }

    /// From the leaving of each picture to its coming, in seconds.
    fn delays(&self) -> Vec<f64> {
        let sent = self.camera.sent();
        let left = |seen: &Seen| sent.iter().rev().find(|(at, mark)| *at <= seen.at && Some(*mark) == seen.mark);
        self.marked().filter_map(|seen| left(seen).map(|(at, _)| (seen.at - *at).as_secs_f64())).collect()
    }

    fn marked(&self) -> impl Iterator<Item = &Seen> {
        self.seen.iter().filter(|seen| seen.mark.is_some())
    }

    /// What happened, for people.
    fn story(&self) -> String {
        let since = |at: Instant| at.saturating_duration_since(self.began).as_secs_f32();
        let mut said = HashSet::new();
        let news = self
            .told
            .iter()
            .filter(|(_, state)| said.insert(state.fault().map_or(state.sentence(), |f| f.message.clone())));
        let told = news.map(|(at, state)| {
            let detail = state.fault().map_or("", |fault| fault.detail.as_str());
            format!("\n    {:5.1} {}: {} [{detail}]", since(*at), state.name(), state.sentence())
        });
        let moment = self.camera.moment().map(|at| format!(", wrong at {:.1} s", since(at))).unwrap_or_default();
        let (seen, marked) = (self.seen.len(), self.marked().count());
        format!(
            "{} ({}): {seen} pictures, {marked} whole{moment}{}",
            self.case.vice,
            self.case.vice.describe(),
            told.collect::<String>()
        )
    }
}

/// From the middle of the first half of these to that of the second.
fn grown(delays: &[f64]) -> f64 {
    let (first, last) = delays.split_at(delays.len() / 2);
    median(last) - median(first)
}

fn median(delays: &[f64]) -> f64 {
    let mut sorted = delays.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}
