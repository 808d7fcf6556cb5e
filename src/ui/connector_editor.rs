//! Adds a connector, or changes one: its fields are made of what its form asks for.
//!
//! What is accepted is decided in [`super::model::EnteredConnector`].

use std::rc::Rc;

use adw::prelude::*;

use super::{
    at_connector::AtConnector,
    editor::{Asked, Editor, Form},
    feed_dialog::rows::{Changed, Choice, entry, file_row, group, number, switch, value},
    media_rows::MediaRows,
    model::{Desk, EnteredConnector, FeedObject, Misfit},
    secret_row::SecretRow,
};
use crate::{
    config::{
        Codec, ConnectorConfig, ConnectorForm, ConnectorId, FeedChoice, FeedId, Field, FieldKind, PasswordSource,
    },
    connector::FORMS,
    i18n::{gettext, gettext_f},
};

/// The page on which a kind is picked.
pub(super) fn picker(picked: impl Fn(&'static ConnectorForm) + Clone + 'static) -> adw::NavigationPage {
    let kinds = adw::PreferencesGroup::new();
    for form in FORMS.iter().copied() {
        let row = adw::ActionRow::builder().title((form.name)()).subtitle((form.line)()).activatable(true).build();
        row.add_prefix(&presentation(form.icon));
        row.add_suffix(&presentation("go-next-symbolic"));
        let picked = picked.clone();
        row.connect_activated(move |_| picked(form));
        kinds.add(&row);
    }
    let page = adw::PreferencesPage::new();
    page.add(&kinds);
    let view = adw::ToolbarView::builder().content(&page).build();
    view.add_top_bar(&adw::HeaderBar::builder().show_end_title_buttons(false).build());
    adw::NavigationPage::builder().title(gettext("Add a Connector")).child(&view).build()
}

fn presentation(icon: &str) -> gtk::Image {
    gtk::Image::builder().icon_name(icon).accessible_role(gtk::AccessibleRole::Presentation).build()
}

/// The page for a new connector of this kind, or for one that is there.
pub(super) fn open(desk: &Desk, form: &'static ConnectorForm, old: Option<ConnectorConfig>) -> Editor {
    let confirm = if old.is_none() { gettext("_Add") } else { gettext("_Apply") };
    let title = old.as_ref().map_or_else(|| (form.name)(), |old| old.id.to_string());
    let editor = Editor::new(&title, &confirm);
    editor.show_form(Rc::new(Fields::new(desk, form, old, &editor.changed())));
    editor
}

struct Fields {
    desk: Desk,
    form: &'static ConnectorForm,
    old: Option<ConnectorConfig>,
    name: Option<(adw::EntryRow, Asked)>,
    own: Vec<(&'static Field, Row, Asked)>,
    /// How it is there; of a new one nothing is known.
    there: Option<AtConnector>,
    feeds: FeedRows,
    media: MediaRows,
}

impl Fields {
    fn new(desk: &Desk, form: &'static ConnectorForm, old: Option<ConnectorConfig>, changed: &Changed) -> Self {
        let entered = match &old {
            Some(old) => EnteredConnector::of(old, form),
            None => EnteredConnector::new(form, &taken_by(desk)),
        };
        let name = old.is_none().then(|| {
            let row = entry(&gettext("Your name for it"), changed);
            row.set_text(&entered.id);
            let asked = Asked::new("id", &row, changed);
            (row, asked)
        });
        let own = form.fields.iter().map(|field| {
            let source = old.as_ref().and_then(|old| old.secrets.get(field.key));
            let row = Row::new(field, entered.texts.get(field.key).map(String::as_str), source, changed);
            let asked = Asked::new(field.key, row.widget(), changed);
            (field, row, asked)
        });
        Self {
            desk: desk.clone(),
            form,
            name,
            own: own.collect(),
            there: old.as_ref().map(|old| AtConnector::follow(desk, old.id.clone())),
            feeds: FeedRows::new(desk, &entered.feeds, changed),
            media: MediaRows::new(&entered.media, changed),
            old,
        }
    }

    fn entered(&self) -> EnteredConnector {
        let mut entered = EnteredConnector::new(self.form, &[]);
        if let Some((row, _)) = &self.name {
            entered.id = row.text().into();
        }
        for (field, row, _) in &self.own {
            match row {
                Row::Secret(secret) => {
                    entered.secrets.insert(field.key, secret.typed());
                    if secret.is_forgotten() {
                        entered.forgotten.insert(field.key);
                    }
                }
                _ => drop(entered.texts.insert(field.key, row.text())),
            }
        }
        entered.feeds = self.feeds.get();
        entered.media = self.media.get();
        entered
    }
}

/// The names that other connectors have.
fn taken_by(desk: &Desk) -> Vec<ConnectorId> {
    desk.connectors().into_iter().map(|known| known.id).collect()
}

impl Form for Fields {
    fn groups(&self) -> Vec<adw::PreferencesGroup> {
        let asked = self.name.iter().map(|(_, asked)| asked).chain(self.own.iter().map(|(_, _, asked)| asked));
        let rows: Vec<&gtk::Widget> = asked.flat_map(Asked::rows).collect();
        let first = group("", &rows);
        first.set_description(Some(&(self.form.line)()));
        let asked_less = [self.feeds.group.clone(), self.media.group.clone()];
        let there = self.there.as_ref().map(|there| there.group.clone());
        [first].into_iter().chain(there).chain(asked_less).collect()
    }

    fn asked(&self) -> Vec<&Asked> {
        let name = self.name.iter().map(|(_, asked)| asked);
        let own = self.own.iter().map(|(_, _, asked)| asked);
        name.chain(own).chain([&self.feeds.asked]).chain(self.media.asked()).collect()
    }

    fn misfits(&self) -> Vec<Misfit> {
        self.entered().check(self.old.as_ref(), &taken_by(&self.desk)).err().unwrap_or_default()
    }

    fn finish(&self) {
        if let Ok(described) = self.entered().check(self.old.as_ref(), &taken_by(&self.desk)) {
            self.desk.set_connector(described);
        }
    }

    fn reveal(&self, field: &str) {
        self.media.reveal(field);
    }
}

/// The row of a field.
enum Row {
    Text(adw::EntryRow),
    Secret(SecretRow),
    Number(adw::SpinRow),
    Choice(Choice<&'static str>),
}

impl Row {
    /// A row that holds this text, or what holds where nothing is said.
    fn new(field: &'static Field, text: Option<&str>, source: Option<&PasswordSource>, changed: &Changed) -> Self {
        let label = (field.label)();
        match &field.kind {
            FieldKind::Address { schemes, .. } => {
                let form = schemes.first().map_or_else(String::new, |scheme| format!("{scheme}://…"));
                // Translators: {label} is the name of a field, {form} how it begins, such as wss://…
                let row = entry(&gettext_f("{label}, {form}", &[("label", &label), ("form", &form)]), changed);
                row.set_input_purpose(gtk::InputPurpose::Url);
                row.set_text(text.unwrap_or_default());
                Self::Text(row)
            }
            FieldKind::Text => {
                let row = entry(&label, changed);
                row.set_text(text.unwrap_or_default());
                Self::Text(row)
            }
            FieldKind::File => Self::Text(file_row(&label, text.unwrap_or_default(), changed)),
            FieldKind::Secret { .. } => Self::Secret(SecretRow::new(&label, source, changed)),
            FieldKind::Number { range, default } => {
                let row = number(&label, range, 1, changed);
                row.set_value(text.and_then(|text| text.parse().ok()).unwrap_or(*default).into());
                Self::Number(row)
            }
            FieldKind::Choice { words } => {
                let choice = Choice::new(&label, words.iter().map(|word| (*word, words_for(word))), changed);
                if let Some(word) = words.iter().find(|word| text == Some(**word)) {
                    choice.set(word);
                }
                Self::Choice(choice)
            }
        }
    }

    fn widget(&self) -> &gtk::Widget {
        match self {
            Self::Text(row) => row.upcast_ref(),
            Self::Secret(secret) => secret.row.upcast_ref(),
            Self::Number(row) => row.upcast_ref(),
            Self::Choice(choice) => choice.row.upcast_ref(),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Text(row) => row.text().into(),
            // What is secret is asked for apart.
            Self::Secret(_) => String::new(),
            Self::Number(row) => value(row).to_string(),
            Self::Choice(choice) => choice.get().unwrap_or_default().to_owned(),
        }
    }
}

/// What a word of the settings is called, where people call it otherwise.
fn words_for(word: &str) -> String {
    word.parse::<Codec>().map_or_else(|_| word.to_owned(), |codec| codec.to_string())
}

/// Which feeds go there: all, or those that are chosen.
struct FeedRows {
    group: adw::PreferencesGroup,
    all: adw::SwitchRow,
    chosen: Vec<(FeedId, adw::SwitchRow)>,
    /// Chosen ones that are not there now; they may come back.
    away: Vec<FeedId>,
    asked: Asked,
}

impl FeedRows {
    fn new(desk: &Desk, choice: &FeedChoice, changed: &Changed) -> Self {
        let feeds: Vec<FeedObject> = desk.feeds().iter().filter_map(Result::ok).collect();
        let mut rows = Vec::new();
        for feed in &feeds {
            let row = switch("", "", changed);
            row.set_use_markup(false);
            row.set_title(&feed.name());
            row.set_active(choice.includes(&feed.id()) && *choice != FeedChoice::All);
            rows.push((feed.id(), row));
        }
        let all = switch(&gettext("All Cameras"), &gettext("Also those that are added later"), changed);
        all.set_active(*choice == FeedChoice::All);
        let asked = Asked::new("feeds", &all, changed);
        let group = group(&gettext("Which Cameras"), &asked.rows());
        for (_, row) in &rows {
            group.add(row);
            all.bind_property("active", row, "visible").invert_boolean().sync_create().build();
        }
        let away = match choice {
            FeedChoice::All => Vec::new(),
            FeedChoice::These(ids) => {
                ids.iter().filter(|id| feeds.iter().all(|feed| feed.id() != **id)).cloned().collect()
            }
        };
        Self { group, all, chosen: rows, away, asked }
    }

    fn get(&self) -> FeedChoice {
        if self.all.is_active() {
            return FeedChoice::All;
        }
        let chosen = self.chosen.iter().filter(|(_, row)| row.is_active()).map(|(id, _)| id);
        FeedChoice::These(chosen.chain(&self.away).cloned().collect())
    }
}
