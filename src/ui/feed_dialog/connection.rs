//! How a camera on the network is reached, or a robot's through its relay, beyond the address.

use std::{cell::Cell, rc::Rc};

use adw::prelude::*;

use super::rows::{Changed, Choice, entry, file_row, group, link, mark, number, page, switch, value};
use crate::{
    config::{Fingerprint, RtspConfig, StreamChoice, TransportChoice},
    i18n::{gettext, gettext_f},
    ui::{
        model::{Entered, Field, SourceKind},
        way_rows::WayRows,
    },
};

/// The page, and the row that leads to it.
pub(super) struct ConnectionPage {
    pub(super) page: adw::NavigationPage,
    pub(super) link: adw::ActionRow,
    sub_address: adw::EntryRow,
    stream: Choice<StreamChoice>,
    transport: Choice<TransportChoice>,
    latency: adw::SpinRow,
    drop_on_latency: adw::SwitchRow,
    certificate: CertificateRow,
    /// What only a camera that speaks RTSP has.
    of_cameras: [adw::PreferencesGroup; 2],
    ca: adw::EntryRow,
    pub(super) ways: WayRows,
    /// What only a robot's relay has.
    of_relays: [adw::PreferencesGroup; 2],
}

impl ConnectionPage {
    pub(super) fn new(changed: &Changed) -> Self {
        let transports = TransportChoice::ALL.iter().map(|choice| (*choice, transport_words(*choice)));
        let transport = Choice::new(&gettext("Transport"), transports, changed);
        let latency = number(&gettext("Wait for late packets (ms)"), &RtspConfig::LATENCY_MS, 10, changed);
        latency.set_subtitle(&gettext("Adds to the delay; 100 suits most networks"));
        let late = gettext("Drop what comes later");
        let drop_on_latency = switch(&late, &gettext("Kept, each late packet adds to the delay for good"), changed);
        let sub_address = entry(&gettext("Second address, of a smaller stream"), changed);
        sub_address.set_input_purpose(gtk::InputPurpose::Url);
        let streams = StreamChoice::ALL.iter().map(|choice| (*choice, stream_words(*choice)));
        let stream = Choice::new(&gettext("In use"), streams, changed);
        let certificate = CertificateRow::new(changed);
        let ca = file_row(&gettext("Certificate authority"), "", changed);
        let ways = WayRows::new(&gettext("The robot does not learn this computer’s addresses"), changed);
        let always = group("", &[transport.row.upcast_ref(), latency.upcast_ref(), drop_on_latency.upcast_ref()]);
        let of_cameras = [
            group(&gettext("Second Stream"), &[sub_address.upcast_ref(), stream.row.upcast_ref()]),
            group("", &[certificate.row.upcast_ref()]),
        ];
        let of_relays = [
            group(&gettext("Relay"), &[ca.upcast_ref()]),
            group(
                &gettext("How Media Travel"),
                &[
                    ways.ice_servers.upcast_ref(),
                    ways.password.row.upcast_ref(),
                    ways.relay_only.upcast_ref(),
                    ways.interfaces.upcast_ref(),
                ],
            ),
        ];
        let title = gettext("Connection");
        let groups: Vec<_> = [&always].into_iter().chain(&of_cameras).chain(&of_relays).collect();
        let page = page(&title, "connection", &groups);
        let link = link(&title, "connection");
        Self {
            page,
            link,
            sub_address,
            stream,
            transport,
            latency,
            drop_on_latency,
            certificate,
            of_cameras,
            ca,
            ways,
            of_relays,
        }
    }

    pub(super) fn read(&self, entered: &mut Entered) {
        let camera = &mut entered.camera;
        camera.sub_address = self.sub_address.text().into();
        camera.stream = self.stream.get().unwrap_or_default();
        camera.transport = self.transport.get().unwrap_or_default();
        camera.latency_ms = value(&self.latency);
        camera.drop_on_latency = self.drop_on_latency.is_active();
        camera.forgets_certificate = self.certificate.is_forgotten.get();
        camera.ca = self.ca.text().into();
        self.ways.read(&mut camera.ways);
    }

    pub(super) fn show(&self, entered: &Entered) {
        let camera = &entered.camera;
        self.sub_address.set_text(&camera.sub_address);
        self.stream.set(&camera.stream);
        self.transport.set(&camera.transport);
        self.latency.set_value(camera.latency_ms.into());
        self.drop_on_latency.set_active(camera.drop_on_latency);
        self.certificate.show(camera.certificate);
        self.ca.set_text(&camera.ca);
        self.ways.show(&camera.ways);
    }

    /// What is set, in a few words.
    pub(super) fn summarise(&self, entered: &Entered) {
        let is_at_relay = entered.is_at_relay();
        self.link.set_visible(is_at_relay || entered.kind == SourceKind::Rtsp);
        self.transport.row.set_visible(!is_at_relay);
        self.drop_on_latency.set_visible(!is_at_relay);
        self.of_cameras.iter().for_each(|group| group.set_visible(!is_at_relay));
        self.of_relays.iter().for_each(|group| group.set_visible(is_at_relay));
        self.stream.row.set_visible(!entered.camera.sub_address.trim().is_empty());
        let delay = gettext_f("{ms} ms", &[("ms", &entered.camera.latency_ms.to_string())]);
        let way = if is_at_relay { way_words(entered) } else { self.transport.words() };
        self.link.set_subtitle(&format!("{way}, {delay}"));
    }

    /// Marks the fields that cannot stay, and the row that leads to them.
    pub(super) fn mark(&self, is_wrong: impl Fn(Field) -> bool) {
        let fields = [
            (Field::SubAddress, &self.sub_address),
            (Field::Ca, &self.ca),
            (Field::IceServers, &self.ways.ice_servers),
            (Field::Interfaces, &self.ways.interfaces),
        ];
        for (field, row) in fields {
            mark(row, is_wrong(field));
        }
        mark(&self.link, fields.into_iter().any(|(field, _)| is_wrong(field)));
    }
}

/// By which ways a robot's picture comes, in a few words.
fn way_words(entered: &Entered) -> String {
    let ways = &entered.camera.ways;
    match (ways.relay_only, ways.ice_servers.trim().is_empty()) {
        (true, _) => gettext("Through a TURN server only"),
        (false, false) => gettext("Directly, or with the help of servers"),
        (false, true) => gettext("Directly"),
    }
}

fn transport_words(choice: TransportChoice) -> String {
    match choice {
        TransportChoice::Automatic => gettext("Automatic"),
        TransportChoice::Udp => gettext("UDP"),
        TransportChoice::Tcp => gettext("TCP"),
        TransportChoice::Multicast => gettext("Multicast"),
    }
}

fn stream_words(choice: StreamChoice) -> String {
    match choice {
        StreamChoice::Main => gettext("The first address"),
        StreamChoice::Sub => gettext("The second address"),
    }
}

/// The certificate by which a camera is known, and the way to forget it.
struct CertificateRow {
    row: adw::ActionRow,
    forget: gtk::Button,
    is_forgotten: Rc<Cell<bool>>,
}

impl CertificateRow {
    fn new(changed: &Changed) -> Self {
        let row = adw::ActionRow::builder().title(gettext("Certificate")).visible(false).build();
        let forget = gtk::Button::builder().label(gettext("_Forget")).use_underline(true).build();
        forget.set_valign(gtk::Align::Center);
        row.add_suffix(&forget);
        let is_forgotten = Rc::new(Cell::new(false));
        let (kept, changed, shown) = (is_forgotten.clone(), changed.clone(), row.downgrade());
        forget.connect_clicked(move |button| {
            kept.set(true);
            button.set_sensitive(false);
            if let Some(row) = shown.upgrade() {
                row.set_subtitle(&gettext("Forgotten: the one the camera shows next is kept"));
            }
            changed.tell();
        });
        Self { row, forget, is_forgotten }
    }

    fn show(&self, certificate: Option<Fingerprint>) {
        self.row.set_visible(certificate.is_some());
        self.forget.set_sensitive(true);
        self.is_forgotten.set(false);
        if let Some(fingerprint) = certificate {
            let whole = fingerprint.to_string();
            self.row.set_subtitle(&short(&whole));
            self.row.set_tooltip_text(Some(&whole));
        }
    }
}

/// Enough of a fingerprint to tell two cameras apart.
fn short(fingerprint: &str) -> String {
    const SHOWN: usize = "sha256:".len() + 16;
    fingerprint.get(..SHOWN).map_or_else(|| fingerprint.to_owned(), |start| format!("{start}…"))
}
