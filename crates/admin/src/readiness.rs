//! The readiness check: whether the store can be written. Callers need no token, so a result is shared by all calls
//! until it is too old, and at most one test write runs at a time.

use portraitd_store::{Store, StoreError};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// The last result, and when it was obtained.
#[derive(Default)]
pub(super) struct Readiness(Mutex<Option<(Instant, Result<(), StoreError>)>>);

impl Readiness {
    /// For how long a result is reused: unauthenticated callers cause at most one write in that time.
    pub(super) const MAX_AGE: Duration = Duration::from_secs(1);

    /// Returns the last result when it is younger than `max_age`, or the result of a new test write.
    pub(super) async fn check(&self, store: &dyn Store, max_age: Duration) -> Result<(), StoreError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_store::MemoryStore;

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
