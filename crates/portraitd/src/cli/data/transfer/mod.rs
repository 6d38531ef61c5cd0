//! Moving many accounts into an app: row by row from a source, batch by batch through the admin API, with a progress
//! bar, a file of what is refused, and a way to continue.

pub(crate) mod checkpoint;
pub(crate) mod csv;
pub(crate) mod file_names;
pub(crate) mod format;
pub(crate) mod interrupt;
pub(crate) mod jsonl;
mod mark;
pub(crate) mod progress_bar;
mod refused;
pub(crate) mod row;

use crate::cli::admin::client::{Operator, Refusal};
use crate::cli::data::transfer::checkpoint::{Progress, restart};
use crate::cli::data::transfer::file_names::sibling;
use crate::cli::data::transfer::interrupt::Stop;
use crate::cli::data::transfer::mark::Mark;
use crate::cli::data::transfer::progress_bar::{counter, of_bytes};
use crate::cli::data::transfer::refused::RefusedRows;
use crate::cli::data::transfer::row::Row;
use crate::cli::data::transfer::row::RowSource;
use crate::cli::output::{print_json, say};
use anyhow::Context;
use hyper::{Method, StatusCode};
use indicatif::ProgressBar;
use portraitd_admin::handlers::transfer::Imported;
use portraitd_store::StoreId;
use serde::Serialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What every transfer can be told.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct TransferArgs {
    /// Do not stop after 1000 refused rows in a row
    #[arg(long)]
    keep_going: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

/// What a transfer needs to know.
pub(super) struct Plan<'a> {
    pub(super) operator: &'a Operator,
    /// The one store that all of it goes to.
    pub(super) store: StoreId,
    pub(super) sdkappid: u32,
    /// What is read; `None`: standard input, where nothing can be continued.
    pub(super) file: Option<&'a Path>,
    /// Rows to a batch.
    pub(super) rows: usize,
    /// Tell the app's webhook.
    pub(super) tell: bool,
    pub(super) args: TransferArgs,
}

/// A transfer stops after so many rows that were refused one after the other: it is the wrong file, the wrong app or a
/// missing field then, rather than a bad row.
const REFUSED_IN_A_ROW_MAX: u64 = 1000;

/// Rows refused one after the other, up to the last row that was read.
#[derive(Default)]
struct RefusedInARow {
    rows: u64,
    /// The first one, and why.
    first: String,
}

/// A transfer on its way.
pub(super) struct Transfer<'a> {
    plan: Plan<'a>,
    source: Box<dyn RowSource>,
    progress: Progress,
    refused: RefusedRows,
    in_a_row: RefusedInARow,
    /// How far it had come before the batch with the last row that was taken: the same command goes back to there.
    before_last_taken: Progress,
    bar: ProgressBar,
    stop: Stop,
    started: Instant,
    saved: Instant,
    /// Rows that an earlier run read.
    earlier: u64,
}

/// The end of a transfer, complete or not.
#[derive(Serialize)]
struct Summary {
    complete: bool,
    read: u64,
    imported: u64,
    refused: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused_file: Option<PathBuf>,
    seconds: f64,
    rate: f64,
}

impl<'a> Transfer<'a> {
    /// Gets ready, after what an earlier run did.
    pub(super) async fn prepare(plan: Plan<'a>, mut source: Box<dyn RowSource>) -> anyhow::Result<Self> {
        let size = match plan.file {
            Some(file) => {
                std::fs::metadata(file).with_context(|| format!("can't read {}", file.display()))?.len()
            }
            None => 0,
        };
        let bar = if plan.file.is_some() { of_bytes(size) } else { counter("rows") };
        let mut progress = Progress::new(plan.store, plan.sdkappid, size);
        if let Some(file) = plan.file {
            let path = sibling(file, ".progress");
            progress.advance(source.as_ref());
            progress = progress.resume(file, source.as_mut()).with_context(|| path.display().to_string())?;
            let known = match &progress.mark {
                Some(mark) => mark.is_in(plan.operator, plan.store).await?,
                None => true,
            };
            anyhow::ensure!(
                known,
                "{}: the store {} was set back to an earlier state, before {} lines of {} were imported: nothing was sent; {}",
                path.display(),
                plan.store,
                progress.lines,
                file.display(),
                restart(file)
            );
        }
        let refused = RefusedRows::resume(plan.file.unwrap_or(Path::new("stdin")), &progress.refused_part)?;
        progress.refused_part = refused.part();
        if let Some(file) = plan.file {
            // Tells now, not after a second, when the directory can't be written.
            progress.save(file)?;
        }
        let (earlier, stop, now) = (progress.read, Stop::listen()?, Instant::now());
        let (in_a_row, before_last_taken) = (RefusedInARow::default(), progress.clone());
        Ok(Self {
            plan,
            source,
            progress,
            refused,
            in_a_row,
            before_last_taken,
            bar,
            stop,
            started: now,
            saved: now,
            earlier,
        })
    }

    /// Moves everything. `look_up` makes accounts' lines of the rows that are not such lines yet.
    pub(super) async fn run(
        mut self,
        look_up: impl AsyncFnMut(Vec<Row>, &Stop) -> anyhow::Result<Vec<Row>>,
    ) -> anyhow::Result<()> {
        let outcome = self.go(look_up).await;
        self.bar.finish_and_clear();
        let done = self.progress.clone();
        if outcome.is_err() && self.is_futile() {
            // Once the cause is mended, the same command tries those rows again.
            self.progress = self.before_last_taken.clone();
        }
        // Also after a failure: what is done is done.
        let saved = self.save().await;
        self.summarize(&done, outcome.is_ok() && saved.is_ok())?;
        let continues = self.plan.file.filter(|_| self.progress.read > 0);
        let outcome = outcome.and(saved);
        if outcome.is_ok() || continues.is_none() {
            self.plan.file.map_or(Ok(()), Progress::remove)?;
        }
        let Err(why) = outcome else {
            let (refused, file) = (self.progress.refused, self.refused.path());
            anyhow::ensure!(refused == 0, "{refused} rows were refused: see {}", file.display());
            return Ok(());
        };
        Err(why.context(match continues {
            Some(_) => format!(
                "stopped after line {}, up to which all is done; run the same command again to continue",
                self.progress.lines
            ),
            None if done.imported == 0 => "nothing was imported".to_owned(),
            None => {
                "stopped; run the same command on the same input again: what is stored is only set once more"
                    .to_owned()
            }
        }))
    }

    async fn go(
        &mut self,
        mut look_up: impl AsyncFnMut(Vec<Row>, &Stop) -> anyhow::Result<Vec<Row>>,
    ) -> anyhow::Result<()> {
        /// Between two times that progress is saved.
        const SAVE_EVERY: Duration = Duration::from_secs(1);
        loop {
            self.stop.check()?;
            let rows = self.batch()?;
            if rows.is_empty() {
                return Ok(());
            }
            let read = rows.len() as u64;
            let rows = look_up(rows, &self.stop).await?;
            let lines: Vec<&str> = rows.iter().filter_map(|row| row.line.as_deref().ok()).collect();
            let answer = self.send(&lines.join("\n")).await?;
            let begun = self.refused.is_open();
            self.note_refused(&rows, &answer)?;
            self.progress.read += read;
            self.progress.imported += answer.imported;
            self.progress.advance(self.source.as_ref());
            self.show();
            if self.saved.elapsed() >= SAVE_EVERY || self.refused.is_open() != begun {
                self.save().await?;
            }
            let RefusedInARow { rows, first } = &self.in_a_row;
            anyhow::ensure!(
                !self.is_futile(),
                "{rows} rows in a row were refused, the first of them {first}; all are in {}; mend the cause, or go past such rows with --keep-going",
                self.refused.path().display()
            );
        }
    }

    fn batch(&mut self) -> anyhow::Result<Vec<Row>> {
        /// A request's size; the server takes 24 MiB.
        const BYTES_MAX: usize = 4 << 20;
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while rows.len() < self.plan.rows && bytes < BYTES_MAX {
            let Some(row) = self.source.next_row()? else { break };
            bytes += row.text.len();
            rows.push(row);
        }
        Ok(rows)
    }

    /// A server that is busy is asked again; one that stays unable, or says no, ends the transfer.
    async fn send(&self, lines: &str) -> anyhow::Result<Imported> {
        const PAUSES_MS: [u64; 5] = [50, 100, 200, 400, 800];
        if lines.is_empty() {
            return Ok(Imported::default());
        }
        let Plan { sdkappid, tell, store, .. } = self.plan;
        let path = format!("/apps/{sdkappid}/import?tell={tell}&store={store}");
        let mut pauses = PAUSES_MS.into_iter();
        loop {
            let answer = self.plan.operator.bytes(Method::POST, &path, lines.as_bytes().to_vec()).await;
            let busy = answer.as_ref().err().and_then(|error| error.downcast_ref::<Refusal>());
            let busy = busy.is_some_and(|refusal| refusal.status == StatusCode::SERVICE_UNAVAILABLE);
            match pauses.next().filter(|_| busy) {
                Some(pause) => self.stop.pause(Duration::from_millis(pause)).await?,
                None => return serde_json::from_slice(&answer?).context("the admin API answered otherwise"),
            }
        }
    }

    /// Writes down what was refused, here or by the server.
    fn note_refused(&mut self, rows: &[Row], answer: &Imported) -> anyhow::Result<()> {
        let sent: Vec<&Row> = rows.iter().filter(|row| row.line.is_ok()).collect();
        let there = answer.refused.iter().filter_map(|refused| {
            Some((sent.get(refused.line.checked_sub(1)?)?.number, refused.reason.as_str()))
        });
        let there: HashMap<u64, &str> = there.collect();
        let mut count = 0;
        let mut taken = false;
        for row in rows {
            let here = row.line.as_ref().err().map(String::as_str);
            let Some(reason) = here.or_else(|| there.get(&row.number).copied()) else {
                (self.in_a_row, taken) = (RefusedInARow::default(), true);
                continue;
            };
            if let Some(notice) = self.refused.write(row, reason)? {
                self.bar.suspend(|| eprintln!("{notice}"));
            }
            count += 1;
            if self.in_a_row.rows == 0 {
                self.in_a_row.first = format!("(line {}): {reason}", row.number);
            }
            self.in_a_row.rows += 1;
        }
        if taken {
            self.before_last_taken = self.progress.clone();
        }
        self.progress.refused += count;
        self.progress.refused_part = self.refused.part();
        Ok(())
    }

    /// Whether nothing is taken any more.
    fn is_futile(&self) -> bool {
        self.in_a_row.rows >= REFUSED_IN_A_ROW_MAX && !self.plan.args.keep_going
    }

    async fn save(&mut self) -> anyhow::Result<()> {
        const MARK_PATIENCE: Duration = Duration::from_secs(2);
        self.refused.flush()?;
        self.saved = Instant::now();
        let Some(file) = self.plan.file else { return Ok(()) };
        // From a server that is gone or busy: the mark of a second ago will do.
        let newest = Mark::newest(self.plan.operator, self.plan.store);
        if let Ok(Ok(mark)) = tokio::time::timeout(MARK_PATIENCE, newest).await {
            self.progress.mark = mark;
        }
        self.progress.save(file)
    }

    fn show(&self) {
        let Progress { read, imported, refused, .. } = self.progress;
        match self.plan.file {
            Some(_) => self.bar.set_position(self.source.fingerprint().bytes),
            None => self.bar.set_position(read),
        }
        self.bar.set_message(format!("{imported} imported, {refused} refused"));
    }

    fn summarize(&self, done: &Progress, complete: bool) -> anyhow::Result<()> {
        let Progress { read, imported, refused, .. } = *done;
        let seconds = self.started.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = (read - self.earlier) as f64 / seconds.max(0.001);
        let refused_file = (refused > 0).then(|| self.refused.path());
        if self.plan.args.json {
            return print_json(&Summary { complete, read, imported, refused, refused_file, seconds, rate });
        }
        let earlier = match self.earlier {
            0 => String::new(),
            rows => format!(", {rows} of them in an earlier run"),
        };
        say(format_args!(
            "{read} rows read{earlier}: {imported} imported, {refused} refused; {seconds:.1} s, {rate:.0} rows/s"
        ));
        Ok(())
    }
}
