//! The window.

pub mod time_chart;
pub mod units;
