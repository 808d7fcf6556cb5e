//! The table, line by line, and what is to be said about it.

use std::{
    fmt::{Display, Write},
    time::{Duration, Instant},
};

use crate::shared::{Fault, machine};

/// What a figure must be, and what it should be. Less is better.
#[derive(Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) must: f64,
    pub(crate) aim: f64,
}

/// A table that grows line by line.
pub(crate) struct Report {
    notes: Vec<String>,
    tables: Vec<String>,
    row: Option<(Instant, Duration)>,
}

impl Report {
    /// Prints the head.
    pub(crate) fn begin() -> Self {
        println!("\n| figure | measured | must | aim | |\n|---|--:|--:|--:|---|");
        Self { notes: Vec::new(), tables: Vec::new(), row: None }
    }

    /// Prints a figure that should be small.
    pub(crate) fn line(figure: &str, value: f64, unit: &str, limits: Limits) {
        let Limits { must, aim } = limits;
        let word = if value <= aim { "aim met" } else { fulfilled(value <= must) };
        println!("| {figure} | {} {unit} | ≤ {must} {unit} | {aim} {unit} | {word} |", short(value));
    }

    /// Prints a figure that should be large.
    pub(crate) fn line_at_least(figure: &str, value: f64, unit: &str, limits: Limits) {
        let Limits { must, aim } = limits;
        let word = if value >= aim { "aim met" } else { fulfilled(value >= must) };
        println!("| {figure} | {} {unit} | ≥ {must} {unit} | {aim} {unit} | {word} |", short(value));
    }

    /// Prints a figure that is only aimed at.
    pub(crate) fn stated(figure: &str, value: f64, unit: &str, aim: f64) {
        let word = if value <= aim { "aim met" } else { "aim missed" };
        println!("| {figure} | {} {unit} | stated | {aim} {unit} | {word} |", short(value));
    }

    /// What stands below the table.
    pub(crate) fn note(&mut self, note: impl Display) {
        self.notes.push(note.to_string());
    }

    /// A small table of its own, below the notes.
    pub(crate) fn table(&mut self, head: &[&str; 2], lines: &[(String, f64)]) {
        let mut table = format!("| {} | {} |\n|---|--:|\n", head[0], head[1]);
        for (name, value) in lines {
            let _ = writeln!(table, "| {name} | {value:.1} |");
        }
        self.tables.push(table);
    }

    /// A row that could not be measured.
    pub(crate) fn failed(&mut self, row: &str, error: &Fault) {
        println!("| {row} | not measured | | | |");
        self.note(format!("{row}: {error}"));
    }

    /// From now on it is counted how busy all the machine is.
    pub(crate) fn watch_others(&mut self) {
        self.row = Some((Instant::now(), machine::busy_time()));
    }

    /// Notes how busy it was.
    pub(crate) fn say_others(&mut self) {
        let Some((began, before)) = self.row.take() else { return };
        let cores = machine::busy_time().saturating_sub(before).as_secs_f64() / began.elapsed().as_secs_f64();
        if let Some(last) = self.notes.last_mut() {
            let _ = write!(last, " All of the machine, this included: {cores:.1} cores busy.");
        }
    }

    /// Prints the notes and the tables.
    pub(crate) fn end(&self) {
        println!();
        for note in &self.notes {
            println!("* {note}");
        }
        for table in &self.tables {
            println!("\n{table}");
        }
    }
}

fn fulfilled(met: bool) -> &'static str {
    if met { "met" } else { "**missed**" }
}

fn short(value: f64) -> String {
    if value.abs() < 9.95 { format!("{value:.2}") } else { format!("{value:.0}") }
}
