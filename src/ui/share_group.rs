//! A feed among others: its share of the bitrate that there is for all, and how important it is.

use std::cell::{Cell, RefCell};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{
    CompositeTemplate,
    glib::{self, Properties, SignalHandlerId, clone},
};

use super::{
    model::{Desk, FeedObject, share_words},
    shares_dialog::SharesDialog,
    steady::Steady,
};
use crate::{
    config::{Attention, Importance, ShareConfig},
    engine::FeedCommand,
};

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Default, Properties)]
    #[properties(wrapper_type = super::ShareGroup)]
    #[template(file = "share_group.ui")]
    pub struct ShareGroup {
        #[template_child]
        share: TemplateChild<adw::ActionRow>,
        #[template_child]
        takes_part: TemplateChild<adw::SwitchRow>,
        #[template_child]
        importance: TemplateChild<adw::SpinRow>,
        #[template_child]
        focus: TemplateChild<adw::SpinRow>,
        #[template_child]
        pinned: TemplateChild<adw::SwitchRow>,
        /// Who carries out what is chosen here.
        #[property(get, set, nullable)]
        desk: RefCell<Option<Desk>>,
        /// The feed that is shown.
        #[property(get, set = Self::set_feed, nullable)]
        feed: RefCell<Option<FeedObject>>,
        handler: RefCell<Option<SignalHandlerId>>,
        /// The rows are being made to show what holds: nobody asks for anything.
        showing: Cell<bool>,
        steady: Steady,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for ShareGroup {
        const NAME: &'static str = "HlgShareGroup";
        type Type = super::ShareGroup;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            FeedObject::ensure_type();
            class.bind_template();
            class.bind_template_callbacks();
        }

        fn instance_init(obj: &glib::subclass::InitializingObject<Self>) {
            obj.init_template();
        }
    }

    #[glib::derived_properties]
    impl ObjectImpl for ShareGroup {
        fn constructed(&self) {
            self.parent_constructed();
            self.showing.set(true);
            for row in [&self.importance, &self.focus] {
                row.set_adjustment(Some(&gtk::Adjustment::new(0.0, 0.0, Importance::MOST, 1.0, 10.0, 0.0)));
            }
            self.showing.set(false);
        }

        fn dispose(&self) {
            self.steady.stop();
        }
    }

    impl WidgetImpl for ShareGroup {}
    impl BinImpl for ShareGroup {}

    #[gtk::template_callbacks]
    impl ShareGroup {
        fn set_feed(&self, feed: Option<FeedObject>) {
            if self.steady.stop() {
                self.apply();
            }
            if let (Some(old), Some(handler)) = (self.feed.replace(feed.clone()), self.handler.take()) {
                old.disconnect(handler);
            }
            let Some(feed) = feed else { return };
            let follow = clone!(
                #[weak(rename_to = imp)]
                self,
                move |_: &FeedObject| imp.show()
            );
            self.handler.replace(Some(feed.connect_deciding_notify(follow)));
            self.show();
        }

        /// Shows what holds, but for what is being entered.
        fn show(&self) {
            let (desk, feed) = (self.desk.borrow().clone(), self.feed.borrow().clone());
            let Some((desk, feed)) = desk.zip(feed) else { return };
            let ShareConfig { importance, focus_importance, is_independent } = feed.config().share;
            let share = feed.share();
            self.showing.set(true);
            self.share.set_subtitle(&share_words(share.as_ref(), &desk.control()));
            self.takes_part.set_active(!is_independent);
            for row in [self.importance.upcast_ref::<gtk::Widget>(), self.focus.upcast_ref()] {
                row.set_visible(!is_independent);
            }
            self.pinned.set_visible(!is_independent && focus_importance.is_some());
            let is_pinned = share.is_some_and(|share| share.attention.contains(&Attention::Pinned));
            self.pinned.set_active(is_pinned);
            if !self.steady.is_waiting() {
                self.importance.set_value(importance.value());
                self.focus.set_value(focus_importance.map_or(0.0, Importance::value));
            }
            self.showing.set(false);
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

        #[template_callback]
        fn part_switched(&self) {
            if !self.showing.get() {
                self.apply();
            }
        }

        #[template_callback]
        fn pin_switched(&self) {
            if self.showing.get() {
                return;
            }
            let (desk, feed) = (self.desk.borrow().clone(), self.feed.borrow().clone());
            if let Some((desk, feed)) = desk.zip(feed) {
                let on = self.pinned.is_active();
                desk.command(&feed, FeedCommand::Attend { attention: Attention::Pinned, on });
            }
        }

        fn apply(&self) {
            let (desk, feed) = (self.desk.borrow().clone(), self.feed.borrow().clone());
            let Some((desk, feed)) = desk.zip(feed) else { return };
            let number = |row: &adw::SpinRow| Importance::try_from(row.value()).unwrap_or_default();
            let share = ShareConfig {
                importance: number(&self.importance),
                focus_importance: Some(number(&self.focus)).filter(|focus| focus.value() > 0.0),
                is_independent: !self.takes_part.is_active(),
            };
            desk.set_share(&feed, share);
            self.show();
        }

        #[template_callback]
        fn open_shares(&self) {
            if let Some(desk) = self.desk.borrow().clone() {
                SharesDialog::new(&desk).present(Some(&*self.obj()));
            }
        }
    }
}

glib::wrapper! {
    /// A feed among others.
    pub struct ShareGroup(ObjectSubclass<imp::ShareGroup>)
        @extends adw::Bin, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}
