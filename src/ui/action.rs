//! Everything the window can be asked to do: names, keys and what happens.

use gtk::{
    gio,
    glib::{self, clone},
    prelude::*,
};

use super::Window;

/// An action of the window.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Action {
    AddFeed,
    AddDemo,
    EditFeed,
    RemoveFeed,
    CopyLink,
    CopyWhepAddress,
    OpenLink,
    ToggleDetails,
    Troubleshooting,
    Connectors,
    Preferences,
}

impl Action {
    const ALL: [Self; 11] = [
        Self::AddFeed,
        Self::AddDemo,
        Self::EditFeed,
        Self::RemoveFeed,
        Self::CopyLink,
        Self::CopyWhepAddress,
        Self::OpenLink,
        Self::ToggleDetails,
        Self::Troubleshooting,
        Self::Connectors,
        Self::Preferences,
    ];

    /// The name after `win.` in menus and templates.
    fn name(self) -> &'static str {
        match self {
            Self::AddFeed => "add-feed",
            Self::AddDemo => "add-demo",
            Self::EditFeed => "edit-feed",
            Self::RemoveFeed => "remove-feed",
            Self::CopyLink => "copy-link",
            Self::CopyWhepAddress => "copy-whep-address",
            Self::OpenLink => "open-link",
            Self::ToggleDetails => "toggle-details",
            Self::Troubleshooting => "troubleshooting",
            Self::Connectors => "connectors",
            Self::Preferences => "preferences",
        }
    }

    /// The keys that work everywhere in the window. Delete is not among them:
    /// it must keep its meaning in text fields, so the list of feeds has it.
    fn keys(self) -> &'static [&'static str] {
        match self {
            Self::AddFeed => &["<Control>n"],
            Self::CopyLink => &["<Control><Shift>c"],
            Self::ToggleDetails => &["F9"],
            Self::Preferences => &["<Control>comma"],
            Self::AddDemo
            | Self::EditFeed
            | Self::RemoveFeed
            | Self::CopyWhepAddress
            | Self::OpenLink
            | Self::Connectors
            | Self::Troubleshooting => &[],
        }
    }

    /// Whether it needs a selected feed.
    fn needs_feed(self) -> bool {
        !matches!(self, Self::AddFeed | Self::AddDemo | Self::Connectors | Self::Preferences | Self::Troubleshooting)
    }

    /// Whether it is for feeds of our own only.
    fn needs_local(self) -> bool {
        self.needs_feed() && self != Self::ToggleDetails
    }

    fn run(self, window: &Window) {
        match self {
            Self::AddFeed => window.present_add_dialog(),
            Self::AddDemo => window.add_demo(),
            Self::EditFeed => window.present_edit_dialog(),
            Self::RemoveFeed => window.remove_selected(),
            Self::CopyLink => window.copy_link(),
            Self::CopyWhepAddress => window.copy_whep_address(),
            Self::OpenLink => window.open_link(),
            Self::ToggleDetails => window.set_show_details(!window.show_details()),
            Self::Troubleshooting => window.present_troubleshooting(),
            Self::Connectors => window.present_preferences("connectors"),
            Self::Preferences => window.present_preferences("messages"),
        }
    }

    /// Gives the window its actions.
    pub(super) fn install(window: &Window) {
        for action in Self::ALL {
            let entry = gio::SimpleAction::new(action.name(), None);
            entry.connect_activate(clone!(
                #[weak]
                window,
                move |_, _| action.run(&window)
            ));
            window.add_action(&entry);
        }
        Self::update(window);
    }

    /// Switches on and off what needs a selected feed.
    pub(super) fn update(window: &Window) {
        let selected = window.selected();
        let (has_feed, has_local) = (selected.is_some(), selected.is_some_and(|feed| feed.local()));
        for action in Self::ALL.into_iter().filter(|action| action.needs_feed()) {
            if let Some(entry) = window.lookup_action(action.name()).and_downcast::<gio::SimpleAction>() {
                entry.set_enabled(if action.needs_local() { has_local } else { has_feed });
            }
        }
    }

    /// Gives the application the actions' keys.
    pub(super) fn bind_keys(application: &impl IsA<gtk::Application>) {
        for action in Self::ALL {
            application.set_accels_for_action(&format!("win.{}", action.name()), action.keys());
        }
    }
}
