//! Statistics: typed figures, and what they were over the last minutes.
//!
//! Figures reach this room as they are measured (a counter is made a rate
//! once, before it is kept), and leave it for charts, files and messages.
//! [`History`] remembers one figure over a fixed time.
//!
//! This room is plain data: it may use `config`, and it knows neither GTK nor
//! GStreamer, so that the window and the headless program keep the same numbers.

mod history;

pub use history::History;
