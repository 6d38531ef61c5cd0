//! Why a data directory can't be opened.

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
        /// The other process, when it can be told.
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
    /// What was stored in it is gone: the database is never without tables, from its first moment on.
    #[error("{} is empty, or gone while its log is still there: this was not portraitd. Restore a backup; or, to start without what was stored, remove it and the files whose names begin with its name. Nothing was changed", path.display())]
    Emptied {
        /// The database.
        path: PathBuf,
    },
    /// The last acknowledged changes are gone: they were in the WAL alone.
    #[error("{} lost its log ({}-wal is missing or empty): portraitd did not end by itself, or this is a copy of a running server's file, and the last acknowledged changes are in that log. Put the log back beside it; or restore a backup; or go on without those changes: portraitd repair --data {}. Nothing was changed", path.display(), path.display(), path.parent().unwrap_or(Path::new(".")).display())]
    LostLog {
        /// The database.
        path: PathBuf,
    },
    /// The WAL beside the database is not of its last run: read together, they would bring back what was, and lose what came
    /// since.
    #[error("{}-wal does not belong to {}, which ended by itself or was restored since: it is of an earlier time or of another store, and opening both would undo acknowledged changes. Move it (and {}-shm) away and start again; keep it if you gave up what is in it by mistake. Nothing was changed", path.display(), path.display(), path.display())]
    ForeignLog {
        /// The database.
        path: PathBuf,
    },
    /// There is nothing to read.
    #[error("{} holds no data of portraitd; name the directory that has portraitd.db in it", dir.display())]
    NoStore {
        /// The directory.
        dir: PathBuf,
    },
    /// Acknowledged changes are behind a place that does not read back.
    #[error("{} is damaged at byte {offset}, and changes that were acknowledged lie behind it. Restore a backup; or go on without them: portraitd repair --data DIR keeps the damaged log beside the data. Nothing was changed", path.display())]
    DamagedLog {
        /// The WAL.
        path: PathBuf,
        /// Where it stops to read back.
        offset: u64,
    },
    /// The directory or a file in it can't be used.
    #[error("can't use {}: {source}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The engine refuses the file.
    #[error("can't open {}: {reason}", path.display())]
    Engine {
        /// The database.
        path: PathBuf,
        /// What the engine said.
        reason: String,
    },
}

impl OpenError {
    /// What `map_err` wants of an error with a file.
    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        |source| Self::Io { path: path.to_owned(), source }
    }

    /// What `map_err` wants of the engine's errors.
    pub(crate) fn engine(path: &Path) -> impl Fn(rusqlite::Error) -> Self + '_ {
        |error| Self::Engine { path: path.to_owned(), reason: error.to_string() }
    }
}

fn process(pid: Option<u32>) -> String {
    pid.map(|pid| format!(" (process {pid})")).unwrap_or_default()
}
