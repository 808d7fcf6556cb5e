//! What is wrong with a feed, what to do, and the details to pass on.

use std::cell::RefCell;

use adw::subclass::prelude::*;
use gtk::{
    CompositeTemplate,
    glib::{self, Properties, SignalHandlerId, clone},
    prelude::*,
};

use super::model::FeedObject;

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Default, Properties)]
    #[properties(wrapper_type = super::FaultCard)]
    #[template(file = "fault_card.ui")]
    pub struct FaultCard {
        #[template_child]
        icon: TemplateChild<gtk::Image>,
        #[template_child]
        message: TemplateChild<gtk::Label>,
        #[template_child]
        hint: TemplateChild<gtk::Label>,
        #[template_child]
        more: TemplateChild<gtk::Expander>,
        #[template_child]
        detail: TemplateChild<gtk::Label>,
        /// The feed whose trouble is shown; without trouble there is nothing to see.
        #[property(get, set = Self::set_feed, nullable)]
        feed: RefCell<Option<FeedObject>>,
        handlers: RefCell<Vec<SignalHandlerId>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for FaultCard {
        const NAME: &'static str = "HlgFaultCard";
        type Type = super::FaultCard;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
            class.bind_template_callbacks();
        }

        fn instance_init(obj: &glib::subclass::InitializingObject<Self>) {
            obj.init_template();
        }
    }

    #[glib::derived_properties]
    impl ObjectImpl for FaultCard {}
    impl WidgetImpl for FaultCard {}
    impl BinImpl for FaultCard {}

    #[gtk::template_callbacks]
    impl FaultCard {
        fn set_feed(&self, feed: Option<FeedObject>) {
            if let Some(old) = self.feed.replace(feed.clone()) {
                self.handlers.take().into_iter().for_each(|handler| old.disconnect(handler));
            }
            let Some(feed) = feed else { return };
            self.handlers.replace(["fault", "hint", "detail", "health"].map(|name| self.follow(&feed, name)).into());
            self.show(&feed);
        }

        fn follow(&self, feed: &FeedObject, property: &str) -> SignalHandlerId {
            feed.connect_notify_local(
                Some(property),
                clone!(
                    #[weak(rename_to = imp)]
                    self,
                    move |feed, _| imp.show(feed)
                ),
            )
        }

        fn show(&self, feed: &FeedObject) {
            let health = feed.health();
            self.icon.set_icon_name(Some(health.icon()));
            self.icon.set_css_classes(&[health.style_class()]);
            self.message.set_label(&feed.fault());
            self.hint.set_label(&feed.hint());
            self.hint.set_visible(!feed.hint().is_empty());
            self.detail.set_label(&feed.detail());
            self.more.set_visible(!feed.detail().is_empty());
            self.obj().set_visible(!feed.fault().is_empty());
        }

        #[template_callback]
        fn copy(&self) {
            let text = [self.message.label(), self.hint.label(), self.detail.label()].join("\n");
            self.obj().clipboard().set_text(&text);
        }
    }
}

glib::wrapper! {
    /// What is wrong with a feed, and the next step.
    pub struct FaultCard(ObjectSubclass<imp::FaultCard>)
        @extends adw::Bin, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}
