//! Copies and compares rows, section by section.

use crate::cli::data::transfer::interrupt::Interrupt;
use crate::cli::data::transfer::progress_bar::of_things;
use crate::cli::language::chosen::{language, localized};
use crate::cli::output::note;
use indicatif::ProgressBar;
use portraitd_model::SdkAppId;
use portraitd_store::{Contents, CopyTarget, RowKey, Section, StoreError, StoredRow};
use sha2::{Digest, Sha256};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// The rows that are read at once and written in one transaction.
const PAGE: usize = 1000;

/// A copy that runs.
pub(super) struct Copy<'a> {
    source: &'a mut dyn Contents,
    target: &'a mut dyn CopyTarget,
    interrupt: &'a Interrupt,
    bar: ProgressBar,
    accounts_now: u64,
}

/// What was copied, in this run or before.
pub(super) struct Copied {
    pub(super) apps: Vec<CopiedApp>,
    /// The accounts that this run has copied, and the seconds that this took.
    pub(super) accounts_now: u64,
    pub(super) seconds: f64,
}

impl Copied {
    pub(super) fn accounts(&self) -> u64 {
        self.apps.iter().map(|app| app.accounts).sum()
    }
}

/// An app in both stores.
pub(super) struct CopiedApp {
    pub(super) id: SdkAppId,
    pub(super) accounts: u64,
    pub(super) events: u64,
    /// The first digits of the SHA-256 of its accounts, notes and events.
    pub(super) checksum: String,
}

impl<'a> Copy<'a> {
    pub(super) fn new(
        source: &'a mut dyn Contents,
        target: &'a mut dyn CopyTarget,
        interrupt: &'a Interrupt,
    ) -> Self {
        Self { source, target, interrupt, bar: ProgressBar::hidden(), accounts_now: 0 }
    }

    /// Copies what is missing, compares everything, and makes the target a store.
    pub(super) async fn run(mut self) -> anyhow::Result<Copied> {
        let apps = self.apps().await?;
        let total: u64 = self.source.populations().await?.iter().map(|(_, accounts)| accounts).sum();
        let done: u64 = self.target.populations().await?.iter().map(|(_, accounts)| accounts).sum();
        self.bar = of_things(total, "accounts");
        self.bar.set_position(done);
        self.bar.reset_eta();
        let started = Instant::now();
        for section in sections(&apps) {
            self.copy_section(section).await?;
        }
        let seconds = started.elapsed().as_secs_f64();
        self.bar.finish_and_clear();
        self.bar = of_things(total, "accounts");
        self.bar.set_message(localized!("comparing", "比对中"));
        let compared = self.compare_all(&apps).await;
        self.bar.finish_and_clear();
        let apps = compared?;
        self.source.ensure_unused().await?;
        self.target.ensure_unused().await?;
        self.target.finish().await?;
        Ok(Copied { apps, accounts_now: self.accounts_now, seconds })
    }

    /// Every app that has anything: also accounts of one that is not in the list of apps.
    async fn apps(&mut self) -> anyhow::Result<Vec<SdkAppId>> {
        let (mut apps, mut after) = (Vec::new(), None);
        loop {
            let page = self.source.read(Section::Apps, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key());
            apps.extend(
                page.iter()
                    .filter_map(|row| if let StoredRow::App { id, .. } = row { Some(*id) } else { None }),
            );
        }
        apps.extend(self.source.populations().await?.iter().map(|(app, _)| *app));
        apps.sort_unstable();
        apps.dedup();
        Ok(apps)
    }

    async fn copy_section(&mut self, section: Section) -> anyhow::Result<()> {
        /// How often in succession a write may fail: a database is back after some seconds, or an operator has to look.
        const FAILURES_MAX: u32 = 30;
        const PAUSE: Duration = Duration::from_secs(1);
        let mut failures = 0;
        let mut page = self.next_page(section).await?;
        while let Some(last) = page.last().map(StoredRow::key) {
            self.interrupt.check()?;
            let rows = page.len() as u64;
            // The next rows are read while these are written.
            let (written, next) =
                tokio::join!(self.target.write(section, page), self.source.read(section, Some(last), PAGE));
            match written {
                Ok(()) => {
                    if matches!(section, Section::Accounts(_)) {
                        self.bar.inc(rows);
                        self.accounts_now += rows;
                    }
                    (page, failures) = (next?, 0);
                }
                Err(StoreError::Unavailable(reason)) if failures < FAILURES_MAX => {
                    failures += 1;
                    self.bar.suspend(|| note(reason.pick(language())));
                    self.interrupt.sleep(PAUSE).await?;
                    page = self.next_page(section).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The rows behind those that were written.
    async fn next_page(&mut self, section: Section) -> anyhow::Result<Vec<StoredRow>> {
        let after = self.target.written_to(section).await?;
        Ok(self.source.read(section, after, PAGE).await?)
    }

    async fn compare_all(&mut self, apps: &[SdkAppId]) -> anyhow::Result<Vec<CopiedApp>> {
        for section in [Section::Apps, Section::Tokens, Section::Audit] {
            self.compare(section, &mut Sums::default()).await?;
        }
        let mut copied = Vec::new();
        for app in apps {
            let mut sums = Sums::default();
            let accounts = self.compare(Section::Accounts(*app), &mut sums).await?;
            self.compare(Section::Deletions(*app), &mut sums).await?;
            let events = self.compare(Section::Events(*app), &mut sums).await?;
            copied.push(CopiedApp { id: *app, accounts, events, checksum: sums.shown() });
        }
        Ok(copied)
    }

    /// Reads a section on both sides; returns how many rows it has.
    async fn compare(&mut self, section: Section, sums: &mut Sums) -> anyhow::Result<u64> {
        let (mut after, mut after_copy): (Option<RowKey>, Option<RowKey>) = (None, None);
        let mut compared = 0;
        loop {
            self.interrupt.check()?;
            let (rows, copies) = tokio::join!(
                self.source.read(section, after, PAGE),
                self.target.read(section, after_copy, PAGE)
            );
            let (rows, copies) = (rows?, copies?);
            for row in &rows {
                sums.source.update(row.image());
            }
            for copy in &copies {
                sums.target.update(copy.image());
            }
            anyhow::ensure!(
                rows.len() == copies.len() && sums.are_equal(),
                differ(section, compared, rows.len(), copies.len())
            );
            let (Some(last), Some(last_copy)) = (rows.last(), copies.last()) else { return Ok(compared) };
            (after, after_copy) = (Some(last.key()), Some(last_copy.key()));
            compared += rows.len() as u64;
            if matches!(section, Section::Accounts(_)) {
                self.bar.inc(rows.len() as u64);
            }
        }
    }
}

/// The checksums of both sides.
#[derive(Default)]
struct Sums {
    source: Sha256,
    target: Sha256,
}

impl Sums {
    fn are_equal(&self) -> bool {
        self.source.clone().finalize() == self.target.clone().finalize()
    }

    fn shown(&self) -> String {
        self.source.clone().finalize().iter().take(8).fold(String::new(), |mut hex, byte| {
            // Writing into a String can't fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// In the order in which they are copied: the apps first, since an account's row tells whether it is an admin's.
fn sections(apps: &[SdkAppId]) -> Vec<Section> {
    let of_app = |app: &SdkAppId| [Section::Accounts(*app), Section::Deletions(*app), Section::Events(*app)];
    [Section::Apps, Section::Tokens, Section::Audit].into_iter().chain(apps.iter().flat_map(of_app)).collect()
}

fn differ(section: Section, compared: u64, rows: usize, copies: usize) -> String {
    localized!(
        "the copy differs from the source in {section:?}, after {compared} equal rows ({rows} and {copies} follow): the source was changed since the copy began, or the target was; empty the target and copy again",
        "副本与源在 {section:?} 中第 {compared} 行之后不一致（其后分别为 {rows} 与 {copies} 行）：复制开始后源或目标被更改；请清空目标后重新复制"
    )
}
