use super::*;
use crate::config::{
    AgentConfig, AudioSource, Crop, DataChannelConfig, DeviceConfig, ElementRole, ElementSettings, FileConfig,
    Fingerprint, Flip, IceServers, PathChoice, PictureConfig, Priority, ReceptionConfig, Rotation, Size, StreamChoice,
    TestConfig, TransportChoice,
};
use std::collections::BTreeMap;

fn made(entered: &Entered) -> FeedConfig {
    entered.check().unwrap().into_config(FeedId::from_name("bow")).0
}

fn rtsp(config: &FeedConfig) -> &RtspConfig {
    match &config.source {
        SourceConfig::Rtsp(rtsp) => rtsp,
        other => panic!("{other:?} is no camera on the network"),
    }
}

#[test]
fn a_description_becomes_a_feed() {
    let mut bow = Entered::camera(" Bow ", " rtsp://10.0.0.5/1 ");
    bow.camera.user = "me".into();
    bow.camera.password = Password::new("planted");
    let (config, passwords) = bow.check().unwrap().into_config(FeedId::from_name("bow"));
    assert_eq!((config.name.as_str(), rtsp(&config).address.as_str()), ("Bow", "rtsp://10.0.0.5/1"));
    assert_eq!((rtsp(&config).user.as_deref(), &rtsp(&config).password), (Some("me"), &PasswordSource::Keyring));
    assert_eq!(passwords, [(config.id, Password::new("planted"))]);
}

#[test]
fn each_kind_of_source_becomes_its_own() {
    let mut entered = Entered { name: "Bow".into(), kind: SourceKind::Demo, ..Entered::default() };
    assert_eq!(made(&entered).source, SourceConfig::Demo);
    entered.kind = SourceKind::Test;
    entered.test.size = "640x360".into();
    let test = TestConfig { size: Size { width: 640, height: 360 }, ..TestConfig::default() };
    assert_eq!(made(&entered).source, SourceConfig::Test(test));
    entered.kind = SourceKind::File;
    assert!(entered.check().unwrap_err().iter().all(|problem| problem.is_empty && problem.field == Field::File));
    entered.file = Some("/srv/boat.mp4".into());
    assert_eq!(made(&entered).source, SourceConfig::File(FileConfig { path: "/srv/boat.mp4".into() }));
    entered.kind = SourceKind::Device;
    assert_eq!(entered.check().unwrap_err()[0].field, Field::Device);
    entered.device = Some(DeviceConfig::new("/dev/video0"));
    assert_eq!(made(&entered).source, SourceConfig::Device(DeviceConfig::new("/dev/video0")));
}

#[test]
fn what_cannot_be_a_feed_is_told_in_a_sentence() {
    let sentence = |entered: &Entered| entered.check().unwrap_err()[0].sentence.clone();
    assert!(sentence(&Entered::camera("Bow", "http://10.0.0.5/")).contains("http:// is not supported"));
    assert!(sentence(&Entered::camera("", "rtsp://h/")).contains("a name has"));
    let mut lonely = Entered::camera("Bow", "rtsp://h/");
    lonely.camera.password = Password::new("planted");
    assert!(sentence(&lonely).starts_with("Enter the user"));
    assert!(!format!("{:?}", lonely.check()).contains("planted"));
    let mut odd = Entered::camera("Bow", "rtsp://h/");
    odd.picture.size = "1281x720".into();
    odd.camera.sub_address = "h/2".into();
    let fields: Vec<Field> = odd.check().unwrap_err().iter().map(|problem| problem.field).collect();
    assert_eq!(fields, [Field::SubAddress, Field::PictureSize], "every field that is wrong is known");
}

#[test]
fn a_pasted_password_is_taken_out_of_the_address() {
    let (address, found) = Entered::split_address("rtsp://me:p%40ss@h/1").unwrap();
    assert_eq!((address.as_str(), found.user.as_str(), found.password.expose()), ("rtsp://h/1", "me", "p@ss"));
    assert!(Entered::split_address("rtsp://h/1").is_none());
    assert!(Entered::split_address("rtsp://me:p@ss@").is_none());
}

/// A feed on which nothing is as by default.
fn unusual() -> FeedConfig {
    let rtsp = RtspConfig {
        sub_address: Some("rtsps://h/2".parse().unwrap()),
        stream: StreamChoice::Sub,
        transport: TransportChoice::Tcp,
        latency_ms: 40,
        drop_on_latency: false,
        certificate: Some(Fingerprint::of(b"planted")),
        ..RtspConfig::new("rtsps://h/1?a=b".parse().unwrap()).with_user("me", PasswordSource::Environment("BOW".into()))
    };
    FeedConfig {
        decoder: ElementChoice::Named("avdec_h265".into()),
        picture: PictureConfig {
            deinterlace: true,
            crop: Crop { left: 8, ..Crop::default() },
            rotate: Rotation::Quarter,
            flip: Flip::Vertical,
            size: Some(Size { width: 640, height: 480 }),
            framerate: Some(12),
            letterbox: true,
        },
        audio: AudioConfig { source: AudioSource::Device("A cable".into()), bitrate_kbps: 32 },
        path: PathChoice::Transcode,
        codec: Codec::Vp8,
        encoder: ElementChoice::Named("vp8enc".into()),
        elements: ElementSettings::from([
            (ElementRole::Source, BTreeMap::from([("do-rtcp".to_owned(), "false".to_owned())])),
            (ElementRole::Encoder, BTreeMap::from([("threads".to_owned(), "2".to_owned())])),
        ]),
        bitrate_kbps: 777,
        fec_percent: 15,
        priority: Priority::High,
        agent: AgentConfig { is_passive: true, ..AgentConfig::default() },
        pinned_viewers: vec!["pilot".into()],
        record_statistics: true,
        data_channels: vec![DataChannelConfig::new("control".parse().unwrap())],
        streaming: false,
        keep_warm: true,
        ..FeedConfig::new(FeedId::from_name("bow"), "Bow", SourceConfig::Rtsp(rtsp))
    }
}

#[test]
fn an_edit_that_changes_nothing_changes_nothing() {
    let old = unusual();
    let (new, passwords) = Entered::of(&old).check().unwrap().change(&old);
    assert_eq!((new, passwords), (old, Vec::new()));
}

#[test]
fn the_ways_to_a_robot_come_and_go_with_its_relay() {
    let mut relayed = RtspConfig::new("wss://robot:8765/#bow".parse().unwrap());
    relayed.reception = ReceptionConfig {
        ca: Some("/etc/ca.pem".into()),
        ice: IceServers {
            servers: vec!["turn:me@h:3478".parse().unwrap()],
            password: PasswordSource::Environment("TURN".into()),
        },
        relay_only: true,
        interfaces: vec!["wl*".parse().unwrap()],
    };
    let old = FeedConfig { source: SourceConfig::Rtsp(relayed), ..unusual() };
    let mut entered = Entered::of(&old);
    assert_eq!(entered.check().unwrap().change(&old).0, old);
    entered.camera.ways.password = Password::new("planted");
    let (new, passwords) = entered.check().unwrap().change(&old);
    assert_eq!(rtsp(&new).reception.ice.password, PasswordSource::Keyring);
    assert_eq!(passwords, [(FeedId::of_reception(&old.id), Password::new("planted"))]);
    entered.camera.ways.forgets_password = true;
    let (new, passwords) = entered.check().unwrap().change(&old);
    assert_eq!((&rtsp(&new).reception.ice.password, passwords), (&PasswordSource::None, Vec::new()));
    entered.camera.ways.forgets_password = false;
    entered.kind = SourceKind::Rtsp;
    entered.camera.address = "rtsp://h/1".into();
    let (new, passwords) = entered.check().unwrap().change(&old);
    assert_eq!((&rtsp(&new).reception, passwords), (&ReceptionConfig::default(), Vec::new()));
}

#[test]
fn each_way_to_a_robot_says_what_is_wrong_with_it() {
    let mut bad = Entered { kind: SourceKind::Received, ..Entered::camera("Bow", "wss://robot:8765") };
    bad.camera.ca = "ca.pem".into();
    bad.camera.ways.ice_servers = "turn:me:planted@h".into();
    bad.camera.ways.interfaces = "../x".into();
    let problems = bad.check().unwrap_err();
    let fields: Vec<Field> = problems.iter().map(|problem| problem.field).collect();
    assert_eq!(fields, [Field::Ca, Field::IceServers, Field::Interfaces]);
    assert!(problems.iter().all(|problem| !problem.sentence.contains("planted")), "{problems:?}");
    let mut lonely = Entered { kind: SourceKind::Received, ..Entered::camera("Bow", "wss://robot:8765") };
    lonely.camera.ways.relay_only = true;
    lonely.camera.ways.ice_servers = "stun:h".into();
    assert!(lonely.check().unwrap_err()[0].sentence.starts_with("No TURN server is named"));
    lonely.kind = SourceKind::Test;
    assert!(lonely.check().is_ok(), "another source asks for none of it");
}

#[test]
fn a_change_keeps_what_is_not_asked_for() {
    let old = unusual();
    let mut entered = Entered::of(&old);
    entered.name = "Stern".into();
    entered.camera.address = "rtsps://other/1".into();
    let (new, _) = entered.check().unwrap().change(&old);
    assert_eq!((new.id, new.bitrate_kbps, new.streaming), (old.id.clone(), 777, false));
    let SourceConfig::Rtsp(new) = new.source else { panic!("still a camera on the network") };
    assert_eq!((new.latency_ms, new.stream), (40, StreamChoice::Sub));
    assert_eq!(new.password, PasswordSource::Environment("BOW".into()));
    assert_eq!(new.certificate, None, "another host is another camera");

    entered.camera.address.clone_from(&Entered::of(&old).camera.address);
    entered.camera.forgets_certificate = true;
    assert_eq!(rtsp(&entered.check().unwrap().change(&old).0).certificate, None);
}

#[test]
fn a_profile_fills_the_fields() {
    let profile = Profile::all().iter().find(|profile| profile.size.is_some() && profile.encoder.is_some()).unwrap();
    let mut entered = Entered::camera("Bow", "");
    entered.apply(profile);
    entered.camera.address = "rtsp://h/".into();
    let mut expected = made(&Entered::camera("Bow", "rtsp://h/"));
    profile.apply(&mut expected);
    assert_eq!(made(&entered), expected);
}
