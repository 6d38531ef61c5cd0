//! The journal: what it has and the tables do not, before and after a kill; and journals that are damaged, lost, or of another
//! directory or time.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test")]

mod contents;
mod events;
mod refusals;
mod tools;

use portraitd_model::UnixMillis;
use portraitd_sqlite::{Repaired, SqliteStore, repair};
use portraitd_store::{Change, Store, StoreError};
use portraitd_test_support::fixtures::{APP, LEVEL, NICK, found, patch, seed, user};
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};

const DATABASE: &str = "portraitd.db";
const LOG: &str = "portraitd.db-wal";
const JOURNAL: [&str; 2] = ["portraitd.journal-0", "portraitd.journal-1"];
/// Where frames begin.
const BLOCK: usize = 4096;

async fn set(store: &SqliteStore, name: &str, nick: &str) -> Result<(), StoreError> {
    let patch = patch(&[(NICK, nick)]);
    store.apply(Change { app: APP, user: user(name), patch, at: UnixMillis(1), origin: None }).await
}

async fn create(store: &SqliteStore, name: &str, nick: &str) {
    store.import(APP, vec![seed(name, &[(NICK, nick)])], UnixMillis(1), None).await.unwrap();
}

async fn reads(store: &SqliteStore, name: &str, nick: &str) {
    assert_eq!(store.profiles(APP, vec![user(name)]).await.unwrap(), [found(&[(NICK, nick)])], "{name}");
}

/// What a repair has given up.
fn repaired(dir: &Path) -> Vec<Repaired> {
    let mut all = Vec::new();
    repair(dir, &mut |one| all.push(one)).unwrap();
    all
}

/// Has the tables get everything.
async fn apply_all(store: &SqliteStore) {
    store.holders_count(APP, portraitd_model::Tag::parse(LEVEL, APP).unwrap()).await.unwrap();
}

/// A directory of the test, with others in it.
struct Dirs(tempfile::TempDir);

impl Dirs {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn data(&self) -> PathBuf {
        self.0.path().join("data")
    }

    /// A store that was killed: its files as they are while it runs.
    fn kill(&self, name: &str) -> PathBuf {
        self.copy(&self.data(), name)
    }

    /// A copy of a directory.
    fn copy(&self, from: &Path, name: &str) -> PathBuf {
        let image = self.0.path().join(name);
        let _ = fs::remove_dir_all(&image);
        fs::create_dir(&image).unwrap();
        for file in [DATABASE, LOG].into_iter().chain(JOURNAL) {
            if from.join(file).exists() {
                fs::copy(from.join(file), image.join(file)).unwrap();
            }
        }
        image
    }
}

/// Takes the database's write lock, so that nothing is applied.
fn hold_the_database(dir: &Path) -> Connection {
    let other = Connection::open(dir.join(DATABASE)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    other
}

/// The bytes of a file of the journal up to the last one that is not zero.
fn used(path: &Path) -> usize {
    fs::read(path).unwrap().iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1)
}

/// Changes an account until the other file of the journal is used, too; returns the last nickname.
async fn fill_a_segment(store: &SqliteStore, data: &Path, name: &str) -> String {
    for n in 0.. {
        let nick = format!("{name} {n}");
        set(store, name, &nick).await.unwrap();
        if used(&data.join(JOURNAL[1])) > BLOCK {
            return nick;
        }
    }
    unreachable!()
}
