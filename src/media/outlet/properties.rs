//! What the operator set on the elements that webrtcsink makes for each viewer.

use std::{slice::from_ref, sync::LazyLock};

use gst::{glib, prelude::*};
use tokio::sync::mpsc::UnboundedSender;

use super::OutletEvent;
use crate::{
    config::{ElementRole, ElementSettings},
    media::{element_settings::unknown, live_settings::LiveSettings},
};

/// What carries packets to a viewer.
const CARRIERS: [&str; 4] = ["webrtcbin", "nicesink", "rtprtxsend", "rtpgccbwe"];

/// The names of all properties that a carrier has.
static CARRIERS_PROPERTIES: LazyLock<Vec<String>> = LazyLock::new(|| CARRIERS.into_iter().flat_map(names).collect());

/// The operator's properties of an outlet's sessions.
#[derive(Clone, Debug)]
pub(super) struct Properties {
    settings: LiveSettings,
    events: UnboundedSender<OutletEvent>,
}

impl Properties {
    /// What no session's elements have is told at once.
    pub(super) fn new(settings: ElementSettings, events: UnboundedSender<OutletEvent>) -> Self {
        let properties = Self { settings: LiveSettings::new(settings), events };
        let wanted = properties.settings.of(ElementRole::Transport);
        properties.tell(wanted.keys().filter_map(|name| no_carrier_has(name)).collect());
        properties
    }

    /// Sets up an element of a session, if it is one that carries packets.
    pub(super) fn set_up_carrier(&self, element: &gst::Element) {
        let is_carrier = element.factory().is_some_and(|factory| CARRIERS.contains(&factory.name().as_str()));
        if is_carrier {
            self.tell(self.settings.take_one(ElementRole::Transport, element));
        }
    }

    /// Sets up the payloader of a picture.
    pub(super) fn set_up_payloader(&self, payloader: &gst::Element) {
        self.tell(self.settings.take(ElementRole::Payloader, from_ref(payloader)));
    }

    /// Sets a property in all sessions, those that come included.
    pub(super) fn set(&self, role: ElementRole, name: &str, value: &str) -> Result<(), String> {
        match no_carrier_has(name).filter(|_| role == ElementRole::Transport) {
            Some(sentence) => Err(sentence),
            None => self.settings.set(role, name, value),
        }
    }

    fn tell(&self, refused: Vec<String>) {
        if !refused.is_empty() {
            let _ = self.events.send(OutletEvent::Refused(refused));
        }
    }
}

/// A sentence where there is no such property: an element of a session cannot tell, for it may be another's.
fn no_carrier_has(name: &str) -> Option<String> {
    let canonical = name.replace('_', "-");
    let known: Vec<&str> = CARRIERS_PROPERTIES.iter().map(String::as_str).collect();
    (!known.contains(&canonical.as_str())).then(|| unknown(&CARRIERS.join(", "), name, &known))
}

/// The properties of the elements that this factory makes.
fn names(factory: &str) -> Vec<String> {
    let kind = gst::ElementFactory::find(factory).and_then(|factory| factory.load().ok());
    let class = kind.and_then(|factory| glib::Class::<glib::Object>::from_type(factory.element_type()));
    class.map_or_else(Vec::new, |class| class.list_properties().iter().map(|found| found.name().to_owned()).collect())
}
