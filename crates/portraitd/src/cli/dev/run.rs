//! `portraitd run -- COMMAND`: runs a command with an emulator and the environment variables that connect to it. The
//! emulator stops when the command ends.

use super::command;
use super::isolation::{self, Isolated};
use super::variables::{Way, variables};
use crate::cli::language::causes;
use crate::cli::language::chosen::{language, localized};
use crate::cli::output::note;
use crate::cli::runtime::runtime;
use crate::logging::{RunningLog, start_log};
use anyhow::Context;
use portraitd_admin::secret::random_u64;
use rustix::process::{Pid, Signal, getpgid, kill_process, kill_process_group, test_kill_process_group};
use std::ffi::OsString;
use std::io::{ErrorKind, IsTerminal};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};
use std::sync::Arc;
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
/// Starts an emulator on free ports, leads the cloud's host names to it for this command alone, runs
/// the command, and stops everything when the command ends:
///
///   portraitd run -- pytest
///   portraitd run --isolate require -- npm test
///
/// On Linux the command sees its own /etc/hosts and DNS server, so that programs in every language
/// call the emulator under the cloud's names; its network stays as it is otherwise. Where that can't
/// be done, and elsewhere, the environment variables of proxies are set (--isolate proxy).
///
/// The exit code is the command's own (128 + N when signal N ended it), 125 when the emulator or the
/// isolation could not start, 126 when the command could not be executed, 127 when it was not found.
#[derive(Debug, clap::Args)]
#[command(
    verbatim_doc_comment,
    mut_arg("listen", |arg| arg.default_value("127.0.0.1:0")),
    mut_arg("tls", |arg| arg.default_value("127.0.0.1:0")),
    mut_arg("json", |arg| arg.hide(true)),
)]
pub(crate) struct Args {
    #[command(flatten)]
    emulator: command::Args,
    #[command(flatten)]
    isolation: isolation::Args,
    /// The command and its arguments, after --
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

pub(crate) fn run(mut args: Args) -> ExitCode {
    let code = start_log(&args.emulator.config().log).and_then(|log| {
        // Before there are other threads: it starts processes that try what this machine allows.
        let isolated = isolation::choose(&args.isolation, random_u64()?, language())?;
        if !isolated.as_ref().is_some_and(Isolated::leads_names) {
            args.emulator.cloud.proxy.get_or_insert(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
        }
        runtime()?.block_on(with_emulator(&args, Arc::new(log), isolated))
    });
    code.map_or_else(
        |error| {
            causes::report(&error);
            ExitCode::from(NO_EMULATOR)
        },
        ExitCode::from,
    )
}

async fn with_emulator(args: &Args, log: Arc<RunningLog>, isolated: Option<Isolated>) -> anyhow::Result<u8> {
    let emulator = command::RunningEmulator::start(&args.emulator, log).await?;
    let leads_names = isolated.as_ref().is_some_and(Isolated::leads_names);
    let code = supervise(&args.command, &emulator, isolated).await;
    let code = code.map(|code| {
        let is_silent = emulator.calls_received() == 0;
        // Where lookups lead to the emulator, a command that makes no call is nothing to warn of.
        if is_silent && (args.isolation.require_calls || !leads_names) {
            note(format_args!("portraitd: {}", isolation::no_calls(language())));
        }
        if is_silent && args.isolation.require_calls && code == 0 { NO_EMULATOR } else { code }
    });
    emulator.show_refused_calls_unless(matches!(code, Ok(0)));
    let stopped = emulator.stop(&args.emulator).await;
    code.and_then(|code| stopped.map(|()| code))
}

/// Returns the process that becomes the command.
fn prepare(
    words: &[OsString],
    emulator: &command::RunningEmulator,
    isolated: Option<&Isolated>,
) -> anyhow::Result<Command> {
    let way = if isolated.is_some_and(Isolated::leads_names) { Way::Lookups } else { Way::Proxy };
    let variables = variables(&emulator.info, way, |name| std::env::var(name).ok());
    if let Some(isolated) = isolated {
        return isolated.command(words, &variables).map(Command::from);
    }
    let (program, arguments) =
        words.split_first().with_context(|| localized!("no command was given", "没有给出命令"))?;
    let mut command = Command::new(program);
    command.args(arguments).envs(variables);
    Ok(command)
}

async fn supervise(
    words: &[OsString],
    emulator: &command::RunningEmulator,
    mut isolated: Option<Isolated>,
) -> anyhow::Result<u8> {
    // The handlers are installed before the command starts, so that no signal is lost.
    let mut signals = Signals::new()?;
    let mut command = prepare(words, emulator, isolated.as_ref())?;
    // On a terminal the command stays in the foreground process group, so that it can read input, and the terminal sends
    // it Ctrl-C itself. Elsewhere it gets its own process group, so that signals reach all of its processes.
    let own_group = !std::io::stdin().is_terminal();
    if own_group {
        command.process_group(0);
    }
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) => {
            let program = words.first().map(|word| word.display().to_string()).unwrap_or_default();
            note(localized!(
                "error: can't run {program}: {}",
                "错误：无法运行 {program}：{}",
                causes::describe(&error)
            ));
            return Ok(if error.kind() == ErrorKind::NotFound { NOT_FOUND } else { NOT_EXECUTABLE });
        }
    };
    let mut process = child.id();
    if let (Some(isolated), Some(id)) = (&mut isolated, child.id()) {
        let ports = emulator.ports().context("the emulator has no HTTPS port")?;
        match isolated.attach(id, &mut || Ok(child.try_wait()?.is_some()), ports) {
            Ok(becomes_command) => process = Some(becomes_command),
            Err(error) => {
                // It waits for what it will not get, or has ended: either way it was not the command yet.
                let _ = child.kill().await;
                return Err(error);
            }
        }
    }
    let target = process.and_then(|id| Pid::from_raw(id.cast_signed())).map(|process| {
        // On a terminal `sudo` puts the command into another group than its own: what ignores SIGTERM would go on there.
        if own_group { getpgid(Some(process)).unwrap_or(process) } else { process }
    });
    let lost = isolation::lost(isolated.as_ref(), process);
    tokio::pin!(lost);
    let status = loop {
        tokio::select! {
            status = child.wait() => break Some(status?),
            () = &mut lost => break None,
            signal = signals.next() => forward(signal, own_group, target),
        }
    };
    match (status, target) {
        (None, Some(group)) if !own_group => drop(kill_process(group, Signal::TERM)),
        (_, Some(group)) if own_group => end_group(group).await,
        _ => {}
    }
    if status.is_none() {
        // Its group was asked to end, and ended.
        child.wait().await?;
    }
    Ok(status.map_or(NO_EMULATOR, exit_code))
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
fn forward(signal: Signal, own_group: bool, target: Option<Pid>) {
    let Some(target) = target else { return };
    let from_terminal = signal == Signal::INT || signal == Signal::QUIT;
    // An error means that the command has just ended.
    let _ = match own_group {
        true => kill_process_group(target, signal),
        false if from_terminal => Ok(()),
        false => kill_process(target, signal),
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
