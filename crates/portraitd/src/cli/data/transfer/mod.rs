//! Imports many accounts into an app: reads rows from a file, sends them in batches through the admin API, and keeps a
//! progress bar, a file of refused rows, and a file of progress with which the same command continues.

mod audit_position;
pub(crate) mod csv;
pub(crate) mod file_names;
pub(crate) mod format;
pub(crate) mod interrupt;
pub(crate) mod json_lines;
pub(crate) mod progress;
pub(crate) mod progress_bar;
mod refused_rows;
pub(crate) mod row;

use crate::cli::admin::client::{Operator, Refusal, unreadable_answer};
use crate::cli::data::transfer::audit_position::AuditPosition;
use crate::cli::data::transfer::file_names::sibling;
use crate::cli::data::transfer::interrupt::Interrupt;
use crate::cli::data::transfer::progress::{TransferProgress, restart};
use crate::cli::data::transfer::progress_bar::{counter, of_bytes};
use crate::cli::data::transfer::refused_rows::RefusedRows;
use crate::cli::data::transfer::row::Row;
use crate::cli::data::transfer::row::RowSource;
use crate::cli::language::chosen::localized;
use crate::cli::output::{count, note, print_json, say};
use anyhow::Context;
use hyper::{Method, StatusCode};
use indicatif::ProgressBar;
use portraitd_admin::handlers::import::Imported;
use portraitd_store::StoreId;
use serde::Serialize;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The options that `import` and `migrate` share.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct TransferArgs {
    /// Do not stop after 1000 refused rows in succession
    #[arg(long)]
    keep_going: bool,
    /// Print the summary as JSON
    #[arg(long)]
    json: bool,
}

/// The destination and the options of a transfer.
pub(super) struct TransferOptions<'a> {
    pub(super) operator: &'a Operator,
    /// The store; every request names it, so that no row reaches another.
    pub(super) store: StoreId,
    pub(super) sdkappid: u32,
    /// The file that is read; `None`: standard input, which can't be continued.
    pub(super) file: Option<&'a Path>,
    /// Rows in a batch.
    pub(super) batch_rows: usize,
    /// Whether the app's webhook is sent an event for each change.
    pub(super) send_events: bool,
    pub(super) args: TransferArgs,
}

/// A transfer stops after this many refused rows in succession: the cause is then the wrong file, the wrong app or a
/// missing field rather than a single row.
const REFUSED_IN_SUCCESSION_MAX: u64 = 1000;

/// The refused rows since the last row that was stored.
#[derive(Default)]
struct RefusedInSuccession {
    rows: u64,
    /// The line of the first one, and the reason.
    first: String,
}

/// A running transfer.
pub(super) struct Transfer<'a> {
    options: TransferOptions<'a>,
    source: Box<dyn RowSource>,
    progress: TransferProgress,
    refused: RefusedRows,
    in_succession: RefusedInSuccession,
    /// The progress before the last batch of which a row was stored. A transfer that stops because every row is refused
    /// continues from there.
    before_last_stored: TransferProgress,
    bar: ProgressBar,
    interrupt: Interrupt,
    started: Instant,
    saved: Instant,
    /// Rows that an earlier run read.
    earlier: u64,
}

/// The result of a transfer, complete or not.
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
    /// Reads the progress of an earlier run, if there is one, and opens the files.
    pub(super) async fn prepare(
        options: TransferOptions<'a>,
        mut source: Box<dyn RowSource>,
    ) -> anyhow::Result<Self> {
        let size = match options.file {
            Some(file) => std::fs::metadata(file)
                .with_context(|| localized!("can't read {}", "无法读取 {}", file.display()))?
                .len(),
            None => 0,
        };
        let bar = if options.file.is_some() { of_bytes(size) } else { counter("rows") };
        let mut progress = TransferProgress::new(options.store, options.sdkappid, size);
        if let Some(file) = options.file {
            let path = sibling(file, ".progress");
            progress.advance(source.as_ref());
            progress = progress.resume(file, source.as_mut()).with_context(|| path.display().to_string())?;
            let known = match &progress.audit_position {
                Some(position) => position.is_in(options.operator, options.store).await?,
                None => true,
            };
            anyhow::ensure!(
                known,
                localized!(
                    "{path}: the store {store} was set back to an earlier state, from before {lines} lines of {file} were imported: nothing was sent; {restart}",
                    "{path}：数据 {store} 已恢复到 {file} 的 {lines} 行导入之前的状态：未发送任何内容；请{restart}",
                    path = path.display(),
                    store = options.store,
                    lines = progress.lines,
                    file = file.display(),
                    restart = restart(file)
                )
            );
        }
        let refused =
            RefusedRows::resume(options.file.unwrap_or(Path::new("stdin")), &progress.refused_part)?;
        progress.refused_part = refused.part();
        if let Some(file) = options.file {
            // Fails now, not after a second, when the directory can't be written.
            progress.save(file)?;
        }
        let (earlier, interrupt, now) = (progress.read, Interrupt::listen()?, Instant::now());
        let (in_succession, before_last_stored) = (RefusedInSuccession::default(), progress.clone());
        Ok(Self {
            options,
            source,
            progress,
            refused,
            in_succession,
            before_last_stored,
            bar,
            interrupt,
            started: now,
            saved: now,
            earlier,
        })
    }

    /// Imports every row. `look_up` turns rows that are not lines of accounts yet into such lines.
    pub(super) async fn run(
        mut self,
        look_up: impl AsyncFnMut(Vec<Row>, &Interrupt) -> anyhow::Result<Vec<Row>>,
    ) -> anyhow::Result<()> {
        let outcome = self.send_all(look_up).await;
        self.bar.finish_and_clear();
        let done = self.progress.clone();
        if outcome.is_err() && self.is_futile() {
            // The same command tries those rows again, once the cause is removed.
            self.progress = self.before_last_stored.clone();
        }
        // Progress is saved after a failure too.
        let saved = self.save().await;
        self.summarize(&done, outcome.is_ok() && saved.is_ok())?;
        let continues = self.options.file.filter(|_| self.progress.read > 0);
        let outcome = outcome.and(saved);
        if outcome.is_ok() || continues.is_none() {
            self.options.file.map_or(Ok(()), TransferProgress::remove)?;
        }
        let Err(why) = outcome else {
            let (refused, file) = (self.progress.refused, self.refused.path());
            let (rows, file) = (count(refused, "row"), file.display());
            anyhow::ensure!(
                refused == 0,
                localized!("{rows} refused: see {file}", "{refused} 行被拒绝：见 {file}")
            );
            return Ok(());
        };
        Err(why.context(match continues {
            Some(_) => localized!(
                "stopped after line {}, up to which everything is done; run the same command again to continue",
                "已在第 {} 行之后停止，此前各行均已完成；再次运行同一命令即可继续",
                self.progress.lines
            ),
            None if done.imported == 0 => localized!("nothing was imported", "没有导入任何内容"),
            None => localized!(
                "stopped; run the same command on the same input again: rows that are stored already are set again",
                "已停止；请对同一输入再次运行同一命令：已保存的行会重新设置"
            ),
        }))
    }

    async fn send_all(
        &mut self,
        mut look_up: impl AsyncFnMut(Vec<Row>, &Interrupt) -> anyhow::Result<Vec<Row>>,
    ) -> anyhow::Result<()> {
        /// The time between two saves of the progress.
        const SAVE_EVERY: Duration = Duration::from_secs(1);
        loop {
            self.interrupt.check()?;
            let rows = self.batch()?;
            if rows.is_empty() {
                return Ok(());
            }
            let read = rows.len() as u64;
            let rows = look_up(rows, &self.interrupt).await?;
            let lines: Vec<&str> = rows.iter().filter_map(|row| row.line.as_deref().ok()).collect();
            let answer = self.send(&lines.join("\n")).await?;
            let was_open = self.refused.is_open();
            self.note_refused(&rows, &answer)?;
            self.progress.read += read;
            self.progress.imported += answer.imported;
            self.progress.advance(self.source.as_ref());
            self.show();
            if self.saved.elapsed() >= SAVE_EVERY || self.refused.is_open() != was_open {
                self.save().await?;
            }
            let RefusedInSuccession { rows, first } = &self.in_succession;
            anyhow::ensure!(
                !self.is_futile(),
                localized!(
                    "{rows} rows in succession were refused, the first of them {first}; all are in {}; remove the cause, or continue past such rows with --keep-going",
                    "连续 {rows} 行被拒绝，其中第一行{first}；全部见 {}；请排除原因，或用 --keep-going 跳过这些行继续",
                    self.refused.path().display()
                )
            );
        }
    }

    fn batch(&mut self) -> anyhow::Result<Vec<Row>> {
        /// A request's size; the server takes 24 MiB.
        const BYTES_MAX: usize = 4 << 20;
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while rows.len() < self.options.batch_rows && bytes < BYTES_MAX {
            let Some(row) = self.source.next_row()? else { break };
            bytes += row.text.len();
            rows.push(row);
        }
        Ok(rows)
    }

    /// Sends a batch, and repeats it while the server is busy. Any other error ends the transfer.
    async fn send(&self, lines: &str) -> anyhow::Result<Imported> {
        const PAUSES_MS: [u64; 5] = [50, 100, 200, 400, 800];
        if lines.is_empty() {
            return Ok(Imported::default());
        }
        let TransferOptions { sdkappid, send_events, store, .. } = self.options;
        let path = format!("/apps/{sdkappid}/import?tell={send_events}&store={store}");
        let mut pauses = PAUSES_MS.into_iter();
        loop {
            let answer = self.options.operator.bytes(Method::POST, &path, lines.as_bytes().to_vec()).await;
            let busy = answer.as_ref().err().and_then(|error| error.downcast_ref::<Refusal>());
            let busy = busy.is_some_and(|refusal| refusal.status == StatusCode::SERVICE_UNAVAILABLE);
            match pauses.next().filter(|_| busy) {
                Some(pause) => self.interrupt.sleep(Duration::from_millis(pause)).await?,
                None => {
                    return serde_json::from_slice(&answer?).with_context(unreadable_answer);
                }
            }
        }
    }

    /// Writes the rows that were refused, here or by the server, to their file.
    fn note_refused(&mut self, rows: &[Row], answer: &Imported) -> anyhow::Result<()> {
        let sent: Vec<&Row> = rows.iter().filter(|row| row.line.is_ok()).collect();
        let by_server = answer.refused.iter().filter_map(|refused| {
            Some((sent.get(refused.line.checked_sub(1)?)?.number, refused.reason.as_str()))
        });
        let by_server: HashMap<u64, &str> = by_server.collect();
        let mut refused = 0;
        let mut any_stored = false;
        for row in rows {
            let locally = row.line.as_ref().err().map(String::as_str);
            let Some(reason) = locally.or_else(|| by_server.get(&row.number).copied()) else {
                (self.in_succession, any_stored) = (RefusedInSuccession::default(), true);
                continue;
            };
            if let Some(notice) = self.refused.write(row, reason)? {
                self.bar.suspend(|| note(format_args!("{notice}")));
            }
            refused += 1;
            if self.in_succession.rows == 0 {
                self.in_succession.first =
                    localized!("(line {}): {reason}", "（第 {} 行）：{reason}", row.number);
            }
            self.in_succession.rows += 1;
        }
        if any_stored {
            self.before_last_stored = self.progress.clone();
        }
        self.progress.refused += refused;
        self.progress.refused_part = self.refused.part();
        Ok(())
    }

    /// Whether so many rows in succession were refused that the transfer stops.
    fn is_futile(&self) -> bool {
        self.in_succession.rows >= REFUSED_IN_SUCCESSION_MAX && !self.options.args.keep_going
    }

    async fn save(&mut self) -> anyhow::Result<()> {
        const POSITION_TIMEOUT: Duration = Duration::from_secs(2);
        self.refused.flush()?;
        self.saved = Instant::now();
        let Some(file) = self.options.file else { return Ok(()) };
        // When the server is gone or busy, the position of the last save is kept.
        let newest = AuditPosition::newest(self.options.operator, self.options.store);
        if let Ok(Ok(position)) = tokio::time::timeout(POSITION_TIMEOUT, newest).await {
            self.progress.audit_position = position;
        }
        self.progress.save(file)
    }

    fn show(&self) {
        let TransferProgress { read, imported, refused, .. } = self.progress;
        match self.options.file {
            Some(_) => self.bar.set_position(self.source.fingerprint().bytes),
            None => self.bar.set_position(read),
        }
        self.bar.set_message(localized!(
            "{imported} imported, {refused} refused",
            "已导入 {imported} 行，已拒绝 {refused} 行"
        ));
    }

    fn summarize(&self, done: &TransferProgress, complete: bool) -> anyhow::Result<()> {
        let TransferProgress { read, imported, refused, .. } = *done;
        let seconds = self.started.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = (read - self.earlier) as f64 / seconds.max(0.001);
        let refused_file = (refused > 0).then(|| self.refused.path());
        if self.options.args.json {
            return print_json(&Summary { complete, read, imported, refused, refused_file, seconds, rate });
        }
        let earlier = match self.earlier {
            0 => String::new(),
            rows => localized!(", {rows} of them in an earlier run", "（其中 {rows} 行在先前的运行中读取）"),
        };
        let rows = count(read, "row");
        say(localized!(
            "{rows} read{earlier}: {imported} imported, {refused} refused; {seconds:.1} s, {rate:.0} rows/s",
            "已读取 {read} 行{earlier}：导入 {imported} 行，拒绝 {refused} 行；{seconds:.1} 秒，每秒 {rate:.0} 行"
        ));
        Ok(())
    }
}
