//! How the chart measures, draws and describes itself.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use gtk::{glib, graphene::Rect, prelude::*, subclass::prelude::*};

use super::{
    Formatter, axis,
    painter::{Anchor, OVERHANG, Painter, TextStyle},
    palette::Palette,
    trace,
};
use crate::{
    i18n::{gettext, gettext_f},
    stats::{History, Reach, Track},
    ui::units,
};

/// Smallest and preferred height of the plot, in pixels.
const PLOT_HEIGHT: (i32, i32) = (40, 72);
/// Smallest and preferred width, in digits of the current value: the smallest
/// still has room for two values side by side, in every size of font.
const WIDTH: (i32, i32) = (18, 28);
/// Space between words and plot.
const SPACING: i32 = 4;
/// Room that a word at the axis of time needs, with some to its neighbour, in such digits.
const MARK_WIDTH: i32 = 7;

#[derive(glib::Properties, Default)]
#[properties(wrapper_type = super::TimeChart)]
pub struct TimeChart {
    /// What is measured, in a few words.
    #[property(get, set = Self::set_title, explicit_notify)]
    title: RefCell<String>,
    pub(super) formatter: Cell<Option<Formatter>>,
    pub(super) history: RefCell<Option<Rc<RefCell<History>>>>,
    /// How far back it looks.
    pub(super) reach: Cell<Reach>,
    /// Where the axis of values ends.
    bound: Cell<f64>,
    /// What assistive technologies were told, to tell them only news.
    told: RefCell<(String, String)>,
}

#[glib::object_subclass]
impl ObjectSubclass for TimeChart {
    const NAME: &'static str = "HlgTimeChart";
    type Type = super::TimeChart;
    type ParentType = gtk::Widget;

    fn class_init(class: &mut Self::Class) {
        class.set_css_name("timechart");
        class.set_accessible_role(gtk::AccessibleRole::Img);
    }
}

#[glib::derived_properties]
impl ObjectImpl for TimeChart {
    fn constructed(&self) {
        self.parent_constructed();
        self.look_again();
    }
}

impl WidgetImpl for TimeChart {
    fn request_mode(&self) -> gtk::SizeRequestMode {
        gtk::SizeRequestMode::ConstantSize
    }

    fn measure(&self, orientation: gtk::Orientation, _for_size: i32) -> (i32, i32, i32, i32) {
        let rows = self.rows();
        let (minimum, natural) = match orientation {
            gtk::Orientation::Horizontal => (rows.digits(WIDTH.0), rows.digits(WIDTH.1)),
            _ => (PLOT_HEIGHT.0 + rows.total(), PLOT_HEIGHT.1 + rows.total()),
        };
        (minimum, natural, -1, -1)
    }

    fn map(&self) {
        self.parent_map();
        self.look_again();
    }

    fn snapshot(&self, snapshot: &gtk::Snapshot) {
        let chart = self.obj();
        // Asked anew each time, which is cheaper than to follow every change of style.
        let palette = Palette::current(chart.color());
        let painter = Painter { widget: chart.upcast_ref(), snapshot, palette, width: chart.width() as f32 };
        self.draw(&painter);
    }
}

impl TimeChart {
    fn set_title(&self, title: &str) {
        if self.title.replace(title.into()) == title {
            return;
        }
        self.look_again();
        self.obj().notify_title();
    }

    /// Takes the range and the words from the history again, and has the chart drawn.
    pub(super) fn look_again(&self) {
        self.bound.set(axis::upper_bound(self.with_track(Track::max).flatten()));
        self.tell_assistive_technologies();
        self.obj().queue_draw();
    }

    pub(super) fn with_track<T>(&self, look: impl FnOnce(&Track) -> T) -> Option<T> {
        self.history.borrow().as_ref().map(|history| look(history.borrow().over(self.reach.get())))
    }

    /// A value in words; a gap is not known.
    pub(super) fn in_words(&self, value: Option<f32>) -> String {
        let Some(value) = value.map(f64::from) else { return units::NOT_KNOWN.into() };
        self.formatter.get().map_or_else(|| value.to_string(), |format| format(value))
    }

    fn latest(&self) -> Option<f32> {
        self.history.borrow().as_ref().and_then(|history| history.borrow().latest())
    }

    /// The picture in words: the name and value as its label, the range as its description.
    fn tell_assistive_technologies(&self) {
        let words = (self.label(), self.description());
        if *self.told.borrow() == words {
            return;
        }
        self.obj().update_property(&[
            gtk::accessible::Property::Label(&words.0),
            gtk::accessible::Property::Description(&words.1),
        ]);
        self.told.replace(words);
    }

    pub(super) fn label(&self) -> String {
        let value = self.latest().map_or_else(|| gettext("not known"), |value| self.in_words(Some(value)));
        // Translators: the current value of a chart, such as "Bitrate sent: 2.0 Mbit/s".
        gettext_f("{title}: {value}", &[("title", &self.title.borrow()), ("value", &value)])
    }

    pub(super) fn description(&self) -> String {
        let range = self.with_track(|track| Some((track.min()?, track.max()?, track.span())));
        let Some((least, most, span)) = range.flatten() else { return gettext("No data yet") };
        gettext_f(
            "Between {least} and {most} in the last {time}",
            &[
                ("least", &self.in_words(Some(least))),
                ("most", &self.in_words(Some(most))),
                ("time", &units::span(span)),
            ],
        )
    }

    /// What words measure in the current font.
    fn rows(&self) -> Rows {
        let size = |style: TextStyle| style.layout(&*self.obj(), "0").pixel_size();
        let (digit, value) = size(TextStyle::Value);
        Rows { title: size(TextStyle::Title).1, value, note: size(TextStyle::Note).1, digit }
    }

    fn draw(&self, painter: &Painter<'_>) {
        let rows = self.rows();
        let plot = rows.plot(self.obj().width(), self.obj().height());
        painter.horizontal(&plot, 0.0);
        painter.horizontal(&plot, 1.0);
        let (title, value) = (self.title.borrow(), self.in_words(self.latest()));
        painter.text(TextStyle::Title, &title, (0.0, 0.0), Anchor::Left);
        painter.text(TextStyle::Value, &value, (0.0, rows.title as f32), Anchor::Left);
        let drawn = self.with_track(|track| self.draw_track(painter, &plot, &rows, track));
        if drawn != Some(true) {
            let middle = (plot.x() + plot.width() / 2.0, plot.y() + (plot.height() - rows.title as f32) / 2.0);
            painter.text(TextStyle::Title, &gettext("No data yet"), middle, Anchor::Middle);
        }
    }

    /// Draws the axes and the data; `false` if there are none.
    fn draw_track(&self, painter: &Painter<'_>, plot: &Rect, rows: &Rows, track: &Track) -> bool {
        let runs = trace::runs(track, f64::from(plot.width()));
        if runs.is_empty() {
            return false;
        }
        painter.horizontal(plot, 0.5);
        let bound = self.in_words(Some(self.bound.get() as f32));
        let above = (rows.title + rows.value - rows.note) as f32;
        painter.text(TextStyle::Note, &bound, (plot.width(), above), Anchor::Right);
        Self::draw_time(painter, plot, rows, track.span());
        painter.data(plot, &runs, self.bound.get(), self.latest().is_some());
        true
    }

    fn draw_time(painter: &Painter<'_>, plot: &Rect, rows: &Rows, span: Duration) {
        let (right, below) = (plot.x() + plot.width(), plot.y() + plot.height() + SPACING as f32);
        painter.text(TextStyle::Note, &gettext("now"), (right, below), Anchor::Right);
        let words = plot.width() / rows.digits(MARK_WIDTH).max(1) as f32;
        for age in axis::time_marks(span, words as usize) {
            let x = right - plot.width() * age.div_duration_f32(span);
            painter.vertical(plot, x);
            painter.text(TextStyle::Note, &units::span(age), (x, below), Anchor::Middle);
        }
    }
}

/// Heights of the rows of words above and below the plot, in pixels.
struct Rows {
    title: i32,
    value: i32,
    note: i32,
    /// The width of a digit in the row of the value.
    digit: i32,
}

impl Rows {
    /// What all rows take, with the space between them and the plot.
    fn total(&self) -> i32 {
        self.title + self.value + self.note + 2 * SPACING
    }

    fn digits(&self, count: i32) -> i32 {
        count * self.digit
    }

    /// What the rows leave for the plot.
    fn plot(&self, width: i32, height: i32) -> Rect {
        let top = self.title + self.value + SPACING;
        let (width, height) = (width as f32 - OVERHANG, (height - self.total()) as f32);
        Rect::new(0.0, top as f32, width.max(0.0), height.max(0.0))
    }
}
