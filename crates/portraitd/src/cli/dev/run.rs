//! `portraitd run -- COMMAND`: an emulator for as long as a command runs, and the environment that leads it there.

use super::command;
use super::environment::variables;
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

/// The emulator could not be started: `timeout` and `docker run` say it so.
const NO_EMULATOR: u8 = 125;
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;
/// For what the command left running, between SIGTERM and SIGKILL.
const PATIENCE: Duration = Duration::from_secs(2);

/// Run a command, a test suite for one, with an emulator that ends with it
///
/// Starts an emulator on free ports, with HTTPS and the proxy, sets the environment that leads
/// programs to it, runs the command, and stops everything after it:
///
///   portraitd run -- pytest
///   portraitd run --proxy-others pass -- npm test
///
/// Ends with the command's own exit code (128 + N when signal N ended it), 125 when the emulator
/// could not start, 126 and 127 when the command could not.
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
    let emulator = command::Running::start(&args.emulator).await?;
    let code = supervise(&args.command, &emulator).await;
    let stopped = emulator.stop(&args.emulator).await;
    code.and_then(|code| stopped.map(|()| code))
}

async fn supervise(words: &[OsString], emulator: &command::Running) -> anyhow::Result<u8> {
    // Taken over before the command starts: from then on a signal is the command's.
    let mut signals = Signals::new()?;
    let (program, arguments) = words.split_first().context("no command was given")?;
    let mut command = Command::new(program);
    command.args(arguments).envs(variables(&emulator.page, |name| std::env::var(name).ok()));
    // On a terminal the command stays in the foreground group, so that it can be typed to, and Ctrl-C reaches it from
    // the terminal itself. Elsewhere it leads a group of its own, which can be signalled, and ended, as a whole.
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
            signal = signals.next() => pass_on(signal, own_group, group),
        }
    };
    if own_group && let Some(group) = group {
        end_group(group).await;
    }
    Ok(exit_code(status))
}

/// The signals that people and machines stop a command with.
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

/// Hands a signal to the command. What the terminal sends, it sends to everyone in the foreground.
fn pass_on(signal: Signal, own_group: bool, child: Option<Pid>) {
    let Some(child) = child else { return };
    let from_terminal = signal == Signal::INT || signal == Signal::QUIT;
    // A command that has just ended needs no signal any more.
    let _ = match own_group {
        true => kill_process_group(child, signal),
        false if from_terminal => Ok(()),
        false => kill_process(child, signal),
    };
}

/// Ends what the command left running.
async fn end_group(group: Pid) {
    let gone = || test_kill_process_group(group).is_err();
    if gone() {
        return;
    }
    // What ends in between is what we want.
    let _ = kill_process_group(group, Signal::TERM);
    let ended = async {
        while !gone() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, ended).await.is_err() {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// As shells give it: the command's own, or 128 and the signal's number.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| Some(128 + status.signal()?));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
