//! Rows for the ways by which media travel: servers that help, and network interfaces.

use adw::prelude::*;

use super::{
    feed_dialog::rows::{Changed, entry, switch},
    model::EnteredWays,
    secret_row::SecretRow,
};
use crate::i18n::gettext;

/// The rows.
pub(super) struct WayRows {
    pub(super) ice_servers: adw::EntryRow,
    pub(super) password: SecretRow,
    pub(super) relay_only: adw::SwitchRow,
    pub(super) interfaces: adw::EntryRow,
}

impl WayRows {
    /// Rows without anything in them; `hides` says what nobody learns where a TURN server has to be used.
    pub(super) fn new(hides: &str, changed: &Changed) -> Self {
        Self {
            ice_servers: entry(&gettext("STUN and TURN servers: stun:HOST, turn:USER@HOST"), changed),
            password: SecretRow::new(&gettext("TURN password"), None, changed),
            relay_only: switch(&gettext("Through a TURN Server Only"), hides, changed),
            interfaces: entry(&gettext("Network interfaces, such as eth0, wl*; empty: all"), changed),
        }
    }

    /// Shows all but the password, which nobody is shown.
    pub(super) fn show(&self, ways: &EnteredWays) {
        self.ice_servers.set_text(&ways.ice_servers);
        self.relay_only.set_active(ways.relay_only);
        self.interfaces.set_text(&ways.interfaces);
    }

    /// Takes what stands in the rows.
    pub(super) fn read(&self, ways: &mut EnteredWays) {
        ways.ice_servers = self.ice_servers.text().into();
        ways.password = self.password.typed();
        ways.forgets_password = self.password.is_forgotten();
        ways.relay_only = self.relay_only.is_active();
        ways.interfaces = self.interfaces.text().into();
    }
}
