//! A viewer as the window shows it: what is known of it, in words.

use std::cell::RefCell;

use gtk::{
    glib::{self, Object, Properties},
    prelude::*,
    subclass::prelude::*,
};

use crate::{
    config::{ConnectorId, RenditionRole},
    i18n::{gettext, gettext_f},
    stats::{FeedSample, ViewerReport, ViewerSample},
    ui::{model::Figure, units},
};

/// Everything the window says about a viewer, a cell of its row each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ViewerWords {
    /// What it calls itself, or where it is.
    pub name: String,
    /// Its address, and how its packets get there: "192.0.2.7, host, udp".
    pub way: String,
    /// The icon that says whether there is a way to it.
    pub icon: String,
    /// What it sees, and in which codec: "Main, H.264".
    pub sees: String,
    /// What is sent to it.
    pub sent: String,
    /// What arrives.
    pub received: String,
    /// What its connection may carry.
    pub estimate: String,
    /// Round trip.
    pub round_trip: String,
    /// Part of the packets that is lost.
    pub loss: String,
    /// Pictures a second that its browser decodes.
    pub framerate: String,
    /// How often its picture stood still, and for how long together: "2, 1.3 s".
    pub freezes: String,
}

impl ViewerWords {
    /// The words for a viewer of this feed. What is not known is a dash.
    pub fn new(viewer: &ViewerSample, feed: &FeedSample) -> Self {
        let figure = |figure: Figure| {
            let value = figure.of_viewer(viewer, feed);
            value.map_or_else(|| units::NOT_KNOWN.to_owned(), figure.formatter())
        };
        Self {
            name: name_of(viewer),
            way: way(viewer),
            icon: icon(viewer).to_owned(),
            sees: sees(viewer),
            sent: figure(Figure::Sent),
            received: figure(Figure::Goodput),
            estimate: figure(Figure::Estimate),
            round_trip: figure(Figure::RoundTrip),
            loss: figure(Figure::Loss),
            framerate: figure(Figure::FrameRate),
            freezes: viewer.report.as_ref().map_or_else(|| units::NOT_KNOWN.to_owned(), freezes),
        }
    }
}

/// What a viewer calls itself, or where it is: "192.0.2.7", or "harbour, 192.0.2.7" at a connector.
pub fn name_of(viewer: &ViewerSample) -> String {
    if let Some(name) = &viewer.viewer {
        return name.clone();
    }
    let elsewhere = viewer.connector.as_ref().filter(|connector| **connector != ConnectorId::local());
    let remote = viewer.candidate_pair.as_ref().and_then(|pair| pair.remote.as_ref());
    let address = remote.map(|remote| remote.address.as_str());
    let words: Vec<&str> = elsewhere.map(ConnectorId::as_str).into_iter().chain(address).collect();
    if words.is_empty() { viewer.session.chars().take(8).collect() } else { words.join(", ") }
}

fn icon(viewer: &ViewerSample) -> &'static str {
    if viewer.ice_verdict.is_some() { "dialog-error-symbolic" } else { "network-wired-symbolic" }
}

fn way(viewer: &ViewerSample) -> String {
    if viewer.ice_verdict.is_some() {
        // Translators: there is no way by which packets get to a viewer.
        return gettext("No way found");
    }
    let end = viewer.candidate_pair.as_ref().and_then(|pair| pair.remote.as_ref());
    end.map_or_else(
        || units::NOT_KNOWN.to_owned(),
        |end| format!("{}, {}, {}", end.address, end.candidate_type, end.protocol),
    )
}

fn sees(viewer: &ViewerSample) -> String {
    let rendition = viewer.rendition.map(|rendition| match rendition {
        // Translators: what a viewer sees: the picture that the operator has set.
        RenditionRole::Main => gettext("Main"),
        // Translators: what a viewer sees: a small picture for a slow connection.
        RenditionRole::Low => gettext("Small"),
        // Translators: what a viewer sees: what the camera sends, as it is.
        RenditionRole::Camera => gettext("Camera’s"),
        // Translators: what a viewer sees: the second stream that the camera sends, as it is.
        RenditionRole::Sub => gettext("Camera’s small"),
    });
    let words: Vec<String> = rendition.into_iter().chain(viewer.codec.map(|codec| codec.to_string())).collect();
    if words.is_empty() { units::NOT_KNOWN.to_owned() } else { words.join(", ") }
}

fn freezes(report: &ViewerReport) -> String {
    if report.freeze_count == 0 {
        return "0".to_owned();
    }
    let time = units::delay(report.total_freezes_duration);
    // Translators: how often a picture stood still, and for how long together, such as "2, 1.3 s".
    gettext_f("{count}, {time}", &[("count", &report.freeze_count.to_string()), ("time", &time)])
}

mod imp {
    use super::*;

    #[derive(Properties, Default)]
    #[properties(wrapper_type = super::ViewerObject)]
    pub struct ViewerObject {
        /// Its session.
        #[property(get, construct_only)]
        session: RefCell<String>,
        /// What it calls itself, or where it is.
        #[property(name = "name", get, type = String, member = name)]
        /// Its address, and how its packets get there.
        #[property(name = "way", get, type = String, member = way)]
        /// The icon that says whether there is a way to it.
        #[property(name = "icon", get, type = String, member = icon)]
        /// What it sees, and in which codec.
        #[property(name = "sees", get, type = String, member = sees)]
        /// What is sent to it.
        #[property(name = "sent", get, type = String, member = sent)]
        /// What arrives.
        #[property(name = "received", get, type = String, member = received)]
        /// What its connection may carry.
        #[property(name = "estimate", get, type = String, member = estimate)]
        /// Round trip.
        #[property(name = "round-trip", get, type = String, member = round_trip)]
        /// Part of the packets that is lost.
        #[property(name = "loss", get, type = String, member = loss)]
        /// Pictures a second that its browser decodes.
        #[property(name = "framerate", get, type = String, member = framerate)]
        /// How often its picture stood still, and for how long together.
        #[property(name = "freezes", get, type = String, member = freezes)]
        pub(super) words: RefCell<ViewerWords>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for ViewerObject {
        const NAME: &'static str = "HlgViewerObject";
        type Type = super::ViewerObject;
    }

    #[glib::derived_properties]
    impl ObjectImpl for ViewerObject {}
}

glib::wrapper! {
    /// A viewer as the window shows it.
    pub struct ViewerObject(ObjectSubclass<imp::ViewerObject>);
}

impl ViewerObject {
    /// The viewer of this session, of which nothing is known yet.
    pub fn new(session: &str) -> Self {
        Object::builder().property("session", session).build()
    }

    /// Takes what is known now; tells only what has changed.
    pub fn take(&self, new: &ViewerWords) {
        let old = self.imp().words.replace(new.clone());
        let changed = [
            ("name", old.name != new.name),
            ("way", old.way != new.way),
            ("icon", old.icon != new.icon),
            ("sees", old.sees != new.sees),
            ("sent", old.sent != new.sent),
            ("received", old.received != new.received),
            ("estimate", old.estimate != new.estimate),
            ("round-trip", old.round_trip != new.round_trip),
            ("loss", old.loss != new.loss),
            ("framerate", old.framerate != new.framerate),
            ("freezes", old.freezes != new.freezes),
        ];
        for (name, _) in changed.into_iter().filter(|(_, changed)| *changed) {
            self.notify(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::Codec,
        stats::{Candidate, CandidatePair, ViewerRates},
    };

    #[test]
    fn what_is_known_of_a_viewer_is_said_and_what_is_not_is_a_dash() {
        let end = Candidate {
            candidate_type: "relay".into(),
            address: "192.0.2.7".into(),
            port: 5000,
            protocol: "udp".into(),
        };
        let viewer = ViewerSample {
            session: "0123456789".into(),
            rendition: Some(RenditionRole::Low),
            codec: Some(Codec::Vp8),
            candidate_pair: Some(CandidatePair { local: None, remote: Some(end) }),
            report: Some(ViewerReport { freeze_count: 2, total_freezes_duration: 1.3, ..ViewerReport::default() }),
            rates: ViewerRates { sent_kbps: Some(400.0), ..ViewerRates::default() },
            ..ViewerSample::default()
        };
        let plain = |text: &str| text.replace('\u{a0}', " ");
        let words = ViewerWords::new(&viewer, &FeedSample::default());
        assert_eq!((words.name.as_str(), words.way.as_str()), ("192.0.2.7", "192.0.2.7, relay, udp"));
        assert_eq!((words.sees.as_str(), plain(&words.sent).as_str()), ("Small, VP8", "400 kbit/s"));
        assert_eq!(plain(&words.freezes), "2, 1.3 s");
        let unknown = ViewerWords::new(
            &ViewerSample { session: "0123456789".into(), ..ViewerSample::default() },
            &FeedSample::default(),
        );
        assert_eq!((unknown.name.as_str(), unknown.way.as_str(), unknown.loss.as_str()), ("01234567", "—", "—"));
        let connector = |id: &str| ViewerSample { connector: Some(id.parse().unwrap()), ..viewer.clone() };
        assert_eq!(name_of(&connector("harbour")), "harbour, 192.0.2.7");
        assert_eq!(name_of(&connector("local")), "192.0.2.7");
        assert_eq!(name_of(&ViewerSample { viewer: Some("pilot".into()), ..connector("harbour") }), "pilot");
    }
}
