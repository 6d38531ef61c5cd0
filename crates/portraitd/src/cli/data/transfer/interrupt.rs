//! Ctrl-C during a long command: the current step is finished, what is done is kept, and the command can be repeated.

use crate::cli::language::chosen::localized;
use crate::cli::output::note;
use crate::cli::serve::instance::StopSignals;
use std::time::Duration;
use tokio::sync::watch;

/// Whether the process was asked to stop.
pub(crate) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Takes over SIGINT and SIGTERM; a second one ends the process at once.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let signals = StopSignals::new()?;
        let (asked, receiver) = watch::channel(false);
        tokio::spawn(async move {
            signals.asked_to_stop().await;
            // The command may have ended already.
            let _ = asked.send(true);
            note(format_args!(
                "\n{}",
                localized!(
                    "stopping after the current step; Ctrl-C again stops at once",
                    "完成当前步骤后停止；再次按 Ctrl-C 立即停止"
                )
            ));
        });
        Ok(Self(receiver))
    }

    /// Fails if the process was asked to stop.
    pub(crate) fn check(&self) -> anyhow::Result<()> {
        anyhow::ensure!(!*self.0.borrow(), localized!("interrupted", "已中断"));
        Ok(())
    }

    /// Waits for a time. Fails as soon as the process is asked to stop.
    pub(crate) async fn sleep(&self, time: Duration) -> anyhow::Result<()> {
        let mut asked = self.0.clone();
        // `check` tells which of the two ended the wait.
        let _ = tokio::time::timeout(time, asked.wait_for(|asked| *asked)).await;
        self.check()
    }
}
