//! The check of a copy that was just taken: a backup counts only after it. It pauses while others write, as the copying does.

use super::manifest::{DATABASE, Manifest, digest};
use portraitd_model::{Bilingual, bilingual};
use portraitd_sqlite::{Checked, Pauses, check_backup};
use portraitd_store::Store;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Ends a check on another thread when it is dropped with the task that waits for it.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Reads everything in a copy of a store, as `portraitd check` does, and returns what its manifest says. When the future is
/// dropped, the check ends within a second.
pub(super) async fn verify(dir: PathBuf, store: Arc<dyn Store>) -> Result<Manifest, Bilingual> {
    let cancel = CancelOnDrop(Arc::default());
    let is_cancelled = Arc::clone(&cancel.0);
    let checked = tokio::task::spawn_blocking(move || {
        let id = store.id().to_string();
        examine(&dir, id, &pausing(store, is_cancelled))
    });
    checked.await.unwrap_or_else(|error| {
        Err(bilingual!("the thread of the check failed: {error}", "校验线程出错：{error}"))
    })
}

/// What a check asks every few milliseconds: it pauses while others write to the store, and returns `false` at the end.
fn pausing(store: Arc<dyn Store>, is_cancelled: Arc<AtomicBool>) -> Arc<dyn Fn() -> bool + Send + Sync> {
    let pauses = Mutex::new(Pauses::new(move || store.stats().commits));
    Arc::new(move || {
        pauses.lock().unwrap_or_else(PoisonError::into_inner).rest();
        !is_cancelled.load(Ordering::Relaxed)
    })
}

/// Checks a copy. `proceed` is called every few milliseconds, and returns `false` when the check is to end.
fn examine(
    dir: &Path,
    store: String,
    proceed: &Arc<dyn Fn() -> bool + Send + Sync>,
) -> Result<Manifest, Bilingual> {
    let untrusted = |error: String| {
        let dir = dir.display();
        bilingual!(
            "the copy in {dir} can't be trusted and does not count: {error}",
            "{dir} 中的副本未通过校验，不计为备份：{error}"
        )
    };
    let of_database = Arc::clone(proceed);
    let checked = check_backup(dir, &mut |_| {}, move || !of_database());
    let Checked { apps, accounts, .. } = checked.map_err(|error| untrusted(error.to_string()))?;
    let digested = digest(&dir.join(DATABASE), &**proceed);
    let (bytes, sha256) = digested.map_err(|error| untrusted(format!("{error:#}")))?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Ok(Manifest { store, version, bytes, sha256, apps, accounts })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::open_store::open_directory;
    use portraitd_model::UnixMillis;
    use portraitd_sqlite::SqliteSettings;
    use portraitd_store::MemoryStore;
    use portraitd_test_support::fixtures::{APP, NICK, block_on, seed, settings};
    use std::sync::atomic::AtomicU64;
    use std::thread;
    use std::time::{Duration, Instant};

    /// A copy of a store with 8000 accounts.
    async fn copy(dir: &Path) -> PathBuf {
        const ACCOUNTS: usize = 8000;
        let store = open_directory(&dir.join("data"), SqliteSettings::default()).unwrap();
        store.put_app(settings(APP, "one"), None).await.unwrap();
        let (nick, copy) = ("x".repeat(400), dir.join("copy"));
        let seeds: Vec<_> = (0..ACCOUNTS).map(|index| seed(&format!("u{index}"), &[(NICK, &nick)])).collect();
        for unit in seeds.chunks(1000) {
            store.import(APP, unit.to_vec(), UnixMillis(1), None).await.unwrap();
        }
        store.backup(&copy, Arc::new(|_| {})).await.unwrap();
        store.close().await;
        copy
    }

    #[test]
    fn it_asks_throughout_whether_to_proceed() {
        let dir = tempfile::tempdir().unwrap();
        let copy = block_on(copy(dir.path()));
        let examine_until = |calls_max: u64| {
            let calls = Arc::new(AtomicU64::new(0));
            let counted = Arc::clone(&calls);
            let proceed: Arc<dyn Fn() -> bool + Send + Sync> =
                Arc::new(move || counted.fetch_add(1, Ordering::Relaxed) + 1 < calls_max);
            let examined = examine(&copy, "id".into(), &proceed);
            (examined, calls.load(Ordering::Relaxed))
        };
        let (whole, calls) = examine_until(u64::MAX);
        let whole = whole.unwrap();
        // With two admins.
        assert_eq!((whole.apps, whole.accounts), (1, 8002));
        // The last calls are of the reading for the SHA-256: one for each 256 KiB, and one at the end.
        let of_digest = whole.bytes.div_ceil(256 << 10) + 1;
        assert!(calls > 2 * of_digest, "{calls} {of_digest}");
        for (last, part) in [(3, "is damaged in"), (calls - 2, "can't read")] {
            let (ended, calls) = examine_until(last);
            let error = ended.unwrap_err();
            assert!(error.english().contains(part), "{last}: {error:?}");
            assert!(calls <= last + 10, "it ends soon: {calls}");
        }
    }

    #[test]
    fn it_pauses_while_others_write_and_ends_when_it_is_cancelled() {
        const WORK: Duration = Duration::from_millis(10);
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        let is_cancelled = Arc::new(AtomicBool::new(false));
        let proceed = pausing(Arc::clone(&store), Arc::clone(&is_cancelled));
        block_on(store.probe()).unwrap();
        thread::sleep(WORK);
        let started = Instant::now();
        assert!(proceed());
        assert!(started.elapsed() > WORK * 3, "a pause is several times longer than the work before it");
        is_cancelled.store(true, Ordering::Relaxed);
        assert!(!proceed());
    }
}
