//! What concerns all feeds: where they go, whose are watched, messages over MQTT.

use std::{cell::RefCell, path::PathBuf};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{
    CompositeTemplate,
    glib::{self, Object, SignalHandlerId, clone},
};

use super::{ConnectorsPage, WatchedPage, model::Desk, toasts};
use crate::{
    config::{
        BrokerChoice, EmbeddedBroker, ExternalBroker, FeedId, MqttConfig, MqttDialect, MqttRole, Password,
        PasswordSource,
    },
    i18n::{gettext, gettext_f},
};

/// The kinds of brokers in the order of their row.
const NONE: u32 = 0;
const EMBEDDED: u32 = 1;
const EXTERNAL: u32 = 2;
/// What programs of this computer may, in the order of its row.
const ROLES: [Option<MqttRole>; 4] = [None, Some(MqttRole::Observe), Some(MqttRole::Operate), Some(MqttRole::Admin)];

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Default)]
    #[template(file = "preferences_dialog.ui")]
    pub struct PreferencesDialog {
        #[template_child]
        connectors: TemplateChild<ConnectorsPage>,
        #[template_child]
        watched: TemplateChild<WatchedPage>,
        #[template_child]
        broker: TemplateChild<adw::ComboRow>,
        #[template_child]
        refusal: TemplateChild<adw::PreferencesRow>,
        #[template_child]
        problem: TemplateChild<gtk::Label>,
        #[template_child]
        embedded: TemplateChild<adw::PreferencesGroup>,
        #[template_child]
        port: TemplateChild<adw::SpinRow>,
        #[template_child]
        anonymous: TemplateChild<adw::ComboRow>,
        #[template_child]
        tls_cert: TemplateChild<adw::EntryRow>,
        #[template_child]
        tls_key: TemplateChild<adw::EntryRow>,
        #[template_child]
        external: TemplateChild<adw::PreferencesGroup>,
        #[template_child]
        address: TemplateChild<adw::EntryRow>,
        #[template_child]
        user: TemplateChild<adw::EntryRow>,
        #[template_child]
        password: TemplateChild<adw::PasswordEntryRow>,
        #[template_child]
        ca: TemplateChild<adw::EntryRow>,
        #[template_child]
        both: TemplateChild<adw::PreferencesGroup>,
        #[template_child]
        instance: TemplateChild<adw::EntryRow>,
        #[template_child]
        guests: TemplateChild<adw::SwitchRow>,
        #[template_child]
        allow_add: TemplateChild<adw::SwitchRow>,
        desk: RefCell<Option<Desk>>,
        handler: RefCell<Option<SignalHandlerId>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for PreferencesDialog {
        const NAME: &'static str = "HlgPreferencesDialog";
        type Type = super::PreferencesDialog;
        type ParentType = adw::PreferencesDialog;

        fn class_init(class: &mut Self::Class) {
            ConnectorsPage::ensure_type();
            WatchedPage::ensure_type();
            class.bind_template();
            class.bind_template_callbacks();
        }

        fn instance_init(obj: &glib::subclass::InitializingObject<Self>) {
            obj.init_template();
        }
    }

    impl ObjectImpl for PreferencesDialog {
        fn dispose(&self) {
            self.forget();
        }
    }

    impl WidgetImpl for PreferencesDialog {}

    impl AdwDialogImpl for PreferencesDialog {
        fn closed(&self) {
            self.forget();
        }
    }

    impl PreferencesDialogImpl for PreferencesDialog {}

    #[gtk::template_callbacks]
    impl PreferencesDialog {
        pub(super) fn show(&self, desk: &Desk) {
            let mqtt = desk.mqtt();
            self.desk.replace(Some(desk.clone()));
            self.connectors.follow(desk);
            self.watched.follow(desk);
            // What comes of a change is to be read where it was made.
            let told = clone!(
                #[weak(rename_to = imp)]
                self,
                move |title: &str, details: &str| imp.obj().add_toast(toasts::notice(&*imp.obj(), title, details))
            );
            self.handler.replace(Some(desk.connect_notice(told)));
            let usual = EmbeddedBroker::at(EmbeddedBroker::DEFAULT_LISTEN);
            let (kind, embedded, external) = match &mqtt.broker {
                BrokerChoice::Off => (NONE, &usual, None),
                BrokerChoice::Embedded(broker) => (EMBEDDED, broker, None),
                BrokerChoice::External(broker) => (EXTERNAL, &usual, Some(broker)),
            };
            self.port.set_value(embedded.listen.port().into());
            let role = ROLES.iter().position(|role| *role == embedded.anonymous);
            self.anonymous.set_selected(role.unwrap_or_default() as u32);
            self.tls_cert.set_text(&shown(embedded.tls_cert.as_ref()));
            self.tls_key.set_text(&shown(embedded.tls_key.as_ref()));
            if let Some(external) = external {
                self.address.set_text(external.address.as_str());
                self.user.set_text(external.user.as_deref().unwrap_or_default());
                self.ca.set_text(&shown(external.ca.as_ref()));
            }
            self.instance.set_text(mqtt.instance.as_ref().map_or("", FeedId::as_str));
            self.guests.set_active(mqtt.dialect == MqttDialect::GstWebRtcApp);
            self.allow_add.set_active(mqtt.allow_add);
            self.broker.set_selected(kind);
            self.broker_chosen();
        }

        fn forget(&self) {
            if let (Some(desk), Some(handler)) = (self.desk.take(), self.handler.take()) {
                desk.disconnect(handler);
            }
        }

        #[template_callback]
        fn broker_chosen(&self) {
            let kind = self.broker.selected();
            self.embedded.set_visible(kind == EMBEDDED);
            self.external.set_visible(kind == EXTERNAL);
            self.both.set_visible(kind != NONE);
        }

        #[template_callback]
        fn apply_entered(&self) {
            let Some(desk) = self.desk.borrow().clone() else { return };
            match self.entered(desk.mqtt()) {
                Ok((mqtt, password)) => {
                    self.refusal.set_visible(false);
                    self.password.set_text("");
                    desk.set_mqtt(mqtt, password);
                    self.obj().add_toast(adw::Toast::new(&gettext("Applied")));
                }
                Err(sentence) => {
                    self.problem.set_label(&sentence);
                    self.refusal.set_visible(true);
                }
            }
        }

        /// What stands in the fields, with all that has none.
        fn entered(&self, before: MqttConfig) -> Result<(MqttConfig, Option<Password>), String> {
            let password =
                Some(self.password.text()).filter(|text| !text.is_empty() && self.broker.selected() == EXTERNAL);
            let password = password.map(|text| Password::new(text.as_str()));
            let broker = match self.broker.selected() {
                EMBEDDED => BrokerChoice::Embedded(self.entered_embedded(&before)?),
                EXTERNAL => BrokerChoice::External(Box::new(self.entered_external(&before, password.is_some())?)),
                _ => return Ok((MqttConfig { broker: BrokerChoice::Off, ..before }, None)),
            };
            let instance = self.instance.text();
            let instance = if instance.is_empty() {
                None
            } else {
                let of = |error: crate::config::FeedIdError| named(&self.instance.title(), &error.to_string());
                Some(instance.parse().map_err(of)?)
            };
            let dialect = if self.guests.is_active() { MqttDialect::GstWebRtcApp } else { MqttDialect::Heliograph };
            Ok((MqttConfig { broker, instance, dialect, allow_add: self.allow_add.is_active(), ..before }, password))
        }

        fn entered_embedded(&self, before: &MqttConfig) -> Result<EmbeddedBroker, String> {
            let mut broker = match &before.broker {
                BrokerChoice::Embedded(broker) => broker.clone(),
                _ => EmbeddedBroker::at(EmbeddedBroker::DEFAULT_LISTEN),
            };
            broker.listen.set_port(self.port.value() as u16);
            broker.anonymous = ROLES.get(self.anonymous.selected() as usize).copied().flatten();
            (broker.tls_cert, broker.tls_key) = (entered_path(&self.tls_cert)?, entered_path(&self.tls_key)?);
            if broker.tls_cert.is_some() != broker.tls_key.is_some() {
                return Err(gettext("A certificate and its key belong together: name both, or neither."));
            }
            if broker.anonymous.is_some() && !broker.listen.ip().is_loopback() {
                return Err(gettext(
                    "The broker listens beyond this computer: there everybody needs a name and a password.",
                ));
            }
            Ok(broker)
        }

        fn entered_external(&self, before: &MqttConfig, has_password: bool) -> Result<ExternalBroker, String> {
            let address = self.address.text();
            let address = address
                .parse()
                .map_err(|error: crate::config::BrokerAddressError| named(&gettext("Address"), &error.to_string()))?;
            let mut broker = match &before.broker {
                BrokerChoice::External(broker) => ExternalBroker { address, ..(**broker).clone() },
                _ => ExternalBroker::at(address),
            };
            broker.user = Some(self.user.text().to_string()).filter(|user| !user.is_empty());
            broker.ca = entered_path(&self.ca)?;
            if broker.user.is_none() {
                broker.password = PasswordSource::None;
            } else if has_password || broker.password == PasswordSource::None {
                broker.password = PasswordSource::Keyring;
            }
            if broker.ca.is_some() && !broker.address.is_encrypted() {
                return Err(gettext("A certificate vouches for encrypted brokers only: write mqtts:// or wss://."));
            }
            Ok(broker)
        }
    }
}

fn shown(path: Option<&PathBuf>) -> String {
    path.map_or_else(String::new, |path| path.display().to_string())
}

fn entered_path(row: &adw::EntryRow) -> Result<Option<PathBuf>, String> {
    let text = row.text();
    match text.as_str() {
        "" => Ok(None),
        path if path.starts_with('/') => Ok(Some(path.into())),
        _ => Err(named(&row.title(), &gettext("a path here starts with /"))),
    }
}

fn named(field: &str, problem: &str) -> String {
    // Translators: {field} is the name of a field, {problem} says in lower case what is wrong with it.
    gettext_f("{field}: {problem}.", &[("field", field), ("problem", problem)])
}

glib::wrapper! {
    /// What concerns all feeds.
    pub struct PreferencesDialog(ObjectSubclass<imp::PreferencesDialog>)
        @extends adw::PreferencesDialog, adw::Dialog, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::ShortcutManager;
}

impl PreferencesDialog {
    /// A dialog that shows what holds.
    pub fn new(desk: &Desk) -> Self {
        let dialog: Self = Object::new();
        dialog.imp().show(desk);
        dialog
    }
}
