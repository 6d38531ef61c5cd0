//! The open files of a store, compared with their paths. When the database was removed, moved or replaced under a running
//! server, changes would go into a file that the next start does not find: they are refused.

use crate::primitives::{Mutex, MutexGuard};
use portraitd_model::{Bilingual, Language, bilingual};
use portraitd_store::StoreError;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

/// The database, the WAL, the journal and the lock, as they were when the store was opened.
#[derive(Default)]
pub(crate) struct Files {
    watched: Vec<WatchedFile>,
    /// The result of the last comparison.
    difference: Mutex<Option<Bilingual>>,
}

struct WatchedFile {
    role: Role,
    path: PathBuf,
    file: File,
    opened: FileId,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role {
    Database,
    Wal,
    Journal,
    Lock,
}

/// Identifies a file, with the number of its names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct FileId {
    device: u64,
    inode: u64,
    links: u64,
}

impl FileId {
    fn of(file: &Metadata) -> Self {
        Self { device: file.dev(), inode: file.ino(), links: file.nlink() }
    }

    fn is_same_file(self, other: Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

impl Files {
    /// Opens the files and remembers their identities. Must outlive every connection to the database.
    pub(crate) fn watch(database: &Path, log: &Path, lock: &Path, journal: [&Path; 2]) -> io::Result<Self> {
        let [first, second] = journal.map(|path| (Role::Journal, path));
        let named = [(Role::Database, database), (Role::Wal, log), (Role::Lock, lock), first, second];
        let watched = named.into_iter().map(|(role, path)| {
            let file = File::open(path)?;
            let opened = FileId::of(&file.metadata()?);
            Ok(WatchedFile { role, path: path.to_owned(), file, opened })
        });
        Ok(Self { watched: watched.collect::<io::Result<_>>()?, difference: Mutex::default() })
    }

    /// Fails while a path does not lead to the open file, or that file has a second name. Costs a system call for each file.
    pub(crate) fn verify(&self) -> Result<(), StoreError> {
        let found = self.watched.iter().find_map(WatchedFile::difference);
        let mut known = self.difference();
        if *known != found {
            match &found {
                None => tracing::info!("the store's files are in their places again; changes are accepted"),
                Some(what) => tracing::error!("{}", what.english()),
            }
            known.clone_from(&found);
        }
        found.map_or(Ok(()), |what| Err(StoreError::Unavailable(what)))
    }

    /// Whether the last comparison found a difference.
    pub(crate) fn are_changed(&self) -> bool {
        self.difference().is_some()
    }

    fn difference(&self) -> MutexGuard<'_, Option<Bilingual>> {
        self.difference.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WatchedFile {
    fn difference(&self) -> Option<Bilingual> {
        let found = match std::fs::metadata(&self.path) {
            Ok(found) => Some(FileId::of(&found)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                let path = self.path.display();
                return Some(bilingual!("{path} can't be inspected: {error}", "无法查看 {path}：{error}"));
            }
        };
        if found == Some(self.opened) {
            return None;
        }
        let what = match found {
            Some(found) if found.is_same_file(self.opened) => {
                bilingual!(
                    "has {} names (hard links), so that a second server could use it",
                    "有 {} 个名称（硬链接），可能被另一个服务使用",
                    found.links
                )
            }
            Some(_) => {
                let [english, chinese] = self.removal();
                bilingual!("{english}, and another file has its name", "{chinese}，且另有文件占用其名称")
            }
            None => {
                let [english, chinese] = self.removal();
                Bilingual::new(english, chinese)
            }
        };
        let [remedy, chinese_remedy] =
            self.remedy(found.is_some_and(|found| found.is_same_file(self.opened)));
        let path = self.path.display();
        let [english, chinese] = Language::BOTH.map(|language| what.pick(language));
        Some(bilingual!(
            "{path} {english}. Changes are refused from now on, reads go on. {remedy}",
            "{path} {chinese}。此后拒绝修改，读取不受影响。{chinese_remedy}",
        ))
    }

    /// How the open file left its path, in English and in Chinese.
    fn removal(&self) -> [&'static str; 2] {
        match self.file.metadata().map(|file| file.nlink()) {
            Ok(0) => ["was removed while the server has it open", "在服务使用期间被删除"],
            _ => ["was moved while the server has it open", "在服务使用期间被移走"],
        }
    }

    /// What to do, in English and in Chinese.
    fn remedy(&self, is_in_place: bool) -> [&'static str; 2] {
        match self.role {
            _ if is_in_place => [
                "Remove the other name; for a copy, take portraitd backup",
                "请删除另一个名称；需要副本时请使用 portraitd backup",
            ],
            Role::Database => [
                "If it was moved, move it back. If it was removed, it is lost when the server stops: first take portraitd backup \
                 into another directory, then stop the server and restore that into a new one",
                "若被移走，请移回原处。若被删除，服务停止后即丢失：请先用 portraitd backup 备份到其他目录，再停止服务，并恢复到新目录",
            ],
            Role::Wal => [
                "Stop the server with SIGTERM and start it again: it then copies the write-ahead log into the database, and nothing is lost",
                "请以 SIGTERM 停止服务后重新启动：服务会将预写日志写入数据库，不会丢失数据",
            ],
            Role::Journal => [
                "Stop the server with SIGTERM and start it again: it then brings everything into the database, and nothing is lost",
                "请以 SIGTERM 停止服务后重新启动：服务会将全部修改写入数据库，不会丢失数据",
            ],
            Role::Lock => ["Nothing is lost: restart the server", "没有丢失数据，请重启服务"],
        }
    }
}

#[cfg(test)]
#[cfg(not(feature = "shuttle"))]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn each_change_of_a_file_is_reported() {
        let dir = tempfile::tempdir().unwrap();
        let [database, log, lock, first, second, aside] =
            ["db", "wal", "lock", "journal-0", "journal-1", "aside"].map(|name| dir.path().join(name));
        let watch = || Files::watch(&database, &log, &lock, [&first, &second]);
        for path in [&database, &log, &lock, &first, &second] {
            assert!(watch().is_err());
            fs::write(path, "x").unwrap();
        }
        let files = watch().unwrap();
        let check = |expected: &[&str]| {
            let found = files.verify().err().map(|error| error.to_string());
            assert_eq!(found.is_none(), expected.is_empty(), "{found:?}");
            let found = found.unwrap_or_default();
            assert!(expected.iter().all(|part| found.contains(part)), "{found}");
            assert_eq!(files.are_changed(), !expected.is_empty());
        };
        check(&[]);
        fs::write(&database, "longer").unwrap();
        check(&[]);
        for (path, remedy) in [
            (&database, "move it back"),
            (&log, "SIGTERM"),
            (&second, "SIGTERM"),
            (&lock, "restart the server"),
        ] {
            fs::rename(path, &aside).unwrap();
            check(&["was moved while the server has it open.", remedy]);
            fs::write(path, "another").unwrap();
            check(&["was moved", "another file has its name", remedy]);
            fs::rename(&aside, path).unwrap();
            check(&[]);
            fs::hard_link(path, &aside).unwrap();
            check(&["has 2 names (hard links)", "Remove the other name"]);
            fs::remove_file(&aside).unwrap();
            check(&[]);
        }
        fs::remove_file(&log).unwrap();
        check(&["wal was removed while the server has it open."]);
    }
}
