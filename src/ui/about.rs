//! About Heliograph, with what somebody who helps will ask for.

use adw::prelude::*;

use super::APP_ID;
use crate::{i18n::gettext, media::Encoder};

/// Shows the dialog over this window.
pub(super) fn present(parent: Option<&gtk::Window>) {
    let dialog = adw::AboutDialog::builder()
        .application_name("Heliograph")
        .application_icon(APP_ID)
        .version(env!("CARGO_PKG_VERSION"))
        .developer_name(gettext("The Heliograph developers"))
        .comments(gettext("Put cameras on the network."))
        .license_type(gtk::License::Gpl30)
        .debug_info(troubleshooting())
        .debug_info_filename("heliograph-troubleshooting.txt")
        .build();
    dialog.present(parent);
}

/// Versions and encoders: what a report about a fault should begin with.
pub(super) fn troubleshooting() -> String {
    let gtk = format!("{}.{}.{}", gtk::major_version(), gtk::minor_version(), gtk::micro_version());
    let adw = format!("{}.{}.{}", adw::major_version(), adw::minor_version(), adw::micro_version());
    let encoders: Vec<String> = Encoder::rows()
        .iter()
        .map(|row| {
            let found = if row.is_installed() { "found" } else { "not installed" };
            format!("  {} ({}): {found}", row.element, row.codec)
        })
        .collect();
    format!(
        "Heliograph {}\nGStreamer: {}\nGTK {gtk}, libadwaita {adw}\nDisplay: {}\nEncoders:\n{}\n",
        env!("CARGO_PKG_VERSION"),
        gst::version_string(),
        gtk::gdk::Display::default().map_or_else(|| "none".into(), |display| display.type_().name().to_owned()),
        encoders.join("\n"),
    )
}
