//! The priority of the applier's thread. Nobody waits for it until a whole segment is written, and every call waits for the others.

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

    /// The niceness of this process's threads of a name.
    fn niceness(name: &str) -> Vec<i32> {
        let threads = fs::read_dir("/proc/self/task").unwrap().map(|thread| thread.unwrap().path());
        let stats = threads.filter_map(|thread| fs::read_to_string(thread.join("stat")).ok());
        let fields = stats.filter_map(|stat| {
            let (of, fields) = stat.rsplit_once(") ")?;
            of.ends_with(name).then(|| fields.split(' ').nth(16)?.parse().ok())?
        });
        fields.collect()
    }

    #[tokio::test]
    async fn only_the_applier_has_a_lower_priority() {
        let dir = tempfile::tempdir().unwrap();
        let _store = SqliteStore::open(dir.path()).unwrap();
        // It begins a moment after it was started.
        while !niceness("(store-applier").contains(&NICENESS) {
            std::thread::yield_now();
        }
        assert!(niceness("(store-writer").iter().all(|niceness| *niceness < NICENESS));
        assert!(!niceness("(store-writer").is_empty());
    }
}
