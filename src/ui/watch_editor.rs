//! Adds a broker whose feeds are watched, or changes one.
//!
//! What is accepted is decided in [`super::model::EnteredWatch`].

use std::rc::Rc;

use adw::prelude::*;

use super::{
    editor::{Asked, Editor, Form},
    feed_dialog::rows::{Changed, Choice, entry, file_row, group, switch},
    model::{Desk, EnteredWatch, Misfit},
};
use crate::{
    config::{MqttDialect, Password, WatchConfig},
    i18n::gettext,
};

/// The page for a new broker, or for one that is there.
pub(super) fn open(desk: &Desk, old: Option<WatchConfig>) -> Editor {
    let (title, confirm) = match old {
        None => (gettext("Add a Broker"), gettext("_Add")),
        Some(_) => (gettext("Broker"), gettext("_Apply")),
    };
    let editor = Editor::new(&title, &confirm);
    editor.show_form(Rc::new(Fields::new(desk, old, &editor.changed())));
    editor
}

struct Fields {
    desk: Desk,
    old: Option<WatchConfig>,
    broker: adw::EntryRow,
    user: adw::EntryRow,
    password: adw::PasswordEntryRow,
    ca: adw::EntryRow,
    dialect: Choice<MqttDialect>,
    instances: adw::EntryRow,
    prefix: adw::EntryRow,
    controller: adw::EntryRow,
    record: adw::SwitchRow,
    asked: Vec<Asked>,
}

/// How many of the fields are about the broker; the others say who is watched there.
const OF_THE_BROKER: usize = 3;

impl Fields {
    fn new(desk: &Desk, old: Option<WatchConfig>, changed: &Changed) -> Self {
        let entered = old.as_ref().map_or_else(EnteredWatch::default, EnteredWatch::of);
        let text = |title: String, text: &str| {
            let row = entry(&title, changed);
            row.set_text(text);
            row
        };
        let broker = text(gettext("Address, such as mqtts://192.0.2.9:8883"), &entered.broker);
        broker.set_input_purpose(gtk::InputPurpose::Url);
        let user = text(gettext("User, if the broker asks for one"), &entered.user);
        let title = if entered.user.is_empty() {
            gettext("Password, kept in your keyring")
        } else {
            gettext("Password (empty: unchanged)")
        };
        let password = adw::PasswordEntryRow::builder().title(title).build();
        let tell = changed.clone();
        password.connect_changed(move |_| tell.tell());
        let ca = file_row(&gettext("Certificate authority"), &entered.ca, changed);
        let dialects = MqttDialect::ALL.iter().map(|dialect| (*dialect, dialect_words(*dialect)));
        let dialect = Choice::new(&gettext("Programs"), dialects, changed);
        dialect.set(&entered.dialect);
        let instances = text(gettext("Names, such as boat, pier; empty: all"), &entered.instances);
        let prefix = text(gettext("Topics begin with; empty: nothing"), &entered.prefix);
        let controller = text(gettext("Topic of the controller"), &entered.controller);
        let files = gettext("Their figures go to CSV files, as your own do");
        let record = switch(&gettext("Record Statistics"), &files, changed);
        record.set_active(entered.record);
        let asked = vec![
            Asked::new("broker", &broker, changed),
            Asked::new("user", &user, changed),
            Asked::new("ca", &ca, changed),
            Asked::new("instances", &instances, changed),
            Asked::new("prefix", &prefix, changed),
            Asked::new("controller", &controller, changed),
        ];
        let fields = Self {
            desk: desk.clone(),
            old,
            broker,
            user,
            password,
            ca,
            dialect,
            instances,
            prefix,
            controller,
            record,
            asked,
        };
        fields.show_dialect(entered.dialect);
        fields
    }

    fn entered(&self) -> EnteredWatch {
        EnteredWatch {
            broker: self.broker.text().into(),
            user: self.user.text().into(),
            password: Password::new(self.password.text()),
            ca: self.ca.text().into(),
            dialect: self.dialect.get().unwrap_or_default(),
            instances: self.instances.text().into(),
            prefix: self.prefix.text().into(),
            controller: self.controller.text().into(),
            record: self.record.is_active(),
        }
    }

    /// Shows what belongs to it only.
    fn show_dialect(&self, dialect: MqttDialect) {
        self.instances.set_visible(dialect == MqttDialect::Heliograph);
        self.prefix.set_visible(dialect == MqttDialect::GstWebRtcApp);
        self.controller.set_visible(dialect == MqttDialect::GstWebRtcApp);
    }
}

impl Form for Fields {
    fn groups(&self) -> Vec<adw::PreferencesGroup> {
        let (broker, who) = self.asked.split_at(OF_THE_BROKER);
        let mut first: Vec<&gtk::Widget> = broker.iter().flat_map(Asked::rows).collect();
        // Behind the user, and what is wrong with that one.
        first.insert(4, self.password.upcast_ref());
        let mut second: Vec<&gtk::Widget> = vec![self.dialect.row.upcast_ref()];
        second.extend(who.iter().flat_map(Asked::rows));
        second.push(self.record.upcast_ref());
        vec![group("", &first), group(&gettext("Who Is Watched"), &second)]
    }

    fn asked(&self) -> Vec<&Asked> {
        self.asked.iter().collect()
    }

    fn misfits(&self) -> Vec<Misfit> {
        let entered = self.entered();
        self.show_dialect(entered.dialect);
        entered.check(self.old.as_ref()).err().unwrap_or_default()
    }

    fn finish(&self) {
        if let Ok(described) = self.entered().check(self.old.as_ref()) {
            self.desk.set_watched(self.old.as_ref(), described);
        }
    }
}

fn dialect_words(dialect: MqttDialect) -> String {
    match dialect {
        MqttDialect::Heliograph => gettext("Heliograph"),
        MqttDialect::GstWebRtcApp => gettext("GstWebRTCApp"),
    }
}
