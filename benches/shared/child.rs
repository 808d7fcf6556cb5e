//! Processes of a benchmark; this program again, in another role, or Heliograph.

use std::process::{Child, Command, Stdio};

use super::Fault;

/// A process, ended with this value.
pub(crate) struct Kept(Child);

impl Kept {
    /// Starts a command. It is heard only where somebody looks for a fault with `LOUD=1`.
    pub(crate) fn start(command: &mut Command) -> Result<Self, Fault> {
        let voice = || if std::env::var_os("LOUD").is_some() { Stdio::inherit() } else { Stdio::null() };
        Ok(Self(command.stdin(Stdio::null()).stdout(voice()).stderr(voice()).spawn()?))
    }

    /// Starts this benchmark again, to be something else.
    pub(crate) fn myself(role: &[&str]) -> Result<Self, Fault> {
        Self::start(Command::new(std::env::current_exe()?).arg("--be").args(role))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
