//! The window: the list of feeds at the left, the selected one beside it.

mod feeds;

use std::cell::{Cell, RefCell};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{
    CompositeTemplate, gio,
    glib::{self, Object, Properties, clone},
};

use super::{
    Application, FeedPage, FeedRow, Notices, PreferencesDialog, TroubleshootingDialog,
    action::Action,
    model::{Desk, FeedObject},
    toasts, window_state,
};
use crate::i18n::gettext;

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Default, Properties)]
    #[properties(wrapper_type = super::Window)]
    #[template(file = "window.ui")]
    pub struct Window {
        #[template_child]
        pub(super) toasts: TemplateChild<adw::ToastOverlay>,
        #[template_child]
        pub(super) stack: TemplateChild<gtk::Stack>,
        #[template_child]
        pub(super) split: TemplateChild<adw::OverlaySplitView>,
        #[template_child]
        pub(super) list: TemplateChild<gtk::ListBox>,
        #[template_child]
        pub(super) feed_page: TemplateChild<FeedPage>,
        #[template_child]
        pub(super) notices: TemplateChild<Notices>,
        #[template_child]
        pub(super) empty_notices: TemplateChild<Notices>,
        #[template_child]
        details_toggle: TemplateChild<gtk::ToggleButton>,
        /// The feeds of the list, in its order.
        pub(super) listed: RefCell<Option<gio::ListModel>>,
        /// What the window works on.
        #[property(get, set, nullable)]
        pub(super) desk: RefCell<Option<Desk>>,
        /// The feed that is shown beside the list; none where there is none.
        #[property(get, set, nullable)]
        pub(super) selected: RefCell<Option<FeedObject>>,
        /// Whether the details of the selected feed are shown.
        #[property(get, set)]
        pub(super) show_details: Cell<bool>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for Window {
        const NAME: &'static str = "HlgWindow";
        type Type = super::Window;
        type ParentType = adw::ApplicationWindow;

        fn class_init(class: &mut Self::Class) {
            FeedObject::ensure_type();
            FeedPage::ensure_type();
            Notices::ensure_type();
            class.bind_template();
            class.bind_template_callbacks();
        }

        fn instance_init(obj: &glib::subclass::InitializingObject<Self>) {
            obj.init_template();
        }
    }

    #[glib::derived_properties]
    impl ObjectImpl for Window {
        fn constructed(&self) {
            self.parent_constructed();
            let window = self.obj();
            window.set_show_details(true);
            for (target, property) in
                [(self.details_toggle.upcast_ref::<Object>(), "active"), (self.feed_page.upcast_ref(), "show-details")]
            {
                window.bind_property("show-details", target, property).bidirectional().sync_create().build();
            }
            window.bind_property("selected", &*self.feed_page, "feed").build();
            Action::install(&window);
            window.connect_selected_notify(Action::update);
        }
    }

    impl WidgetImpl for Window {}

    impl WindowImpl for Window {
        fn close_request(&self) -> glib::Propagation {
            // The application ends the feeds first, and then the window goes.
            match self.obj().application().and_downcast::<Application>() {
                Some(application) => {
                    application.end();
                    glib::Propagation::Stop
                }
                None => self.parent_close_request(),
            }
        }
    }

    impl ApplicationWindowImpl for Window {}
    impl AdwApplicationWindowImpl for Window {}

    #[gtk::template_callbacks]
    impl Window {
        #[template_callback]
        fn row_selected(&self, row: Option<&gtk::ListBoxRow>) {
            let row = row.and_then(|row| row.downcast_ref::<FeedRow>());
            let feed = row.and_then(FeedRow::feed);
            if let Some(desk) = self.desk.borrow().as_ref() {
                desk.look_at(feed.as_ref().filter(|feed| feed.local()));
            }
            self.obj().set_selected(feed);
        }

        /// On a narrow window the list lies over the feed that was chosen.
        #[template_callback]
        fn row_activated(&self) {
            if self.split.is_collapsed() {
                self.split.set_show_sidebar(false);
            }
        }
    }
}

glib::wrapper! {
    /// The window.
    pub struct Window(ObjectSubclass<imp::Window>)
        @extends adw::ApplicationWindow, gtk::ApplicationWindow, gtk::Window, gtk::Widget,
        @implements gio::ActionGroup, gio::ActionMap, gtk::Accessible, gtk::Buildable,
            gtk::ConstraintTarget, gtk::Native, gtk::Root, gtk::ShortcutManager;
}

impl Window {
    /// A window of this application that shows the feeds of the desk.
    pub fn new(application: &impl IsA<gtk::Application>, desk: &Desk) -> Self {
        let window: Self = Object::builder().property("application", application).build();
        window_state::bind(&window);
        window.open(desk);
        window
    }

    /// A second has passed.
    pub fn tick(&self) {
        if self.is_mapped() {
            self.imp().feed_page.tick();
        }
    }

    /// The page of the selected feed.
    pub fn feed_page(&self) -> FeedPage {
        self.imp().feed_page.get()
    }

    pub(super) fn present_troubleshooting(&self) {
        if let Some(desk) = self.desk() {
            TroubleshootingDialog::new(&desk).present(Some(self));
        }
    }

    /// Opens the preferences at the page of this name.
    pub(super) fn present_preferences(&self, page: &str) {
        if let Some(desk) = self.desk() {
            let dialog = PreferencesDialog::new(&desk);
            dialog.set_visible_page_name(page);
            dialog.present(Some(self));
        }
    }

    fn open(&self, desk: &Desk) {
        let imp = self.imp();
        self.set_desk(Some(desk));
        imp.notices.set_desk(Some(desk));
        imp.empty_notices.set_desk(Some(desk));
        imp.feed_page.set_desk(Some(desk));
        let feeds = desk.listed();
        imp.list.bind_model(Some(&feeds), |feed| {
            let feed = feed.downcast_ref().expect("the desk should hold feeds only");
            FeedRow::new(feed).upcast()
        });
        feeds.connect_items_changed(clone!(
            #[weak(rename_to = window)]
            self,
            move |feeds, _, _, _| window.feeds_changed(feeds.n_items())
        ));
        desk.connect_notice(clone!(
            #[weak(rename_to = window)]
            self,
            move |title, details| window.show_notice(title, details)
        ));
        desk.connect_saved(clone!(
            #[weak(rename_to = window)]
            self,
            move |title, path| window.show_saved(title, path)
        ));
        self.feeds_changed(feeds.n_items());
        imp.listed.replace(Some(feeds));
    }

    /// Keeps a feed selected as long as there is one.
    fn feeds_changed(&self, count: u32) {
        let imp = self.imp();
        imp.stack.set_visible_child_name(if count == 0 { "empty" } else { "feeds" });
        if imp.list.selected_row().is_none() {
            imp.list.select_row(imp.list.row_at_index(0).as_ref());
        }
    }

    fn show_saved(&self, title: &str, path: &str) {
        let toast = adw::Toast::builder().title(title).use_markup(false).button_label(gettext("Open _Folder")).build();
        let file = gio::File::for_path(path);
        toast.connect_button_clicked(clone!(
            #[weak(rename_to = window)]
            self,
            move |_| {
                gtk::FileLauncher::new(Some(&file)).open_containing_folder(
                    Some(&window),
                    gio::Cancellable::NONE,
                    |result| {
                        if let Err(error) = result {
                            tracing::warn!("The folder cannot be shown: {error}");
                        }
                    },
                );
            }
        ));
        self.imp().toasts.add_toast(toast);
    }

    fn show_notice(&self, title: &str, details: &str) {
        // Where something is set, it is told there.
        if self.visible_dialog().is_some_and(|dialog| dialog.is::<PreferencesDialog>()) {
            return;
        }
        self.imp().toasts.add_toast(toasts::notice(self, title, details));
    }
}
