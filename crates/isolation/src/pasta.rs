//! `pasta` (package `passt`) as a companion: it gives a network namespace the host's loopback services and, unless it is
//! to be offline, the host's network.

use crate::enter::Entry;
use anyhow::{Context, bail};
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// For `pasta` to connect the namespaces.
const TIMEOUT: Duration = Duration::from_secs(10);
const READY_PERIOD: Duration = Duration::from_millis(2);

/// A `pasta` that runs. It does not end with the command, so that dropping this ends it; it also ends with this process,
/// whatever ends that.
#[derive(Debug)]
pub(crate) struct Pasta {
    process: Child,
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
        // A probe's have another name.
        let pid_file = directory.join(format!("pasta-{process}.pid"));
        let log = pid_file.with_extension("log");
        // Ports are passed on in both directions as they are opened.
        let ports = ["-t", "auto", "-u", "auto", "-T", "auto", "-U", "auto"];
        // Without the option the gateway's address is this machine's loopback.
        let mut words = vec!["pasta", "--foreground", "--quiet", "--no-map-gw"];
        words.extend(ports.into_iter().chain((!offline).then_some("--config-net")));
        let mut words: Vec<_> = words.into_iter().map(Into::into).collect();
        words.extend(["-P".into(), pid_file.clone().into_os_string(), process.to_string().into()]);
        let entry = Entry { ends_with_parent: true, command: words, ..Entry::default() };
        let program = std::env::current_exe().context("this program's file is not known")?;
        let mut command = Command::new(program);
        command
            .args(entry.arguments())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?);
        // The terminal's Ctrl-C is for the command.
        let child = command.process_group(0).spawn().context("can't start pasta")?;
        let mut pasta = Self { process: child };
        let began = Instant::now();
        // It writes its process id once the namespaces are connected.
        while !fs::read(&pid_file).is_ok_and(|id| id.ends_with(b"\n")) {
            if pasta.process.try_wait()?.is_some() {
                bail!("pasta: {}", fs::read_to_string(&log)?.trim());
            }
            if began.elapsed() > TIMEOUT {
                bail!("pasta did not connect the namespaces within 10 s");
            }
            sleep(READY_PERIOD);
        }
        Ok(pasta)
    }
}

impl Drop for Pasta {
    fn drop(&mut self) {
        // An error means that it has ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
