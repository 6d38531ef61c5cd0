//! Long work that goes on in the background, and how far it is: backups. The list is in memory and ends with the process.

use crate::error::AdminError;
use crate::error_code::AdminCode;
use crate::shell_word::shell_word;
use crate::types::console::{JobKind, JobState, JobView};
use portraitd_model::{Bilingual, Clock, Language, UnixMillis, bilingual};
use portraitd_store::{BackupProgress, BackupReport};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// How many jobs are remembered.
const JOBS_MAX: usize = 20;

/// The last jobs of a server, the newest first. One runs at a time.
#[derive(Default)]
pub(crate) struct Jobs(Mutex<VecDeque<Job>>);

struct Job {
    id: u64,
    directory: PathBuf,
    started: UnixMillis,
    progress: watch::Receiver<BackupProgress>,
    end: Option<JobEnd>,
}

struct JobEnd {
    at: UnixMillis,
    /// Why it failed.
    reason: Option<Bilingual>,
}

/// A job that runs. When this is dropped before [`RunningJob::end`], the job has failed.
pub struct RunningJob {
    jobs: Arc<Jobs>,
    clock: Arc<dyn Clock>,
    id: u64,
    progress: watch::Receiver<BackupProgress>,
    has_ended: bool,
}

impl Jobs {
    /// Adds a backup that begins, and returns what reports its progress; 409 while another one runs.
    pub(crate) fn begin(
        self: &Arc<Self>,
        directory: &Path,
        clock: &Arc<dyn Clock>,
    ) -> Result<(RunningJob, BackupReport), AdminError> {
        let now = clock.now();
        let mut jobs = self.lock();
        if let Some(Job { id, directory, .. }) = jobs.iter().find(|job| job.end.is_none()) {
            let directory = directory.display();
            return Err(AdminError::new(
                AdminCode::NotPossible,
                bilingual!(
                    "a backup into {directory} is being taken, and there is one at a time: wait until it is done; GET /admin/v1/jobs/{id} tells how far it is",
                    "正在备份到 {directory}，同一时间只能进行一次：请等待其完成；GET /admin/v1/jobs/{id} 可查看进度"
                ),
            ));
        }
        // From the time, so that no number comes again after a restart.
        let id = jobs.front().map_or(now.0, |last| now.0.max(last.id + 1));
        let (sender, progress) = watch::channel(BackupProgress::default());
        let (of_list, directory) = (progress.clone(), directory.to_owned());
        jobs.push_front(Job { id, directory, started: now, progress: of_list, end: None });
        jobs.truncate(JOBS_MAX);
        let (jobs, clock) = (Arc::clone(self), Arc::clone(clock));
        let running = RunningJob { jobs, clock, id, progress, has_ended: false };
        let report = move |progress| {
            sender.send_replace(progress);
        };
        Ok((running, Arc::new(report)))
    }

    /// Returns every job, the newest first.
    pub(crate) fn list(&self, language: Language) -> Vec<JobView> {
        self.lock().iter().map(|job| job.view(language)).collect()
    }

    /// Returns one job; 404 when there is none with this number.
    pub(crate) fn job(&self, id: u64, language: Language) -> Result<JobView, AdminError> {
        self.lock().iter().find(|job| job.id == id).map(|job| job.view(language)).ok_or_else(|| {
            AdminError::new(
                AdminCode::NoSuchItem,
                bilingual!(
                    "there is no job {id}; the last {JOBS_MAX} since the server started are remembered",
                    "没有任务 {id}；只保留服务启动以来的最近 {JOBS_MAX} 个"
                ),
            )
        })
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a job. One that was refused before it copied anything is forgotten: the answer of the call says why.
    fn end(&self, id: u64, end: JobEnd) {
        let mut jobs = self.lock();
        let Some(place) = jobs.iter().position(|job| job.id == id) else { return };
        let Some(job) = jobs.get_mut(place) else { return };
        if end.reason.is_none() || job.progress.borrow().total > 0 {
            job.end = Some(end);
        } else {
            jobs.remove(place);
        }
    }
}

impl Job {
    fn view(&self, language: Language) -> JobView {
        let BackupProgress { bytes, total } = *self.progress.borrow();
        let (state, reason) = match &self.end {
            None => (JobState::Running, None),
            Some(JobEnd { reason: None, .. }) => (JobState::Done, None),
            Some(JobEnd { reason: Some(reason), .. }) => {
                (JobState::Failed, Some(reason.pick(language).to_owned()))
            }
        };
        let directory = self.directory.display().to_string();
        JobView {
            id: self.id,
            kind: JobKind::Backup,
            state,
            reason,
            started_ms: self.started.0,
            ended_ms: self.end.as_ref().map(|end| end.at.0),
            bytes,
            bytes_total: total,
            restore: format!("portraitd restore {} --data NEW_DIRECTORY", shell_word(&directory)),
            directory,
        }
    }
}

impl RunningJob {
    /// Its number.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Returns whether something was copied: whether the directory could be used.
    pub(crate) fn has_begun(&self) -> bool {
        self.progress.borrow().total > 0
    }

    /// Resolves to `true` when the copying begins, and to `false` when the job ends before.
    pub(crate) fn begun(&self) -> impl Future<Output = bool> + use<> {
        let mut progress = self.progress.clone();
        async move { progress.wait_for(|progress| progress.total > 0).await.is_ok() }
    }

    /// Ends the job: done, or failed for a reason.
    pub fn end(mut self, reason: Option<Bilingual>) {
        self.finish(reason);
    }

    fn finish(&mut self, reason: Option<Bilingual>) {
        self.has_ended = true;
        self.jobs.end(self.id, JobEnd { at: self.clock.now(), reason });
    }
}

impl Drop for RunningJob {
    fn drop(&mut self) {
        if !self.has_ended {
            self.finish(Some(AdminError::internal().sentence));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct ClockAt(u64);

    impl Clock for ClockAt {
        fn now(&self) -> UnixMillis {
            UnixMillis(self.0)
        }

        fn ticks_ns(&self) -> u64 {
            0
        }
    }

    fn begin(jobs: &Arc<Jobs>, directory: &str, now: u64) -> Result<(RunningJob, BackupReport), AdminError> {
        let clock: Arc<dyn Clock> = Arc::new(ClockAt(now));
        jobs.begin(Path::new(directory), &clock)
    }

    #[test]
    fn one_job_runs_at_a_time_and_the_last_ones_are_remembered() {
        let jobs = Arc::new(Jobs::default());
        for index in 0..30 {
            // The clock may stand still, or go back.
            let (running, report) = begin(&jobs, &format!("/b/{index}"), 1000 - index).unwrap();
            report(BackupProgress { bytes: 0, total: 10 });
            let refused = begin(&jobs, "/other", 2000).err().unwrap().sentence;
            let refused = refused.english();
            assert!(refused.contains(&format!("/b/{index} is")) && refused.contains(&running.id.to_string()));
            report(BackupProgress { bytes: 4, total: 10 });
            let view = jobs.job(running.id, Language::English).unwrap();
            assert_eq!(
                (view.state, view.bytes, view.bytes_total, view.ended_ms),
                (JobState::Running, 4, 10, None)
            );
            running.end((index == 29).then(|| Bilingual::quoted("the disk is full")));
        }
        let list = jobs.list(Language::English);
        assert_eq!(list.len(), JOBS_MAX);
        assert!(list.is_sorted_by(|newer, older| newer.id > older.id));
        assert_eq!((list[0].state, list[0].reason.as_deref()), (JobState::Failed, Some("the disk is full")));
        assert_eq!((list[1].state, list[1].ended_ms), (JobState::Done, Some(1000 - 28)));
        assert_eq!(jobs.job(1000, Language::English).unwrap_err().code, AdminCode::NoSuchItem);
    }

    #[test]
    fn a_refused_job_is_forgotten_and_a_lost_one_has_failed() {
        let jobs = Arc::new(Jobs::default());
        let (running, _) = begin(&jobs, "/b", 1).unwrap();
        assert!(!running.has_begun());
        running.end(Some(Bilingual::quoted("it is not empty")));
        assert_eq!(jobs.list(Language::English).len(), 0);
        let (running, report) = begin(&jobs, "/it's b", 1).unwrap();
        report(BackupProgress { bytes: 0, total: 10 });
        assert!(running.has_begun());
        drop(running);
        let list = jobs.list(Language::English);
        assert!(list[0].state == JobState::Failed && list[0].reason.as_ref().unwrap().contains("a bug"));
        assert_eq!(list[0].restore, r"portraitd restore '/it'\''s b' --data NEW_DIRECTORY");
        assert!(begin(&jobs, "/b", 1).is_ok());
    }
}
