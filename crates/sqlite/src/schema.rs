//! The format of the database, its upgrades, and how a new one is made.

use crate::OpenError;
use crate::connection::{Access, open};
use crate::definitions;
use crate::directory_lock::sync_directory;
use crate::identity::APPLICATION_ID;
use crate::journal;
use crate::maintenance::staging;
use crate::maintenance::staging::Identity;
use crate::wal::{mark, verify};
use rusqlite::{Connection, OpenFlags};
use std::path::Path;
use std::{fs, io};

/// The format of the data, in the file's header. A change of the schema or of a stored form raises it.
const FORMAT: i64 = 8;

/// A change updates an account's row in place, so `id` is the key and the index on (app, user) only finds it.
const FORMAT_1: &str = "
CREATE TABLE accounts (
    id         INTEGER PRIMARY KEY,
    app        INTEGER NOT NULL,
    user       TEXT    NOT NULL,
    created_ms INTEGER NOT NULL,
    kicked_at  INTEGER,
    profile    BLOB    NOT NULL
) STRICT;
CREATE UNIQUE INDEX accounts_by_user ON accounts (app, user);
CREATE TABLE apps (
    id       INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL,
    settings TEXT    NOT NULL,
    words    TEXT    NOT NULL
) STRICT;
CREATE TABLE probe (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    count INTEGER NOT NULL
) STRICT;
INSERT INTO probe (id, count) VALUES (1, 0);
";

/// What format 2 adds.
const FORMAT_2: &str = "
CREATE TABLE outbox (
    seq      INTEGER PRIMARY KEY,
    app      INTEGER NOT NULL,
    parked   INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    due_ms   INTEGER NOT NULL DEFAULT 0,
    failure  TEXT,
    bytes    INTEGER NOT NULL,
    event    BLOB    NOT NULL
) STRICT;
CREATE INDEX outbox_by_app ON outbox (app, parked, seq, bytes);
";

/// What format 3 adds: admin tokens, the audit log, and the number of each app's accounts, which would otherwise need a
/// scan.
const FORMAT_3: &str = "
CREATE TABLE tokens (
    name       TEXT    PRIMARY KEY,
    hash       BLOB    NOT NULL,
    created_ms INTEGER NOT NULL
) STRICT;
CREATE TABLE audit (
    seq   INTEGER PRIMARY KEY,
    app   INTEGER,
    at_ms INTEGER NOT NULL,
    entry TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_by_app ON audit (app, seq);
CREATE TABLE populations (
    app      INTEGER PRIMARY KEY,
    accounts INTEGER NOT NULL
) STRICT;
INSERT INTO populations (app, accounts) SELECT app, count(*) FROM accounts GROUP BY app;
";

/// What format 4 changes: the places of waiting events are kept in memory, so that an event is one insertion.
const FORMAT_4: &str = "
DROP INDEX outbox_by_app;
CREATE INDEX outbox_parked ON outbox (app, seq) WHERE parked = 1;
";

/// What format 5 adds: the store's identity, and whether its WAL must exist ([`crate::wal::mark`]).
const FORMAT_5: &str = "
CREATE TABLE store (
    one       INTEGER PRIMARY KEY CHECK (one = 1),
    id        BLOB    NOT NULL CHECK (length(id) = 16),
    needs_log INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO store (one, id) VALUES (1, randomblob(16));
";

/// The first format that has [`crate::wal::mark`].
const MARKED_SINCE: i64 = 5;

/// What format 6 adds: the times of deletions, for apps that delay the import of a deleted account; settings that only some
/// apps have.
const FORMAT_6: &str = "
CREATE TABLE deletions (
    app        INTEGER NOT NULL,
    user       TEXT    NOT NULL,
    deleted_ms INTEGER NOT NULL,
    PRIMARY KEY (app, user)
) STRICT, WITHOUT ROWID;
CREATE INDEX deletions_by_time ON deletions (app, deleted_ms);
";

/// What format 7 adds: the roles of tokens. Those of earlier formats may do everything, as before.
const FORMAT_7: &str = "
ALTER TABLE tokens ADD COLUMN role TEXT NOT NULL DEFAULT 'admin';
";

/// What format 8 adds: what the tables have of the journal ([`crate::journal`]). `applied` is the last segment that they have
/// completely; `needed` is 1 from a start to the end of the clean stop after it.
const FORMAT_8: &str = "
CREATE TABLE journal (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    applied INTEGER NOT NULL DEFAULT 0,
    needed  INTEGER NOT NULL DEFAULT 0
) STRICT;
INSERT INTO journal (one) VALUES (1);
";

/// The first format that has a journal.
const JOURNAL_SINCE: i64 = 8;

/// From nothing to the present format: the first makes format 1, each other brings the one before it up to its own.
const STEPS: [&str; 8] = [FORMAT_1, FORMAT_2, FORMAT_3, FORMAT_4, FORMAT_5, FORMAT_6, FORMAT_7, FORMAT_8];

/// The file of a copy that is not finished (`contents.rs`).
pub(crate) const COPY: &str = "portraitd.db.copy";

/// Opens the database, creates it if need be, and upgrades it to the present format. While this connection stays open, later
/// ones need not read the whole WAL again.
pub(crate) fn prepare(path: &Path) -> Result<Connection, OpenError> {
    let (log, emptied) = (verify::path_of(path), || OpenError::Emptied { path: path.to_owned() });
    match fs::metadata(path) {
        // SQLite would treat it as a new database, and remove its WAL.
        Ok(file) if file.len() == 0 => return Err(emptied()),
        Ok(_) => {}
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(OpenError::io(path)(error)),
        // The journal is made after the database.
        Err(_) if log.exists() || has_journal(path) => return Err(emptied()),
        Err(_) if path.with_file_name(COPY).exists() => {
            return Err(OpenError::UnfinishedCopy { path: path.with_file_name(COPY) });
        }
        Err(_) => create(path)?,
    }
    mark::refuse_wrong_wal(path)?;
    if !log.exists() {
        // So that no power cut leaves a WAL without its database.
        sync_directory(path.parent().unwrap_or(Path::new("."))).map_err(OpenError::io(path))?;
    }
    let opened = || open(path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(OpenError::engine(path));
    let (application, found, tables) = application_and_format(&opened()?).map_err(OpenError::engine(path))?;
    match (application, found, tables) {
        (APPLICATION_ID, 1..=FORMAT, _) => {}
        (APPLICATION_ID, ..) => {
            return Err(OpenError::UnknownFormat { path: path.to_owned(), found, known: FORMAT });
        }
        _ => return Err(OpenError::Foreign { path: path.to_owned() }),
    }
    verify::verify_and_sync(path)?;
    let connection = opened()?;
    refuse_damaged_definitions(&connection, path, found)?;
    let missing = usize::try_from(found).ok().and_then(|found| STEPS.get(found..)).unwrap_or_default();
    if missing.is_empty() {
        return Ok(connection);
    }
    if found < JOURNAL_SINCE {
        journal::refuse_any(path.parent().unwrap_or(Path::new(".")))?;
    }
    // The WAL begins with this transaction, so the mark is part of it.
    let mark = if found >= MARKED_SINCE { mark::BEGIN } else { "" };
    upgrade(&connection, &[&missing.concat(), mark].concat()).map_err(OpenError::engine(path))?;
    tracing::info!(path = %path.display(), "the database was upgraded from format {found} to format {FORMAT}");
    Ok(connection)
}

fn has_journal(path: &Path) -> bool {
    let dir = path.parent().unwrap_or(Path::new("."));
    journal::paths(dir).iter().any(|path| path.exists())
}

/// The application id, the format, and the number of tables.
fn application_and_format(connection: &Connection) -> rusqlite::Result<(i64, i64, i64)> {
    let number = |pragma: &str| connection.query_row(pragma, [], |row| row.get::<_, i64>(0));
    let (application, format) = (number("PRAGMA application_id")?, number("PRAGMA user_version")?);
    Ok((application, format, number("SELECT count(*) FROM sqlite_schema")?))
}

/// Creates an empty store in a staging file and renames it. So portraitd's database never exists without tables: an empty file
/// was emptied by another program.
fn create(path: &Path) -> Result<(), OpenError> {
    let made = Connection::open_in_memory().and_then(|connection| {
        // Half the usual page: a profile is some 300 bytes, and the WAL carries whole pages.
        connection.execute_batch("PRAGMA page_size = 2048;")?;
        make_tables(&connection)?;
        Ok(connection)
    });
    let connection = made.map_err(OpenError::engine(path))?;
    staging::publish(&staging::write(&connection, path)?, path, Identity::Kept)
}

/// Refuses a database whose tables or indexes are not defined as in its format.
fn refuse_damaged_definitions(connection: &Connection, path: &Path, format: i64) -> Result<(), OpenError> {
    match damaged_definition(connection, format).map_err(OpenError::engine(path))? {
        Some(reason) => Err(OpenError::Damaged { path: path.to_owned(), reason }),
        None => Ok(()),
    }
}

/// Which table or index is not defined as in a format, for people.
pub(crate) fn damaged_definition(connection: &Connection, format: i64) -> rusqlite::Result<Option<String>> {
    let model = Connection::open_in_memory()?;
    let steps = usize::try_from(format).ok().and_then(|format| STEPS.get(..format)).unwrap_or(&STEPS);
    model.execute_batch(&steps.concat())?;
    definitions::first_damaged(connection, &model)
}

/// Makes all tables in an empty database.
pub(crate) fn make_tables(connection: &Connection) -> rusqlite::Result<()> {
    let application = format!("PRAGMA application_id = {APPLICATION_ID};");
    upgrade(connection, &[&STEPS.concat(), application.as_str()].concat())
}

/// Brings a database to the present format, all or nothing.
fn upgrade(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.execute_batch(&format!(
        "PRAGMA synchronous = FULL; BEGIN IMMEDIATE; {sql} PRAGMA user_version = {FORMAT}; COMMIT;"
    ))
}

/// A connection to an existing database, to inspect it: its WAL stays as it is.
pub(crate) fn existing(path: &Path, access: Access) -> Result<Connection, OpenError> {
    mark::refuse_wrong_wal(path)?;
    existing_without_wal(path, access)
}

/// As [`existing`], also when the WAL is lost.
pub(crate) fn existing_without_wal(path: &Path, access: Access) -> Result<Connection, OpenError> {
    let flags = match access {
        Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE,
    };
    if fs::metadata(path).is_ok_and(|file| file.len() == 0) {
        return Err(OpenError::Emptied { path: path.to_owned() });
    }
    let connection = open(path, flags).map_err(OpenError::engine(path))?;
    let number = |pragma: &str| {
        connection.query_row(pragma, [], |row| row.get::<_, i64>(0)).map_err(OpenError::engine(path))
    };
    match (number("PRAGMA application_id")?, number("PRAGMA user_version")?) {
        (APPLICATION_ID, 1..=FORMAT) => Ok(connection),
        (APPLICATION_ID, found) => {
            Err(OpenError::UnknownFormat { path: path.to_owned(), found, known: FORMAT })
        }
        _ => Err(OpenError::Foreign { path: path.to_owned() }),
    }
}
