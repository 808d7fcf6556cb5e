//! What is kept of a feed: recordings, the last minute, single pictures.

use std::{
    cell::RefCell,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{
    CompositeTemplate,
    glib::{self, Properties, SignalHandlerId, clone},
};

use super::{
    model::{Desk, FeedObject},
    units,
};
use crate::engine::FeedCommand;

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Default, Properties)]
    #[properties(wrapper_type = super::KeepGroup)]
    #[template(file = "keep_group.ui")]
    pub struct KeepGroup {
        #[template_child]
        record: TemplateChild<adw::SwitchRow>,
        #[template_child]
        save: TemplateChild<gtk::Button>,
        #[template_child]
        last: TemplateChild<gtk::Switch>,
        #[template_child]
        snapshot: TemplateChild<gtk::Button>,
        /// Who carries out what is asked for here.
        #[property(get, set, nullable)]
        desk: RefCell<Option<Desk>>,
        /// The feed that is shown.
        #[property(get, set = Self::set_feed, nullable)]
        feed: RefCell<Option<FeedObject>>,
        handlers: RefCell<Vec<SignalHandlerId>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for KeepGroup {
        const NAME: &'static str = "HlgKeepGroup";
        type Type = super::KeepGroup;
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
    impl ObjectImpl for KeepGroup {}
    impl WidgetImpl for KeepGroup {}
    impl BinImpl for KeepGroup {}

    #[gtk::template_callbacks]
    impl KeepGroup {
        fn set_feed(&self, feed: Option<FeedObject>) {
            if let Some(old) = self.feed.replace(feed.clone()) {
                self.handlers.take().into_iter().for_each(|handler| old.disconnect(handler));
            }
            let Some(feed) = feed else { return };
            let follow = clone!(
                #[weak(rename_to = imp)]
                self,
                move |_: &FeedObject| imp.show()
            );
            self.handlers.replace(vec![
                feed.connect_recorded_since_notify(follow.clone()),
                feed.connect_keeps_last_notify(follow),
            ]);
            self.show();
        }

        pub(super) fn show(&self) {
            let Some(feed) = self.feed.borrow().clone() else { return };
            self.record.set_active(feed.recorded_since() > 0.0);
            self.last.set_active(feed.keeps_last());
            self.record.set_subtitle(&elapsed(feed.recorded_since()));
        }

        fn ask(&self, command: FeedCommand) {
            let (desk, feed) = (self.desk.borrow().clone(), self.feed.borrow().clone());
            if let (Some(desk), Some(feed)) = (desk, feed) {
                desk.command(&feed, command);
            }
        }

        #[template_callback]
        fn record_switched(&self) {
            let is_on = self.feed.borrow().as_ref().is_some_and(|feed| feed.recorded_since() > 0.0);
            match (self.record.is_active(), is_on) {
                (true, false) => self.ask(FeedCommand::StartRecording),
                (false, true) => self.ask(FeedCommand::StopRecording),
                _ => {}
            }
        }

        #[template_callback]
        fn last_switched(&self) {
            let is_on = self.feed.borrow().as_ref().is_some_and(FeedObject::keeps_last);
            if self.last.is_active() != is_on {
                self.ask(FeedCommand::KeepLast { on: !is_on });
            }
        }

        #[template_callback]
        fn save_last(&self) {
            self.ask(FeedCommand::SaveLast);
        }

        #[template_callback]
        fn take_snapshot(&self) {
            self.ask(FeedCommand::Snapshot);
        }
    }

    /// For how long something lasts that began then, in seconds since the Unix epoch; 0 is never.
    fn elapsed(since: f64) -> String {
        if since <= 0.0 {
            return String::new();
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        units::span(Duration::from_secs((now - since).max(0.0) as u64))
    }
}

glib::wrapper! {
    /// What is kept of a feed.
    pub struct KeepGroup(ObjectSubclass<imp::KeepGroup>)
        @extends adw::Bin, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl KeepGroup {
    /// A second has passed.
    pub fn tick(&self) {
        self.imp().show();
    }
}
