//! A feed in the list: how it is, what it is called.

use std::cell::RefCell;

use gtk::{
    CompositeTemplate,
    glib::{self, Object, Properties, clone},
    prelude::*,
    subclass::prelude::*,
};

use super::model::{FeedObject, Health};

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Default, Properties)]
    #[properties(wrapper_type = super::FeedRow)]
    #[template(file = "feed_row.ui")]
    pub struct FeedRow {
        #[template_child]
        icon: TemplateChild<gtk::Image>,
        /// The feed that is shown.
        #[property(get, set = Self::set_feed, nullable)]
        feed: RefCell<Option<FeedObject>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for FeedRow {
        const NAME: &'static str = "HlgFeedRow";
        type Type = super::FeedRow;
        type ParentType = gtk::ListBoxRow;

        fn class_init(class: &mut Self::Class) {
            FeedObject::ensure_type();
            class.bind_template();
        }

        fn instance_init(obj: &glib::subclass::InitializingObject<Self>) {
            obj.init_template();
        }
    }

    #[glib::derived_properties]
    impl ObjectImpl for FeedRow {}
    impl WidgetImpl for FeedRow {}
    impl ListBoxRowImpl for FeedRow {}

    impl FeedRow {
        fn set_feed(&self, feed: Option<FeedObject>) {
            if let Some(feed) = &feed {
                feed.connect_health_notify(clone!(
                    #[weak(rename_to = imp)]
                    self,
                    move |feed| imp.show(feed.health())
                ));
                self.show(feed.health());
            }
            self.feed.replace(feed);
        }

        fn show(&self, health: Health) {
            self.icon.set_icon_name(Some(health.icon()));
            self.icon.set_css_classes(&[health.style_class()]);
        }
    }
}

glib::wrapper! {
    /// A feed in the list.
    pub struct FeedRow(ObjectSubclass<imp::FeedRow>)
        @extends gtk::ListBoxRow, gtk::Widget,
        @implements gtk::Accessible, gtk::Actionable, gtk::Buildable, gtk::ConstraintTarget;
}

impl FeedRow {
    /// A row for this feed.
    pub fn new(feed: &FeedObject) -> Self {
        Object::builder().property("feed", feed).build()
    }
}
