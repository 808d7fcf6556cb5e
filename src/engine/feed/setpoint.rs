//! Holds a running feed to its setpoint, and changes it without ending a session.

use std::time::Instant;

use super::{
    super::{ChangedBy, FeedEvent, InForce, form::Form},
    Worker,
    renditions::Encoding,
};
use crate::{
    config::{PictureConfig, RenditionRole, Setpoint, SetpointChange},
    connector::Connector,
    media::{Change, Outlet},
};

impl Worker {
    /// Carries out a change that was checked. A size that comes too early after the one before
    /// waits; the rest does not wait for it.
    pub(super) fn apply(&mut self, mut change: SetpointChange, by: ChangedBy) {
        let before = self.setpoint();
        let now = Instant::now();
        change.size = change.size.filter(|size| self.resizing.ask(size.value(), before.size, &by, now));
        self.hold_to(before.with(&change), by);
    }

    /// Carries out what had to wait.
    pub(super) fn resize_when_due(&mut self) {
        if let Some((size, by)) = self.resizing.due(Instant::now()) {
            self.apply(SetpointChange::size(size), by);
        }
    }

    pub(super) fn setpoint(&self) -> Setpoint {
        self.in_force.setpoint
    }

    /// What is done to the picture at the present setpoint.
    pub(super) fn picture_config(&self) -> PictureConfig {
        let Setpoint { size, framerate, .. } = self.setpoint();
        PictureConfig { size, framerate, ..self.config.picture }
    }

    fn hold_to(&mut self, new: Setpoint, by: ChangedBy) {
        let change = self.setpoint().change_to(new);
        if change.is_empty() {
            return;
        }
        self.in_force = InForce { setpoint: new, by };
        self.change_encoders(&change);
        self.may_call_second();
        if change.fec_percent.is_some() || change.priority.is_some() {
            for destination in self.destinations.values() {
                for served in destination.outlets.values() {
                    let connector = destination.connector.as_ref();
                    destination.connection.renew(&self.hand_to(connector, &served.outlet));
                }
            }
        }
        (self.around.tell)(FeedEvent::Setpoint(self.in_force.clone()));
    }

    /// The low rendition follows the main one in size and rate, and has a bitrate of its own.
    fn change_encoders(&mut self, change: &SetpointChange) {
        if change.size.is_some() || change.framerate.is_some() {
            self.apply_pictures();
        }
        if let Some(kbps) = change.bitrate_kbps {
            self.set_bitrate(kbps);
        }
    }

    /// Live where the encoder can do that, else by another encoder of the same kind.
    fn set_bitrate(&mut self, kbps: u32) {
        let is_main = |form: &&Form| form.role == RenditionRole::Main;
        let forms: Vec<Form> = self.encodings.keys().filter(is_main).copied().collect();
        for form in forms {
            let Some(Encoding { rendition, .. }) = self.encodings.get(&form) else { continue };
            match rendition.encoder().row().bitrate_change {
                Change::Live | Change::KeyFrame => rendition.set_bitrate(kbps),
                Change::Restart => self.change_rendition(form),
            }
        }
    }

    /// Tells a connector's outlet what of the setpoint is done there, and answers the sessions in which it
    /// cannot be. What the connector repairs anyway is the least.
    pub(super) fn hand_to(&self, connector: &dyn Connector, outlet: &Outlet) -> Vec<String> {
        let Setpoint { fec_percent, priority, .. } = self.setpoint();
        let least = connector.transport().fec_percent;
        outlet.set_priority(priority);
        outlet.set_fec_percent(u8::try_from(fec_percent).unwrap_or(u8::MAX).max(least))
    }
}
