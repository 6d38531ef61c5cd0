//! Where `dev` and `run` show refused requests: `dev` each one as it comes, `run` a summary. Both write to standard error.

use crate::cli::output::{foreign, note_verbatim};
use portraitd_emulator::emulator::Emulator;
use portraitd_emulator::refused::RefusedRequest;
use portraitd_emulator::refused::lines::RefusedLines;
use portraitd_model::Language;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::Builder;
use std::time::{Duration, Instant};

/// Prints refused requests until it is stopped. It has a thread of its own, because a terminal or a pipe that is not read
/// blocks the writer.
pub(super) struct RefusedPrinter {
    emulator: Arc<Emulator>,
    ended: Receiver<()>,
}

impl RefusedPrinter {
    /// Starts to print what is refused from now on.
    pub(super) fn start(emulator: Arc<Emulator>, language: Language) -> std::io::Result<Self> {
        let (end, ended) = sync_channel(1);
        let (requests, source) = (emulator.refused.listen(), Arc::clone(&emulator));
        Builder::new().name("refused calls".into()).spawn(move || {
            print(&requests, &source, RefusedLines::new(language));
            // An error means that `stop` no longer waits.
            let _ = end.send(());
        })?;
        Ok(Self { emulator, ended })
    }

    /// Prints the counts that are left, and ends. It waits at most one second for a standard error that is not read.
    pub(super) fn stop(self) {
        self.emulator.refused.close();
        // After the time limit the process ends all the same.
        let _ = self.ended.recv_timeout(Duration::from_secs(1));
    }
}

fn print(requests: &Receiver<RefusedRequest>, emulator: &Emulator, mut lines: RefusedLines) {
    const TICK: Duration = Duration::from_millis(500);
    loop {
        let request = requests.recv_timeout(TICK);
        let now = Instant::now();
        lines.omit(emulator.refused.take_missed(), now);
        match request {
            Ok(request) => write_lines(&lines.add(request, now)),
            Err(RecvTimeoutError::Timeout) => write_lines(&lines.due(now)),
            Err(RecvTimeoutError::Disconnected) => return write_lines(&lines.finish()),
        }
    }
}

fn write_lines(lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let mut text = String::new();
    for line in lines {
        text.push_str(&foreign(line));
        text.push('\n');
    }
    // A standard error that was closed is no reason to stop the emulator.
    note_verbatim(&text);
}

/// Returns the refused requests of an emulator as lines of text, equal ones counted, the newest kinds last; `None` when
/// none was refused.
pub(super) fn refused_calls_summary(emulator: &Emulator, language: Language) -> Option<String> {
    let (total, lines) = emulator.refused.summary(language)?;
    let mut text = match language {
        Language::English if total == 1 => "The emulator refused 1 request:".to_owned(),
        Language::English => format!("The emulator refused {total} requests:"),
        Language::Chinese => format!("模拟器拒绝了 {total} 个请求："),
    };
    for line in &lines {
        text.push_str("\n  ");
        text.push_str(&foreign(line));
    }
    Some(text)
}
