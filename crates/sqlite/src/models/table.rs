//! The database of the models, and the writes and reads of their scenarios.

use super::primitives::reset_clock;
use crate::connection;
use crate::profile_cache::ProfileCache;
use crate::reader::{self, Readers};
use portraitd_model::{AccountSeed, FieldValue, NewUserId, Profile, ProfilePatch, UnixMillis, UserId};
use portraitd_store::{Change, Delete, Found, Import, Write, codec};
use portraitd_test_support::fixtures::{APP, patch, user};
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The greatest version that is written.
const VERSIONS: u64 = 16;

/// A change to this account makes its commit fail, for all writes of the batch.
const FAILS_AT_COMMIT: &str = "fails-at-commit";

/// A database, reused by one scenario after another.
pub(crate) struct Table {
    dir: tempfile::TempDir,
    /// A connection of the test, which also keeps the database open.
    outside: Mutex<Connection>,
    patches: Vec<ProfilePatch>,
}

impl Table {
    pub(crate) fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let path = dir.path().join("portraitd.db");
        let outside = connection::prepare(&path).unwrap();
        outside
            .execute_batch(&format!(
                "PRAGMA synchronous = OFF;
                 CREATE TABLE empty (id INTEGER PRIMARY KEY);
                 CREATE TABLE violations (id INTEGER REFERENCES empty (id) DEFERRABLE INITIALLY DEFERRED);
                 CREATE TRIGGER fails_when_committed AFTER INSERT ON accounts WHEN new.user = '{FAILS_AT_COMMIT}'
                 BEGIN INSERT INTO violations VALUES (1); END;"
            ))
            .unwrap();
        let patches =
            (0..=VERSIONS).map(|version| patch(&[("Tag_Profile_IM_Level", &version.to_string())])).collect();
        Self { dir, outside: Mutex::new(outside), patches }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("portraitd.db")
    }

    /// Resets the database for a scenario, with these accounts at version 0.
    pub(crate) fn begin(&self, accounts: &[UserId]) {
        reset_clock();
        let outside = self.outside.lock().unwrap();
        outside
            .execute_batch("DELETE FROM accounts; DELETE FROM populations; PRAGMA wal_checkpoint(TRUNCATE);")
            .unwrap();
        for account in accounts {
            let mut profile = Profile::default();
            profile.merge(&self.patches[0]);
            let bytes = codec::encode_profile(APP, *account, &profile);
            let sql = "INSERT INTO accounts (app, user, created_ms, profile) VALUES (?1, ?2, 0, ?3)";
            outside.execute(sql, rusqlite::params![APP.0, account.as_str(), bytes]).unwrap();
        }
    }

    /// The stored version of each account.
    pub(crate) fn stored(&self) -> BTreeMap<UserId, u64> {
        let outside = self.outside.lock().unwrap();
        let mut select = outside.prepare_cached("SELECT user, profile FROM accounts").unwrap();
        let rows = select.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)));
        rows.unwrap()
            .map(|row| {
                let (name, bytes) = row.unwrap();
                let account = user(&name);
                (account, version_of(account, &bytes))
            })
            .collect()
    }

    /// A number that changes with every commit of other connections.
    pub(crate) fn commits_seen(&self) -> i64 {
        let outside = self.outside.lock().unwrap();
        outside.query_row("PRAGMA data_version", [], |row| row.get(0)).unwrap()
    }

    pub(crate) fn set(&self, account: UserId, version: usize) -> Write {
        let patch = self.patches[version].clone();
        Write::Change(Change { app: APP, user: account, patch, at: UnixMillis(1), origin: None })
    }

    pub(crate) fn import(&self, account: UserId, version: usize) -> Write {
        let seeds = vec![AccountSeed {
            user: NewUserId::new(account).unwrap(),
            patch: self.patches[version].clone(),
        }];
        Write::Import(Import { app: APP, seeds, at: UnixMillis(1), origin: None, deleted_after: None })
    }

    pub(crate) fn failing_import(&self) -> Write {
        self.import(user(FAILS_AT_COMMIT), 1)
    }
}

pub(crate) fn delete(account: UserId) -> Write {
    Write::Delete(Delete { app: APP, users: vec![account], noted_at: None })
}

/// The version in a stored profile.
pub(crate) fn version_of(account: UserId, bytes: &[u8]) -> u64 {
    version(&codec::decode_profile(APP, account, bytes).unwrap())
}

fn version(profile: &Profile) -> u64 {
    match profile.items().first().map(|item| &item.value) {
        Some(FieldValue::Uint(version)) => *version,
        other => panic!("{other:?}"),
    }
}

/// Reads an account as the store does; `None` when there is none.
pub(crate) fn read(readers: &Readers, cache: &ProfileCache, account: UserId) -> Option<u64> {
    match reader::profiles(readers, cache, APP, &[account]).unwrap().remove(0) {
        Found::Profile(profile) => Some(version(&profile)),
        Found::Missing => None,
        Found::Damaged => panic!("{account} does not read back"),
    }
}
