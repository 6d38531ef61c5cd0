//! The check of a copy that was just taken: a backup counts only after it.

use super::manifest::{DATABASE, Manifest, digest};
use portraitd_model::{Bilingual, bilingual};
use portraitd_sqlite::{Checked, check_backup};
use portraitd_store::StoreId;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Ends a check on another thread when it is dropped with the task that waits for it.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Reads everything in a copy of a store, as `portraitd check` does, and returns what its manifest says. When the future is
/// dropped, the check ends within milliseconds.
pub(super) async fn verify(dir: PathBuf, store: StoreId) -> Result<Manifest, Bilingual> {
    let cancel = CancelOnDrop(Arc::default());
    let is_cancelled = Arc::clone(&cancel.0);
    let checked = tokio::task::spawn_blocking(move || examine(&dir, store, is_cancelled)).await;
    checked.unwrap_or_else(|error| {
        Err(bilingual!("the thread of the check failed: {error}", "校验线程出错：{error}"))
    })
}

fn examine(dir: &Path, store: StoreId, is_cancelled: Arc<AtomicBool>) -> Result<Manifest, Bilingual> {
    let untrusted = |error: String| {
        let dir = dir.display();
        bilingual!(
            "the copy in {dir} can't be trusted and does not count: {error}",
            "{dir} 中的副本未通过校验，不计为备份：{error}"
        )
    };
    let checked = check_backup(dir, &mut |_| {}, move || is_cancelled.load(Ordering::Relaxed));
    let Checked { apps, accounts, .. } = checked.map_err(|error| untrusted(error.to_string()))?;
    let (bytes, sha256) = digest(&dir.join(DATABASE)).map_err(|error| untrusted(format!("{error:#}")))?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Ok(Manifest { store: store.to_string(), version, bytes, sha256, apps, accounts })
}
