//! The readiness check: whether the store can be written. Callers need no token, so a result is shared by all calls
//! until it is too old, and at most one test write runs at a time.
//!
//! On a database that several servers share, each writes to it every second anyway: that is its test. One failure takes no
//! server out of a load balancer, since all servers meet it at once and another host of the database takes over within
//! seconds; only what lasts does, or what waiting does not mend.

use portraitd_model::{Bilingual, Language, bilingual};
use portraitd_store::{NodesStatus, Store, StoreError, StoreStatus};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// So many attempts in succession must have failed,
const FAILED_MIN: u32 = 3;
/// and for so long: a host is given up after about 3 seconds.
const FAILING_MIN_MS: u64 = 5_000;

/// The last result, and when it was obtained.
#[derive(Default)]
pub(super) struct Readiness(Mutex<Option<(Instant, Result<(), StoreError>)>>);

impl Readiness {
    /// For how long a result is reused: unauthenticated callers cause at most one write in that time.
    pub(super) const MAX_AGE: Duration = Duration::from_secs(1);

    /// Returns the last result when it is younger than `max_age`, or the result of a new test write.
    pub(super) async fn check(&self, store: &dyn Store, max_age: Duration) -> Result<(), StoreError> {
        if let Some(nodes) = store.nodes() {
            return fitness(&nodes);
        }
        let mut last = self.0.lock().await;
        if let Some((at, result)) = &*last
            && at.elapsed() < max_age
        {
            return result.clone();
        }
        let result = store.probe().await;
        *last = Some((Instant::now(), result.clone()));
        result
    }
}

/// What is said of a store whose journal can't be applied: its changes are accepted and durable, so the server stays ready,
/// until the journal is full.
pub(super) fn journal_problem(status: StoreStatus) -> Option<Bilingual> {
    let StoreStatus { journal_failure, journal_age, files_changed, .. } = status;
    // A file that is not in its place is the reason, and the test write names it.
    journal_failure.filter(|_| !files_changed).map(|failure| {
        let seconds = journal_age.as_secs();
        let [english, chinese] = Language::BOTH.map(|language| failure.pick(language));
        bilingual!(
            "the journal can't be applied to the database; the oldest change in it has waited for {seconds} s: {english}. \
             Changes are accepted until the journal is full. See the server's log, and correct the cause: the disk, its space, \
             its rights",
            "重做日志无法写入数据库，其中最早的修改已等待 {seconds} 秒：{chinese}。重做日志写满之前仍接受修改。请查看服务的日志并\
             排除原因：磁盘、剩余空间或权限"
        )
    })
}

/// Whether one of several servers should get calls.
fn fitness(nodes: &NodesStatus) -> Result<(), StoreError> {
    if let Some(reason) = &nodes.unfit {
        return Err(StoreError::Unavailable(reason.clone()));
    }
    match &nodes.problem {
        Some(problem) if nodes.failed_beats >= FAILED_MIN && nodes.failing_ms >= FAILING_MIN_MS => {
            let seconds = nodes.failing_ms / 1_000;
            Err(StoreError::Unavailable(bilingual!(
                "the database can't be used for {seconds} s: {problem}",
                "数据库已 {seconds} 秒无法使用：{problem}"
            )))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_store::MemoryStore;

    #[test]
    fn a_node_is_out_when_its_database_is_away_for_long_or_it_is_unfit() {
        let failing = |failed_beats, failing_ms| NodesStatus {
            problem: Some("no route".into()),
            failed_beats,
            failing_ms,
            ..NodesStatus::default()
        };
        assert_eq!(fitness(&NodesStatus::default()), Ok(()));
        for (failed_beats, failing_ms, fits) in [(1, 60_000, true), (9, 4_999, true), (3, 5_000, false)] {
            assert_eq!(
                fitness(&failing(failed_beats, failing_ms)).is_ok(),
                fits,
                "{failed_beats} {failing_ms}"
            );
        }
        let clock = bilingual!("the clock", "时钟");
        let unfit = NodesStatus { unfit: Some(clock.clone()), ..NodesStatus::default() };
        assert_eq!(fitness(&unfit), Err(StoreError::Unavailable(clock)));
    }

    #[test]
    fn a_journal_that_cannot_be_applied_is_named() {
        assert_eq!(journal_problem(StoreStatus::default()), None);
        let failing = StoreStatus {
            journal_age: Duration::from_secs(42),
            journal_failure: Some(bilingual!("disk I/O error", "磁盘 I/O 错误")),
            ..StoreStatus::default()
        };
        assert_eq!(journal_problem(StoreStatus { files_changed: true, ..failing.clone() }), None);
        let said = journal_problem(failing).unwrap();
        for (language, parts) in
            [(Language::English, ["42 s", "disk I/O error"]), (Language::Chinese, ["42 秒", "磁盘 I/O 错误"])]
        {
            assert!(parts.iter().all(|part| said.pick(language).contains(part)), "{said:?}");
        }
    }

    #[tokio::test]
    async fn a_recent_result_is_reused_without_a_write() {
        let (readiness, store) = (Readiness::default(), MemoryStore::new());
        for _ in 0..100 {
            assert_eq!(readiness.check(&store, Duration::MAX).await, Ok(()));
        }
        let once = store.stats().commits;
        assert_eq!(readiness.check(&store, Duration::ZERO).await, Ok(()));
        assert_eq!(store.stats().commits, 2 * once);
        assert!(once > 0);
    }
}
