//! What travels to viewers: sizes, repair, marks and ways, read from the wire and from the offer.

use std::{
    collections::BTreeSet,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use heliograph::{
    config::{IceServers, PasswordSource, Priority, SetpointChange, TransportConfig},
    media::TransportPlan,
};

use crate::support::{
    browser::Browser, free_port, lone_outlet::LoneOutlet, network::Network, peer::Peer, program::Program,
    station::SmallStation, turn::Turn, wire::Wire,
};

const SOON: Duration = Duration::from_secs(20);

#[test]
fn no_packet_is_larger_than_the_setting() {
    /// What `docs/settings.md` says is added inside UDP: a header extension, SRTP, and to what is sent again its number.
    const ADDED: usize = 8 + 16 + 2;
    /// And to a packet that mends others.
    const REPAIR: usize = 24;
    let Some(wire) = Wire::tap() else { return };
    for (mtu, fec_percent) in [(800_usize, 0), (1200, 0), (1000, 50)] {
        let plan = TransportPlan { mtu: mtu as u32, fec_percent, ..TransportPlan::default() };
        let sender = LoneOutlet::start(plan, Priority::Low);
        let peer = Peer::watch(&sender.server, &sender.feed);
        peer.wait_frames(40, SOON);
        let sizes: Vec<usize> = wire.take(&peer).iter().map(|packet| packet.size).collect();
        let largest = sizes.iter().copied().max().unwrap();
        assert!(sizes.len() > 100, "only {} packets", sizes.len());
        // The pictures are much larger than a packet, so packets are filled.
        let most = mtu + ADDED + if fec_percent > 0 { REPAIR } else { 0 };
        println!("the largest packet of {} has {largest} bytes at {mtu}", sizes.len());
        assert!((mtu..=most).contains(&largest), "the largest packet has {largest} bytes at {mtu}");
    }
}

#[test]
fn repair_packets_are_as_many_as_asked_for_and_change_live() {
    const TIME: Duration = Duration::from_secs(4);
    let plan = TransportPlan { fec_percent: 30, ..TransportPlan::default() };
    let sender = LoneOutlet::start(plan, Priority::Low);
    let peer = Peer::watch(&sender.server, &sender.feed);
    peer.wait_frames(20, SOON);
    let offer = peer.offer();
    assert!(offer.contains(" ulpfec/90000") && offer.contains(" red/90000"), "{offer}");
    // A repair packet is as large as the largest it repairs: in bytes it is somewhat more than in packets.
    for (percent, expected) in [(30, 1.25..1.55), (0, 0.95..1.15), (60, 1.5..2.1)] {
        sender.outlet.set_fec_percent(percent);
        // The statistics are of the last second.
        std::thread::sleep(Duration::from_secs(2));
        let overhead = sender.overhead(TIME);
        println!("{percent} % of repair packets: {overhead:.3} bytes for each that was encoded");
        assert!(expected.contains(&overhead), "{overhead} bytes are sent for each that was encoded, at {percent} %");
    }
    peer.wait_frames(20, SOON);
    sender.outlet.set_fec_percent(0);
    let later = Peer::watch(&sender.server, &sender.feed);
    later.wait_frames(20, SOON);
    let offer = later.offer();
    assert!(!offer.contains(" ulpfec/90000") && !offer.contains(" red/90000"), "{offer}");
}

/// kbit/s of RTP on this machine's wires, from now on; loopback is heard twice.
fn kbps(wire: &Wire) -> f64 {
    const TIME: Duration = Duration::from_secs(3);
    let bytes: usize = wire.listen_to_all(TIME).iter().map(|packet| packet.size).sum();
    bytes as f64 * 8.0 / 1000.0 / TIME.as_secs_f64() / 2.0
}

#[test]
fn the_page_gets_repair_packets_that_were_off_when_it_began_and_keeps_its_picture() {
    /// From here on the page says that its picture is not live.
    const NOT_LIVE_MS: f64 = 300.0;
    let Some(wire) = Wire::tap() else { return };
    let mut station = SmallStation::start();
    let feed = station.add("bow", |_| {});
    station.wait_encoder(&feed);
    let mut browser = Browser::start();
    let tab = browser.open_viewer(&station.server.url());
    browser.wait(tab, "heliograph.tiles().some(t => t.framesDecoded > 30 && !t.stale)", 20_000);
    let without = kbps(&wire);
    browser.eval(
        tab,
        // Frames of whichever picture is shown: the one that follows takes its element's place.
        "(() => {
            window.longest = window.shown = 0;
            let last = null;
            const watched = new WeakSet();
            const watch = (video) => video.requestVideoFrameCallback((now) => {
                if (last !== null) longest = Math.max(longest, now - last);
                last = Math.max(last ?? now, now);
                shown += 1;
                watch(video);
            });
            const look = () => document.querySelectorAll('video').forEach((video) => {
                if (!watched.has(video)) watch(video);
                watched.add(video);
            });
            look();
            new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
            return true;
        })()",
    );
    let percent = |fec_percent| SetpointChange { fec_percent: Some(fec_percent), ..SetpointChange::default() };
    station.apply(&feed, percent(100));
    browser.wait(tab, "heliograph.tiles().some(t => t.sessions === 2 && !t.stale)", 20_000);
    // Four seconds of pictures, in which the new session's take the old one's place.
    browser.eval(tab, "window.shown = 0");
    browser.wait(tab, "shown > 60", 20_000);
    let longest = browser.eval(tab, "window.longest").as_f64().unwrap();
    let with = kbps(&wire);
    station.apply(&feed, percent(0));
    let after = kbps(&wire);
    println!("{without:.0} kbit/s, {with:.0} with repair packets, {after:.0} after; longest gap {longest:.0} ms");
    assert!(longest > 0.0 && longest < NOT_LIVE_MS, "there was no picture for {longest} ms");
    assert!(with > 1.6 * without && after < 0.7 * with, "{without} kbit/s, then {with}, then {after}");
    assert_eq!(browser.eval(tab, "heliograph.tiles()[0].sessions"), 2);
}

#[test]
fn marks_follow_the_priority_live() {
    let Some(wire) = Wire::tap() else { return };
    let sender = LoneOutlet::start(TransportPlan::default(), Priority::High);
    let peer = Peer::watch(&sender.server, &sender.feed);
    peer.wait_frames(10, SOON);
    // Long enough for reports of the picture and of the sound, after which marks are set anew.
    let marks = |time| -> BTreeSet<u8> {
        std::thread::sleep(Duration::from_millis(300));
        wire.listen(&peer, time).iter().map(|packet| packet.tos >> 2).collect()
    };
    assert_eq!(marks(Duration::from_secs(8)), BTreeSet::from([36]), "AF42, from the start on");
    // RFC 8837, section 5, interactive video: CS1, DF, AF43, AF42.
    let table = [(Priority::VeryLow, 8), (Priority::Low, 0), (Priority::Medium, 38), (Priority::High, 36)];
    for (priority, dscp) in table {
        sender.outlet.set_priority(priority);
        assert_eq!(marks(Duration::from_secs(2)), BTreeSet::from([dscp]), "for {priority:?}");
    }
    peer.wait_frames(10, SOON);
}

#[test]
fn without_retransmission_the_offer_has_none() {
    for retransmission in [true, false] {
        let plan = TransportPlan { retransmission, ..TransportPlan::default() };
        let sender = LoneOutlet::start(plan, Priority::Low);
        let peer = Peer::watch(&sender.server, &sender.feed);
        peer.wait_frames(1, SOON);
        let offer = peer.offer();
        assert_eq!(offer.contains(" rtx/90000"), retransmission, "{offer}");
        assert!(!offer.contains("ulpfec"), "repair packets are offered though there are to be none: {offer}");
    }
}

#[test]
fn through_a_relay_only_no_other_way_is_told() {
    let turn = Turn::start();
    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, Turn::PASSWORD).unwrap();
    for transport in ["udp", "tcp"] {
        let (servers, password) =
            (vec![turn.relay(transport).parse().unwrap()], PasswordSource::File(password.clone()));
        let ice = IceServers { servers, password };
        // The relay is on loopback and reached from there only.
        let interfaces = vec!["lo".parse().unwrap()];
        let config = TransportConfig { ice, relay_only: true, interfaces, ..TransportConfig::default() };
        let sender = LoneOutlet::start(TransportPlan::of(&config).unwrap(), Priority::Low);
        let peer = Peer::watch_by(&sender.server, &sender.feed, "127.0.0.1");
        peer.wait_frames(30, SOON);
        let candidates = peer.candidates();
        assert!(!candidates.is_empty() && candidates.iter().all(|way| way.kind == "relay"), "{candidates:?}");
    }
}

/// A program in a network of its own, with interfaces there as a container engine makes them.
struct Aboard {
    listen: SocketAddr,
    _program: Program,
    _folder: tempfile::TempDir,
    _network: Network,
}

impl Aboard {
    /// Beside the cable.
    const VIRTUAL: [(&str, &str); 2] = [("docker0", "198.18.88.1"), ("br-0a1b2c", "198.18.89.1")];

    const TOKEN: &str = "for-this-test-only";

    fn start(interfaces: &str) -> Option<Self> {
        let network = Network::lay()?;
        for (name, address) in Self::VIRTUAL {
            network.add_interface(name, address);
        }
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("heliograph.toml");
        let text = format!("version = 1\n[server]\n{interfaces}\n[[feeds]]\nname = \"Demo\"\ndemo = true\n");
        std::fs::write(&settings, text).unwrap();
        let listen = SocketAddr::from((Network::ADDRESS, free_port()));
        let args = ["--insecure-http", "--token", Self::TOKEN, "--config", settings.to_str().unwrap()];
        let program = Program::launch(network.program(), listen, &args, &[]);
        program.wait_state("demo", "live", SOON);
        Some(Self { _network: network, _folder: folder, _program: program, listen })
    }

    fn watch(&self) -> Peer {
        Peer::watch_with_token(self.listen, "demo", Self::TOKEN)
    }
}

fn addresses(peer: &Peer) -> BTreeSet<IpAddr> {
    peer.candidates().iter().map(|way| way.place.ip()).collect()
}

#[test]
fn virtual_interfaces_are_not_told_and_routers_not_asked() {
    const SSDP: u16 = 1900;
    media_init();
    let (Some(aboard), Some(wire)) = (Aboard::start(""), Wire::tap()) else { return };
    let peer = aboard.watch();
    peer.wait_frames(30, SOON);
    let cable = IpAddr::from(Network::ADDRESS);
    let told = addresses(&peer);
    assert!(told.contains(&cable), "{told:?}");
    for (name, address) in Aboard::VIRTUAL {
        assert!(!told.contains(&address.parse().unwrap()), "{name} is told: {told:?}");
    }
    let packets = wire.take_all();
    let to_routers = packets.iter().filter(|packet| packet.from.ip() == cable && packet.to_port == SSDP).count();
    assert!(packets.iter().any(|packet| packet.from.ip() == cable), "nothing was captured");
    assert_eq!(to_routers, 0, "a router was looked for");
}

#[test]
fn a_virtual_interface_is_used_when_it_is_named() {
    media_init();
    let Some(aboard) = Aboard::start("interfaces = [\"docker*\"]") else { return };
    let peer = aboard.watch();
    crate::support::wait_for("a candidate", SOON, || (!peer.candidates().is_empty()).then_some(()));
    std::thread::sleep(Duration::from_secs(1));
    assert_eq!(addresses(&peer), BTreeSet::from([Aboard::VIRTUAL[0].1.parse().unwrap()]));
}

fn media_init() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    heliograph::media::init().unwrap();
}
