//! The store of the models, and the writes and reads of their scenarios.

use super::primitives::reset;
use crate::profile_cache::ENTRY_BYTES;
use crate::schema;
use crate::{SqliteSettings, SqliteStore};
use portraitd_model::{AccountSeed, FieldValue, NewUserId, Profile, ProfilePatch, UnixMillis, UserId};
use portraitd_store::{Change, Delete, Found, Import, Store, StoreError, Write, codec};
use portraitd_test_support::fixtures::{APP, patch, user};
use rusqlite::Connection;
use shuttle::future::block_on;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The greatest version that is written.
const VERSIONS: u64 = 16;

/// Three frames in each file.
const JOURNAL_BYTES: u64 = 32 << 10;

const DATABASE: &str = "portraitd.db";
const FILES: [&str; 4] = [DATABASE, "portraitd.db-wal", "portraitd.journal-0", "portraitd.journal-1"];

/// A directory, used by one scenario after another.
pub(crate) struct Table {
    root: tempfile::TempDir,
    patches: Vec<ProfilePatch>,
}

impl Table {
    pub(crate) fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let root = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let patches =
            (0..=VERSIONS).map(|version| patch(&[("Tag_Profile_IM_Level", &version.to_string())])).collect();
        let table = Self { root, patches };
        let empty = table.root.path().join("empty");
        fs::create_dir(&empty).unwrap();
        drop(schema::prepare(&empty.join(DATABASE)).unwrap());
        crate::journal::create(&empty, JOURNAL_BYTES / 2).unwrap();
        table
    }

    fn dir(&self) -> PathBuf {
        self.root.path().join("data")
    }

    /// Prepares the directory for a scenario, with these accounts at version 0.
    pub(crate) fn begin(&self, accounts: &[UserId]) {
        reset();
        copy(&self.root.path().join("empty"), &self.dir());
        let outside = self.outside();
        let populations = "INSERT INTO populations (app, accounts) VALUES (?1, ?2)";
        outside.execute(populations, rusqlite::params![APP.0, accounts.len()]).unwrap();
        for account in accounts {
            let mut profile = Profile::default();
            profile.merge(&self.patches[0]);
            let bytes = codec::encode_profile(APP, *account, &profile);
            let sql = "INSERT INTO accounts (app, user, created_ms, profile) VALUES (?1, ?2, 0, ?3)";
            outside.execute(sql, rusqlite::params![APP.0, account.as_str(), bytes]).unwrap();
        }
    }

    /// Opens the store, with a journal that is full after a few changes, and a cache that keeps few accounts.
    pub(crate) fn open(&self) -> SqliteStore {
        open(&self.dir())
    }

    /// The files as they are now, as `kill -9` would leave them.
    pub(crate) fn kill(&self) -> PathBuf {
        let image = self.root.path().join("image");
        copy(&self.dir(), &image);
        image
    }

    /// A connection of the test.
    pub(crate) fn outside(&self) -> Connection {
        Connection::open(self.dir().join(DATABASE)).unwrap()
    }

    /// The stored version of each account, once the store is closed.
    pub(crate) fn stored(&self) -> BTreeMap<UserId, u64> {
        let outside = self.outside();
        let counted = "SELECT (SELECT count(*) FROM accounts) = (SELECT sum(accounts) FROM populations)";
        let right: bool = outside.query_row(counted, [], |row| row.get(0)).unwrap();
        assert!(right, "the numbers of accounts");
        let mut select = outside.prepare("SELECT user, profile FROM accounts").unwrap();
        let rows = select.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, Vec<u8>>(1)?)));
        rows.unwrap()
            .map(|row| {
                let (name, bytes) = row.unwrap();
                let account = user(&name);
                (account, version_of(account, &bytes))
            })
            .collect()
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
}

/// Opens the store of a directory.
pub(crate) fn open(dir: &Path) -> SqliteStore {
    let settings = SqliteSettings {
        profiles_bytes_max: ENTRY_BYTES + 64,
        keep_free_bytes: 0,
        journal_bytes_max: JOURNAL_BYTES,
    };
    SqliteStore::open_with(dir, settings).unwrap()
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir(to).unwrap();
    for file in FILES {
        if from.join(file).exists() {
            fs::copy(from.join(file), to.join(file)).unwrap();
        }
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

/// Reads an account; `None` when there is none.
pub(crate) fn read(store: &SqliteStore, account: UserId) -> Option<u64> {
    try_read(store, account).unwrap()
}

/// As [`read`], of a store that may be closed.
pub(crate) fn try_read(store: &SqliteStore, account: UserId) -> Result<Option<u64>, StoreError> {
    let found = block_on(store.profiles(APP, vec![account]))?.remove(0);
    Ok(match found {
        Found::Profile(profile) => Some(version(&profile)),
        Found::Missing => None,
        Found::Damaged => panic!("{account} does not read back"),
    })
}
