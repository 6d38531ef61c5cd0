//! A consistent copy of the whole store, taken while it serves.
//!
//! `VACUUM INTO` reads within one transaction of a connection of its own: the copy is the store as it was when that
//! began, with every change acknowledged before, and free pages are not copied, so nothing erased is in it. Neither
//! writer nor readers wait for it, and it slows down while others write ([`crate::throttle`]). But an open read transaction keeps
//! the WAL from being reset: for as long as the copy takes, the WAL grows with every change.

use crate::OpenError;
use crate::connection::{self, Identity};
use crate::directory_lock::{self, sync_directory};
use crate::files::Files;
use crate::staging::STAGING;
use crate::throttle::Throttle;
use portraitd_store::StoreError;
use rusqlite::{Connection, InterruptHandle};
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread;
use std::time::Duration;

/// Takes backups, one at a time.
pub(crate) struct Backups {
    path: PathBuf,
    files: Arc<Files>,
    /// How long the WAL is.
    log_pages: Arc<AtomicI64>,
    /// Held while a copy is taken.
    copying: Mutex<()>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    closed: bool,
    /// Ends the copy that is being taken.
    interrupt: Option<InterruptHandle>,
    /// Opened with the store, so that a database that was removed meanwhile can still be copied.
    idle: Option<Connection>,
}

impl Backups {
    pub(crate) fn new(path: &Path, files: Arc<Files>, log_pages: Arc<AtomicI64>) -> Result<Self, OpenError> {
        let idle = Some(connection::reading(path).map_err(OpenError::engine(path))?);
        let state = Mutex::new(State { idle, ..State::default() });
        Ok(Self { path: path.to_owned(), files, log_pages, copying: Mutex::new(()), state })
    }

    /// Copies the store into a directory that is new or empty, while `commits` tells how many there have been. Blocks until
    /// the copy is on the disk.
    pub(crate) fn take(
        &self,
        to: &Path,
        commits: impl Fn() -> u64 + Send + 'static,
    ) -> Result<(), StoreError> {
        let _one_at_a_time = match self.copying.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::Refused("a backup is being taken; wait until it is done".into()));
            }
        };
        let mut connection = self.connect()?;
        prepare(to)?;
        let partial = to.join(STAGING);
        let whole = to.join("portraitd.db");
        let copied = self.copy_beside_writers(&mut connection, &partial, commits);
        let copied = copied.and_then(|()| renew(&partial));
        let copied = copied.and_then(|()| fs::rename(&partial, &whole).map_err(failed(&whole)));
        let whole = copied.is_ok() && connection.progress_handler(0, None::<fn() -> bool>).is_ok();
        let mut state = self.state();
        state.interrupt = None;
        // One that failed may be broken: it is not used again.
        state.idle = Some(connection).filter(|_| whole && !state.closed);
        drop(state);
        copied.and_then(|()| sync_directory(to).map_err(failed(to))).inspect_err(|_| {
            // What is left of it would only be in the way of the next attempt.
            let _ = fs::remove_file(&partial);
        })
    }

    /// Ends a copy that is being taken, and refuses others. Blocks until it has ended.
    pub(crate) fn close(&self) {
        /// An interruption finds no statement when it comes just before it starts, and must be repeated.
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

    fn copy_beside_writers(
        &self,
        connection: &mut Connection,
        partial: &Path,
        commits: impl Fn() -> u64 + Send + 'static,
    ) -> Result<(), StoreError> {
        /// Steps of SQLite's virtual machine, a millisecond at most.
        const STEPS: i32 = 1000;
        let file = create(partial)?;
        let shared = file.try_clone().map_err(failed(partial))?;
        let (mut throttle, failure) = Throttle::new(shared, Arc::clone(&self.log_pages), commits);
        connection.progress_handler(STEPS, Some(move || !throttle.proceed())).map_err(engine)?;
        let filled = fill(connection, partial, &file);
        // The throttle ended the copy, whose own error only says that it was interrupted.
        failure.get().cloned().map_or(filled, Err)
    }

    fn connect(&self) -> Result<Connection, StoreError> {
        let mut state = self.state();
        if state.closed {
            return Err(StoreError::Unavailable("it was closed".into()));
        }
        let connection = state.idle.take().map_or_else(|| self.open(), Ok)?;
        state.interrupt = Some(connection.get_interrupt_handle());
        Ok(connection)
    }

    fn open(&self) -> Result<Connection, StoreError> {
        let connection = connection::reading(&self.path).map_err(engine)?;
        // It must not be another store, which has this one's path by now.
        self.files.verify()?;
        Ok(connection)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Creates the directory if need be; refuses one that is not empty.
fn prepare(to: &Path) -> Result<(), StoreError> {
    let shown = to.display();
    if !to.is_absolute() {
        return Err(StoreError::Refused(format!("{shown} is relative; name the directory from the root on")));
    }
    directory_lock::create(to).map_err(failed(to))?;
    if let Some(entry) = fs::read_dir(to).map_err(failed(to))?.next() {
        let name = entry.map_err(failed(to))?.file_name();
        return Err(StoreError::Refused(format!(
            "{shown} is not empty (there is {}); choose a new or an empty directory",
            name.display()
        )));
    }
    Ok(())
}

/// Makes a copy a store of its own. On the disk when it returns.
fn renew(partial: &Path) -> Result<(), StoreError> {
    connection::identify(partial, Identity::Renewed).map_err(engine)?;
    File::open(partial).and_then(|file| file.sync_all()).map_err(failed(partial))
}

/// Writes all that a connection sees into a new file. On the disk when it returns.
pub(crate) fn copy(connection: &Connection, partial: &Path) -> Result<(), StoreError> {
    fill(connection, partial, &create(partial)?)
}

/// Created here, so that only the owner can read it: SQLite takes an empty file as it is.
fn create(partial: &Path) -> Result<File, StoreError> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(partial).map_err(failed(partial))
}

fn fill(connection: &Connection, partial: &Path, file: &File) -> Result<(), StoreError> {
    let text = partial.to_str();
    let text = text.ok_or_else(|| StoreError::Refused("the directory's name is not UTF-8".into()))?;
    connection.execute("VACUUM INTO ?1", [text]).map_err(engine)?;
    file.sync_all().map_err(failed(partial))
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> StoreError + '_ {
    |error| StoreError::Unavailable(format!("can't use {}: {error}", path.display()))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn engine(error: rusqlite::Error) -> StoreError {
    StoreError::Unavailable(format!("the copy failed: {error}"))
}
