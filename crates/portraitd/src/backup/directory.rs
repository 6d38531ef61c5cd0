//! The directory where backups stand, each in one of its own. A copy is made under another name and renamed once it has been
//! checked. Blocking.

use super::manifest::{DATABASE, MANIFEST, Manifest};
use super::name::BackupName;
use anyhow::{Context, anyhow, ensure};
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A backup that stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Standing {
    pub(crate) name: BackupName,
    pub(crate) manifest: Manifest,
}

/// A directory of backups.
#[derive(Clone, Debug)]
pub(crate) struct BackupDirectory {
    dir: PathBuf,
}

/// The files that may be in a backup: its own, and what `portraitd check` and SQLite leave beside a database.
const FILES: [&str; 5] = [DATABASE, MANIFEST, "portraitd.lock", "portraitd.db-wal", "portraitd.db-shm"];

impl BackupDirectory {
    pub(crate) fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Where a backup stands.
    pub(crate) fn path(&self, name: BackupName) -> PathBuf {
        self.dir.join(name.to_string())
    }

    /// Where a store makes a copy that was not checked yet. Its name tells stores apart that share the directory.
    pub(super) fn unfinished(&self, store: &str, name: BackupName) -> PathBuf {
        self.dir.join(format!("{}{name}", beginning_of_unfinished(store)))
    }

    /// The backups that stand, the oldest first; of every store. None in a directory that does not exist.
    pub(crate) fn list(&self) -> anyhow::Result<Vec<Standing>> {
        let mut standing = Vec::new();
        for name in self.names()? {
            if let Some(name) = BackupName::parse(&name) {
                // Without a readable manifest it is not a backup of ours.
                if let Ok(manifest) = Manifest::read(&self.path(name)) {
                    standing.push(Standing { name, manifest });
                }
            }
        }
        standing.sort_by_key(|backup| backup.name);
        Ok(standing)
    }

    /// Makes a checked copy a backup: writes its manifest and renames it. On the disk when it returns.
    pub(super) fn publish(&self, name: BackupName, manifest: &Manifest) -> anyhow::Result<()> {
        let unfinished = self.unfinished(&manifest.store, name);
        manifest.write(&unfinished)?;
        let path = self.path(name);
        let renamed = fs::rename(&unfinished, &path).and_then(|()| File::open(&self.dir)?.sync_all());
        let Err(error) = renamed else { return Ok(()) };
        let path = path.display();
        Err(match error.kind() {
            ErrorKind::DirectoryNotEmpty | ErrorKind::AlreadyExists => anyhow!(
                "{path} exists already: another server uses this directory; give each one its own (backup.directory)"
            ),
            _ => anyhow!("can't make {path}: {error}"),
        })
    }

    /// Removes a backup of this store. Refuses one of another store, one whose database is not as long as it says, and a directory
    /// that has something else in it.
    pub(super) fn remove(&self, store: &str, name: BackupName) -> anyhow::Result<()> {
        let path = self.path(name);
        let manifest = Manifest::read(&path)?;
        ensure!(manifest.store == store, "{} is a backup of another store", path.display());
        let database = path.join(DATABASE);
        let found = fs::metadata(&database).with_context(|| format!("can't read {}", database.display()))?;
        ensure!(found.len() == manifest.bytes, "{} is not as long as the backup was", database.display());
        files_of(&path)?;
        // It counts no more, and what is left of it when this is cut off is removed at the next turn.
        let unfinished = self.unfinished(store, name);
        fs::rename(&path, &unfinished).with_context(|| format!("{} is not removed", path.display()))?;
        remove_files(&unfinished)
    }

    /// Removes what this store has left unfinished.
    pub(super) fn clear_unfinished(&self, store: &str) -> anyhow::Result<()> {
        let beginning = beginning_of_unfinished(store);
        for name in self.names()? {
            if name.strip_prefix(&beginning).is_some_and(|rest| BackupName::parse(rest).is_some()) {
                remove_files(&self.dir.join(name))?;
            }
        }
        Ok(())
    }

    /// The names in the directory that are text.
    fn names(&self) -> anyhow::Result<Vec<String>> {
        let read = || {
            let entries = match fs::read_dir(&self.dir) {
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
                entries => entries?,
            };
            let names = entries.map(|entry| entry.map(|entry| entry.file_name().into_string().ok()));
            Ok(names.collect::<std::io::Result<Vec<_>>>()?.into_iter().flatten().collect())
        };
        let names: std::io::Result<Vec<String>> = read();
        names.with_context(|| format!("can't read {}", self.dir.display()))
    }
}

fn beginning_of_unfinished(store: &str) -> String {
    format!(".unfinished-{store}-")
}

/// Removes a directory that has the files of a backup and nothing else.
fn remove_files(path: &Path) -> anyhow::Result<()> {
    let files = files_of(path)?;
    let removed = files.iter().try_for_each(fs::remove_file).and_then(|()| fs::remove_dir(path));
    removed.with_context(|| format!("{} is not removed", path.display()))
}

/// The files of a backup. Refuses a directory that has something else in it.
fn files_of(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let read = || {
        let mut files = Vec::new();
        for entry in fs::read_dir(path)? {
            let name = entry?.file_name();
            let known = FILES.iter().any(|known| name == *known) || is_partial(&name.to_string_lossy());
            ensure!(known, "it has {}, which is not of a backup", name.display());
            files.push(path.join(name));
        }
        anyhow::Ok(files)
    };
    read().with_context(|| format!("{} is not removed", path.display()))
}

/// Whether a file is one of a copy that was never finished.
fn is_partial(name: &str) -> bool {
    name.strip_prefix(DATABASE)
        .is_some_and(|rest| [".partial", ".partial-journal", ".partial-wal", ".partial-shm"].contains(&rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_model::UnixMillis;

    const OURS: &str = "00000000000000000000000000000001";

    fn manifest(store: &str) -> Manifest {
        let (store, sha256) = (store.to_owned(), String::new());
        Manifest { store, version: "0".into(), bytes: 4, sha256, apps: 1, accounts: 2 }
    }

    /// A backup of a day, as the scheduler makes it.
    fn make(directory: &BackupDirectory, day: u64, store: &str) -> BackupName {
        let name = BackupName::at(UnixMillis(day * 86_400_000));
        let copy = directory.unfinished(store, name);
        fs::create_dir_all(&copy).unwrap();
        fs::write(copy.join(DATABASE), "data").unwrap();
        directory.publish(name, &manifest(store)).unwrap();
        name
    }

    #[test]
    fn what_stands_was_published_and_is_listed_by_time() {
        let dir = tempfile::tempdir().unwrap();
        let directory = BackupDirectory::new(dir.path().join("backups"));
        assert_eq!(directory.list().unwrap(), []);
        let (late, early) = (make(&directory, 20, OURS), make(&directory, 10, "other"));
        let path = directory.unfinished(OURS, BackupName::at(UnixMillis(0)));
        fs::create_dir_all(&path).unwrap();
        fs::write(path.join("portraitd.db.partial"), "half").unwrap();
        fs::create_dir(dir.path().join("backups/portraitd-20200101T000000Z")).unwrap();
        fs::write(dir.path().join("backups/notes.txt"), "").unwrap();
        let names: Vec<_> = directory.list().unwrap().into_iter().map(|backup| backup.name).collect();
        assert_eq!(names, [early, late]);
        directory.clear_unfinished("other").unwrap();
        assert!(path.exists(), "it is not theirs");
        directory.clear_unfinished(OURS).unwrap();
        assert!(!path.exists());
        assert_eq!(directory.list().unwrap().len(), 2);
        // A second one of the same second does not take its place.
        let copy = directory.unfinished(OURS, late);
        fs::create_dir_all(&copy).unwrap();
        let error = directory.publish(late, &manifest(OURS)).unwrap_err().to_string();
        assert!(
            error.contains("exists already: another server") && error.contains("backup.directory"),
            "{error}"
        );
    }

    #[test]
    fn nothing_but_an_own_backup_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let directory = BackupDirectory::new(dir.path().to_owned());
        let refused = |name, part: &str| {
            let error = format!("{:#}", directory.remove(OURS, name).unwrap_err());
            assert!(error.contains(part), "{error}");
            assert!(directory.path(name).exists());
        };
        refused(make(&directory, 1, "other"), "another store");
        let name = make(&directory, 2, OURS);
        fs::write(directory.path(name).join("notes.txt"), "keep me").unwrap();
        refused(name, "notes.txt");
        assert!(directory.path(name).join(DATABASE).exists(), "nothing of it is touched");
        let name = make(&directory, 3, OURS);
        fs::write(directory.path(name).join(DATABASE), "other data").unwrap();
        refused(name, "not as long");
        let name = make(&directory, 4, OURS);
        fs::write(directory.path(name).join(MANIFEST), "{}").unwrap();
        refused(name, "no manifest");
        let name = make(&directory, 5, OURS);
        fs::write(directory.path(name).join("portraitd.lock"), "7").unwrap();
        directory.remove(OURS, name).unwrap();
        assert!(!directory.path(name).exists() && !directory.unfinished(OURS, name).exists());
        // What a removal that was cut off has left.
        let name = make(&directory, 6, OURS);
        fs::rename(directory.path(name), directory.unfinished(OURS, name)).unwrap();
        fs::remove_file(directory.unfinished(OURS, name).join(DATABASE)).unwrap();
        directory.clear_unfinished(OURS).unwrap();
        assert!(!directory.unfinished(OURS, name).exists());
    }
}
