//! A consistent copy of the whole store, taken while it serves.
//!
//! `VACUUM INTO` reads within one transaction of a connection of its own, which begins at a [`Moment`]: the copy is the store as it
//! was then, with every change acknowledged before the backup was asked for. Free pages are not copied, so deleted data is not in
//! it. Neither writer nor readers wait for it, and it slows down while others write ([`crate::maintenance::throttle`]). But an open
//! read transaction keeps the WAL from being reset: during the copy, the WAL grows with every change. What does not fit is not begun,
//! and what runs ends before the disk is short ([`crate::maintenance::room`]).

use crate::OpenError;
use crate::apply::Shared;
use crate::connection;
use crate::directory_lock::{self, sync_directory};
use crate::disk_space::DiskSpace;
use crate::files::Files;
use crate::maintenance::room::{Room, RoomWatch};
use crate::maintenance::staging::Identity;
use crate::maintenance::staging::{STAGING, identify};
use crate::maintenance::throttle::Throttle;
use crate::maintenance::vacuum::{create, engine, failed, fill};
use crate::moment::Moment;
use portraitd_model::bilingual;
use portraitd_store::{BackupProgress, BackupReport, StoreError};
use rusqlite::{Connection, InterruptHandle};
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

/// Takes backups, one at a time.
pub(crate) struct Backups {
    path: PathBuf,
    files: Arc<Files>,
    /// The length of the WAL, in pages.
    wal_pages: Arc<AtomicI64>,
    space: Arc<DiskSpace>,
    journal_bytes_max: u64,
    /// Held while a copy is taken.
    copying: Mutex<()>,
    state: Mutex<BackupState>,
}

#[derive(Default)]
struct BackupState {
    closed: bool,
    /// Ends the copy that is being taken.
    interrupt: Option<InterruptHandle>,
    /// Opened with the store, so that a database that was removed meanwhile can still be copied.
    idle: Option<Connection>,
}

impl Backups {
    pub(crate) fn new(path: &Path, shared: &Shared, journal_bytes_max: u64) -> Result<Self, OpenError> {
        let idle = Some(connection::reading(path).map_err(OpenError::engine(path))?);
        Ok(Self {
            path: path.to_owned(),
            files: Arc::clone(&shared.files),
            wal_pages: Arc::clone(&shared.wal_pages),
            space: Arc::clone(&shared.space),
            journal_bytes_max,
            copying: Mutex::new(()),
            state: Mutex::new(BackupState { idle, ..BackupState::default() }),
        })
    }

    /// Copies the store, as it is at a moment, into a new or empty directory. `commits` returns the number of commits since
    /// the start; `report` is told the progress. Blocks until the copy is on the disk.
    pub(crate) fn take(
        &self,
        to: &Path,
        moment: Moment,
        commits: impl Fn() -> u64 + Send + 'static,
        report: &BackupReport,
    ) -> Result<(), StoreError> {
        let _one_at_a_time = match self.copying.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Refused(bilingual!(
                    "a backup is being taken; wait until it is done",
                    "正在进行另一次备份，请等待其完成"
                )));
            }
        };
        let mut connection = self.connect()?;
        let (used, watch) = match self.admit(&connection, to) {
            Ok(admitted) => admitted,
            Err(refused) => {
                self.release(Some(connection));
                return Err(refused);
            }
        };
        let staging = to.join(STAGING);
        let target = to.join("portraitd.db");
        let copied = self.copy_throttled(&mut connection, &staging, (used, watch), moment, commits, report);
        let copied = copied.and_then(|()| renew_identity(&staging));
        let copied = copied.and_then(|()| fs::rename(&staging, &target).map_err(failed(&target)));
        // A connection that failed may be broken: it is not used again.
        self.release(Some(connection).filter(|_| copied.is_ok()));
        copied.and_then(|()| sync_directory(to).map_err(failed(to))).inspect_err(|_| {
            // A left-over file would make the next attempt fail: the directory must be empty.
            let _ = fs::remove_file(&staging);
        })
    }

    /// Looks at the directory and the room, and creates the directory. Returns the bytes to copy, and what watches the room.
    fn admit(&self, connection: &Connection, to: &Path) -> Result<(u64, RoomWatch), StoreError> {
        ensure_absolute(to)?;
        let used = used_bytes(connection).map_err(engine)?;
        ensure_empty(to)?;
        let watch = Room::new(to, &self.space, self.journal_bytes_max).ensure(used)?;
        directory_lock::create(to).map_err(unusable(to))?;
        Ok((used, watch))
    }

    /// Ends a copy: keeps its connection for the next one.
    fn release(&self, connection: Option<Connection>) {
        let mut state = self.state();
        state.interrupt = None;
        state.idle = connection.filter(|_| !state.closed);
    }

    /// Ends a copy that is being taken, and refuses others. Blocks until it has ended.
    pub(crate) fn close(&self) {
        /// An interrupt that comes just before the statement starts has no effect, so it is repeated.
        const PAUSE: Duration = Duration::from_millis(10);
        let mut state = self.state();
        state.closed = true;
        state.idle = None;
        drop(state);
        while matches!(self.copying.try_lock(), Err(TryLockError::WouldBlock)) {
            if let Some(interrupt) = &self.state().interrupt {
                interrupt.interrupt();
            }
            thread::sleep(PAUSE);
        }
    }

    fn copy_throttled(
        &self,
        connection: &mut Connection,
        staging: &Path,
        (used, watch): (u64, RoomWatch),
        moment: Moment,
        commits: impl Fn() -> u64 + Send + 'static,
        report: &BackupReport,
    ) -> Result<(), StoreError> {
        /// Steps of SQLite's virtual machine, a millisecond at most.
        const STEPS: i32 = 1000;
        let file = create(staging).map_err(unusable(staging.parent().unwrap_or(staging)))?;
        let [synced, measured] =
            [file.try_clone(), file.try_clone()].map(|shared| shared.map_err(failed(staging)));
        let (mut throttle, failure) = Throttle::new(synced?, Arc::clone(&self.wal_pages), commits);
        let (measured, short) = (measured?, Arc::clone(&failure));
        report(BackupProgress { bytes: 0, total: used });
        let told = Arc::clone(report);
        let mut moment = Some(moment);
        let progress = move || {
            // `VACUUM INTO` reads within one transaction, which is open by now: before it, SQLite takes fewer steps.
            drop(moment.take());
            // SQLite keeps some MiB of the copy in memory: what is in the file is what counts.
            let bytes = length(&measured);
            told(BackupProgress { bytes, total: used.max(bytes) });
            if let Some(shortage) = watch.shortage() {
                let _ = short.set(shortage);
                return true;
            }
            !throttle.proceed()
        };
        connection.progress_handler(STEPS, Some(progress)).map_err(engine)?;
        let filled = fill(connection, staging, &file);
        // A small store is copied in fewer steps, and its moment is still held.
        connection.progress_handler(0, None::<fn() -> bool>).map_err(engine)?;
        if filled.is_ok() {
            let bytes = length(&file);
            report(BackupProgress { bytes, total: bytes });
        }
        // When the throttle or the room ended the copy, the copy's own error only says "interrupted".
        failure.get().cloned().map_or(filled, Err)
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        let mut state = self.state();
        if state.closed {
            return Err(StoreError::closed());
        }
        let connection = state.idle.take().map_or_else(|| self.open(), Ok)?;
        state.interrupt = Some(connection.get_interrupt_handle());
        Ok(connection)
    }

    fn open(&self) -> Result<Connection, StoreError> {
        let connection = connection::reading(&self.path).map_err(engine)?;
        // The path may lead to another store by now.
        self.files.verify()?;
        Ok(connection)
    }

    fn state(&self) -> MutexGuard<'_, BackupState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of the pages that hold something: the others are not copied.
fn used_bytes(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |pragma| connection.pragma_query_value(None, pragma, |row| row.get::<_, u64>(0));
    Ok((number("page_count")? - number("freelist_count")?) * number("page_size")?)
}

/// A file's length; 0 when the system does not tell.
fn length(file: &File) -> u64 {
    file.metadata().map_or(0, |file| file.len())
}

fn ensure_absolute(to: &Path) -> Result<(), StoreError> {
    if to.is_absolute() {
        return Ok(());
    }
    let shown = to.display();
    Err(StoreError::Refused(bilingual!(
        "{shown} is relative; name the directory from the root on",
        "{shown} 是相对路径；请填写以 / 开头的绝对路径"
    )))
}

/// Says that the directory can't be used. The store is well: it is another one that is asked for.
fn unusable(to: &Path) -> impl Fn(io::Error) -> StoreError + '_ {
    |error| {
        let shown = to.display();
        StoreError::Refused(match error.kind() {
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => bilingual!(
                "the server's user can't write into {shown}: {error}; chown the directory to it, and let the service write there \
                 (ReadWritePaths= for systemd), or choose another directory",
                "服务的用户无法写入 {shown}：{error}；请将该目录的属主改为该用户，并允许服务写入（systemd 的 ReadWritePaths=），或选择其他目录"
            ),
            _ => bilingual!(
                "can't use {shown}: {error}; choose another directory",
                "无法使用 {shown}：{error}；请选择其他目录"
            ),
        })
    }
}

/// Refuses a directory that has something in it.
fn ensure_empty(to: &Path) -> Result<(), StoreError> {
    let mut entries = match fs::read_dir(to) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(unusable(to))?,
    };
    let Some(entry) = entries.next() else { return Ok(()) };
    let (shown, name) = (to.display(), entry.map_err(unusable(to))?.file_name());
    Err(StoreError::Refused(bilingual!(
        "{shown} is not empty (there is {}); choose a new or an empty directory",
        "{shown} 不是空目录（其中有 {}）；请选择新目录或空目录",
        name.display()
    )))
}

/// Gives a copy an identity of its own. On the disk when it returns.
fn renew_identity(staging: &Path) -> Result<(), StoreError> {
    identify(staging, Identity::Renewed).map_err(engine)?;
    File::open(staging).and_then(|file| file.sync_all()).map_err(failed(staging))
}
