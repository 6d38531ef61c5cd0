//! Why a data directory can't be opened.

use crate::connection;
use portraitd_model::{Bilingual, bilingual};
use rusqlite::ffi;
use std::io;
use std::path::{Path, PathBuf};

/// Why a store can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("{} is in use by another portraitd{}; stop that one, or work through its admin API", dir.display(), process(*pid))]
    InUse {
        /// The data directory.
        dir: PathBuf,
        /// The other process, when it is known.
        pid: Option<u32>,
    },
    /// Written by a version of portraitd that this one does not know.
    #[error("{} has data format {found}, and this portraitd knows only {known}; use the portraitd that wrote it. Nothing was changed", path.display())]
    UnknownFormat {
        /// The database.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The newest format known.
        known: i64,
    },
    /// The database does not belong to portraitd.
    #[error("{} is not a database of portraitd; choose another directory. Nothing was changed", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The stored data is gone: portraitd's database never exists without tables.
    #[error("{} is empty, or missing while its write-ahead log or its journal exists: something other than portraitd did this. Restore a backup; or, to start without the stored data, remove it and the files of the directory whose names begin with portraitd.db and portraitd.journal. Nothing was changed", path.display())]
    Emptied {
        /// The database.
        path: PathBuf,
    },
    /// The directory is becoming the copy of another store.
    #[error("{} is a copy of another store that is not complete; the same `portraitd store copy` continues it. Nothing was changed", path.display())]
    UnfinishedCopy {
        /// The file of the copy.
        path: PathBuf,
    },
    /// The last acknowledged changes are gone: they were in the WAL only.
    #[error("{} lost its write-ahead log ({}-wal is missing or empty): portraitd was killed, or this is a copy of a running server's file, and the last acknowledged changes are in that log. Put the log back next to it; or restore a backup; or continue without those changes: portraitd repair --data {}. Nothing was changed", path.display(), path.display(), path.parent().unwrap_or(Path::new(".")).display())]
    LostWal {
        /// The database.
        path: PathBuf,
    },
    /// The WAL next to the database is not of its last run: read together, they would undo later changes.
    #[error("{}-wal does not belong to {}, which was closed or restored since: this write-ahead log is of an earlier time or of another store, and opening both would undo acknowledged changes. Move it (and {}-shm) away and start again; keep it if you gave up its changes by mistake. Nothing was changed", path.display(), path.display(), path.display())]
    ForeignWal {
        /// The database.
        path: PathBuf,
    },
    /// The directory has no store.
    #[error("{} holds no data of portraitd; name the directory that has portraitd.db in it", dir.display())]
    NoStore {
        /// The directory.
        dir: PathBuf,
    },
    /// The WAL is damaged before acknowledged changes.
    #[error("{} is damaged at byte {offset}, and acknowledged changes lie behind it. Restore a backup; or continue without them: portraitd repair --data {} keeps the damaged file in the directory. Nothing was changed", path.display(), path.parent().unwrap_or(Path::new(".")).display())]
    DamagedWal {
        /// The WAL.
        path: PathBuf,
        /// Where the damage begins.
        offset: u64,
    },
    /// The last acknowledged changes are gone: they were in the journal only.
    #[error("{} is missing: portraitd was killed, or this is a copy of a running server's files, and the last acknowledged changes are in its journal. Put the file back; or restore a backup; or continue without those changes: portraitd repair --data {}. Nothing was changed", path.display(), path.parent().unwrap_or(Path::new(".")).display())]
    LostJournal {
        /// The missing file.
        path: PathBuf,
    },
    /// The journal next to the database does not continue it.
    #[error("{} does not continue the database next to it: one of them is of another store or of another time, and together they would undo or skip acknowledged changes. Put the files of one time together; or, to give up what the journal holds, move portraitd.journal-0 and portraitd.journal-1 away and run portraitd repair --data {}. Nothing was changed", path.display(), path.parent().unwrap_or(Path::new(".")).display())]
    ForeignJournal {
        /// The file of the journal.
        path: PathBuf,
    },
    /// The journal is damaged before acknowledged changes.
    #[error("{} is damaged at byte {offset}, and acknowledged changes lie there and behind it. Restore a backup; or continue without those that do not read back: portraitd repair --data {} keeps the damaged file in the directory. Nothing was changed", path.display(), path.parent().unwrap_or(Path::new(".")).display())]
    DamagedJournal {
        /// The file of the journal.
        path: PathBuf,
        /// Where the damage begins.
        offset: u64,
    },
    /// The directory or a file in it can't be used.
    #[error("can't use {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The error.
        source: io::Error,
    },
    /// SQLite finds the database damaged.
    #[error("{} is damaged ({reason}). Restore a backup: portraitd restore BACKUP --data NEW_DIRECTORY; portraitd check --data {} says what is damaged. Nothing was changed", path.display(), path.parent().unwrap_or(Path::new(".")).display())]
    Damaged {
        /// The database.
        path: PathBuf,
        /// The engine's message.
        reason: String,
    },
    /// The engine refuses the file.
    #[error("can't open {}: {reason}", path.display())]
    Engine {
        /// The database.
        path: PathBuf,
        /// The engine's message.
        reason: String,
    },
}

impl OpenError {
    /// Converts an I/O error about a file, for `map_err`.
    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |source| Self::Io { path: path.to_owned(), source }
    }

    /// Converts an error of the engine, for `map_err`.
    pub(crate) fn engine(path: &Path) -> impl Fn(rusqlite::Error) -> Self + '_ {
        |error| {
            let (path, reason) = (path.to_owned(), error.to_string());
            match connection::result_code(&error) {
                Some(ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB) => Self::Damaged { path, reason },
                _ => Self::Engine { path, reason },
            }
        }
    }
}

/// An error of the engine, for people.
pub(crate) fn reason(error: &rusqlite::Error) -> Bilingual {
    match connection::result_code(error) {
        Some(ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB) => bilingual!(
            "{error}. Restore a backup; `portraitd check` says what is damaged",
            "{error}。请恢复备份；`portraitd check` 可列出损坏之处"
        ),
        _ => Bilingual::quoted(error),
    }
}

fn process(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}
