//! How the system asks a program to end.

use tokio::signal::unix::{SignalKind, signal};

/// Comes back at SIGINT or SIGTERM.
pub(crate) async fn asked_to_end() {
    let mut interrupt = signal(SignalKind::interrupt()).expect("SIGINT should be catchable");
    let mut terminate = signal(SignalKind::terminate()).expect("SIGTERM should be catchable");
    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
}
