//! The selected feed: its picture, what is wrong, and what goes out.

use std::cell::{Cell, RefCell};

use adw::{prelude::*, subclass::prelude::*};
use gtk::{
    CompositeTemplate,
    glib::{self, Properties},
};

use super::{
    AgentGroup, ChosenGroup, ConnectionDialog, FaultCard, FiguresGroup, KeepGroup, PreviewTile, SetpointGroup,
    ShareGroup, StreamGroup, ViewersTable,
    model::{Desk, FeedObject},
};

/// Width of the details beside the picture, in logical pixels.
const DETAILS_WIDTH: i32 = 330;

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Default, Properties)]
    #[properties(wrapper_type = super::FeedPage)]
    #[template(file = "feed_page.ui")]
    pub struct FeedPage {
        #[template_child]
        layout: TemplateChild<gtk::Box>,
        #[template_child]
        pub(super) preview: TemplateChild<PreviewTile>,
        #[template_child]
        pub(super) viewers: TemplateChild<ViewersTable>,
        #[template_child]
        details: TemplateChild<adw::Clamp>,
        #[template_child]
        pub(super) parts: TemplateChild<adw::ViewStack>,
        #[template_child]
        pub(super) keep: TemplateChild<KeepGroup>,
        #[template_child]
        pub(super) figures: TemplateChild<FiguresGroup>,
        /// How a viewer is connected, while that is looked at.
        pub(super) connection: glib::WeakRef<ConnectionDialog>,
        /// Who carries out what is asked for here.
        #[property(get, set, nullable)]
        desk: RefCell<Option<Desk>>,
        /// The feed that is shown.
        #[property(get, set, nullable)]
        feed: RefCell<Option<FeedObject>>,
        /// Whether the details stand below the picture instead of beside it.
        #[property(get, set = Self::set_narrow)]
        narrow: Cell<bool>,
        /// Whether the details are shown at all.
        #[property(get, set = Self::set_show_details)]
        show_details: Cell<bool>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for FeedPage {
        const NAME: &'static str = "HlgFeedPage";
        type Type = super::FeedPage;
        type ParentType = adw::Bin;

        fn class_init(class: &mut Self::Class) {
            PreviewTile::ensure_type();
            FaultCard::ensure_type();
            StreamGroup::ensure_type();
            AgentGroup::ensure_type();
            ShareGroup::ensure_type();
            SetpointGroup::ensure_type();
            ChosenGroup::ensure_type();
            KeepGroup::ensure_type();
            FiguresGroup::ensure_type();
            ViewersTable::ensure_type();
            class.bind_template();
        }

        fn instance_init(obj: &glib::subclass::InitializingObject<Self>) {
            obj.init_template();
        }
    }

    #[glib::derived_properties]
    impl ObjectImpl for FeedPage {
        fn constructed(&self) {
            self.parent_constructed();
            self.set_narrow(false);
            let page = self.obj().downgrade();
            let asking = page.clone();
            self.viewers.connect_asked(move |session| {
                if let Some(page) = asking.upgrade() {
                    page.imp().show_connection(session);
                }
            });
            self.viewers.connect_chosen(move |session| {
                if let Some(page) = page.upgrade() {
                    page.set_show_details(true);
                    page.open_part("figures");
                    page.imp().figures.show_viewer(session);
                }
            });
        }
    }

    impl WidgetImpl for FeedPage {}
    impl BinImpl for FeedPage {}

    impl FeedPage {
        fn show_connection(&self, session: &str) {
            let (Some(desk), Some(feed)) = (self.desk.borrow().clone(), self.feed.borrow().clone()) else { return };
            // Who has just left is known no more.
            if feed.viewer(session).is_none() {
                return;
            }
            let dialog = ConnectionDialog::new(&desk, &feed, session);
            self.connection.set(Some(&dialog));
            dialog.present(Some(&*self.obj()));
        }

        fn set_narrow(&self, narrow: bool) {
            self.narrow.set(narrow);
            let (orientation, width) = if narrow {
                (gtk::Orientation::Vertical, i32::MAX)
            } else {
                (gtk::Orientation::Horizontal, DETAILS_WIDTH)
            };
            self.layout.set_orientation(orientation);
            self.details.set_maximum_size(width);
            self.details.set_tightening_threshold(width);
        }

        fn set_show_details(&self, show: bool) {
            self.show_details.set(show);
            self.details.set_visible(show);
        }
    }
}

glib::wrapper! {
    /// The selected feed.
    pub struct FeedPage(ObjectSubclass<imp::FeedPage>)
        @extends adw::Bin, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl FeedPage {
    /// The picture.
    pub fn preview(&self) -> PreviewTile {
        self.imp().preview.get()
    }

    /// Shows this part of the details: `figures`, `control`, `path` or `record`.
    pub fn open_part(&self, name: &str) {
        self.imp().parts.set_visible_child_name(name);
    }

    /// A second has passed.
    pub fn tick(&self) {
        self.imp().keep.tick();
        self.imp().figures.tick();
        self.imp().viewers.tick();
        if let Some(connection) = self.imp().connection.upgrade() {
            connection.tick();
        }
    }
}
