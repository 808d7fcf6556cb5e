//! An agent that has nothing to go by is relieved, and acts again once it has.

use std::time::{Duration, Instant};

use heliograph::{
    config::{AgentConfig, AgentKind, FeedId},
    control::{CrewState, Phase},
    engine::{ChangedBy, FeedEvent},
};

use crate::support::{peer::Peer, station::SmallStation};

/// Waits until this agent acts.
fn acting(station: &mut SmallStation, feed: &FeedId, kind: AgentKind) -> CrewState {
    station.wait("another agent to act", feed, |event| match event {
        FeedEvent::Agent(state) if state.acting == kind => Some(state.clone()),
        _ => None,
    })
}

#[test]
fn an_agent_that_hears_nothing_is_relieved_until_it_does() {
    let mut station = SmallStation::start();
    let feed = station.add("bow", |feed| {
        feed.bitrate_kbps = 600;
        // The first thing it does will be to raise the bitrate to its lower bound.
        feed.agent =
            AgentConfig { kind: AgentKind::Gcc, least_kbps: 800, adapts_picture: false, ..AgentConfig::default() };
    });
    acting(&mut station, &feed, AgentKind::Gcc);
    let peer = Peer::watch_mutely(&station.server, &feed);
    peer.wait_frames(5, Duration::from_secs(20));

    let relieved = acting(&mut station, &feed, AgentKind::Manual);
    assert_eq!((relieved.chosen, relieved.phase), (AgentKind::Gcc, Phase::Passive));
    let in_force = station.station.engine.feed(&feed).unwrap().in_force;
    assert_eq!((in_force.setpoint.bitrate_kbps, in_force.by), (600, ChangedBy::Settings), "nobody changed anything");

    peer.set_mute(false);
    let from = Instant::now();
    let raised = station.wait("another bitrate", &feed, |event| match event {
        FeedEvent::Setpoint(in_force) if in_force.setpoint.bitrate_kbps != 600 => Some(in_force.clone()),
        _ => None,
    });
    assert_eq!((raised.setpoint.bitrate_kbps, raised.by), (800, ChangedBy::Agent("gcc".into())));
    assert!(from.elapsed() >= Duration::from_secs(2), "it has to speak for a while: {:?}", from.elapsed());
    assert_eq!(acting(&mut station, &feed, AgentKind::Gcc).phase, Phase::Active);
}
