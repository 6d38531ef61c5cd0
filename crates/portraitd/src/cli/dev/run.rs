//! `portraitd run -- COMMAND`: runs a command with an emulator and the environment variables that connect to it. The
//! emulator stops when the command ends.

use super::command;
use super::variables::variables;
use crate::cli::runtime::runtime;
use crate::logging::start_log;
use anyhow::Context;
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process_group};
use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};
use std::time::Duration;
use tokio::process::Command;
use tokio::signal::unix::{self, SignalKind, signal};

/// The exit code when the emulator could not start, like that of `timeout` and `docker run`.
const NO_EMULATOR: u8 = 125;
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;
/// The time between SIGTERM and SIGKILL for processes that the command left running.
const KILL_DELAY: Duration = Duration::from_secs(2);

/// Run a command, such as a test suite, with an emulator that stops with it
///
/// Starts an emulator on free ports with HTTPS and the proxy, sets the environment variables that
/// connect programs to it, runs the command, and stops everything when the command ends:
///
///   portraitd run -- pytest
///   portraitd run --proxy-others pass -- npm test
///
/// The exit code is the command's own (128 + N when signal N ended it), 125 when the emulator could
/// not start, 126 when the command could not be executed, 127 when it was not found.
#[derive(Debug, clap::Args)]
#[command(
    verbatim_doc_comment,
    mut_arg("listen", |arg| arg.default_value("127.0.0.1:0")),
    mut_arg("tls", |arg| arg.default_value("127.0.0.1:0")),
    mut_arg("proxy", |arg| arg.default_value("127.0.0.1:0")),
    mut_arg("json", |arg| arg.hide(true)),
)]
pub(crate) struct Args {
    #[command(flatten)]
    emulator: command::Args,
    /// The command and its arguments, after --
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(crate) fn run(args: Args) -> ExitCode {
    let code = start_log(&args.emulator.config().log).and_then(|()| runtime()?.block_on(with_emulator(args)));
    code.map_or_else(
        |error| {
            eprintln!("error: {error:#}");
            ExitCode::from(NO_EMULATOR)
        },
        ExitCode::from,
    )
}

async fn with_emulator(args: Args) -> anyhow::Result<u8> {
    let emulator = command::RunningEmulator::start(&args.emulator).await?;
    let code = supervise(&args.command, &emulator).await;
    let stopped = emulator.stop(&args.emulator).await;
    code.and_then(|code| stopped.map(|()| code))
}

async fn supervise(words: &[OsString], emulator: &command::RunningEmulator) -> anyhow::Result<u8> {
    // The handlers are installed before the command starts, so that no signal is lost.
    let mut signals = Signals::new()?;
    let (program, arguments) = words.split_first().context("no command was given")?;
    let mut command = Command::new(program);
    command.args(arguments).envs(variables(&emulator.info, |name| std::env::var(name).ok()));
    // On a terminal the command stays in the foreground process group, so that it can read input, and the terminal sends
    // it Ctrl-C itself. Elsewhere it gets its own process group, so that signals reach all of its processes.
    let own_group = !std::io::stdin().is_terminal();
    if own_group {
        command.process_group(0);
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("error: can't run {}: {error}", program.display());
            return Ok(if error.kind() == ErrorKind::NotFound { NOT_FOUND } else { NOT_EXECUTABLE });
        }
    };
    let group = child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
    let status = loop {
        tokio::select! {
            status = child.wait() => break status?,
            signal = signals.next() => forward(signal, own_group, group),
        }
    };
    if own_group && let Some(group) = group {
        end_group(group).await;
    }
    Ok(exit_code(status))
}

/// The signals that stop a command.
struct Signals {
    interrupt: unix::Signal,
    quit: unix::Signal,
    terminate: unix::Signal,
    hang_up: unix::Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.interrupt.recv() => Signal::INT,
            _ = self.quit.recv() => Signal::QUIT,
            _ = self.terminate.recv() => Signal::TERM,
            _ = self.hang_up.recv() => Signal::HUP,
        }
    }
}

/// Forwards a signal to the command. A signal of the terminal reaches every process in the foreground group without this.
fn forward(signal: Signal, own_group: bool, child: Option<Pid>) {
    let Some(child) = child else { return };
    let from_terminal = signal == Signal::INT || signal == Signal::QUIT;
    // An error means that the command has just ended.
    let _ = match own_group {
        true => kill_process_group(child, signal),
        false if from_terminal => Ok(()),
        false => kill_process(child, signal),
    };
}

/// Stops the processes that the command left running.
async fn end_group(group: Pid) {
    let gone = || test_kill_process_group(group).is_err();
    if gone() {
        return;
    }
    // An error means that they have just ended.
    let _ = kill_process_group(group, Signal::TERM);
    let ended = async {
        while !gone() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(KILL_DELAY, ended).await.is_err() {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Returns the exit code that a shell would: the command's own, or 128 plus the signal's number.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
