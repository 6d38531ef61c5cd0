//! The task that takes backups when they are due: into a directory, into a storage on other machines, or both from one copy.

use super::counters::{BackupCounters, DIRECTORY, PlaceCounters, S3};
use super::directory::{BackupDirectory, Standing};
use super::name::BackupName;
use super::progress::Progress;
use super::remote::RemotePlace;
use super::retention::Retention;
use super::schedule::Schedule;
use super::verify::verify;
use crate::config::Config;
use portraitd_admin::jobs::RunningJob;
use portraitd_admin::state;
use portraitd_model::{Bilingual, Clock, UnixMillis, bilingual};
use portraitd_store::{BackupReport, Store};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Where copies are made in the data directory when none is to stay on this machine.
const STAGING: &str = "backup-staging";

/// The clock is looked at so often: it may be set, and the machine may sleep.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// What the scheduler works with.
pub(crate) struct SchedulerParts {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) admin: state::State,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) counters: Arc<BackupCounters>,
}

/// Takes backups when they are due.
struct Scheduler {
    parts: SchedulerParts,
    /// The id of the store.
    id: String,
    schedule: Schedule,
    retention: Retention,
    /// Where copies are made.
    directory: BackupDirectory,
    /// Whether they stay there.
    keeps_local: bool,
    local: Progress,
    remote: Option<(Arc<dyn RemotePlace>, Progress)>,
}

/// Why a turn took no backup.
enum Failure {
    /// Another one is being taken: a person's.
    Busy,
    Failed(Bilingual),
}

impl From<Bilingual> for Failure {
    fn from(reason: Bilingual) -> Self {
        Self::Failed(reason)
    }
}

/// Starts to take backups, if the configuration has some and the store is in a directory. Returns the task with its name.
pub(crate) fn start(
    config: &Config,
    data: Option<&Path>,
    parts: SchedulerParts,
    stop: &CancellationToken,
) -> Option<(&'static str, JoinHandle<()>)> {
    let scheduler = Scheduler::new(config, data?, parts)?;
    Some(("scheduled backups", tokio::spawn(scheduler.run(stop.clone()))))
}

impl Scheduler {
    /// The scheduler of a configuration; `None` when it has no backups.
    fn new(config: &Config, data: &Path, parts: SchedulerParts) -> Option<Self> {
        let schedule = config.backup.schedule().filter(|_| config.has_backups())?;
        let kept = config.backup.directory.clone();
        let id = parts.store.id().to_string();
        Some(Self {
            parts,
            id,
            schedule,
            retention: config.backup.retention(),
            keeps_local: kept.is_some(),
            directory: BackupDirectory::new(kept.unwrap_or_else(|| absolute(data).join(STAGING))),
            local: Progress::default(),
            remote: remote(config).map(|place| (place, Progress::default())),
        })
    }

    /// Takes backups until `stop` is cancelled. A copy that is being made then is given up.
    async fn run(mut self, stop: CancellationToken) {
        let place = self.remote.as_ref().map(|(place, _)| Arc::clone(place));
        let turns = async {
            loop {
                self.turn().await;
                tokio::time::sleep(self.wait()).await;
            }
        };
        let _: Option<()> = stop.run_until_cancelled(turns).await;
        if let Some(place) = place {
            place.finish().await;
        }
    }

    /// The time until something may be due.
    fn wait(&self) -> Duration {
        let now = self.parts.clock.now();
        let local = self.keeps_local.then(|| self.local.due(self.schedule, now));
        let remote = self.remote.as_ref().map(|(_, progress)| progress.due(self.schedule, now));
        let next = local.into_iter().chain(remote).min().unwrap_or(UnixMillis(u64::MAX));
        let wait = next.0.saturating_sub(now.0);
        Duration::from_millis(wait).clamp(Duration::from_millis(200), LOOK_EVERY)
    }

    async fn turn(&mut self) {
        let now = self.parts.clock.now();
        if self.keeps_local && self.local.due(self.schedule, now) <= now {
            let tried = self.try_local(now).await;
            let counters = self.parts.counters.place(DIRECTORY);
            note(&mut self.local, counters, tried, now);
        }
        let Some((place, mut progress)) = self.remote.take() else { return };
        if progress.due(self.schedule, now) <= now {
            let tried = self.try_remote(&*place, &mut progress, now).await;
            note(&mut progress, self.parts.counters.place(S3), tried, now);
        }
        self.remote = Some((place, progress));
    }

    async fn try_local(&mut self, now: UnixMillis) -> Result<(), Failure> {
        if self.local.last().is_none() {
            let standing = self.standing().await?;
            warn_of_others(&standing, &self.id, DIRECTORY);
            self.local.look(&standing, &self.id, now, self.parts.counters.place(DIRECTORY));
            if self.local.due(self.schedule, now) > now {
                return Ok(());
            }
        }
        self.take_local(now).await.map(drop)
    }

    /// Takes a backup that stays in the directory, and removes those whose time has come.
    async fn take_local(&mut self, now: UnixMillis) -> Result<Standing, Failure> {
        let started = self.parts.clock.ticks_ns();
        let path = self.directory.path(BackupName::at(now));
        let (backup, job) = self.take(now, &path).await?;
        job.end(None);
        let duration = self.since_ms(started);
        self.local.succeeded(now);
        tell(self.parts.counters.place(DIRECTORY), &backup, &path.display().to_string(), duration);
        let own = self.own(self.standing().await?);
        for name in self.retention.expired(&names(&own), backup.name, now) {
            let (directory, id) = (self.directory.clone(), self.id.clone());
            let removed = blocking(move || directory.remove(&id, name)).await;
            told_removed(DIRECTORY, &self.directory.path(name).display().to_string(), removed);
        }
        Ok(backup)
    }

    async fn try_remote(
        &mut self,
        place: &dyn RemotePlace,
        progress: &mut Progress,
        now: UnixMillis,
    ) -> Result<(), Failure> {
        if progress.last().is_none() {
            let (standing, counters) = (place.list().await?, self.parts.counters.place(S3));
            warn_of_others(&standing, &self.id, S3);
            progress.look(&standing, &self.id, now, counters);
            if progress.due(self.schedule, now) > now {
                return Ok(());
            }
        }
        let started = self.parts.clock.ticks_ns();
        let backup = if self.keeps_local {
            match progress.newer(self.own(self.standing().await?), now) {
                Some(backup) => backup,
                None => self.take_local(now).await?,
            }
        } else {
            self.take_and_put(place, now).await?
        };
        let location = place.location(backup.name);
        if self.keeps_local {
            place.put(backup.clone(), self.directory.path(backup.name)).await?;
        }
        progress.succeeded(backup.name.time());
        tell(self.parts.counters.place(S3), &backup, &location, self.since_ms(started));
        let own = self.own(place.list().await?);
        for name in self.retention.expired(&names(&own), backup.name, now) {
            let Some(expired) = own.iter().find(|backup| backup.name == name) else { continue };
            told_removed(S3, &place.location(name), place.remove(expired.clone()).await);
        }
        Ok(())
    }

    /// Takes a backup that does not stay on this machine.
    async fn take_and_put(&self, place: &dyn RemotePlace, now: UnixMillis) -> Result<Standing, Failure> {
        self.clear_staging().await?;
        let location = PathBuf::from(place.location(BackupName::at(now)));
        let (backup, job) = self.take(now, &location).await?;
        let put = place.put(backup.clone(), self.directory.path(backup.name)).await;
        job.end(put.as_ref().err().cloned());
        self.clear_staging().await?;
        put?;
        Ok(backup)
    }

    /// Removes what is staged: it is of no use without its copy elsewhere, and the disk is the data's.
    async fn clear_staging(&self) -> Result<(), Bilingual> {
        let (directory, id) = (self.directory.clone(), self.id.clone());
        blocking(move || directory.list()?.iter().try_for_each(|backup| directory.remove(&id, backup.name)))
            .await
    }

    /// Takes a backup that stands in `directory`; `location` is what its job shows.
    async fn take(&self, now: UnixMillis, location: &Path) -> Result<(Standing, RunningJob), Failure> {
        let (job, report) = self.parts.admin.begin_backup(location).map_err(|_| Failure::Busy)?;
        match self.copy(BackupName::at(now), report).await {
            Ok(backup) => Ok((backup, job)),
            Err(reason) => {
                job.end(Some(reason.clone()));
                Err(reason.into())
            }
        }
    }

    async fn copy(&self, name: BackupName, report: BackupReport) -> Result<Standing, Bilingual> {
        self.clear_unfinished().await?;
        let copy = self.directory.unfinished(&self.id, name);
        let made = match self.parts.store.backup(&copy, report).await {
            Ok(()) => verify(copy, Arc::clone(&self.parts.store)).await,
            Err(error) => Err(error.explain()),
        };
        match made {
            Ok(manifest) => {
                let (directory, published) = (self.directory.clone(), manifest.clone());
                blocking(move || directory.publish(name, &published)).await?;
                Ok(Standing { name, manifest })
            }
            Err(reason) => {
                // It takes space. What remains is removed at the next turn.
                let _ = self.clear_unfinished().await;
                Err(reason)
            }
        }
    }

    async fn clear_unfinished(&self) -> Result<(), Bilingual> {
        let (directory, id) = (self.directory.clone(), self.id.clone());
        blocking(move || directory.clear_unfinished(&id)).await
    }

    /// What stands in the directory.
    async fn standing(&self) -> Result<Vec<Standing>, Bilingual> {
        let directory = self.directory.clone();
        blocking(move || directory.list()).await
    }

    fn own(&self, standing: Vec<Standing>) -> Vec<Standing> {
        standing.into_iter().filter(|backup| backup.manifest.store == self.id).collect()
    }

    fn since_ms(&self, started: u64) -> u64 {
        self.parts.clock.ticks_ns().saturating_sub(started) / 1_000_000
    }
}

/// The storage on other machines that the configuration names.
#[cfg(feature = "s3")]
fn remote(config: &Config) -> Option<Arc<dyn RemotePlace>> {
    let bucket = super::s3::bucket::Bucket::of(&config.s3)?;
    Some(Arc::new(bucket))
}

/// None: `config::check` refuses the setting.
#[cfg(not(feature = "s3"))]
fn remote(_config: &Config) -> Option<Arc<dyn RemotePlace>> {
    None
}

fn absolute(data: &Path) -> PathBuf {
    std::path::absolute(data).unwrap_or_else(|_| data.to_owned())
}

fn names(standing: &[Standing]) -> Vec<BackupName> {
    standing.iter().map(|backup| backup.name).collect()
}

/// Notes how an attempt ended.
fn note(
    progress: &mut Progress,
    counters: Option<&PlaceCounters>,
    tried: Result<(), Failure>,
    now: UnixMillis,
) {
    match tried {
        Ok(()) => {}
        Err(Failure::Busy) => progress.waits(now),
        Err(Failure::Failed(reason)) => {
            let place = counters.map(|counters| counters.name);
            if let Some(counters) = counters {
                counters.failures.fetch_add(1, Ordering::Relaxed);
            }
            let (reason, retry_seconds) = (reason.english(), progress.failed(now) / 1000);
            tracing::error!(place, reason, retry_seconds, "a scheduled backup failed");
        }
    }
}

fn tell(counters: Option<&PlaceCounters>, backup: &Standing, location: &str, duration_ms: u64) {
    let (bytes, accounts) = (backup.manifest.bytes, backup.manifest.accounts);
    if let Some(counters) = counters {
        counters.stands(backup.name.time().0, bytes, duration_ms);
        counters.successes.fetch_add(1, Ordering::Relaxed);
    }
    tracing::info!(
        backup = location,
        bytes,
        accounts,
        duration_ms,
        "a scheduled backup was taken and checked"
    );
}

fn told_removed(place: &str, location: &str, removed: Result<(), Bilingual>) {
    match removed {
        Ok(()) => {
            tracing::info!(backup = location, "an old backup was removed (backup.keep, backup.keep_days)");
        }
        Err(reason) => {
            let reason = reason.english();
            tracing::warn!(
                place,
                backup = location,
                reason,
                "an old backup is not removed; look at it, and remove it yourself"
            );
        }
    }
}

fn warn_of_others(standing: &[Standing], id: &str, place: &str) {
    let others = standing.iter().filter(|backup| backup.manifest.store != id).count();
    if others > 0 {
        tracing::warn!(
            place,
            others,
            "there are backups of another store, which are never removed here: of the store before a restore, or of another server. \
             `portraitd backup list` shows them; remove those that are no longer needed"
        );
    }
}

/// Runs what may wait for a disk or a network file system on a thread that answers no calls.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
) -> Result<T, Bilingual> {
    let failed =
        |error: String| bilingual!("the backups can't be used: {error}", "无法使用备份目录：{error}");
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| failed(error.to_string()))?;
    done.map_err(|error| failed(format!("{error:#}")))
}
