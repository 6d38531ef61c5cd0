//! The lock of a data directory: one process at a time.

use crate::OpenError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

/// The name of the lock file.
pub(crate) const LOCK_FILE: &str = "portraitd.lock";

/// Whether a process has this data directory open.
pub fn is_in_use(dir: &Path) -> bool {
    [lock_path(dir), dir.to_owned()].iter().any(|path| {
        let file = File::open(path);
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    })
}

/// The lock of a data directory. The system releases it when the process ends.
///
/// A lock belongs to a file, not to its name. So the directory is locked too, in case the lock file is removed, and the WAL, in
/// case the files are moved or linked into another directory.
#[derive(Debug)]
pub struct DirectoryLock {
    dir: PathBuf,
    file: File,
    directory: Option<File>,
    wal: Option<File>,
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        for file in [Some(&self.file), self.directory.as_ref(), self.wal.as_ref()].into_iter().flatten() {
            // Closing the file does not release the lock while a child process that was just forked shares it.
            if let Err(error) = file.unlock() {
                tracing::warn!(%error, "the data directory's lock can't be released");
            }
        }
    }
}

impl DirectoryLock {
    /// Creates the directory if need be, locks it, and writes this process's number into the lock file. [`OpenError::InUse`] when
    /// another process has it.
    pub fn take(dir: &Path) -> Result<Self, OpenError> {
        create(dir).map_err(OpenError::io(dir))?;
        let path = lock_path(dir);
        let options =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
        let mut file = options.map_err(OpenError::io(&path))?;
        let in_use = |file: &mut File| {
            let mut text = String::new();
            let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
            OpenError::InUse { dir: dir.to_owned(), pid }
        };
        match lock_with_retries(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(&mut file)),
            Err(TryLockError::Error(source)) => return Err(OpenError::io(&path)(source)),
        }
        let directory = File::open(dir).map_err(OpenError::io(dir))?;
        let directory = match lock_with_retries(&directory) {
            Ok(()) => Some(directory),
            Err(TryLockError::WouldBlock) => return Err(in_use(&mut file)),
            // Some file systems can't lock directories. Then the lock file alone protects, unless it is removed.
            Err(TryLockError::Error(error)) => {
                tracing::debug!(%error, "the directory itself can't be locked");
                None
            }
        };
        let pid = std::process::id();
        file.set_len(0).and_then(|()| writeln!(file, "{pid}")).map_err(OpenError::io(&path))?;
        let mut lock = Self { dir: dir.to_owned(), file, directory, wal: None };
        let wal = dir.join("portraitd.db-wal");
        if wal.exists() {
            lock.lock_wal(&wal)?;
        }
        Ok(lock)
    }

    /// Locks the present WAL file.
    pub(crate) fn lock_wal(&mut self, path: &Path) -> Result<(), OpenError> {
        // Two locks of one file exclude each other, also in one process.
        self.wal = None;
        let file = File::open(path).map_err(OpenError::io(path))?;
        match lock_with_retries(&file) {
            Ok(()) => {
                self.wal = Some(file);
                Ok(())
            }
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { dir: self.dir.clone(), pid: None }),
            Err(TryLockError::Error(source)) => Err(OpenError::io(path)(source)),
        }
    }
}

/// Retries for 80 ms: [`is_in_use`] holds a lock for an instant.
fn lock_with_retries(file: &File) -> Result<(), TryLockError> {
    const ATTEMPTS: u32 = 5;
    const PAUSE: Duration = Duration::from_millis(20);
    let mut locked = file.try_lock();
    for _ in 1..ATTEMPTS {
        if matches!(locked, Err(TryLockError::WouldBlock)) {
            thread::sleep(PAUSE);
            locked = file.try_lock();
        }
    }
    locked
}

/// Makes names that were created in a directory survive a power cut.
pub(crate) fn sync_directory(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Creates a directory with its parents.
pub(crate) fn create(dir: &Path) -> io::Result<()> {
    let named = |path: &&Path| !path.as_os_str().is_empty();
    let missing: Vec<&Path> = dir.ancestors().filter(named).take_while(|path| !path.exists()).collect();
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    for created in missing {
        let parent = created.parent().filter(named).unwrap_or(Path::new("."));
        sync_directory(parent)?;
    }
    Ok(())
}

pub(crate) fn lock_path(dir: &Path) -> PathBuf {
    dir.join(LOCK_FILE)
}
