//! Restore: checks a backup and copies it into a data directory.

use crate::OpenError;
use crate::connection::Access;
use crate::directory_lock::{DirectoryLock, LOCK_FILE, is_in_use};
use crate::identity::has_table;
use crate::journal::JournalRow;
use crate::maintenance::check::{Checked, Finding, examine};
use crate::maintenance::staging::Identity;
use crate::maintenance::staging::{self, STAGING};
use crate::schema;
use rusqlite::Connection;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Why a backup is not restored. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The backup or the data directory can't be used.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The data directory is not empty.
    #[error("{} is not empty (there is {found}); restore into a new or an empty directory", dir.display())]
    NotEmpty {
        /// The data directory.
        dir: PathBuf,
        /// The name of an entry in it.
        found: String,
    },
    /// The backup is the data directory of a server that was killed or is running.
    #[error("{} has a write-ahead log or a journal, so it is not a backup; start and stop portraitd on it, or take a backup of it with portraitd backup", dir.display())]
    HasLog {
        /// The directory that was given as a backup.
        dir: PathBuf,
    },
    /// The backup is damaged.
    #[error("{} is damaged in {} places, so it was not restored; use another backup", dir.display(), checked.damaged)]
    Damaged {
        /// The backup.
        dir: PathBuf,
        /// The result of the check.
        checked: Checked,
    },
}

/// Checks a backup as it is, and changes nothing of it: every profile's checksum, every app's settings, and what the engine can check
/// of itself. Refuses the directory of a server that runs or was killed. `is_cancelled` is called about every millisecond and may pause
/// the check; once it says so the check ends, with any result.
pub fn check_backup(
    backup: &Path,
    report: &mut dyn FnMut(Finding),
    is_cancelled: impl FnMut() -> bool + Send + 'static,
) -> Result<Checked, RestoreError> {
    /// Steps of SQLite's virtual machine, or pages of its own check: a millisecond or two.
    const STEPS: i32 = 1000;
    let from = backup.join("portraitd.db");
    if !from.is_file() {
        return Err(OpenError::NoStore { dir: backup.to_owned() }.into());
    }
    if is_in_use(backup) {
        return Err(OpenError::InUse { dir: backup.to_owned(), pid: None }.into());
    }
    if fs::metadata(backup.join("portraitd.db-wal")).is_ok_and(|log| log.len() > 0) {
        return Err(RestoreError::HasLog { dir: backup.to_owned() });
    }
    let engine = OpenError::engine(&from);
    let mut connection = schema::existing(&from, Access::Read)?;
    // The directory of a server that was stopped has a journal, too, but its tables have everything.
    if needs_journal(&connection).map_err(&engine)? {
        return Err(RestoreError::HasLog { dir: backup.to_owned() });
    }
    connection.progress_handler(STEPS, Some(is_cancelled)).map_err(&engine)?;
    let checked = examine(&connection, report).map_err(&engine)?;
    if checked.damaged > 0 {
        return Err(RestoreError::Damaged { dir: backup.to_owned(), checked });
    }
    Ok(checked)
}

/// Checks a backup and copies it into a new or empty data directory, as a store with an identity of its own. Durable when it
/// returns.
pub fn restore(backup: &Path, data: &Path, report: &mut dyn FnMut(Finding)) -> Result<Checked, RestoreError> {
    let from = backup.join("portraitd.db");
    ensure_empty(data)?;
    let checked = check_backup(backup, report, || false)?;
    let _lock = DirectoryLock::take(data)?;
    // Checked again: another process may have been faster.
    ensure_empty(data)?;
    let staged = data.join(STAGING);
    staging::clear(&staged)?;
    copy(&from, &staged).map_err(OpenError::io(&staged))?;
    staging::publish(&staged, &data.join("portraitd.db"), Identity::Renewed)?;
    Ok(checked)
}

/// Whether the tables may lack what is in a journal. Formats before 8 have none.
fn needs_journal(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(has_table(connection, "journal")? && JournalRow::read(connection)?.needed)
}

/// Refuses a data directory that nothing can be restored into. Ignores a lock file, and files that an earlier attempt left.
pub fn ensure_empty(data: &Path) -> Result<(), RestoreError> {
    let entries = match fs::read_dir(data) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(OpenError::io(data)(error).into()),
    };
    for entry in entries {
        let name = entry.map_err(OpenError::io(data))?.file_name();
        if name != LOCK_FILE && !staging::is_left_over(&name) {
            let (dir, found) = (data.to_owned(), name.display().to_string());
            return Err(RestoreError::NotEmpty { dir, found });
        }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let copied = (|| {
        let mut target = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(to)?;
        io::copy(&mut File::open(from)?, &mut target).map(drop)
    })();
    copied.inspect_err(|_| {
        // An incomplete copy is useless, and the disk may be full.
        let _ = fs::remove_file(to);
    })
}
