//! A chart of one figure over the last minutes.
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
//! there whenever it is [refreshed](TimeChart::refresh). Whoever owns the
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
use crate::stats::History;

/// Writes a value with its unit, such as [`units::bitrate`].
pub type Formatter = fn(f64) -> String;

/// One sample in words, for a table of what the chart shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRow {
    /// How long before the newest sample it was taken; "just now" for the newest.
    pub age: String,
    /// The value with its unit; [`units::NOT_KNOWN`] for a gap.
    pub value: String,
}

glib::wrapper! {
    /// A chart of one figure over the last minutes; see the [module](self).
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
        let rows = |history: &History| {
            let row = |(age, sample)| TableRow {
                age: units::ago(history.interval().saturating_mul(age)),
                value: imp.in_words(sample),
            };
            (0..).zip(history.iter().rev()).map(row).collect()
        };
        imp.with_history(rows).unwrap_or_default()
    }
}
