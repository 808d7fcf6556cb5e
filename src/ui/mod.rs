//! The window: what the operator sees of the engine, and does with it.
//!
//! ```text
//! Application            one per session: the desk, the clock tick, the way out
//! └─ Window              the list at the left, the selected feed beside it
//!    ├─ Notices          banners: the server, the settings file
//!    ├─ FeedRow          a feed in the list
//!    ├─ FeedPage         the selected feed
//!    │  ├─ PreviewTile   its picture, never live unless it is
//!    │  ├─ FaultCard     what is wrong, and the next step
//!    │  ├─ ViewersTable  who watches, a row each
//!    │  │  └─ ConnectionDialog   how one of them is connected, or why not
//!    │  ├─ StreamGroup   streaming, link, viewers
//!    │  ├─ FiguresGroup  figures of all viewers or of one, each with a TimeChart
//!    │  ├─ AgentGroup    who decides over bitrate and size
//!    │  ├─ ShareGroup    its share of what there is for all feeds
//!    │  │  └─ SharesDialog    what there is, and the shares of all
//!    │  └─ ChosenGroup   decoder, encoder, sound: what they are and why
//!    │     └─ ElementDialog   properties of the feed's elements, by name
//!    ├─ FeedDialog       add or change a feed
//!    ├─ PreferencesDialog   messages over MQTT
//!    │  ├─ ConnectorsPage   where feeds go beside this program's page, a PlaceRow each
//!    │  ├─ WatchedPage      whose feeds are watched, a PlaceRow for each broker
//!    │  └─ Editor           the fields of one of them, what is wrong below each
//!    └─ TroubleshootingDialog   whether everything is in place
//!       └─ FindingRow    one thing that was looked at
//! ```
//!
//! `heliograph receive` has windows of [`picture_wall`] instead, with preview tiles alone.
//!
//! Widgets bind to the objects of [`model`] and ask [`model::Desk`] for every
//! change. Nothing here waits: work is done on the async runtime and awaited
//! by the main loop.

mod about;
mod action;
mod agent_group;
mod application;
mod at_connector;
mod chosen_group;
mod connection_dialog;
mod connector_editor;
mod connectors_page;
mod details_dialog;
mod editor;
mod element_dialog;
mod encoder_list;
mod fault_card;
mod feed_dialog;
mod feed_page;
mod feed_row;
mod figures_group;
mod finding_row;
mod freshness;
mod keep_group;
mod media_rows;
pub mod model;
mod notices;
pub mod picture_wall;
mod place_row;
mod preferences_dialog;
mod preview_tile;
mod removal;
mod secret_row;
mod setpoint_group;
mod share_group;
mod shares_dialog;
mod steady;
mod stream_group;
pub mod time_chart;
mod toasts;
mod troubleshooting;
pub mod units;
mod viewers_table;
mod watch_editor;
mod watched_page;
mod way_rows;
mod window;
mod window_state;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use gtk::{gio, glib, prelude::*};
use tokio::runtime::Runtime;

pub use agent_group::AgentGroup;
pub use application::Application;
pub use chosen_group::ChosenGroup;
pub use connection_dialog::ConnectionDialog;
pub use connectors_page::ConnectorsPage;
pub use editor::Editor;
pub use element_dialog::ElementDialog;
pub use fault_card::FaultCard;
pub use feed_dialog::FeedDialog;
pub use feed_page::FeedPage;
pub use feed_row::FeedRow;
pub use figures_group::FiguresGroup;
pub use finding_row::FindingRow;
pub use keep_group::KeepGroup;
pub use notices::Notices;
pub use picture_wall::{Wall, show_pictures};
pub use preferences_dialog::PreferencesDialog;
pub use preview_tile::PreviewTile;
pub use setpoint_group::SetpointGroup;
pub use share_group::ShareGroup;
pub use shares_dialog::SharesDialog;
pub use stream_group::StreamGroup;
pub use troubleshooting::TroubleshootingDialog;
pub use viewers_table::ViewersTable;
pub use watched_page::WatchedPage;
pub use window::Window;

/// The application's name on the bus, in menus and for icons.
pub const APP_ID: &str = "org.heliograph.Heliograph";

/// Whether a window can be shown. Starts GTK if so, on this thread.
pub fn has_display() -> bool {
    adw::init().is_ok()
}

/// Makes icons and styles known; the second call does nothing.
pub fn register_resources() {
    gio::resources_register_include!("heliograph.gresource").expect("the program's own resources should be sound");
}

/// Shows the window until the operator quits. Ask [`has_display`] before.
pub fn run(config: Option<PathBuf>) -> ExitCode {
    register_resources();
    let runtime = Runtime::new().expect("an async runtime should start");
    let application = Application::new(runtime.handle(), config);
    // The command line has been read; GTK is to see none of it.
    let code = application.run_with_args(&[] as &[&str]);
    // With it goes the desk, and with that whoever waits for orders.
    drop(application);
    runtime.shutdown_timeout(Duration::from_millis(300));
    if code == glib::ExitCode::SUCCESS { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
