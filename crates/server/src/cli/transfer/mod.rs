//! Moving many accounts into an app: row by row from a source, batch by batch through the admin API, with a progress
//! bar, a file of what is refused, and a way to continue.

mod bar;
mod progress;
mod source;
mod spreadsheet;
mod stop;

pub(super) use bar::{counter, of_bytes, of_steps};
pub(super) use progress::beside;
pub(crate) use source::{Lines, Source};
pub(super) use source::{Row, open};
pub(crate) use spreadsheet::Spreadsheet;
pub(super) use stop::Stop;

use super::operator::{Operator, Refusal};
use super::{print_json, say};
use crate::admin::transfer::Imported;
use anyhow::Context;
use hyper::{Method, StatusCode};
use indicatif::ProgressBar;
use progress::Progress;
use serde::Serialize;
use source::write_refused;
use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What a transfer needs to know.
pub(super) struct Plan<'a> {
    pub(super) operator: &'a Operator,
    pub(super) sdkappid: u32,
    /// What is read; `None`: standard input, where nothing can be continued.
    pub(super) file: Option<&'a Path>,
    /// Rows to a batch.
    pub(super) rows: usize,
    /// Tell the app's webhook.
    pub(super) tell: bool,
    /// Print the summary as JSON.
    pub(super) json: bool,
}

/// A transfer on its way.
pub(super) struct Transfer<'a> {
    plan: Plan<'a>,
    source: Box<dyn Source>,
    progress: Progress,
    /// Opened by the first row that is refused.
    refused: Option<BufWriter<File>>,
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
    pub(super) fn prepare(plan: Plan<'a>, mut source: Box<dyn Source>) -> anyhow::Result<Self> {
        let size = match plan.file {
            Some(file) => {
                std::fs::metadata(file).with_context(|| format!("can't read {}", file.display()))?.len()
            }
            None => 0,
        };
        let bar = if plan.file.is_some() { of_bytes(size) } else { counter("rows") };
        let mut progress = Progress::new(plan.sdkappid, size);
        if let Some(file) = plan.file {
            let path = beside(file, ".progress");
            progress.advance(source.as_ref());
            progress = progress.resume(file, source.as_mut()).with_context(|| path.display().to_string())?;
            // Tells now, not after a second, when the directory can't be written.
            progress.save(file)?;
        }
        let (earlier, stop, now) = (progress.read, Stop::listen()?, Instant::now());
        Ok(Self { plan, source, progress, refused: None, bar, stop, started: now, saved: now, earlier })
    }

    /// Moves everything. `look_up` makes accounts' lines of the rows that are not such lines yet.
    pub(super) async fn run(
        mut self,
        look_up: impl AsyncFnMut(Vec<Row>, &Stop) -> anyhow::Result<Vec<Row>>,
    ) -> anyhow::Result<()> {
        let outcome = self.go(look_up).await;
        self.bar.finish_and_clear();
        // Also after a failure: what is done is done.
        let saved = self.save();
        self.summarize(outcome.is_ok() && saved.is_ok())?;
        match outcome.and(saved) {
            Ok(()) => {
                self.plan.file.map_or(Ok(()), Progress::remove)?;
                let (refused, file) = (self.progress.refused, self.refused_path());
                anyhow::ensure!(refused == 0, "{refused} rows were refused: see {}", file.display());
                Ok(())
            }
            Err(why) if self.progress.read == 0 => {
                self.plan.file.map_or(Ok(()), Progress::remove)?;
                Err(why.context("nothing was imported"))
            }
            Err(why) if self.plan.file.is_some() => {
                let lines = self.progress.lines;
                Err(why.context(format!(
                    "stopped after line {lines}, up to which all is done; run the same command again to continue"
                )))
            }
            Err(why) => Err(why.context(
                "stopped; run the same command on the same input again: what is stored is only set once more",
            )),
        }
    }

    async fn go(
        &mut self,
        mut look_up: impl AsyncFnMut(Vec<Row>, &Stop) -> anyhow::Result<Vec<Row>>,
    ) -> anyhow::Result<()> {
        /// Between two times that progress is saved.
        const SAVE_EVERY: Duration = Duration::from_secs(1);
        self.forget_refused()?;
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
            self.note_refused(&rows, &answer)?;
            self.progress.read += read;
            self.progress.imported += answer.imported;
            self.progress.advance(self.source.as_ref());
            self.show();
            if self.saved.elapsed() >= SAVE_EVERY {
                self.save()?;
            }
        }
    }

    fn batch(&mut self) -> anyhow::Result<Vec<Row>> {
        /// A request's size; the server takes 24 MiB.
        const BYTES_MAX: usize = 4 << 20;
        let (mut rows, mut bytes) = (Vec::new(), 0);
        while rows.len() < self.plan.rows && bytes < BYTES_MAX {
            let Some(row) = self.source.row()? else { break };
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
        let Plan { sdkappid, tell, .. } = self.plan;
        let path = format!("/apps/{sdkappid}/import?tell={tell}");
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

    fn note_refused(&mut self, rows: &[Row], answer: &Imported) -> anyhow::Result<()> {
        let sent: Vec<&Row> = rows.iter().filter(|row| row.line.is_ok()).collect();
        let here = rows.iter().filter_map(|row| Some((row, row.line.as_ref().err()?)));
        let there = answer
            .refused
            .iter()
            .filter_map(|refused| Some((*sent.get(refused.line.checked_sub(1)?)?, &refused.reason)));
        let mut refused: Vec<(&Row, &String)> = here.chain(there).collect();
        refused.sort_by_key(|(row, _)| row.number);
        for (row, reason) in refused {
            let path = self.refused_path();
            let out = match self.refused.as_mut() {
                Some(out) => out,
                None => self.refused.insert(open_refused(&path, self.progress.refused_bytes)?),
            };
            let written = write_refused(out, row, reason);
            self.progress.refused_bytes +=
                written.with_context(|| format!("can't write {}", path.display()))?;
            self.progress.refused += 1;
        }
        Ok(())
    }

    fn refused_path(&self) -> PathBuf {
        self.plan.file.map_or_else(|| "stdin.refused".into(), |file| beside(file, ".refused"))
    }

    /// A transfer that begins knows nothing of what an earlier one refused.
    fn forget_refused(&self) -> anyhow::Result<()> {
        let path = self.refused_path();
        if self.progress.read > 0 || !path.exists() {
            return Ok(());
        }
        std::fs::remove_file(&path).with_context(|| format!("can't remove {}", path.display()))
    }

    fn save(&mut self) -> anyhow::Result<()> {
        if let Some(out) = self.refused.as_mut() {
            out.flush().with_context(|| format!("can't write {}", self.refused_path().display()))?;
        }
        self.saved = Instant::now();
        self.plan.file.map_or(Ok(()), |file| self.progress.save(file))
    }

    fn show(&self) {
        let Progress { read, imported, refused, .. } = self.progress;
        match self.plan.file {
            Some(_) => self.bar.set_position(self.source.seen().bytes),
            None => self.bar.set_position(read),
        }
        self.bar.set_message(format!("{imported} imported, {refused} refused"));
    }

    fn summarize(&self, complete: bool) -> anyhow::Result<()> {
        let Progress { read, imported, refused, .. } = self.progress;
        let seconds = self.started.elapsed().as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let rate = (read - self.earlier) as f64 / seconds.max(0.001);
        let refused_file = (refused > 0).then(|| self.refused_path());
        if self.plan.json {
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

/// Keeps what belongs to the rows that are done.
fn open_refused(path: &Path, keep: u64) -> anyhow::Result<BufWriter<File>> {
    let options = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
    let opened = options.and_then(|mut file| {
        file.set_len(keep)?;
        file.seek(SeekFrom::End(0))?;
        Ok(BufWriter::new(file))
    });
    opened.with_context(|| format!("can't write {}", path.display()))
}
