//! What the operator does with feeds in the window.

use adw::{prelude::*, subclass::prelude::*};
use gtk::{
    gio,
    glib::{self, clone},
};

use super::Window;
use crate::{
    config::FeedId,
    i18n::gettext,
    ui::{
        FeedDialog,
        model::{Desk, Draft, FeedObject, Removed},
        removal::undo_toast,
    },
};

impl Window {
    /// Selects a feed of the list.
    pub fn select(&self, feed: &FeedObject) {
        let listed = self.imp().listed.borrow();
        let mut feeds = listed.iter().flat_map(gtk::prelude::ListModelExtManual::iter::<glib::Object>);
        let position = feeds.position(|listed| listed.is_ok_and(|listed| listed == *feed.upcast_ref::<glib::Object>()));
        if let Some(position) = position.and_then(|position| i32::try_from(position).ok()) {
            let list = &self.imp().list;
            list.select_row(list.row_at_index(position).as_ref());
        }
    }

    pub(in crate::ui) fn add_demo(&self) {
        if let Some(desk) = self.desk() {
            self.select(&desk.add_demo());
        }
    }

    pub(in crate::ui) fn present_add_dialog(&self) {
        let Some(desk) = self.desk() else { return };
        let dialog = FeedDialog::add(&desk);
        self.on_confirmed(&dialog, |window, desk, draft| window.select(&desk.add(draft)));
        dialog.present(Some(self));
    }

    pub(in crate::ui) fn present_edit_dialog(&self) {
        let (Some(desk), Some(feed)) = (self.desk(), self.selected()) else { return };
        let dialog = FeedDialog::edit(&desk, &feed.config());
        self.on_confirmed(&dialog, move |_, desk, draft| desk.edit(&feed, draft));
        dialog.present(Some(self));
    }

    fn on_confirmed(&self, dialog: &FeedDialog, act: impl FnOnce(&Self, &Desk, Draft) + 'static) {
        dialog.connect_confirmed(clone!(
            #[weak(rename_to = window)]
            self,
            move |draft| {
                if let Some(desk) = window.desk() {
                    act(&window, &desk, draft);
                }
            }
        ));
    }

    pub(in crate::ui) fn remove_selected(&self) {
        let (Some(desk), Some(feed)) = (self.desk(), self.selected()) else { return };
        let name = feed.name();
        if let Some(removed) = desk.remove(&feed) {
            self.offer_undo(&desk, &name, removed);
        }
    }

    /// Until the toast is gone, the feed can come back as it was.
    fn offer_undo(&self, desk: &Desk, name: &str, removed: Removed) {
        let undo = clone!(
            #[weak(rename_to = window)]
            self,
            #[weak]
            desk,
            move |removed| window.select(&desk.undo_remove(removed))
        );
        let forget = clone!(
            #[weak]
            desk,
            move |removed: Removed| desk.forget(&removed)
        );
        self.imp().toasts.add_toast(undo_toast(name, removed, undo, forget));
    }

    pub(in crate::ui) fn copy_link(&self) {
        let Some(link) = self.link() else { return };
        self.copy(&link, &gettext("Link copied"));
    }

    /// Copies the selected feed's address for players.
    pub(in crate::ui) fn copy_whep_address(&self) {
        let Some(address) = self.address_by(Desk::whep_address) else { return };
        self.copy(&address, &gettext("WHEP address copied"));
    }

    fn copy(&self, text: &str, done: &str) {
        self.clipboard().set_text(text);
        self.imp().toasts.add_toast(adw::Toast::new(done));
    }

    pub(in crate::ui) fn open_link(&self) {
        let Some(link) = self.link() else { return };
        gtk::UriLauncher::new(&link).launch(
            Some(self),
            gio::Cancellable::NONE,
            clone!(
                #[weak(rename_to = window)]
                self,
                move |result| {
                    if let Err(error) = result {
                        window.show_notice(&gettext("The link could not be opened"), error.message());
                    }
                }
            ),
        );
    }

    /// The selected feed's link; without one, says why.
    fn link(&self) -> Option<String> {
        self.address_by(Desk::viewer_link)
    }

    /// An address of the selected feed; without one, says why.
    fn address_by(&self, address: impl FnOnce(&Desk, &FeedId) -> Option<String>) -> Option<String> {
        let (desk, feed) = (self.desk()?, self.selected()?);
        let address = address(&desk, &feed.id());
        if address.is_none() {
            self.show_notice(&gettext("The server for viewers is closed"), &desk.server_fault());
        }
        address
    }
}
