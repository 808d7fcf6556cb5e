//! What goes out of a feed: on or off, where, and to how many.

use std::cell::RefCell;

use adw::{prelude::*, subclass::prelude::*};
use gtk::{
    CompositeTemplate,
    glib::{self, Properties, SignalHandlerId, clone},
};

use super::model::{Desk, FeedObject};
use crate::i18n::gettext;

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Default, Properties)]
    #[properties(wrapper_type = super::StreamGroup)]
    #[template(file = "stream_group.ui")]
    pub struct StreamGroup {
        #[template_child]
        streaming: TemplateChild<adw::SwitchRow>,
        #[template_child]
        link: TemplateChild<adw::ActionRow>,
        /// Who carries out the switch, and knows the link.
        #[property(get, set = Self::set_desk, nullable)]
        desk: RefCell<Option<Desk>>,
        /// The feed that is shown.
        #[property(get, set = Self::set_feed, nullable)]
        feed: RefCell<Option<FeedObject>>,
        handlers: RefCell<Vec<SignalHandlerId>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for StreamGroup {
        const NAME: &'static str = "HlgStreamGroup";
        type Type = super::StreamGroup;
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
    impl ObjectImpl for StreamGroup {}
    impl WidgetImpl for StreamGroup {}
    impl BinImpl for StreamGroup {}

    #[gtk::template_callbacks]
    impl StreamGroup {
        fn set_desk(&self, desk: Option<Desk>) {
            if let Some(desk) = &desk {
                desk.connect_viewer_url_notify(clone!(
                    #[weak(rename_to = imp)]
                    self,
                    move |_| imp.show()
                ));
            }
            self.desk.replace(desk);
        }

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
            self.handlers
                .replace(vec![feed.connect_streaming_notify(follow.clone()), feed.connect_picture_notify(follow)]);
            self.show();
        }

        fn show(&self) {
            let (desk, feed) = (self.desk.borrow().clone(), self.feed.borrow().clone());
            let (Some(desk), Some(feed)) = (desk, feed) else { return };
            self.streaming.set_active(feed.streaming());
            self.streaming.set_subtitle(&feed.picture());
            let link = desk.viewer_page(&feed.id()).unwrap_or_else(|| gettext("The server for viewers is closed."));
            self.link.set_subtitle(&glib::markup_escape_text(&link));
        }

        #[template_callback]
        fn switched(&self) {
            let (desk, feed) = (self.desk.borrow().clone(), self.feed.borrow().clone());
            if let (Some(desk), Some(feed)) = (desk, feed) {
                desk.set_streaming(&feed, self.streaming.is_active());
            }
        }
    }
}

glib::wrapper! {
    /// What goes out of a feed.
    pub struct StreamGroup(ObjectSubclass<imp::StreamGroup>)
        @extends adw::Bin, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}
