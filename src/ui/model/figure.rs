//! The figures that have a chart.

use crate::{
    i18n::gettext,
    stats::{FeedSample, ViewerSample},
    ui::units,
};

/// A figure of a feed, or of one of its viewers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Figure {
    /// What is sent, in kbit/s.
    Sent,
    /// Round trip, in seconds.
    RoundTrip,
    /// What the encoder is asked for, in kbit/s.
    Target,
    /// What arrives, in kbit/s.
    Goodput,
    /// What the connection may carry, in kbit/s.
    Estimate,
    /// How unevenly packets arrive, in seconds.
    Jitter,
    /// Part of the packets that is lost, in percent.
    Loss,
    /// Pictures a second.
    FrameRate,
}

impl Figure {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 8] = [
        Self::Sent,
        Self::RoundTrip,
        Self::Target,
        Self::Goodput,
        Self::Estimate,
        Self::Jitter,
        Self::Loss,
        Self::FrameRate,
    ];
    /// Those that are seen at once.
    pub const FIRST: [Self; 2] = [Self::Sent, Self::RoundTrip];

    /// What it is called.
    pub fn title(self) -> String {
        match self {
            Self::Sent => gettext("Bitrate sent"),
            Self::RoundTrip => gettext("Round-trip time"),
            Self::Target => gettext("Bitrate asked for"),
            Self::Goodput => gettext("Bitrate received"),
            Self::Estimate => gettext("Estimated bandwidth"),
            Self::Jitter => gettext("Jitter"),
            Self::Loss => gettext("Packets lost"),
            Self::FrameRate => gettext("Frame rate"),
        }
    }

    /// How its values are written.
    pub fn formatter(self) -> fn(f64) -> String {
        match self {
            Self::Sent | Self::Target | Self::Goodput | Self::Estimate => units::bitrate,
            Self::RoundTrip | Self::Jitter => units::delay,
            Self::Loss => units::percent,
            Self::FrameRate => units::framerate,
        }
    }

    /// Its value over all viewers of a feed.
    pub fn of_feed(self, sample: &FeedSample) -> Option<f64> {
        let rates = &sample.rates;
        match self {
            Self::Sent => rates.sent_kbps,
            Self::RoundTrip => rates.round_trip_time,
            Self::Target => sample.main().map(|main| main.target_kbps.into()),
            Self::Goodput => rates.goodput_kbps,
            Self::Estimate => rates.estimate_kbps,
            Self::Jitter => rates.jitter,
            Self::Loss => rates.fraction_lost.map(in_percent),
            Self::FrameRate => rates.frames_per_second,
        }
    }

    /// Its value of one viewer, who watches this feed.
    pub fn of_viewer(self, viewer: &ViewerSample, feed: &FeedSample) -> Option<f64> {
        match self {
            Self::Sent => viewer.rates.sent_kbps,
            Self::RoundTrip => viewer.remote()?.round_trip_time,
            Self::Target => {
                let is_its = |encoding: &&crate::stats::EncodingSample| {
                    (Some(encoding.rendition), Some(encoding.codec)) == (viewer.rendition, viewer.codec)
                };
                feed.encodings.iter().find(is_its).map(|encoding| encoding.target_kbps.into())
            }
            Self::Goodput => viewer.goodput_kbps(),
            Self::Estimate => viewer.estimate_kbps.map(f64::from),
            Self::Jitter => viewer.remote()?.jitter,
            Self::Loss => Some(in_percent(viewer.remote()?.fraction_lost)),
            Self::FrameRate => viewer.rates.frames_decoded_per_second,
        }
    }
}

fn in_percent(part: f64) -> f64 {
    part * 100.0
}
