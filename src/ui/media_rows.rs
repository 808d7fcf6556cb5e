//! How media travel to a connector's viewers: what most never change.

use adw::prelude::*;

use super::{
    editor::Asked,
    feed_dialog::rows::{Changed, group, number, switch, value},
    model::{EnteredMedia, EnteredWays},
    way_rows::WayRows,
};
use crate::{config::TransportConfig, i18n::gettext};

/// The rows, behind one that opens them.
pub(super) struct MediaRows {
    pub(super) group: adw::PreferencesGroup,
    expander: adw::ExpanderRow,
    /// What was entered at first: of the password the rows do not say where it is.
    before: EnteredWays,
    ways: WayRows,
    mtu: adw::SpinRow,
    retransmission: adw::SwitchRow,
    fec_percent: adw::SpinRow,
    asked: Vec<Asked>,
}

impl MediaRows {
    pub(super) fn new(entered: &EnteredMedia, changed: &Changed) -> Self {
        let ways = WayRows::new(&gettext("Viewers do not learn this computer’s addresses"), changed);
        ways.password.found_at(&entered.ways.password_source);
        ways.show(&entered.ways);
        let again = gettext("What a viewer reports as lost");
        let retransmission = switch(&gettext("Send Lost Packets Again"), &again, changed);
        retransmission.set_active(entered.retransmission);
        let fec_percent = number(&gettext("Repair packets (%)"), &TransportConfig::FEC_PERCENT, 5, changed);
        fec_percent.set_value(entered.fec_percent.into());
        let mtu = number(&gettext("Largest packet (bytes)"), &TransportConfig::MTU, 10, changed);
        mtu.set_value(entered.mtu.into());
        let asked = vec![
            Asked::new("ice_servers", &ways.ice_servers, changed),
            Asked::new("interfaces", &ways.interfaces, changed),
        ];
        let expander = adw::ExpanderRow::builder()
            .title(gettext("How Media Travel"))
            .subtitle(gettext("STUN and TURN servers, lost packets, interfaces"))
            .expanded(!entered.is_usual())
            .build();
        let (servers, interfaces) = asked.split_at(1);
        servers.iter().flat_map(Asked::rows).for_each(|row| expander.add_row(row));
        for row in [
            ways.password.row.upcast_ref::<gtk::Widget>(),
            ways.relay_only.upcast_ref(),
            retransmission.upcast_ref(),
            fec_percent.upcast_ref(),
            mtu.upcast_ref(),
        ] {
            expander.add_row(row);
        }
        interfaces.iter().flat_map(Asked::rows).for_each(|row| expander.add_row(row));
        let group = group("", &[expander.upcast_ref()]);
        Self { group, expander, before: entered.ways.clone(), ways, mtu, retransmission, fec_percent, asked }
    }

    pub(super) fn get(&self) -> EnteredMedia {
        let mut ways = self.before.clone();
        self.ways.read(&mut ways);
        EnteredMedia {
            ways,
            mtu: value(&self.mtu),
            retransmission: self.retransmission.is_active(),
            fec_percent: value(&self.fec_percent),
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
