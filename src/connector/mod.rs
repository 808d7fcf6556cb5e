//! Where a feed goes. Each connector is a signaller and its settings: the
//! media path in front of it is the same for all of them.
//!
//! May use `config` and `stats`; must not know `media`, `engine` or a screen.

pub mod local;
