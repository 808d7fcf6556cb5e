//! What is heard of a camera, whatever the camera does.

use std::{sync::mpsc, time::Duration};

use gst::prelude::*;

use super::{opus::SILENCE, *};
use crate::{
    config::{AudioConfig, AudioSource},
    media::{
        FeedClock,
        element::{add_and_link, end, make},
    },
};

const LIMIT: Duration = Duration::from_secs(10);

/// A camera's pipeline and the sound that viewers get of it.
struct Studio {
    camera: gst::Pipeline,
    tap: CameraTap,
    _sound: AudioRendition,
    states: mpsc::Receiver<AudioState>,
    packets: mpsc::Receiver<Packet>,
}

/// A packet as it leaves for the viewers.
struct Packet {
    start: gst::ClockTime,
    bytes: Vec<u8>,
}

impl Studio {
    fn new() -> Self {
        crate::media::init().unwrap();
        let clock = FeedClock::new();
        let camera = gst::Pipeline::new();
        clock.apply(&camera);
        let tap = CameraTap::new(&camera).unwrap();
        let (tell, states) = mpsc::channel();
        let config = AudioConfig { source: AudioSource::Camera, ..AudioConfig::default() };
        let mut sound = AudioRendition::start(&config, &clock, move |state| drop(tell.send(state))).unwrap().unwrap();
        let packets = packets(&sound.output().appsink().static_pad("sink").unwrap());
        sound.connect(Some(&tap));
        camera.set_state(gst::State::Playing).unwrap();
        Self { camera, tap, _sound: sound, states, packets }
    }

    /// The camera sends what these elements make.
    fn send(&self, chain: &[gst::Element]) {
        self.tap.describe();
        add_and_link(&self.camera, &chain.iter().collect::<Vec<_>>()).unwrap();
        self.tap.take(&chain.last().unwrap().static_pad("src").unwrap());
        for element in chain.iter().rev() {
            element.sync_state_with_parent().unwrap();
        }
    }

    /// The camera sends RTP packets of this kind with nonsense in them.
    fn send_nonsense(&self, caps: &str) {
        let caps: gst::Caps = caps.parse().unwrap();
        let source = gst_app::AppSrc::builder().caps(&caps).format(gst::Format::Time).is_live(true).build();
        self.send(&[source.clone().upcast()]);
        for number in 0..100_u16 {
            let mut packet = vec![0x80, 97];
            packet.extend(number.to_be_bytes());
            packet.extend((u32::from(number) * 1024).to_be_bytes());
            packet.extend([0, 0, 0, 1]);
            packet.extend([0x00, 0x10, 0x00, 0x40, 0x5a, 0xa5, 0x5a, 0xa5, 0x5a, 0xa5, 0x5a, 0xa5]);
            let mut buffer = gst::Buffer::from_slice(packet);
            buffer.make_mut().set_pts(gst::ClockTime::from_mseconds(20 * u64::from(number)));
            source.push_buffer(buffer).unwrap();
        }
    }

    fn state(&self) -> AudioState {
        self.states.recv_timeout(LIMIT).expect("a state should be told")
    }

    fn sentence(&self) -> String {
        match self.state() {
            AudioState::Missing { sentence } => sentence,
            other => panic!("sound should be missing, and is {other:?}"),
        }
    }

    fn packet(&self) -> Packet {
        self.packets.recv_timeout(LIMIT).expect("packets should flow whatever happens")
    }

    /// Half a second of packets that come now: in order and without overlap.
    fn flows(&self) -> Vec<Packet> {
        self.packets.try_iter().for_each(drop);
        let packets: Vec<Packet> = (0..25).map(|_| self.packet()).collect();
        assert!(packets.windows(2).all(|pair| pair[0].start < pair[1].start));
        packets
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        end(&self.camera);
    }
}

/// Everything that passes a pad.
fn packets(pad: &gst::Pad) -> mpsc::Receiver<Packet> {
    let (sender, receiver) = mpsc::channel();
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let buffer = info.buffer().unwrap();
        let bytes = buffer.map_readable().unwrap().to_vec();
        let _ = sender.send(Packet { start: buffer.pts().unwrap(), bytes });
        gst::PadProbeReturn::Ok
    });
    receiver
}

/// A live tone through these elements; `None` where one is not installed.
fn tone(coder: &[&'static str]) -> Option<Vec<gst::Element>> {
    let source = make("audiotestsrc").unwrap();
    source.set_property("is-live", true);
    source.set_property("samplesperbuffer", 960);
    let mut chain = vec![source, make("audioconvert").unwrap(), make("audioresample").unwrap()];
    for factory in coder {
        chain.push(make(factory).ok()?);
    }
    Some(chain)
}

fn is_silent(packet: &Packet) -> bool {
    packet.bytes == SILENCE
}

#[test]
fn every_kind_of_sound_is_heard() {
    const CODERS: &[&[&str]] = &[
        &["opusenc", "rtpopuspay"],
        &["avenc_aac", "rtpmp4gpay"],
        &["avenc_aac", "rtpmp4apay"],
        &["mulawenc", "rtppcmupay"],
        &["alawenc", "rtppcmapay"],
        &["rtpL8pay"],
        &["rtpL16pay"],
        &["rtpL24pay"],
        &["avenc_g726", "rtpg726pay"],
        &["avenc_g722", "rtpg722pay"],
    ];
    for coder in CODERS {
        let studio = Studio::new();
        let Some(chain) = tone(coder) else {
            println!("not run: {coder:?} is not installed");
            continue;
        };
        studio.send(&chain);
        assert_eq!(studio.state(), AudioState::Live, "{coder:?}");
        let heard = (0..100).filter(|_| !is_silent(&studio.packet())).take(20).count();
        assert_eq!(heard, 20, "{coder:?}");
    }
}

#[test]
fn opus_goes_through_as_it_is() {
    let studio = Studio::new();
    let chain = tone(&["opusenc", "rtpopuspay"]).unwrap();
    let sent = packets(&chain[3].static_pad("src").unwrap());
    studio.send(&chain);
    assert_eq!(studio.state(), AudioState::Live);
    let arrived: Vec<Packet> = (0..100).map(|_| studio.packet()).filter(|packet| !is_silent(packet)).take(20).collect();
    let sent: Vec<Packet> = sent.try_iter().collect();
    let first =
        sent.iter().position(|packet| packet.bytes == arrived[0].bytes).expect("the first should have been sent");
    for (arrived, sent) in arrived.iter().zip(&sent[first..]) {
        assert_eq!(arrived.bytes, sent.bytes);
    }
}

#[test]
fn sound_that_stops_is_told_and_silence_goes_on() {
    let studio = Studio::new();
    studio.send(&tone(&["alawenc", "rtppcmapay"]).unwrap());
    assert_eq!(studio.state(), AudioState::Live);
    studio.camera.set_state(gst::State::Paused).unwrap();
    assert!(studio.sentence().contains("has stopped"));
    assert!(studio.flows().iter().all(is_silent));
    studio.camera.set_state(gst::State::Playing).unwrap();
    assert_eq!(studio.state(), AudioState::Live, "it is heard again by itself");
}

#[test]
fn sound_goes_on_at_another_pad() {
    let studio = Studio::new();
    for _ in 0..2 {
        let chain = tone(&["alawenc", "rtppcmapay"]).unwrap();
        assert!(studio.tap.wants(&chain.last().unwrap().static_pad("src").unwrap()));
        studio.send(&chain);
        let heard = (0..100).filter(|_| !is_silent(&studio.packet())).take(20).count();
        assert_eq!(heard, 20);
        assert!(!studio.flows().iter().any(is_silent));
    }
}

#[test]
fn a_camera_that_offers_no_sound_is_told_of() {
    let studio = Studio::new();
    assert!(studio.flows().iter().all(is_silent), "silence flows before anything is known");
    assert!(studio.sentence().contains("offers no sound"));
}

#[test]
fn a_camera_that_only_announces_sound_is_told_of() {
    let studio = Studio::new();
    studio.tap.describe();
    assert!(studio.sentence().contains("announces sound and sends none"));
    assert!(studio.flows().iter().all(is_silent));
}

#[test]
fn sound_that_cannot_be_decoded_is_named() {
    let studio = Studio::new();
    studio.send_nonsense("application/x-rtp, media=audio, clock-rate=16000, encoding-name=SPEEX, payload=97");
    let sentence = studio.sentence();
    assert!(sentence.contains("SPEEX") && sentence.contains("cannot decode"), "{sentence}");
    assert!(studio.flows().iter().all(is_silent));
}

#[test]
fn a_broken_configuration_is_told_of() {
    for config in ["0000", "FFFF", "1210FFFFFFFFFFFF", "xyz"] {
        let studio = Studio::new();
        studio.send_nonsense(&format!(
            "application/x-rtp, media=audio, clock-rate=48000, encoding-name=MPEG4-GENERIC, payload=97, mode=AAC-hbr, sizelength=(string)13, indexlength=(string)3, indexdeltalength=(string)3, config=(string){config}"
        ));
        let mut told = vec![studio.state()];
        // Some decoders make noise of nonsense before they give up.
        if told == [AudioState::Live] {
            told.push(studio.state());
        }
        assert!(matches!(told.last(), Some(AudioState::Missing { .. })), "{config}: {told:?}");
        studio.flows();
    }
}
