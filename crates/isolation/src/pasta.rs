//! `pasta` (package `passt`) as a companion: it gives a network namespace the host's loopback services and, unless it is
//! to be offline, the host's network.

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A `pasta` that runs; it is ended when this is dropped, since it does not end with the command.
#[derive(Debug)]
pub(crate) struct Pasta {
    process: Pid,
}

/// Returns whether `pasta` can be started.
pub(crate) fn is_installed() -> bool {
    let ask = Command::new("pasta").arg("--version").stdin(Stdio::null()).output();
    ask.is_ok_and(|output| output.status.success())
}

impl Pasta {
    /// Attaches to the namespaces of a process; returns once they are connected.
    ///
    /// # Errors
    /// When `pasta` refuses; the message is its own.
    pub(crate) fn attach(process: u32, offline: bool, directory: &Path) -> anyhow::Result<Self> {
        let pid_file: PathBuf = directory.join("pasta.pid");
        let mut command = Command::new("pasta");
        if !offline {
            command.arg("--config-net");
        }
        // Ports are passed on in both directions as they are opened.
        command.args(["--quiet", "-t", "auto", "-u", "auto", "-T", "auto", "-U", "auto", "-P"]);
        let output = command.arg(&pid_file).arg(process.to_string()).stdin(Stdio::null()).output();
        let output = output.context("can't start pasta")?;
        if !output.status.success() {
            bail!("pasta: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let text = fs::read_to_string(&pid_file).context("pasta left no process id")?;
        let process = Pid::from_raw(text.trim().parse()?).context("pasta left no process id")?;
        Ok(Self { process })
    }
}

impl Drop for Pasta {
    fn drop(&mut self) {
        // One that has ended by itself needs no signal.
        let _ = kill_process(self.process, Signal::TERM);
    }
}
