//! How media travel to a connector's viewers: what most never change.

use adw::prelude::*;

use super::{
    editor::Asked,
    feed_dialog::rows::{Changed, entry, group, number, switch, value},
    model::EnteredMedia,
    secret_row::SecretRow,
};
use crate::{
    config::{PasswordSource, TransportConfig},
    i18n::gettext,
};

/// The rows, behind one that opens them.
pub(super) struct MediaRows {
    pub(super) group: adw::PreferencesGroup,
    expander: adw::ExpanderRow,
    ice_servers: adw::EntryRow,
    password_source: PasswordSource,
    password: SecretRow,
    relay_only: adw::SwitchRow,
    mtu: adw::SpinRow,
    retransmission: adw::SwitchRow,
    fec_percent: adw::SpinRow,
    interfaces: adw::EntryRow,
    asked: Vec<Asked>,
}

impl MediaRows {
    pub(super) fn new(entered: &EnteredMedia, changed: &Changed) -> Self {
        let text = |title: String, text: &str| {
            let row = entry(&title, changed);
            row.set_text(text);
            row
        };
        let ice_servers = text(gettext("STUN and TURN servers: stun:HOST, turn:USER@HOST"), &entered.ice_servers);
        let password = SecretRow::new(&gettext("TURN password"), Some(&entered.password_source), changed);
        let hides = gettext("Viewers do not learn this computer’s addresses");
        let relay_only = switch(&gettext("Through a TURN Server Only"), &hides, changed);
        relay_only.set_active(entered.relay_only);
        let again = gettext("What a viewer reports as lost");
        let retransmission = switch(&gettext("Send Lost Packets Again"), &again, changed);
        retransmission.set_active(entered.retransmission);
        let fec_percent = number(&gettext("Repair packets (%)"), &TransportConfig::FEC_PERCENT, 5, changed);
        fec_percent.set_value(entered.fec_percent.into());
        let mtu = number(&gettext("Largest packet (bytes)"), &TransportConfig::MTU, 10, changed);
        mtu.set_value(entered.mtu.into());
        let interfaces = text(gettext("Network interfaces, such as eth0, wl*; empty: all"), &entered.interfaces);
        let asked =
            vec![Asked::new("ice_servers", &ice_servers, changed), Asked::new("interfaces", &interfaces, changed)];
        let expander = adw::ExpanderRow::builder()
            .title(gettext("How Media Travel"))
            .subtitle(gettext("STUN and TURN servers, lost packets, interfaces"))
            .expanded(!entered.is_usual())
            .build();
        let (servers, interfaces_rows) = asked.split_at(1);
        servers.iter().flat_map(Asked::rows).for_each(|row| expander.add_row(row));
        for row in [
            password.row.upcast_ref::<gtk::Widget>(),
            relay_only.upcast_ref(),
            retransmission.upcast_ref(),
            fec_percent.upcast_ref(),
            mtu.upcast_ref(),
        ] {
            expander.add_row(row);
        }
        interfaces_rows.iter().flat_map(Asked::rows).for_each(|row| expander.add_row(row));
        Self {
            group: group("", &[expander.upcast_ref()]),
            expander,
            ice_servers,
            password_source: entered.password_source.clone(),
            password,
            relay_only,
            mtu,
            retransmission,
            fec_percent,
            interfaces,
            asked,
        }
    }

    pub(super) fn get(&self) -> EnteredMedia {
        EnteredMedia {
            ice_servers: self.ice_servers.text().into(),
            password_source: self.password_source.clone(),
            password: self.password.typed(),
            forgets_password: self.password.is_forgotten(),
            relay_only: self.relay_only.is_active(),
            mtu: value(&self.mtu),
            retransmission: self.retransmission.is_active(),
            fec_percent: value(&self.fec_percent),
            interfaces: self.interfaces.text().into(),
        }
    }

    pub(super) fn asked(&self) -> impl Iterator<Item = &Asked> {
        self.asked.iter()
    }

    /// Opens the rows, if this is the key of one of them.
    pub(super) fn reveal(&self, field: &str) {
        if self.asked.iter().any(|asked| asked.is(field)) {
            self.expander.set_expanded(true);
        }
    }
}
