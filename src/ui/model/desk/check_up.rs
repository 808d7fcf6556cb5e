//! Whether everything is in place, asked from the window.

use std::pin::pin;

use futures::StreamExt;
use tokio::sync::mpsc::{Receiver, channel};

use super::Desk;
use crate::doctor::{self, Finding, Questions};

/// Findings that wait to be shown; the checks themselves take longer than showing.
const WAITING: usize = 16;

impl Desk {
    /// Looks whether everything is in place. Each finding comes as soon as it is known, in the
    /// order of the sections; whoever drops the receiver hears no more.
    pub fn check_up(&self) -> Receiver<Finding> {
        let (sender, findings) = channel(WAITING);
        let questions = Questions { settings: self.parts().settings.clone(), ice: None };
        self.parts().runtime.spawn(async move {
            let mut report = pin!(doctor::run(questions));
            while let Some(finding) = report.next().await {
                if sender.send(finding).await.is_err() {
                    return;
                }
            }
        });
        findings
    }
}
