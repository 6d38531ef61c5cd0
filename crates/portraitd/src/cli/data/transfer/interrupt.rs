//! Ctrl-C in the middle of something long: finish the step, keep what is done, say how to continue.

use crate::cli::serve::instance::StopSignals;
use std::time::Duration;
use tokio::sync::watch;

/// Whether the user wants an end.
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Takes over SIGINT and SIGTERM; a second one ends the process at once.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let signals = StopSignals::new()?;
        let (asked, receiver) = watch::channel(false);
        tokio::spawn(async move {
            signals.asked_to_stop().await;
            // Nobody listens once all is done.
            let _ = asked.send(true);
            eprintln!("\nstopping after this step; Ctrl-C again stops at once");
        });
        Ok(Self(receiver))
    }

    /// Fails when an end was asked for.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(!*self.0.borrow(), "interrupted");
        Ok(())
    }

    /// Waits, but not past that.
    pub(crate) async fn pause(&self, time: Duration) -> anyhow::Result<()> {
        let mut asked = self.0.clone();
        // Either way the next line tells.
        let _ = tokio::time::timeout(time, asked.wait_for(|asked| *asked)).await;
        self.check()
    }
}
