//! Whether the store can be written, asked by anyone as often as they like: who asks shares the last answer while it is
//! fresh, and the write that finds it out with everybody who asks meanwhile.

use portraitd_store::{Store, StoreError};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// The last answer, and when it was given.
#[derive(Default)]
pub(super) struct Readiness(Mutex<Option<(Instant, Result<(), StoreError>)>>);

impl Readiness {
    /// So long an answer is fresh: strangers cost the disk one write in that time.
    pub(super) const FRESH: Duration = Duration::from_secs(1);

    pub(super) async fn of(&self, store: &dyn Store, fresh: Duration) -> Result<(), StoreError> {
        let mut last = self.0.lock().await;
        if let Some((at, answer)) = &*last
            && at.elapsed() < fresh
        {
            return answer.clone();
        }
        let answer = store.probe().await;
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_store::MemoryStore;

    #[tokio::test]
    async fn while_an_answer_is_fresh_nothing_is_written() {
        let (readiness, store) = (Readiness::default(), MemoryStore::new());
        for _ in 0..100 {
            assert_eq!(readiness.of(&store, Duration::MAX).await, Ok(()));
        }
        let once = store.stats().commits;
        assert_eq!(readiness.of(&store, Duration::ZERO).await, Ok(()));
        assert_eq!(store.stats().commits, 2 * once);
        assert!(once > 0);
    }
}
