//! The whole content of a directory, to copy it to another engine, and a new directory that becomes the copy of one. A copy is
//! written to a file that no server opens, which takes the database's name at the end.

use crate::OpenError;
use crate::connection::{self, Access};
use crate::directory_lock::DirectoryLock;
use crate::identity;
use crate::maintenance::copied_rows::{last_key, populations, read, write};
use crate::maintenance::staging;
use crate::maintenance::staging::Identity;
use crate::reader::failed;
use crate::recover;
use crate::schema::{self, COPY};
use portraitd_model::{SdkAppId, bilingual};
use portraitd_store::{
    Contents, CopyStart, CopyTarget, RowKey, Section, StoreError, StoreFuture, StoreId, StoredRow,
};
use rusqlite::{Connection, OptionalExtension};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The content of a data directory that no server uses.
pub struct SqliteContents {
    connection: Connection,
    id: StoreId,
    _lock: DirectoryLock,
}

impl SqliteContents {
    /// Opens the directory as a start of the server would: brought to the present format, with everything that is in its log.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let path = dir.join("portraitd.db");
        if !path.is_file() {
            return Err(OpenError::NoStore { dir: dir.to_owned() });
        }
        let lock = DirectoryLock::take(dir)?;
        drop(schema::prepare(&path)?);
        recover::apply_stopped(dir)?;
        let connection = schema::existing(&path, Access::Write)?;
        let id = identity::store_id(&connection).map_err(OpenError::engine(&path))?;
        Ok(Self { connection, id, _lock: lock })
    }
}

impl Contents for SqliteContents {
    fn id(&self) -> StoreId {
        self.id
    }

    fn read(
        &mut self,
        section: Section,
        after: Option<RowKey>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<StoredRow>> {
        Box::pin(std::future::ready(read(&self.connection, section, after.as_ref(), limit)))
    }

    fn populations(&mut self) -> StoreFuture<'_, Vec<(SdkAppId, u64)>> {
        Box::pin(std::future::ready(populations(&self.connection)))
    }

    fn ensure_unused(&mut self) -> StoreFuture<'_, ()> {
        // The lock is held all the time.
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A directory that becomes the copy of a store.
pub struct SqliteCopy {
    connection: Option<Connection>,
    id: StoreId,
    dir: PathBuf,
    _lock: DirectoryLock,
}

impl SqliteCopy {
    /// Opens a directory, which is made when it is missing.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        let lock = DirectoryLock::take(dir)?;
        Ok(Self { connection: None, id: StoreId::from_bytes([0; 16]), dir: dir.to_owned(), _lock: lock })
    }

    fn path(&self) -> PathBuf {
        self.dir.join(COPY)
    }

    fn open_copy(&mut self, source: StoreId) -> Result<CopyStart, StoreError> {
        if self.dir.join("portraitd.db").exists() {
            return Ok(CopyStart::NotEmpty);
        }
        let path = self.path();
        // Readable by its owner alone from the beginning; SQLite gives its other files the same mode.
        let made_now = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        made_now.map_err(|error| {
            StoreError::Unavailable(bilingual!(
                "can't use {}: {error}",
                "无法使用 {}：{error}",
                path.display()
            ))
        })?;
        let (connection, begun) = opened(&path).map_err(failed)?;
        if begun.is_none() {
            make(&connection, source).map_err(failed)?;
        }
        self.id = identity::store_id(&connection).map_err(failed)?;
        self.connection = Some(connection);
        Ok(match begun {
            None => CopyStart::New,
            Some(begun) if begun == source => CopyStart::Continued,
            Some(other) => CopyStart::OfAnother(other),
        })
    }

    fn connection(&self) -> Result<&Connection, StoreError> {
        self.connection
            .as_ref()
            .ok_or_else(|| StoreError::Unavailable(bilingual!("the copy has not begun", "复制尚未开始")))
    }

    fn publish(&mut self) -> Result<(), StoreError> {
        let connection = self.connection.take();
        let connection = connection
            .ok_or_else(|| StoreError::Unavailable(bilingual!("the copy has not begun", "复制尚未开始")))?;
        connection.execute_batch("DROP TABLE copy").map_err(failed)?;
        connection.close().map_err(|(_, error)| failed(error))?;
        staging::publish(&self.path(), &self.dir.join("portraitd.db"), Identity::Kept).map_err(|error| {
            StoreError::Unavailable(bilingual!("can't finish the copy: {error}", "无法完成复制：{error}"))
        })
    }
}

/// Opens the file of a copy; returns which store it is the copy of.
fn opened(path: &Path) -> rusqlite::Result<(Connection, Option<StoreId>)> {
    let connection = Connection::open(path)?;
    // A crash of this process loses nothing that was committed; a power cut may lose the last seconds, which are copied again.
    connection.execute_batch(
        "PRAGMA page_size = 2048; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -262144;",
    )?;
    let begun = if identity::has_table(&connection, "copy")? {
        connection
            .query_row("SELECT source FROM copy", [], |row| row.get(0).map(StoreId::from_bytes))
            .optional()?
    } else {
        None
    };
    Ok((connection, begun))
}

/// Makes what is missing of the tables; an interruption may have left a part.
fn make(connection: &Connection, source: StoreId) -> rusqlite::Result<()> {
    if !identity::has_table(connection, "store")? {
        schema::make_tables(connection)?;
    }
    connection::use_wal(connection)?;
    let tx = connection.unchecked_transaction()?;
    tx.execute(
        "CREATE TABLE copy (source BLOB NOT NULL, app INTEGER NOT NULL, place INTEGER NOT NULL) STRICT",
        [],
    )?;
    tx.execute("INSERT INTO copy (source, app, place) VALUES (?1, 0, 0)", [source.to_bytes()])?;
    tx.commit()
}

impl Contents for SqliteCopy {
    fn id(&self) -> StoreId {
        self.id
    }

    fn read(
        &mut self,
        section: Section,
        after: Option<RowKey>,
        limit: usize,
    ) -> StoreFuture<'_, Vec<StoredRow>> {
        let rows = self.connection().and_then(|connection| read(connection, section, after.as_ref(), limit));
        Box::pin(std::future::ready(rows))
    }

    fn populations(&mut self) -> StoreFuture<'_, Vec<(SdkAppId, u64)>> {
        Box::pin(std::future::ready(self.connection().and_then(populations)))
    }

    fn ensure_unused(&mut self) -> StoreFuture<'_, ()> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl CopyTarget for SqliteCopy {
    fn begin(&mut self, source: StoreId) -> StoreFuture<'_, CopyStart> {
        Box::pin(std::future::ready(self.open_copy(source)))
    }

    fn written_to(&mut self, section: Section) -> StoreFuture<'_, Option<RowKey>> {
        let key = self.connection().and_then(|connection| last_key(connection, section));
        Box::pin(std::future::ready(key))
    }

    fn write(&mut self, section: Section, rows: Vec<StoredRow>) -> StoreFuture<'_, ()> {
        let written = self.connection().and_then(|connection| write(connection, section, &rows));
        Box::pin(std::future::ready(written))
    }

    fn finish(&mut self) -> StoreFuture<'_, ()> {
        Box::pin(std::future::ready(self.publish()))
    }
}
