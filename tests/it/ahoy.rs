//! Feeds at a Director of Ahoy's: at the stand-in for one, which decodes what it is sent.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::{Duration, Instant},
};

use heliograph::{config::ConnectorConfig, connector::FORMS, lab::director::PlayState};
use tempfile::TempDir;

use crate::support::{
    elements::{self, encoders_for_viewers},
    free_port,
    lab::Lab,
    network::Network,
    program::Program,
    station::SmallStation,
    tls_front::{Answers, TlsFront},
    wait_for,
};

/// As long as a busy machine takes to show a picture.
const PATIENCE: Duration = Duration::from_secs(30);

/// A settings file with one feed, and the Director as its connector.
fn settings(address: &str, more: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("heliograph.toml");
    let feed = "[[feeds]]\nname = \"Bow\"\npattern = \"ball\"\npattern_size = \"320x240\"\npattern_framerate = 15\n";
    let connector = format!(
        "[[connectors]]\nid = \"shore\"\nkind = \"ahoy\"\naddress = \"{address}\"\napi_key_env = \"AHOY_KEY\"\n{more}"
    );
    fs::write(&path, format!("version = 1\n{connector}\n{feed}")).unwrap();
    (folder, path)
}

fn serve(address: &str, more: &str, key: &str) -> (TempDir, Program) {
    let (folder, path) = settings(address, more);
    let program = Program::serve_at(free_port(), &["--config", path.to_str().unwrap()], &[("AHOY_KEY", key)]);
    (folder, program)
}

fn assert_no_key(program: &Program) {
    assert!(!program.lines().iter().any(|line| line.contains(Lab::KEY)), "the API key stands in the log");
}

#[test]
fn a_director_plays_a_feed_to_several_viewers_and_stops_each() {
    let lab = Lab::start();
    let (_folder, program) = serve(&lab.director.attach_address(), "", Lab::KEY);
    let ready = program.wait_line("connector=shore state=\"ready\"", PATIENCE);
    assert!(ready.contains("authenticate ") && ready.contains("signalling "), "how long each step took: {ready}");
    lab.wait_attached();
    let first = lab.play();
    lab.wait_frames(first, 20);
    let second = lab.play();
    lab.wait_frames(second, 20);
    lab.director.end_play("bow", first);
    lab.wait_frames(second, 20);
    lab.director.end_play("bow", second);
    let third = lab.play();
    lab.wait_frames(third, 20);
    assert_eq!(lab.director.requests(), 1);
    lab.assert_content();
    assert_no_key(&program);
}

#[test]
fn an_offer_that_cannot_be_answered_is_refused_in_time_and_with_a_reason() {
    let lab = Lab::start();
    let (_folder, program) = serve(&lab.director.attach_address(), "", Lab::KEY);
    lab.wait_attached();
    let other = {
        let _inside = lab.runtime.enter();
        lab.director.play_in("bow", "VP8").unwrap()
    };
    let (reason, took) = lab.wait_refused(other);
    assert!(reason.contains("H264") || reason.contains("H.264"), "{reason}");
    assert!(took < 3.0, "{took} s");

    // What nobody should say ends nothing.
    let long = format!(r#"{{"streamPauseRequest":"{}"}}"#, "x".repeat(60_000));
    for text in ["no JSON", "[]", "{}", r#"{"streamPauseRequest":{}}"#, r#"{"sdpRequest":7}"#, &long] {
        lab.director.say("bow", text);
    }
    lab.director.say("bow", r#"{"streamStartRequest":{"uuid":"1","feedUuid":"somebody-else"}}"#);
    let watched = lab.play();
    lab.wait_frames(watched, 10);
    lab.assert_content();

    // Offers without a start, and a second one for the same: told in a reply, which nobody asked for here.
    lab.director.say("bow", r#"{"sdpRequest":{"uuid":"none","sdp":"v=0","candidates":[]}}"#);
    lab.director.say("bow", r#"{"sdpRequest":{"uuid":"bad","sdp":7}}"#);
    wait_for("two replies to nobody", PATIENCE, || (lab.director.complaints().len() == 2).then_some(()));
    lab.wait_frames(watched, 10);
    let complaints = lab.director.complaints();
    assert!(complaints.iter().all(|complaint| complaint.contains("is of no offer")), "{complaints:?}");
    assert_no_key(&program);
}

#[test]
fn without_a_camera_a_play_is_refused_in_time_and_says_so() {
    let lab = Lab::start();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("heliograph.toml");
    let address = lab.director.attach_address();
    let nowhere = free_port();
    let text = format!(
        "version = 1\n[[connectors]]\nid = \"shore\"\nkind = \"ahoy\"\naddress = \"{address}\"\napi_key_env = \"AHOY_KEY\"\n\
         [[feeds]]\nname = \"Bow\"\naddress = \"rtsp://127.0.0.1:{nowhere}/none\"\n"
    );
    fs::write(&path, text).unwrap();
    let _program = Program::serve_at(free_port(), &["--config", path.to_str().unwrap()], &[("AHOY_KEY", Lab::KEY)]);
    lab.wait_attached();
    let number = lab.play();
    let (reason, took) = lab.wait_refused(number);
    println!("refused after {took:.1} s: {reason}");
    assert!(reason.starts_with("There is no picture now.") && reason.len() > 30, "{reason}");
    assert!(took < 3.0, "{took} s");
    lab.assert_content();
}

#[test]
fn a_key_that_is_wrong_or_missing_is_told_of_in_words() {
    let lab = Lab::start();
    let (_folder, program) = serve(&lab.director.attach_address(), "", "planted-wrong-key");
    let told = program.wait_line("connector=shore state=\"backoff\"", PATIENCE);
    assert!(told.contains("does not let us in. Check the API key."), "{told}");
    assert!(!program.lines().iter().any(|line| line.contains("planted")), "the key stands in the log");
    drop(program);
    let (_folder, program) = serve(&lab.director.attach_address().replace("attach", "nowhere"), "", Lab::KEY);
    let told = program.wait_line("connector=shore state=\"backoff\"", PATIENCE);
    assert!(told.contains("attaches no feeds at this path."), "{told}");
    assert!(lab.director.feeds().is_empty());
}

#[test]
fn a_feed_is_attached_again_after_any_loss_and_viewers_stay_where_they_can() {
    let port = free_port();
    let lab = Lab::start_at(port);
    let (_folder, program) = serve(&lab.director.attach_address(), "", Lab::KEY);
    lab.wait_attached();
    let first = lab.play();
    lab.wait_frames(first, 10);

    // Only messages have no way any more.
    let before = program.lines().len();
    lab.director.hang_up("bow");
    program.wait_line_after(before, "connector=shore state=\"backoff\"", PATIENCE);
    let hung_up = Instant::now();
    program.wait_line_after(before, "connector=shore state=\"ready\"", PATIENCE);
    println!("attached again after {:?}", hung_up.elapsed());
    lab.wait_attached();
    lab.wait_frames(first, 10);
    let second = lab.play();
    lab.wait_frames(second, 10);
    assert_eq!(lab.director.requests(), 2);
    lab.assert_content();

    // The Director itself is started anew.
    let before = program.lines().len();
    let Lab { director, runtime } = lab;
    runtime.block_on(director.stop());
    drop(runtime);
    program.wait_line_after(before, "connector=shore state=\"backoff\"", PATIENCE);
    let lab = Lab::start_at(port);
    program.wait_line_after(before, "connector=shore state=\"ready\"", PATIENCE);
    lab.wait_attached();
    let third = lab.play();
    lab.wait_frames(third, 10);
    lab.assert_content();
    assert_no_key(&program);
}

#[test]
fn a_director_behind_tls_may_answer_late_and_twice_and_one_that_never_does_is_asked_again() {
    let lab = Lab::start();
    let folder = tempfile::tempdir().unwrap();
    let front = TlsFront::start(lab.runtime.handle(), lab.director.address(), folder.path(), Answers::Never);
    let place = format!("https://localhost:{}/", front.port);
    let address = lab.director.attach_address().replace(&format!("http://{}/", lab.director.address()), &place);
    let (_stranger, stranger) = serve(&address, "", Lab::KEY);
    let told = stranger.wait_line("connector=shore state=\"backoff\"", PATIENCE);
    assert!(told.contains("is not trusted") && told.contains("with `ca`"), "{told}");
    assert_eq!(lab.director.requests(), 0);
    drop(stranger);

    let (_folder, program) = serve(&address, &format!("ca = \"{}\"\n", front.ca()), Lab::KEY);
    let told = program.wait_line("connector=shore state=\"backoff\"", PATIENCE);
    assert!(told.contains("was reached, and does not answer."), "{told}");
    for answers in [Answers::Late(Duration::from_secs(3)), Answers::Twice] {
        front.set(answers);
        let before = program.lines().len();
        lab.director.hang_up("bow");
        program.wait_line_after(before, "connector=shore state=\"ready\"", PATIENCE);
        lab.wait_attached();
        let play = lab.play();
        lab.wait_frames(play, 10);
    }
    lab.assert_content();
    assert_no_key(&program);
}

/// The Director is on the shore, and the feed behind a link that fails.
#[test]
fn a_feed_behind_a_link_that_fails_is_seen_again_within_seconds() {
    let Some(network) = Network::lay() else { return };
    let lab = Lab::listening((Ipv4Addr::UNSPECIFIED, free_port()).into());
    let here = Ipv4Addr::from(Network::HERE);
    let address = lab.director.attach_address().replace("0.0.0.0", &here.to_string());
    let (_folder, path) = settings(&address, "");
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let args = ["--config", path.to_str().unwrap()];
    let program = Program::launch(network.program(), listen, &args, &[("AHOY_KEY", Lab::KEY)]);
    lab.wait_attached();
    let mut play = lab.play();
    lab.wait_frames(play, 20);

    let down = |seconds| {
        network.cut();
        std::thread::sleep(Duration::from_secs(seconds));
        network.mend().unwrap();
    };
    // ICE says after some seconds that it is disconnected, and has ten more.
    for seconds in [5, 9] {
        down(seconds);
        let began = Instant::now();
        lab.wait_frames(play, 2);
        let took = began.elapsed().as_secs_f64();
        println!("{seconds} s without a link: a picture of the same play {took:.2} s after it");
        assert!(took <= 1.0, "{took:.2} s");
        // What only seemed to go on would have ended by now.
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!((lab.view(play).state, lab.director.requests()), (PlayState::Answered, 1));
        let another = lab.play();
        lab.wait_frames(another, 5);
        lab.director.end_play("bow", another);
    }
    // Then it is attached anew, and who looks again sees it.
    let mut again = |what: &str, happen: &dyn Fn()| {
        let before = program.lines().len();
        happen();
        let began = Instant::now();
        program.wait_line_after(before, "connector=shore state=\"ready\"", PATIENCE);
        lab.wait_attached();
        lab.director.end_play("bow", play);
        play = lab.play();
        lab.wait_frames(play, 1);
        let took = began.elapsed().as_secs_f64();
        println!("{what}: a picture {took:.2} s after the path was there");
        assert!(took <= 3.0, "{took:.2} s");
        lab.wait_frames(play, 30);
    };
    again("another address", &|| network.renumber());
    again("30 s without a link", &|| down(30));
    lab.assert_content();
    assert_no_key(&program);
}

/// What a process uses.
#[derive(Debug)]
struct Use {
    threads: i64,
    files: i64,
    memory_kb: i64,
}

impl Use {
    fn of(program: &Program) -> Self {
        let id = program.id();
        let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
        let number = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        let files = fs::read_dir(format!("/proc/{id}/fd")).unwrap().count().try_into().unwrap();
        Self { threads: number("Threads:"), files, memory_kb: number("VmRSS:") }
    }
}

#[test]
fn between_two_plays_nothing_is_encoded() {
    elements::watch();
    let small = SmallStation::start();
    small.station.engine.rest_after(Duration::from_millis(500));
    let feed = small.add("Bow", |feed| feed.keep_warm = false);
    let lab = Lab::start();
    let key = tempfile::NamedTempFile::new().unwrap();
    fs::write(key.path(), Lab::KEY).unwrap();
    let line = format!("lab=ahoy,address={},api_key_file={}", lab.director.attach_address(), key.path().display());
    let connector = ConnectorConfig::from_line(&line, FORMS).unwrap();
    small.block_on(async { small.station.connect(&[connector]) });
    lab.wait_attached();
    for _ in 0..2 {
        wait_for("the end of the encoder", PATIENCE, || (encoders_for_viewers("x264enc") == 0).then_some(()));
        // One that rests may need longer than a Director waits, and is awake for the next.
        let number = wait_for("a play that begins", PATIENCE, || {
            let number = lab.play();
            let over = |state| matches!(state, PlayState::Answered | PlayState::Failed);
            let view = wait_for("an answer", PATIENCE, || Some(lab.view(number)).filter(|view| over(view.state)));
            (view.state == PlayState::Answered).then_some(number)
        });
        lab.wait_frames(number, 10);
        assert_eq!(encoders_for_viewers("x264enc"), 1);
        lab.director.end_play("bow", number);
    }
    wait_for("the end of the encoder", PATIENCE, || (encoders_for_viewers("x264enc") == 0).then_some(()));
    assert_eq!(lab.director.requests(), 1);
    assert!(small.station.engine.feed(&feed).is_some());
    lab.assert_content();
}

#[test]
fn plays_on_one_attach_leave_nothing_behind() {
    play_and_stop(30);
}

#[test]
#[ignore = "takes two minutes: run with --ignored when the connector or the end of sessions changes"]
fn two_hundred_plays_on_one_attach_leave_nothing_behind() {
    play_and_stop(200);
}

fn play_and_stop(rounds: u64) {
    const WARM_UP: u64 = 10;
    let lab = Lab::start();
    let (_folder, program) = serve(&lab.director.attach_address(), "", Lab::KEY);
    lab.wait_attached();
    let began = Instant::now();
    let mut uses = Vec::new();
    for round in 1..=rounds {
        let number = lab.play();
        lab.wait_state(number, PlayState::Answered);
        if round == 1 || round == rounds {
            lab.wait_frames(number, 5);
        }
        lab.director.end_play("bow", number);
        if round == WARM_UP || round == rounds {
            // Sessions end on threads of their own.
            let ended = wait_for("the end of the session", PATIENCE, || {
                program
                    .lines()
                    .iter()
                    .rev()
                    .find(|line| line.contains("Viewers: "))
                    .filter(|line| line.contains("Viewers: 0"))
                    .cloned()
            });
            assert!(ended.contains("feed=bow"), "{ended}");
            std::thread::sleep(Duration::from_secs(2));
            uses.push(Use::of(&program));
        }
    }
    let [before, after] = uses.as_slice() else { panic!("two looks") };
    println!("{rounds} plays in {:.1?}; before {before:?}, after {after:?}", began.elapsed());
    assert_eq!(lab.director.requests(), 1, "one request for the attach");
    lab.assert_content();
    assert!((after.threads - before.threads).abs() <= 4, "{before:?} {after:?}");
    assert!((after.files - before.files).abs() <= 8, "{before:?} {after:?}");
    assert!(after.memory_kb - before.memory_kb < 16_000, "{before:?} {after:?}");
}
