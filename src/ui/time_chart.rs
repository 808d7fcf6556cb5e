//! A chart of one figure over the last minutes, hour or day.
//!
//! ```text
//! Bitrate sent
//! 2.0 Mbit/s                 3.0 Mbit/s   what it is now, and where the axis ends
//! ─────────────┬──────────────┬─────────
//!              │    ╭─╮       │ ╭────●
//! ──────╮      │╭───╯ ╰──     │─╯         a gap in the data is a gap in the line
//! ──────┴──────┴──────────────┴─────────  zero
//!            4 min          2 min    now
//! ```
//!
//! The widget keeps no data: it is given a [`History`], and shows what is in
//! there whenever it is [refreshed](TimeChart::refresh), as far back as its [`Reach`]. Whoever owns the
//! histories refreshes all charts in the same turn, at a steady pace; a chart
//! has no clock of its own, because its cost is that of its redraws.

mod axis;
mod imp;
mod painter;
mod palette;
mod trace;

use std::cell::RefCell;
use std::rc::Rc;

use gtk::{glib, prelude::*, subclass::prelude::*};

use super::units;
use crate::stats::{History, Reach, Span, Track};

/// Writes a value with its unit, such as [`units::bitrate`].
pub type Formatter = fn(f64) -> String;

/// One sample in words, for a table of what the chart shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRow {
    /// How long before the newest sample it was taken; "just now" for the newest.
    pub age: String,
    /// The value with its unit, the average where it is of a longer time; [`units::NOT_KNOWN`] for a gap.
    pub value: String,
}

glib::wrapper! {
    /// A chart of one figure over the last minutes, hour or day; see the [module](self).
    ///
    /// Values are at least zero, where the axis starts: what is below is drawn
    /// there. In a template it is `HlgTimeChart`, with the property `title`;
    /// the code then [sets the formatter](Self::set_formatter).
    pub struct TimeChart(ObjectSubclass<imp::TimeChart>)
        @extends gtk::Widget,
        @implements gtk::Accessible, gtk::Buildable, gtk::ConstraintTarget;
}

impl TimeChart {
    /// A chart that shows nothing yet, for a figure of this name.
    pub fn new(title: &str, formatter: Formatter) -> Self {
        let chart: Self = glib::Object::builder().property("title", title).build();
        chart.set_formatter(formatter);
        chart
    }

    /// Sets how values are written, without which they are bare numbers.
    pub fn set_formatter(&self, formatter: Formatter) {
        self.imp().formatter.set(Some(formatter));
        self.imp().look_again();
    }

    /// Shows this history from now on.
    pub fn set_history(&self, history: Rc<RefCell<History>>) {
        self.imp().history.replace(Some(history));
        self.imp().look_again();
    }

    /// Shows so much of the history from now on.
    pub fn set_reach(&self, reach: Reach) {
        if self.imp().reach.replace(reach) != reach {
            self.imp().look_again();
        }
    }

    /// Shows what was added to the history. Free of charge while the chart is out
    /// of sight: it catches up when it is seen again.
    ///
    /// The history may not be borrowed mutably meanwhile.
    pub fn refresh(&self) {
        if self.is_mapped() {
            self.imp().look_again();
        }
    }

    /// The chart in words, as assistive technologies read it: its current
    /// value, then its range.
    pub fn summary(&self) -> [String; 2] {
        [self.imp().label(), self.imp().description()]
    }

    /// Everything the chart shows as a table, newest first.
    pub fn table(&self) -> Vec<TableRow> {
        let imp = self.imp();
        let rows = |track: &Track| {
            let row = |(age, span): (u32, Option<Span>)| TableRow {
                age: units::ago(track.interval().saturating_mul(age)),
                value: imp.in_words(span.map(|span| span.mean)),
            };
            (0..).zip(track.iter().rev()).map(row).collect()
        };
        imp.with_track(rows).unwrap_or_default()
    }
}
