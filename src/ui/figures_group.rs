//! The figures of a feed, or of one of its viewers: charts, what they are now, and whether they are recorded.

use std::cell::RefCell;

use adw::{prelude::*, subclass::prelude::*};
use gtk::{
    CompositeTemplate,
    glib::{self, Properties, clone},
};

use super::{
    model::{Desk, FeedObject, Figure, name_of},
    time_chart::TimeChart,
    units,
};
use crate::{
    config::RenditionRole,
    i18n::{gettext, gettext_f},
    stats::{EstimateBasis, FeedSample, Reach, ViewerSample},
};

mod imp {
    use super::*;

    #[derive(CompositeTemplate, Default, Properties)]
    #[properties(wrapper_type = super::FiguresGroup)]
    #[template(file = "figures_group.ui")]
    pub struct FiguresGroup {
        #[template_child]
        first: TemplateChild<gtk::Box>,
        #[template_child]
        rest: TemplateChild<gtk::Box>,
        #[template_child]
        reach: TemplateChild<gtk::Box>,
        #[template_child]
        whose: TemplateChild<adw::ComboRow>,
        #[template_child]
        summary: TemplateChild<adw::ActionRow>,
        #[template_child]
        recording: TemplateChild<adw::SwitchRow>,
        charts: RefCell<Vec<(Figure, TimeChart)>>,
        /// The viewers' sessions in the order of the choice, which begins with all of them.
        sessions: RefCell<Vec<String>>,
        /// Who carries out the switch.
        #[property(get, set, nullable)]
        desk: RefCell<Option<Desk>>,
        /// The feed that is shown.
        #[property(get, set = Self::set_feed, nullable)]
        feed: RefCell<Option<FeedObject>>,
    }

    #[glib::object_subclass]
    impl ObjectSubclass for FiguresGroup {
        const NAME: &'static str = "HlgFiguresGroup";
        type Type = super::FiguresGroup;
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
    impl ObjectImpl for FiguresGroup {
        fn constructed(&self) {
            self.parent_constructed();
            for figure in Figure::ALL {
                let chart = TimeChart::new(&figure.title(), figure.formatter());
                let place = if Figure::FIRST.contains(&figure) { &self.first } else { &self.rest };
                place.append(&chart);
                self.charts.borrow_mut().push((figure, chart));
            }
            self.offer_reaches();
            self.offer(&FeedSample::default());
        }
    }

    impl WidgetImpl for FiguresGroup {}
    impl BinImpl for FiguresGroup {}

    #[gtk::template_callbacks]
    impl FiguresGroup {
        fn set_feed(&self, feed: Option<FeedObject>) {
            self.feed.replace(feed);
            self.whose.set_selected(0);
            self.look_again();
            self.show();
        }

        /// A button for each time that charts can look back.
        fn offer_reaches(&self) {
            let mut group: Option<gtk::ToggleButton> = None;
            for reach in Reach::ALL {
                let length = units::span(reach.time());
                let button = gtk::ToggleButton::builder().label(&length).active(group.is_none()).build();
                button.set_group(group.as_ref());
                // Translators: {time} is something like "5 min" or "24 h".
                button.set_tooltip_text(Some(&gettext_f("The last {time}", &[("time", &length)])));
                button.connect_active_notify(clone!(
                    #[weak(rename_to = imp)]
                    self,
                    move |button| {
                        if button.is_active() {
                            imp.charts.borrow().iter().for_each(|(_, chart)| chart.set_reach(reach));
                        }
                    }
                ));
                self.reach.append(&button);
                group.get_or_insert(button);
            }
        }

        /// Looks who watches, and shows what was added.
        pub(super) fn look_again(&self) {
            let Some(feed) = self.feed.borrow().clone() else { return };
            let sample = feed.sample();
            self.offer(&sample);
            let session = self.session();
            let viewer = session.and_then(|session| sample.viewers.iter().find(|one| one.session == session).cloned());
            self.summary.set_subtitle(&viewer.map_or_else(|| of_all(&sample), |viewer| of_one(&viewer, &sample)));
            self.recording.set_active(feed.records_statistics());
            for (_, chart) in &*self.charts.borrow() {
                chart.refresh();
            }
        }

        /// Offers the viewers that there are now; whoever is chosen stays so.
        fn offer(&self, sample: &FeedSample) {
            let now: Vec<String> = sample.viewers.iter().map(|viewer| viewer.session.clone()).collect();
            if now == *self.sessions.borrow() && self.whose.model().is_some() {
                return;
            }
            let chosen = self.session();
            let names = sample.viewers.iter().map(name_of);
            let words: Vec<String> = std::iter::once(gettext("All Viewers")).chain(names).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let position = chosen.and_then(|chosen| now.iter().position(|session| *session == chosen));
            self.sessions.replace(now);
            self.whose.set_model(Some(&gtk::StringList::new(&words)));
            self.whose.set_selected(position.map_or(0, |position| position as u32 + 1));
            self.show();
        }

        pub(super) fn choose(&self, session: &str) {
            self.look_again();
            let position = self.sessions.borrow().iter().position(|known| known == session);
            if let Some(position) = position {
                self.whose.set_selected(position as u32 + 1);
            }
        }

        /// The viewer that is chosen; `None` for all.
        fn session(&self) -> Option<String> {
            let position = (self.whose.selected() as usize).checked_sub(1)?;
            self.sessions.borrow().get(position).cloned()
        }

        fn show(&self) {
            let Some(feed) = self.feed.borrow().clone() else { return };
            let session = self.session();
            for (figure, chart) in &*self.charts.borrow() {
                chart.set_history(feed.history(*figure, session.as_deref()));
            }
        }

        #[template_callback]
        fn chosen(&self) {
            self.show();
            if let Some(feed) = &*self.feed.borrow() {
                let sample = feed.sample();
                let session = self.session();
                let viewer = session.and_then(|session| sample.viewers.iter().find(|one| one.session == session));
                self.summary.set_subtitle(&viewer.map_or_else(|| of_all(&sample), |viewer| of_one(viewer, &sample)));
            }
        }

        #[template_callback]
        fn switched(&self) {
            let (desk, feed) = (self.desk.borrow().clone(), self.feed.borrow().clone());
            if let (Some(desk), Some(feed)) = (desk, feed) {
                desk.set_recording(&feed, self.recording.is_active());
            }
        }
    }
}

/// Every figure that is known, in one line.
fn in_words(value: impl Fn(Figure) -> Option<f64>) -> Vec<String> {
    let known = Figure::ALL.iter().filter_map(|figure| Some((figure, value(*figure)?)));
    known.map(|(figure, value)| format!("{}: {}", figure.title(), (figure.formatter())(value))).collect()
}

fn of_all(sample: &FeedSample) -> String {
    let mut words = in_words(|figure| figure.of_feed(sample));
    words.extend(doubt(sample.rates.estimate_basis));
    words.join("\n")
}

fn of_one(viewer: &ViewerSample, sample: &FeedSample) -> String {
    let sees = match viewer.rendition {
        Some(RenditionRole::Low) => Some(gettext("Sees the small rendition")),
        Some(RenditionRole::Camera) => Some(gettext("Sees the camera's own stream")),
        _ => None,
    };
    let way = viewer.candidate_pair.as_ref().and_then(|pair| pair.remote.as_ref());
    let way = way.map(|end| format!("{} ({}, {})", end.address, end.candidate_type, end.protocol));
    let age = viewer.report.as_ref().and_then(|report| report.picture_age);
    // Translators: this stands before a time such as "120 ms".
    let age = age.map(|age| format!("{}: {}", gettext("Picture's age"), units::delay(age)));
    let mut words: Vec<String> = sees.into_iter().chain(way).collect();
    words.extend(in_words(|figure| figure.of_viewer(viewer, sample)));
    words.extend(age);
    words.extend(doubt(viewer.estimate_basis));
    words.join("\n")
}

/// What is to be known of an estimate that is not well founded.
fn doubt(basis: Option<EstimateBasis>) -> Option<String> {
    (basis? == EstimateBasis::ReceiverReports).then(|| {
        gettext("The bandwidth is estimated from loss and round trip: the viewer gives no feedback on packets")
    })
}

glib::wrapper! {
    /// The figures of a feed, or of one of its viewers.
    pub struct FiguresGroup(ObjectSubclass<imp::FiguresGroup>)
        @extends adw::Bin, gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl FiguresGroup {
    /// Shows the figures of this viewer, if it is still there.
    pub fn show_viewer(&self, session: &str) {
        self.imp().choose(session);
    }

    /// A second has passed.
    pub fn tick(&self) {
        self.imp().look_again();
    }
}
