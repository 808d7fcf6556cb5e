//! The window.

pub mod units;
