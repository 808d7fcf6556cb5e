//! How each camera is at a connector, for as long as somebody looks.

use std::{cell::RefCell, rc::Rc};

use adw::prelude::*;
use gtk::glib::{self, SignalHandlerId, clone};

use super::model::{Desk, feed_at_words};
use crate::{config::ConnectorId, i18n::gettext};

/// The rows, one for each camera that is there or wants to be.
pub(super) struct AtConnector {
    pub(super) group: adw::PreferencesGroup,
    desk: Desk,
    handler: Option<SignalHandlerId>,
}

impl AtConnector {
    /// Shows it from now on, until this is dropped.
    pub(super) fn follow(desk: &Desk, connector: ConnectorId) -> Self {
        let group = adw::PreferencesGroup::builder().title(gettext("How It Is There")).build();
        let rows = Rc::<RefCell<Vec<adw::ActionRow>>>::default();
        let show = clone!(
            #[weak]
            desk,
            #[weak]
            group,
            move || show(&group, &mut rows.borrow_mut(), &desk, &connector)
        );
        show();
        let handler = Some(desk.connect_elsewhere(show));
        Self { group, desk: desk.clone(), handler }
    }
}

impl Drop for AtConnector {
    fn drop(&mut self) {
        if let Some(handler) = self.handler.take() {
            self.desk.disconnect(handler);
        }
    }
}

fn show(group: &adw::PreferencesGroup, rows: &mut Vec<adw::ActionRow>, desk: &Desk, connector: &ConnectorId) {
    let feeds = desk.feeds_at(connector);
    let is_as_shown = rows.iter().map(PreferencesRowExt::title).eq(feeds.iter().map(|(name, _, _)| name.as_str()));
    if !is_as_shown {
        for row in rows.drain(..) {
            group.remove(&row);
        }
        for (name, _, _) in &feeds {
            let row = adw::ActionRow::builder().use_markup(false).title(name).build();
            group.add(&row);
            rows.push(row);
        }
    }
    for (row, (_, state, since)) in rows.iter().zip(&feeds) {
        row.set_subtitle(&feed_at_words(state, *since));
    }
    group.set_visible(!feeds.is_empty());
}
