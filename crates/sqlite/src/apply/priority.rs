//! The priority of the applier's thread. No call waits for it until a whole segment is written, and every call waits for the others.

/// How far the thread stands behind the others when more of them want a processor than there are, as `nice` counts. As an equal it ran
/// for milliseconds at a time on one of two processors: at half the highest rate one call in a thousand took 144 ms, and takes 13 now.
/// On a processor that another thread never leaves it still gets a tenth.
#[cfg(all(target_os = "linux", not(all(test, feature = "shuttle"))))]
const NICENESS: i32 = 10;

/// Lowers the priority of the current thread. Only Linux has one for each thread.
pub(super) fn lower() {
    // A model's threads are all one.
    #[cfg(all(target_os = "linux", not(all(test, feature = "shuttle"))))]
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::debug!(%error, "the applier has the priority of the other threads");
    }
}

#[cfg(test)]
#[cfg(all(target_os = "linux", not(feature = "shuttle")))]
mod tests {
    use super::NICENESS;
    use crate::SqliteStore;
    use std::fs;

    /// The niceness of a thread, if it is still there and has this name; threads name themselves.
    fn niceness(stat: &str, name: &str) -> Option<i32> {
        let stat = fs::read_to_string(stat).ok()?;
        let (of, fields) = stat.rsplit_once(") ")?;
        of.ends_with(name).then(|| fields.split(' ').nth(16)?.parse().ok())?
    }

    /// The same of each of this process's threads of a name.
    fn all(name: &str) -> Vec<i32> {
        let threads = fs::read_dir("/proc/self/task").unwrap().map(|thread| thread.unwrap().path());
        threads.filter_map(|thread| niceness(thread.join("stat").to_str()?, name)).collect()
    }

    #[tokio::test]
    async fn only_the_applier_has_a_lower_priority() {
        // The tests may run with a lower one already. It ends at 19.
        let ours = niceness("/proc/thread-self/stat", "").unwrap();
        let dir = tempfile::tempdir().unwrap();
        let _store = SqliteStore::open(dir.path()).unwrap();
        // They begin a moment after they were started.
        while !all("(store-applier").contains(&(ours + NICENESS).min(19)) || all("(store-writer").is_empty() {
            std::thread::yield_now();
        }
        assert!(all("(store-writer").iter().all(|niceness| *niceness == ours));
    }
}
