//! Repair of a stopped store whose log or journal is damaged or lost: what reads back is kept, the rest is given up.

use crate::OpenError;
use crate::connection::{self, Access};
use crate::directory_lock::{DirectoryLock, sync_directory};
use crate::journal::JournalRow;
use crate::wal::close_last;
use crate::wal::{mark, verify};
use crate::{journal, recover, schema};
use std::fs::File;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// What a repair discarded.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Repaired {
    /// The commits behind a damaged place of the WAL.
    DamagedWal {
        /// Where the damage begins.
        offset: u64,
        /// The path where the damaged WAL is kept.
        kept: PathBuf,
    },
    /// The commits of a WAL that is lost.
    LostWal,
    /// The changes at a damaged place of the journal.
    DamagedJournal {
        /// Where the damage begins.
        offset: u64,
        /// The path where the damaged file is kept.
        kept: PathBuf,
    },
    /// The changes of a journal that is lost.
    LostJournal,
}

/// Repairs the store of a directory that no process has open. Of a damaged WAL or journal, what reads back is brought into the
/// database, and the damaged file is kept under another name; a lost one is given up. `report` is told of each at once: the repair of
/// the journal may fail when that of the WAL is done. Of whole ones nothing is told.
pub fn repair(dir: &Path, report: &mut dyn FnMut(Repaired)) -> Result<(), OpenError> {
    let path = dir.join("portraitd.db");
    if !path.is_file() {
        return Err(OpenError::NoStore { dir: dir.to_owned() });
    }
    let _lock = DirectoryLock::take(dir)?;
    if let Some(repaired) = repair_wal(dir, &path)? {
        report(repaired);
    }
    if let Some(repaired) = repair_journal(dir, &path)? {
        report(repaired);
    }
    Ok(())
}

fn repair_wal(dir: &Path, path: &Path) -> Result<Option<Repaired>, OpenError> {
    let lost = match mark::refuse_wrong_wal(path) {
        Ok(()) => false,
        Err(OpenError::LostWal { .. }) => true,
        Err(error) => return Err(error),
    };
    let connection = schema::existing_without_wal(path, Access::Write)?;
    let log = verify::path_of(path);
    if lost {
        close_last(connection, true).map_err(OpenError::engine(path))?;
        return Ok(Some(Repaired::LostWal));
    }
    let Some(offset) = verify::find_damage(path).map_err(OpenError::io(&log))? else { return Ok(None) };
    let kept = keep(&log, &dir.join("portraitd.db-wal.damaged"))?;
    close_last(connection, true).map_err(OpenError::engine(path))?;
    Ok(Some(Repaired::DamagedWal { offset, kept }))
}

fn repair_journal(dir: &Path, path: &Path) -> Result<Option<Repaired>, OpenError> {
    match recover::apply_stopped(dir) {
        Ok(()) => Ok(None),
        Err(OpenError::LostJournal { .. }) => {
            // The other file may be whole, and continue the tables.
            journal::create(dir, 0)?;
            match recover::apply_damaged(dir) {
                Err(OpenError::ForeignJournal { .. }) => {
                    let connection = connection::writing(path).map_err(OpenError::engine(path))?;
                    JournalRow::give_up(&connection).map_err(OpenError::engine(path))?;
                }
                applied => applied?,
            }
            Ok(Some(Repaired::LostJournal))
        }
        Err(OpenError::DamagedJournal { path: damaged, offset }) => {
            let kept = keep(&damaged, &damaged.with_added_extension("damaged"))?;
            recover::apply_damaged(dir)?;
            Ok(Some(Repaired::DamagedJournal { offset, kept }))
        }
        Err(error) => Err(error),
    }
}

/// Copies a damaged file to another name, or with a number behind that, if there is such a file; returns the name.
fn keep(damaged: &Path, name: &Path) -> Result<PathBuf, OpenError> {
    let numbered = (1_u64..).map(|number| name.with_added_extension(number.to_string()));
    let free = [name.to_owned()].into_iter().chain(numbered).find(|path| !path.exists());
    let kept = free.unwrap_or_else(|| name.to_owned());
    let copied = (|| {
        let mut copy = File::options().write(true).create_new(true).mode(0o600).open(&kept)?;
        io::copy(&mut File::open(damaged)?, &mut copy)?;
        copy.sync_all()?;
        sync_directory(kept.parent().unwrap_or(Path::new(".")))
    })();
    copied.map_err(|error| {
        // An incomplete copy is useless, and the disk may be full.
        let _ = std::fs::remove_file(&kept);
        OpenError::io(&kept)(error)
    })?;
    Ok(kept)
}
