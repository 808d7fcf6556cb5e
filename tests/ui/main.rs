//! Tests of the window's parts, through the real widgets on a real display.
//!
//! `./dev test` gives them one (Xvfb, and a session bus). By hand:
//!
//! ```sh
//! ./dev exec xvfb-run -a dbus-run-session -- cargo test --test ui
//! ```
//!
//! GTK belongs to one thread for good, and libtest runs each test in a thread
//! of its own, even with `--test-threads=1`. So a test here is a
//! `#[gtk::test]`: it runs, one after the other, on the one thread where GTK
//! was started. It begins with [`support::start`].
//!
//! With `HELIOGRAPH_TEST_PICTURES=DIR`, what the tests draw is left in DIR.

#![allow(clippy::unwrap_used, reason = "a test that cannot be set up should fail")]
#![allow(unreachable_pub, reason = "nothing here is for anybody else")]

mod add_camera;
mod chart;
mod chosen;
mod connectors;
mod element_properties;
mod feed_dialog;
mod keep;
mod picture_wall;
mod preferences;
mod preview;
mod remote;
mod rig;
mod screenshots;
mod setpoint;
mod settings;
mod sharing;
mod support;
mod templates;
mod troubleshooting;
mod viewers;
mod window;
