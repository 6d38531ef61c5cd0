//! The room that a backup needs: looked at before it begins, and watched while it is copied. It ends before the disk is so short
//! that changes are refused ([`DiskSpace`]): a service that takes changes is worth more than one more copy.

use crate::disk_space::{DiskSpace, FreeSpace};
use portraitd_model::{Bilingual, bilingual};
use portraitd_store::StoreError;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a backup leaves free besides what is kept free for changes, in bytes: 1 MiB, and a quarter of what is kept.
const MARGIN: u64 = 1 << 20;

/// The file systems that a backup takes space of.
pub(crate) struct Room {
    target: FileSystem,
    /// The store's own, where its WAL grows during the copy; `None` when the target is on it.
    store: Option<FileSystem>,
    /// What the store may write meanwhile at most, in bytes.
    growth_max: u64,
}

/// A file system that is watched.
struct FileSystem {
    /// A directory on it, for people.
    dir: PathBuf,
    measure: Box<dyn Fn() -> Option<FreeSpace> + Send>,
}

/// Watches a copy that has begun.
pub(crate) struct RoomWatch(Vec<FileSystem>);

impl Room {
    /// The room of a backup into a directory, which need not exist. While it is copied, the store writes up to `growth_max`
    /// bytes: the size of its journal.
    pub(crate) fn new(to: &Path, space: &Arc<DiskSpace>, growth_max: u64) -> Self {
        let existing = to.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
        let own = Arc::clone(space);
        let store = FileSystem { dir: space.dir().to_owned(), measure: Box::new(move || own.measure()) };
        let device = |path: &Path| fs::metadata(path).ok().map(|found| found.dev());
        if device(existing) == device(space.dir()) {
            return Self { target: FileSystem { dir: to.to_owned(), ..store }, store: None, growth_max };
        }
        let other = DiskSpace::new(existing.to_owned(), 0);
        let target = FileSystem { dir: to.to_owned(), measure: Box::new(move || other.measure()) };
        Self { target, store: Some(store), growth_max }
    }

    /// Refuses a copy of so many bytes that does not fit. Then watches the file systems that are not short already: with a full
    /// disk the store takes no changes, and a copy to another disk is what is needed most.
    pub(crate) fn ensure(self, bytes: u64) -> Result<RoomWatch, StoreError> {
        let Self { target, store, growth_max } = self;
        // On a disk of its own the copy has nothing beside it that grows.
        let growth = if store.is_none() { growth_max.min(bytes / 4) } else { 0 };
        if let Some(space) = (target.measure)() {
            let needed = bytes.saturating_add(growth).saturating_add(kept_free(space)).saturating_add(MARGIN);
            if space.free < needed {
                return Err(StoreError::Refused(does_not_fit(&target.dir, bytes, needed, space.free)));
            }
        }
        let watched = [Some(target), store].into_iter().flatten();
        Ok(RoomWatch(watched.filter(|watched| watched.shortage().is_none()).collect()))
    }
}

impl RoomWatch {
    /// Why the copy must end; `None` while there is room. A system call for each file system.
    pub(crate) fn shortage(&self) -> Option<StoreError> {
        let short = self.0.iter().find_map(|watched| Some((watched, watched.shortage()?)));
        short.map(|(watched, space)| StoreError::Unavailable(stopped(&watched.dir, space)))
    }
}

impl FileSystem {
    /// The space, if it is short. A file system that does not tell never is.
    fn shortage(&self) -> Option<FreeSpace> {
        (self.measure)().filter(|space| space.free < kept_free(*space))
    }
}

/// What a backup leaves free.
fn kept_free(space: FreeSpace) -> u64 {
    space.kept.saturating_add(space.kept / 4).saturating_add(MARGIN)
}

fn does_not_fit(to: &Path, bytes: u64, needed: u64, free: u64) -> Bilingual {
    let to = to.display();
    let [in_mib, needed_mib, free_mib] = [bytes, needed, free].map(|bytes| bytes >> 20);
    bilingual!(
        "the backup does not fit into {to}: it has {bytes} bytes ({in_mib} MiB) and needs {needed} free ({needed_mib} MiB, with what is \
         written meanwhile and what is kept free for changes), and {free} are free ({free_mib} MiB). Free space there, or choose a \
         directory on another disk",
        "{to} 放不下此备份：备份有 {bytes} 字节（{in_mib} MiB），需要 {needed} 字节可用空间（{needed_mib} MiB，含备份期间的写入与为修改保留的空间），\
         而可用空间为 {free} 字节（{free_mib} MiB）。请释放空间，或选择另一磁盘上的目录"
    )
}

fn stopped(dir: &Path, space: FreeSpace) -> Bilingual {
    let (dir, free, bound) = (dir.display(), space.free, kept_free(space));
    bilingual!(
        "the backup was stopped and its unfinished copy removed, so that changes are still accepted: {free} bytes were left on the disk of \
         {dir}, and a backup leaves {bound} free. Free space there, or back up to another disk",
        "为保证修改不被拒绝，备份已中止，未完成的副本已删除：{dir} 所在磁盘仅剩 {free} 字节，而备份须留出 {bound} 字节。请释放空间，或备份到另一磁盘"
    )
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};

    const MIB: u64 = 1 << 20;

    /// A disk whose free space a test changes; 64 MiB are kept on it.
    fn disk(name: &str, free: &Arc<AtomicU64>) -> FileSystem {
        let free = Arc::clone(free);
        let measure = move || Some(FreeSpace { free: free.load(Ordering::SeqCst), kept: 64 * MIB });
        FileSystem { dir: name.into(), measure: Box::new(measure) }
    }

    fn free(mib: u64) -> Arc<AtomicU64> {
        Arc::new(AtomicU64::new(mib * MIB))
    }

    #[test]
    fn a_backup_that_does_not_fit_is_refused_with_the_bytes() {
        // 100 for the copy, 25 for what is written meanwhile, 64 + 16 + 1 that stay free, 1 for chance.
        for (mib, fits) in [(206, false), (207, true)] {
            let room = Room { target: disk("/backup", &free(mib)), store: None, growth_max: 512 * MIB };
            let Err(error) = room.ensure(100 * MIB).map(drop) else {
                assert!(fits, "{mib}");
                continue;
            };
            assert!(!fits, "{mib}: {error}");
            let text = error.to_string();
            for part in ["/backup", "104857600 bytes (100 MiB)", "207 MiB", "(206 MiB)", "another disk"] {
                assert!(text.contains(part), "{part}: {text}");
            }
        }
        // On another disk nothing grows beside it.
        let (target, store) = (disk("/backup", &free(182)), Some(disk("/data", &free(300))));
        assert!(Room { target, store, growth_max: 512 * MIB }.ensure(100 * MIB).is_ok());
        // A file system that does not tell is tried.
        let silent = FileSystem { dir: "/backup".into(), measure: Box::new(|| None) };
        let room = Room { target: silent, store: None, growth_max: 0 };
        assert_eq!(room.ensure(u64::MAX).unwrap().shortage(), None);
    }

    #[test]
    fn a_copy_ends_before_changes_are_refused_on_either_disk() {
        let (target, store) = (free(1000), free(500));
        let room =
            Room { target: disk("/backup", &target), store: Some(disk("/data", &store)), growth_max: 0 };
        let watch = room.ensure(MIB).unwrap();
        assert_eq!(watch.shortage(), None);
        for (short, name) in [(&target, "/backup"), (&store, "/data")] {
            let before = short.swap(81 * MIB - 1, Ordering::SeqCst);
            let text = watch.shortage().unwrap().to_string();
            assert!(text.contains(name) && text.contains("stopped") && text.contains("84934656"), "{text}");
            short.store(before, Ordering::SeqCst);
        }
        assert_eq!(watch.shortage(), None);
    }

    #[test]
    fn a_store_on_a_full_disk_is_copied_to_another() {
        let room =
            Room { target: disk("/b", &free(1000)), store: Some(disk("/data", &free(0))), growth_max: 0 };
        assert_eq!(room.ensure(MIB).unwrap().shortage(), None);
    }

    #[test]
    fn a_directory_that_does_not_exist_has_the_room_of_the_one_above() {
        let dir = tempfile::tempdir().unwrap();
        let space = Arc::new(DiskSpace::new(dir.path().to_owned(), 0));
        let room = Room::new(&dir.path().join("not/yet"), &space, 0);
        assert!(room.store.is_none(), "it is the same file system");
        assert!(room.ensure(u64::MAX).is_err());
        let room = Room::new(Path::new("/proc/none"), &space, 0);
        assert!(room.store.is_some());
    }
}
