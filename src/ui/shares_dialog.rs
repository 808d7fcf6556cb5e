//! The bitrate that there is for all feeds, and what each of them gets of it.

use std::cell::{Cell, RefCell};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{
    CompositeTemplate,
    glib::{self, Object, SignalHandlerId, clone},
};

use super::{
    model::{Desk, FeedObject, share_words},
    steady::Steady,
    units,
};
use crate::{
    config::{BudgetKind, ControlConfig, FeedId},
    control::ControlState,
    i18n::{gettext, gettext_f},
};

/// Width of the bars, in logical pixels.
const BAR_WIDTH: i32 = 96;

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Default)]
    #[template(file = "shares_dialog.ui")]
    pub struct SharesDialog {
        #[template_child]
        budget: TemplateChild<adw::ComboRow>,
        #[template_child]
        kbps: TemplateChild<adw::SpinRow>,
        #[template_child]
        shortfall: TemplateChild<adw::Banner>,
        #[template_child]
        shares: TemplateChild<adw::PreferencesGroup>,
        desk: RefCell<Option<Desk>>,
        handler: RefCell<Option<SignalHandlerId>>,
        rows: RefCell<Vec<(FeedId, super::Share)>>,
        /// The rows are being made to show what holds: nobody asks for anything.
        showing: Cell<bool>,
        steady: Steady,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for SharesDialog {
        const NAME: &'static str = "HlgSharesDialog";
        type Type = super::SharesDialog;
        type ParentType = adw::Dialog;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
            class.bind_template_callbacks();
        }

        fn instance_init(obj: &glib::subclass::InitializingObject<Self>) {
            obj.init_template();
        }
    }

    impl ObjectImpl for SharesDialog {
        fn constructed(&self) {
            self.parent_constructed();
            self.showing.set(true);
            let names: Vec<String> = BudgetKind::ALL.iter().map(|kind| words(*kind)).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            self.budget.set_model(Some(&gtk::StringList::new(&names)));
            let (least, most) = ControlConfig::BUDGET_KBPS.into_inner();
            let kbps = gtk::Adjustment::new(least.into(), least.into(), most.into(), 500.0, 5000.0, 0.0);
            self.kbps.set_adjustment(Some(&kbps));
            self.showing.set(false);
        }

        fn dispose(&self) {
            self.forget();
        }
    }

    impl WidgetImpl for SharesDialog {}

    impl AdwDialogImpl for SharesDialog {
        fn closed(&self) {
            self.forget();
        }
    }

    #[gtk::template_callbacks]
    impl SharesDialog {
        pub(super) fn follow(&self, desk: &Desk) {
            let changed = clone!(
                #[weak(rename_to = imp)]
                self,
                move || imp.show()
            );
            self.handler.replace(Some(desk.connect_shared(changed)));
            self.desk.replace(Some(desk.clone()));
            self.show();
        }

        fn forget(&self) {
            if self.steady.stop() {
                self.apply();
            }
            if let (Some(desk), Some(handler)) = (self.desk.take(), self.handler.take()) {
                desk.disconnect(handler);
            }
        }

        fn show(&self) {
            let Some(desk) = self.desk.borrow().clone() else { return };
            let state = desk.control();
            self.showing.set(true);
            let kind = BudgetKind::ALL.iter().position(|kind| *kind == state.config.budget);
            self.budget.set_selected(kind.unwrap_or_default() as u32);
            self.kbps.set_visible(state.config.budget == BudgetKind::Fixed);
            if !self.steady.is_waiting() {
                self.kbps.set_value(state.config.budget_kbps.into());
            }
            self.shortfall.set_title(state.shortfall.as_deref().unwrap_or_default());
            self.shortfall.set_revealed(state.shortfall.is_some());
            self.shares.set_description(Some(&there_is(&state)).filter(|words| !words.is_empty()).map(String::as_str));
            self.showing.set(false);
            let feeds: Vec<FeedObject> = desk.feeds().iter().filter_map(Result::ok).collect();
            self.make_rows(&feeds);
            for ((_, row), feed) in self.rows.borrow().iter().zip(&feeds) {
                row.show(feed, &state);
            }
        }

        fn make_rows(&self, feeds: &[FeedObject]) {
            let ids: Vec<FeedId> = feeds.iter().map(FeedObject::id).collect();
            if self.rows.borrow().iter().map(|(id, _)| id).eq(&ids) {
                return;
            }
            for (_, row) in self.rows.take() {
                self.shares.remove(&row.row);
            }
            let rows: Vec<_> = ids.into_iter().map(|id| (id, Share::new())).collect();
            for (_, row) in &rows {
                self.shares.add(&row.row);
            }
            self.rows.replace(rows);
        }

        #[template_callback]
        fn budget_chosen(&self) {
            if !self.showing.get() {
                self.apply();
            }
        }

        #[template_callback]
        fn number_changed(&self) {
            if self.showing.get() {
                return;
            }
            self.steady.changed(clone!(
                #[weak(rename_to = imp)]
                self,
                move || imp.apply()
            ));
        }

        fn apply(&self) {
            let Some(desk) = self.desk.borrow().clone() else { return };
            let control = ControlConfig {
                budget: BudgetKind::ALL.get(self.budget.selected() as usize).copied().unwrap_or_default(),
                budget_kbps: self.kbps.value().round() as u32,
                ..desk.control().config
            };
            desk.set_control(control);
        }
    }
}

/// What a feed gets.
struct Share {
    row: adw::ActionRow,
    bar: gtk::LevelBar,
    kbps: gtk::Label,
}

impl Share {
    fn new() -> Self {
        let row = adw::ActionRow::builder().use_markup(false).build();
        let bar = gtk::LevelBar::builder().width_request(BAR_WIDTH).valign(gtk::Align::Center).build();
        // One colour: much is neither good nor bad.
        for offset in [gtk::LEVEL_BAR_OFFSET_LOW, gtk::LEVEL_BAR_OFFSET_HIGH, gtk::LEVEL_BAR_OFFSET_FULL] {
            bar.remove_offset_value(Some(offset));
        }
        let kbps = gtk::Label::builder().width_chars(10).xalign(1.0).css_classes(["numeric"]).build();
        bar.update_property(&[gtk::accessible::Property::Label(&gettext("Part of what there is"))]);
        row.add_suffix(&bar);
        row.add_suffix(&kbps);
        Self { row, bar, kbps }
    }

    fn show(&self, feed: &FeedObject, state: &ControlState) {
        let share = feed.share();
        self.row.set_title(&feed.name());
        let mut words = share_words(share.as_ref(), state);
        let kbps = share.as_ref().and_then(|share| share.share_kbps);
        if let (Some(share), Some(_)) = (&share, kbps) {
            // Translators: {importance} is a number.
            words = gettext_f("Importance {importance}", &[("importance", &share.importance.to_string())]);
            if share.has_attention {
                // Translators: {words} is such as Importance 3; somebody looks at this camera.
                words = gettext_f("{words}, looked at", &[("words", &words)]);
            }
        }
        self.row.set_subtitle(&words);
        self.kbps.set_label(&kbps.map_or_else(String::new, |kbps| units::bitrate(kbps.into())));
        let part = kbps.zip(state.shared_kbps).map(|(kbps, all)| f64::from(kbps) / f64::from(all.max(1)));
        self.bar.set_value(part.unwrap_or_default().min(1.0));
        self.bar.set_visible(part.is_some());
    }
}

/// What there is, in words.
fn there_is(state: &ControlState) -> String {
    let Some(kbps) = state.shared_kbps else { return String::new() };
    let (kbps, reserved) = (units::bitrate(kbps.into()), units::bitrate(state.reserved_kbps.into()));
    if state.reserved_kbps > 0 {
        // Translators: both are bitrates, such as 6.0 Mbit/s.
        gettext_f(
            "{bitrate} are shared out; cameras that take no part have {reserved}.",
            &[("bitrate", &kbps), ("reserved", &reserved)],
        )
    } else {
        // Translators: {bitrate} is such as 6.0 Mbit/s.
        gettext_f("{bitrate} are shared out.", &[("bitrate", &kbps)])
    }
}

fn words(kind: BudgetKind) -> String {
    match kind {
        // Translators: what bitrate cameras share: none, each sees for itself.
        BudgetKind::Off => gettext("Nothing"),
        // Translators: what bitrate cameras share: a fixed one.
        BudgetKind::Fixed => gettext("A Fixed Bitrate"),
        // Translators: what bitrate cameras share: as much as the network is thought to carry.
        BudgetKind::Estimates => gettext("What the Network Carries"),
    }
}

glib::wrapper! {
    /// The bitrate that there is for all feeds.
    pub struct SharesDialog(ObjectSubclass<imp::SharesDialog>)
        @extends adw::Dialog, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget, gtk::ShortcutManager;
}

impl SharesDialog {
    /// The feeds of this desk.
    pub fn new(desk: &Desk) -> Self {
        let dialog: Self = Object::new();
        dialog.imp().follow(desk);
        dialog
    }
}
