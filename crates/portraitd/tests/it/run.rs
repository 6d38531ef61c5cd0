//! `portraitd run`: the command gets the environment, its exit code and signals are passed on, and no process is left.

use crate::harness::binary;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

fn run(certificates: &Path) -> Command {
    let mut command = binary();
    command.arg("run").arg("--certificates").arg(certificates).stdin(Stdio::null());
    command
}

fn shell(certificates: &Path, script: &str) -> Output {
    run(certificates).args(["--", "sh", "-c", script]).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn the_command_finds_the_emulator_and_its_exit_code_is_passed_on() {
    let dir = tempfile::tempdir().unwrap();
    let script = r#"
        curl -sS "https://console.tim.qq.com/v4/im_open_login_svc/account_check?sdkappid=$PORTRAITD_SDKAPPID&identifier=$PORTRAITD_ADMIN&usersig=$PORTRAITD_USERSIG" -d '{"CheckItem":[{"UserID":"alice"}]}'
        curl -sS "$PORTRAITD_TLS_URL/v4/x" -d '{}'
        exit 7
    "#;
    let output = shell(dir.path(), script);
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert_eq!(output.status.code(), Some(7), "{out}{err}");
    assert!(out.contains(r#""AccountStatus":"Imported""#) && out.contains("60009"), "{out}{err}");
    assert_eq!(shell(dir.path(), "kill -9 $$").status.code(), Some(128 + 9));
    assert_eq!(shell(dir.path(), "exit 0").status.code(), Some(0));
}

#[test]
fn what_cannot_be_started_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let missing = run(dir.path()).args(["--", "no-such-command"]).output().unwrap();
    assert_eq!(missing.status.code(), Some(127), "{}", text(&missing.stderr));
    assert!(text(&missing.stderr).contains("no-such-command"));
    let folder = run(dir.path()).arg("--").arg(dir.path()).output().unwrap();
    assert_eq!(folder.status.code(), Some(126), "{}", text(&folder.stderr));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let busy = run(dir.path()).args(["--listen", &address, "--", "true"]).output().unwrap();
    let err = text(&busy.stderr);
    assert_eq!(busy.status.code(), Some(125), "{err}");
    assert!(err.contains("the port is in use") && err.contains("is free"), "{err}");
    assert_eq!(run(dir.path()).output().unwrap().status.code(), Some(2), "no command");
}

#[test]
fn signals_reach_the_command_and_what_it_leaves_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    // A child of the command that outlives it, and does not go for the asking.
    let script = "sh -c 'trap \"\" TERM; echo left $$; exec sleep 300' & trap 'echo asked; exit 3' TERM; echo ready; wait; wait";
    let mut child = run(dir.path()).args(["--", "sh", "-c", script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut first = [lines.next().unwrap(), lines.next().unwrap()];
    first.sort();
    let left: u32 = first[0].strip_prefix("left ").unwrap().parse().unwrap();
    assert!(Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap().success());
    assert_eq!(lines.next().unwrap(), "asked");
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert!(is_gone(left), "process {left} was left running");
}

/// A process that was killed is still there until its parent has heard of it.
fn is_gone(process: u32) -> bool {
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
        if matches!(state, None | Some('Z')) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

/// On a terminal the command can be typed to, and Ctrl-C is the terminal's own.
#[test]
fn on_a_terminal_the_command_is_in_the_foreground() {
    const COMMAND: &str = "
import signal, sys
def interrupted(*_):
    print('interrupted', flush=True)
    sys.exit(9)
signal.signal(signal.SIGINT, interrupted)
print('typed', input(), sys.stdin.isatty(), flush=True)
signal.pause()
";
    const TERMINAL: &str = r"
import os, pty, sys
process, terminal = pty.fork()
if process == 0:
    os.execv(sys.argv[1], sys.argv[1:])
seen = b''
def until(text):
    global seen
    while text not in seen:
        seen += os.read(terminal, 1000)
os.write(terminal, b'hello\n')
until(b'typed hello True')
os.write(terminal, b'\x03')
until(b'interrupted')
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
";
    let dir = tempfile::tempdir().unwrap();
    let run = run(dir.path());
    let mut python = Command::new("python3");
    python.args(["-c", TERMINAL]).arg(run.get_program()).args(run.get_args());
    let output = python.args(["--", "python3", "-c", COMMAND]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(9), "{}{}", text(&output.stdout), text(&output.stderr));
}
