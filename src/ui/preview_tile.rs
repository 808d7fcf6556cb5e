//! The picture of a feed. It says "Live" only while new frames keep coming.

use std::{
    cell::{Cell, RefCell},
    time::{Duration, Instant},
};

use gtk::{
    CompositeTemplate,
    gdk::Paintable,
    glib::{self, Properties, SignalHandlerId, SourceId, clone},
    prelude::*,
    subclass::prelude::*,
};

use super::{
    freshness::Freshness,
    model::{Desk, FeedObject, Health},
    units,
};
use crate::{
    engine::PreviewGuard,
    i18n::{gettext, gettext_f},
    media::Preview,
};

/// The largest preview, in pixels: the camera's picture is made smaller before it is shown.
const LARGEST: (u32, u32) = (1280, 720);
/// How often the tile asks itself whether its picture is still fresh.
const WATCH_EVERY: Duration = Duration::from_millis(200);
/// Widths per height that a tile may take; other pictures get bars.
const SHAPES: std::ops::RangeInclusive<f64> = 4.0 / 3.0..=16.0 / 9.0;

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Default, Properties)]
    #[properties(wrapper_type = super::PreviewTile)]
    #[template(file = "preview_tile.ui")]
    pub struct PreviewTile {
        #[template_child]
        overlay: TemplateChild<gtk::Overlay>,
        #[template_child]
        pub(super) picture: TemplateChild<gtk::Picture>,
        #[template_child]
        veil: TemplateChild<gtk::Box>,
        #[template_child]
        icon: TemplateChild<gtk::Image>,
        #[template_child]
        status: TemplateChild<gtk::Label>,
        #[template_child]
        age: TemplateChild<gtk::Label>,
        #[template_child]
        live: TemplateChild<gtk::Label>,
        /// Who has the camera's picture.
        #[property(get, set, nullable)]
        desk: RefCell<Option<Desk>>,
        /// The feed that is shown.
        #[property(get, set = Self::set_feed, nullable)]
        feed: RefCell<Option<FeedObject>>,
        /// Whether it takes any shape that there is room for, with bars beside the picture.
        #[property(get, set, construct_only)]
        fills: Cell<bool>,
        /// Whether the picture may be taken for what happens now.
        #[property(get)]
        is_live: Cell<bool>,
        handlers: RefCell<Vec<SignalHandlerId>>,
        guard: RefCell<Option<PreviewGuard>>,
        freshness: RefCell<Freshness>,
        watch: RefCell<Option<SourceId>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for PreviewTile {
        const NAME: &'static str = "HlgPreviewTile";
        type Type = super::PreviewTile;
        type ParentType = gtk::Widget;

        fn class_init(class: &mut Self::Class) {
            class.bind_template();
            class.set_css_name("preview-tile");
        }

        fn instance_init(obj: &glib::subclass::InitializingObject<Self>) {
            obj.init_template();
        }
    }

    #[glib::derived_properties]
    impl ObjectImpl for PreviewTile {
        fn dispose(&self) {
            self.stop_watch();
            self.dispose_template();
        }
    }

    impl WidgetImpl for PreviewTile {
        fn map(&self) {
            self.parent_map();
            self.attach();
            self.start_watch();
        }

        fn unmap(&self) {
            self.stop_watch();
            self.guard.take();
            self.parent_unmap();
        }

        fn request_mode(&self) -> gtk::SizeRequestMode {
            if self.fills.get() { gtk::SizeRequestMode::ConstantSize } else { gtk::SizeRequestMode::HeightForWidth }
        }

        fn measure(&self, orientation: gtk::Orientation, for_size: i32) -> (i32, i32, i32, i32) {
            let (minimum, natural, ..) = self.overlay.measure(orientation, for_size);
            if self.fills.get() {
                return (minimum, natural, -1, -1);
            }
            if orientation == gtk::Orientation::Horizontal {
                return (minimum, natural.max(640), -1, -1);
            }
            let height = (f64::from(for_size.max(0)) / self.shape()).round() as i32;
            (minimum.max(height), minimum.max(height), -1, -1)
        }

        fn size_allocate(&self, width: i32, height: i32, baseline: i32) {
            self.overlay.allocate(width, height, baseline, None);
        }
    }

    impl PreviewTile {
        fn shape(&self) -> f64 {
            let ratio = self.picture.paintable().map_or(0.0, |paintable| paintable.intrinsic_aspect_ratio());
            if ratio > 0.0 { ratio.clamp(*SHAPES.start(), *SHAPES.end()) } else { *SHAPES.end() }
        }

        fn set_feed(&self, feed: Option<FeedObject>) {
            let handlers = feed.as_ref().map_or_else(Vec::new, |feed| self.follow(feed));
            let old_handlers = self.handlers.replace(handlers);
            if let Some(old) = self.feed.replace(feed) {
                for handler in old_handlers {
                    old.disconnect(handler);
                }
            }
            self.attach();
        }

        fn follow(&self, feed: &FeedObject) -> Vec<SignalHandlerId> {
            vec![
                feed.connect_generation_notify(clone!(
                    #[weak(rename_to = imp)]
                    self,
                    move |_| imp.attach()
                )),
                feed.connect_status_notify(clone!(
                    #[weak(rename_to = imp)]
                    self,
                    move |_| imp.show()
                )),
            ]
        }

        /// Shows the feed's camera from now on, if anybody can see it.
        fn attach(&self) {
            self.guard.take();
            self.freshness.take();
            self.picture.set_paintable(None::<&Paintable>);
            let (desk, feed) = (self.desk.borrow().clone(), self.feed.borrow().clone());
            if let (Some(desk), Some(feed)) = (desk, feed)
                && self.obj().is_mapped()
            {
                match Preview::new(LARGEST.0, LARGEST.1) {
                    Ok((preview, paintable)) => self.take(&desk, &feed, preview, &paintable),
                    Err(error) => tracing::error!("The preview of “{}” cannot be shown: {error}.", feed.name()),
                }
            }
            self.show();
        }

        fn take(&self, desk: &Desk, feed: &FeedObject, preview: Preview, paintable: &Paintable) {
            // A feed that the engine does not have yet is told of later, by its generation.
            self.guard.replace(desk.engine().attach_preview(&feed.id(), preview).ok());
            paintable.connect_invalidate_contents(clone!(
                #[weak(rename_to = imp)]
                self,
                move |paintable| imp.frame(paintable)
            ));
            paintable.connect_invalidate_size(clone!(
                #[weak(rename_to = obj)]
                self.obj(),
                move |_| obj.queue_resize()
            ));
            self.picture.set_paintable(Some(paintable));
        }

        fn frame(&self, paintable: &Paintable) {
            // A paintable that was replaced may have a last word.
            if self.picture.paintable().as_ref() == Some(paintable) && paintable.intrinsic_width() > 0 {
                self.freshness.borrow_mut().frame(Instant::now());
                if !self.is_live.get() {
                    self.show();
                }
            }
        }

        fn start_watch(&self) {
            let watch = glib::timeout_add_local(
                WATCH_EVERY,
                clone!(
                    #[weak(rename_to = imp)]
                    self,
                    #[upgrade_or]
                    glib::ControlFlow::Break,
                    move || {
                        imp.show();
                        glib::ControlFlow::Continue
                    }
                ),
            );
            self.watch.replace(Some(watch));
        }

        fn stop_watch(&self) {
            if let Some(watch) = self.watch.take() {
                watch.remove();
            }
        }

        /// Says whether the picture is live, and what is the matter if it is not.
        fn show(&self) {
            let Some(feed) = self.feed.borrow().clone() else { return };
            let (now, health) = (Instant::now(), feed.health());
            let is_live = health == Health::Live && self.freshness.borrow().is_fresh(now);
            if self.is_live.replace(is_live) != is_live {
                self.obj().notify_is_live();
            }
            self.live.set_visible(is_live);
            self.veil.set_visible(!is_live);
            // What a camera that is switched off saw last is nobody's business.
            self.picture.set_visible(health != Health::Off);
            self.picture.set_opacity(if is_live { 1.0 } else { 0.3 });
            if !is_live {
                self.show_veil(&feed, self.freshness.borrow().age(now));
            }
        }

        fn show_veil(&self, feed: &FeedObject, age: Option<Duration>) {
            // The engine still calls it live while the first frame is on its way, or the next is late.
            let (icon, status) = match (feed.health(), age) {
                (Health::Live, None) => (Health::Connecting, gettext("Waiting for the picture…")),
                (Health::Live, Some(_)) => (Health::Trouble, gettext("No new picture")),
                (health, _) => (health, feed.status()),
            };
            self.icon.set_icon_name(Some(icon.icon()));
            self.status.set_label(&status);
            let age = age.filter(|_| icon != Health::Off).map(age_words);
            // Beside a tile that fills a window nothing else says what is wrong.
            let trouble = if self.fills.get() { [feed.fault(), feed.hint()] } else { Default::default() };
            let lines: Vec<_> = trouble.into_iter().chain(age).filter(|line| !line.is_empty()).collect();
            self.age.set_visible(!lines.is_empty());
            self.age.set_label(&lines.join("\n"));
        }
    }

    fn age_words(age: Duration) -> String {
        // Translators: {ago} is something like "12 s ago".
        gettext_f("Last picture {ago}", &[("ago", &units::ago(age))])
    }
}

glib::wrapper! {
    /// The picture of a feed, shown while the tile can be seen.
    pub struct PreviewTile(ObjectSubclass<imp::PreviewTile>)
        @extends gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl PreviewTile {
    /// What is drawn, once there is something to draw.
    pub fn paintable(&self) -> Option<Paintable> {
        self.imp().picture.paintable()
    }
}
