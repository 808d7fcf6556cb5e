//! What a feed is made with, and why: the camera's stream, decoder, encoder, sound, certificate.

use std::cell::RefCell;

use adw::{prelude::*, subclass::prelude::*};
use gtk::{
    CompositeTemplate,
    glib::{self, Properties, SignalHandlerId, clone},
};

use super::{
    ElementDialog, details_dialog,
    model::{Desk, FeedObject},
};
use crate::{
    config::{RtspConfig, SourceConfig, StreamChoice},
    i18n::gettext,
};

/// The camera's streams in the order in which they are offered.
const STREAMS: [StreamChoice; 2] = [StreamChoice::Main, StreamChoice::Sub];

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Default, Properties)]
    #[properties(wrapper_type = super::ChosenGroup)]
    #[template(file = "chosen_group.ui")]
    pub struct ChosenGroup {
        #[template_child]
        camera_stream: TemplateChild<adw::ComboRow>,
        #[template_child]
        certificate: TemplateChild<adw::ActionRow>,
        #[template_child]
        forget: TemplateChild<gtk::Button>,
        /// Who carries out what is chosen here.
        #[property(get, set, nullable)]
        desk: RefCell<Option<Desk>>,
        /// The feed that is shown.
        #[property(get, set = Self::set_feed, nullable)]
        feed: RefCell<Option<FeedObject>>,
        handlers: RefCell<Vec<SignalHandlerId>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for ChosenGroup {
        const NAME: &'static str = "HlgChosenGroup";
        type Type = super::ChosenGroup;
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
    impl ObjectImpl for ChosenGroup {}
    impl WidgetImpl for ChosenGroup {}
    impl BinImpl for ChosenGroup {}

    #[gtk::template_callbacks]
    impl ChosenGroup {
        fn set_feed(&self, feed: Option<FeedObject>) {
            if let Some(old) = self.feed.replace(feed.clone()) {
                self.handlers.take().into_iter().for_each(|handler| old.disconnect(handler));
            }
            let Some(feed) = feed else { return };
            let follow = clone!(
                #[weak(rename_to = imp)]
                self,
                move |feed: &FeedObject| imp.show(feed)
            );
            self.handlers
                .replace(vec![feed.connect_source_notify(follow.clone()), feed.connect_certificate_notify(follow)]);
            self.show(&feed);
        }

        /// What only cameras on the network have.
        fn show(&self, feed: &FeedObject) {
            let source = feed.config().source;
            let rtsp = if let SourceConfig::Rtsp(rtsp) = &source { Some(rtsp) } else { None };
            let choice = rtsp.filter(|rtsp| rtsp.sub_address.is_some()).map(|rtsp| rtsp.stream);
            self.camera_stream.set_visible(choice.is_some());
            let position = STREAMS.iter().position(|stream| Some(*stream) == choice).unwrap_or_default();
            self.camera_stream.set_selected(position as u32);
            self.show_certificate(feed, rtsp);
        }

        fn show_certificate(&self, feed: &FeedObject, rtsp: Option<&RtspConfig>) {
            let known = rtsp.and_then(|rtsp| rtsp.certificate);
            self.certificate.set_subtitle(&feed.certificate());
            self.certificate.set_visible(!feed.certificate().is_empty());
            self.certificate.set_tooltip_text(known.map(|known| known.to_string()).as_deref());
            self.forget.set_visible(known.is_some());
        }

        #[template_callback]
        fn stream_chosen(&self) {
            let (desk, feed) = (self.desk.borrow().clone(), self.feed.borrow().clone());
            if let (Some(desk), Some(feed), Some(stream)) =
                (desk, feed, STREAMS.get(self.camera_stream.selected() as usize))
            {
                desk.set_stream(&feed, *stream);
            }
        }

        #[template_callback]
        fn show_encoder(&self) {
            if let Some(feed) = &*self.feed.borrow() {
                details_dialog::present(&*self.obj(), &gettext("Encoder"), &feed.encoder_details());
            }
        }

        #[template_callback]
        fn show_elements(&self) {
            if let (Some(desk), Some(feed)) = (&*self.desk.borrow(), &*self.feed.borrow()) {
                ElementDialog::new(desk, feed).present(Some(&*self.obj()));
            }
        }

        /// Cannot be undone: whatever the camera shows next is what it is known by.
        #[template_callback]
        fn forget_certificate(&self) {
            let (Some(desk), Some(feed)) = (self.desk.borrow().clone(), self.feed.borrow().clone()) else { return };
            let body = gettext(
                "Whichever certificate the camera shows next is trusted from then on. Do this only if you know why it has changed.",
            );
            let dialog = adw::AlertDialog::new(Some(&gettext("Forget the Certificate?")), Some(&body));
            dialog.add_responses(&[("cancel", &gettext("_Cancel")), ("forget", &gettext("_Forget"))]);
            dialog.set_response_appearance("forget", adw::ResponseAppearance::Destructive);
            dialog.set_default_response(Some("cancel"));
            dialog.set_close_response("cancel");
            dialog.connect_response(Some("forget"), move |_, _| desk.forget_certificate(&feed));
            dialog.present(Some(&*self.obj()));
        }
    }
}

glib::wrapper! {
    /// What a feed is made with, and why.
    pub struct ChosenGroup(ObjectSubclass<imp::ChosenGroup>)
        @extends adw::Bin, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}
