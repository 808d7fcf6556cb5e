//! What a change of a feed asks of the engine.

use crate::{
    config::{FeedConfig, Setpoint, SourceConfig},
    engine::{ChangedBy, FeedCommand},
};

/// The commands that make a running feed the new one; `None` where it has to start anew.
/// A name alone asks nothing of it.
pub(super) fn commands(old: &FeedConfig, new: &FeedConfig) -> Option<Vec<FeedCommand>> {
    let mut changed = FeedConfig { name: new.name.clone(), ..old.clone() };
    let mut commands = Vec::new();
    let change = Setpoint::of(old).change_to(Setpoint::of(new));
    if !change.is_empty() {
        Setpoint::of(new).store(&mut changed);
        commands.push(FeedCommand::Apply { change, by: ChangedBy::Person });
    }
    if new.agent != changed.agent {
        changed.agent = new.agent;
        commands.push(FeedCommand::SetAgent { agent: new.agent });
    }
    if new.share != changed.share {
        changed.share = new.share;
        commands.push(FeedCommand::SetShare { share: new.share });
    }
    if new.record_statistics != changed.record_statistics {
        changed.record_statistics = new.record_statistics;
        commands.push(FeedCommand::RecordStatistics { on: new.record_statistics });
    }
    if (new.codec, &new.encoder) != (old.codec, &old.encoder) {
        (changed.codec, changed.encoder) = (new.codec, new.encoder.clone());
        commands.push(FeedCommand::SetCodec { codec: new.codec, encoder: new.encoder.clone() });
    }
    if let (SourceConfig::Rtsp(changed), SourceConfig::Rtsp(new)) = (&mut changed.source, &new.source) {
        if new.certificate.is_none() && changed.certificate.take().is_some() {
            commands.push(FeedCommand::ForgetCertificate);
        }
        if new.stream != changed.stream {
            changed.stream = new.stream;
            commands.push(FeedCommand::SetStream { stream: new.stream });
        }
    }
    (changed == *new).then_some(commands)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{
        Codec, ElementChoice, FeedId, Fingerprint, PathChoice, RtspConfig, SetpointChange, Size, StreamChoice,
    };

    const SIZE: Size = Size { width: 640, height: 480 };

    fn feed() -> FeedConfig {
        let rtsp = RtspConfig {
            sub_address: Some("rtsps://h/2".parse().unwrap()),
            certificate: Some(Fingerprint::of(b"one")),
            ..RtspConfig::new("rtsps://h/1".parse().unwrap())
        };
        FeedConfig::new(FeedId::from_name("bow"), "Bow", SourceConfig::Rtsp(rtsp))
    }

    fn changed(change: impl FnOnce(&mut FeedConfig, &mut RtspConfig)) -> Option<Vec<FeedCommand>> {
        let mut new = feed();
        let SourceConfig::Rtsp(mut rtsp) = new.source.clone() else { unreachable!() };
        change(&mut new, &mut rtsp);
        new.source = SourceConfig::Rtsp(rtsp);
        commands(&feed(), &new)
    }

    #[test]
    fn what_can_be_done_to_a_running_feed_does_not_end_it() {
        assert_eq!(changed(|feed, _| feed.name = "Stern".into()), Some(vec![]));
        let all = changed(|feed, rtsp| {
            feed.bitrate_kbps = 900;
            feed.picture.size = Some(SIZE);
            feed.picture.framerate = Some(9);
            feed.codec = Codec::Vp8;
            rtsp.stream = StreamChoice::Sub;
            rtsp.certificate = None;
        });
        let change = SetpointChange::bitrate(900)
            .then(SetpointChange::size(Some(SIZE)))
            .then(SetpointChange::framerate(Some(9)));
        let expected = [
            FeedCommand::Apply { change, by: ChangedBy::Person },
            FeedCommand::SetCodec { codec: Codec::Vp8, encoder: ElementChoice::Automatic },
            FeedCommand::ForgetCertificate,
            FeedCommand::SetStream { stream: StreamChoice::Sub },
        ];
        assert_eq!(all.as_deref(), Some(&expected[..]));
    }

    #[test]
    fn anything_else_starts_it_anew() {
        assert_eq!(changed(|feed, _| feed.path = PathChoice::Transcode), None);
        assert_eq!(changed(|feed, rtsp| (feed.bitrate_kbps, rtsp.latency_ms) = (900, 5)), None);
        assert_eq!(changed(|_, rtsp| rtsp.certificate = Some(Fingerprint::of(b"two"))), None);
    }
}
