//! Deleted data leaves no readable bytes in any file of the data directory, nor in a backup.

#![expect(clippy::unwrap_used, reason = "a test")]

use portraitd_model::UnixMillis;
use portraitd_sqlite::SqliteStore;
use portraitd_store::{Change, Store};
use portraitd_test_support::fixtures::{APP, block_on, patch, seed, user};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

const NICK: &str = "Tag_Profile_IM_Nick";
const SIGNATURE: &str = "Tag_Profile_IM_SelfSignature";
const IMAGE: &str = "Tag_Profile_IM_Image";

/// The account numbers that follow this word anywhere in the files of a directory.
fn numbers(dir: &Path, word: &str) -> BTreeSet<u64> {
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(dir).unwrap() {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        let places = bytes.windows(word.len() + 5).filter(|bytes| bytes.starts_with(word.as_bytes()));
        found.extend(
            places.filter_map(|bytes| std::str::from_utf8(bytes).ok()?[word.len()..].parse::<u64>().ok()),
        );
    }
    found
}

/// A small generator (MMIX's constants).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[test]
fn a_deleted_profile_leaves_no_bytes_after_a_close() {
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        let store = SqliteStore::open(dir.path()).unwrap();
        for n in 0..5 {
            let text = format!("SECRET{n:05}{}", "x".repeat(400));
            let fields = [NICK, SIGNATURE, IMAGE].map(|tag| (tag, text.as_str()));
            store
                .import(APP, vec![seed(&format!("GONE{n:05}"), &fields)], UnixMillis(1), None)
                .await
                .unwrap();
        }
        store.delete(APP, vec![user("GONE00001"), user("GONE00003")]).await.unwrap();
        store.close().await;
    });
    let left = BTreeSet::from([0, 2, 4]);
    assert_eq!(numbers(dir.path(), "SECRET"), left);
    assert_eq!(numbers(dir.path(), "GONE"), left);
}

/// A note of a deletion keeps the id, until it is forgotten or the account is there again.
#[test]
fn a_forgotten_deletion_leaves_no_bytes_after_a_close() {
    let dir = tempfile::tempdir().unwrap();
    block_on(async {
        let store = SqliteStore::open(dir.path()).unwrap();
        for n in 0..4 {
            let name = format!("GONE{n:05}");
            store.import(APP, vec![seed(&name, &[])], UnixMillis(1), None).await.unwrap();
            store.delete_noting(APP, vec![user(&name)], Some(UnixMillis(n))).await.unwrap();
        }
        store.import(APP, vec![seed("GONE00003", &[])], UnixMillis(9), None).await.unwrap();
        store.delete(APP, vec![user("GONE00003")]).await.unwrap();
        store.close().await;
    });
    assert_eq!(numbers(dir.path(), "GONE"), BTreeSet::from([0, 1, 2]));
    block_on(async {
        let store = SqliteStore::open(dir.path()).unwrap();
        assert_eq!(store.forget_deletions(APP, UnixMillis(1)).await, Ok(2));
        store.close().await;
    });
    assert_eq!(numbers(dir.path(), "GONE"), BTreeSet::from([2]));
}

/// Changes of length move rows between pages, and SQLite leaves copies at the old places: the next compaction removes them, and
/// no backup has them.
#[test]
fn moved_rows_leave_no_bytes_after_a_compaction_and_none_in_a_backup() {
    const ACCOUNTS: u64 = 1500;
    let stays = |n: &u64| n * 2_654_435_761 % 10 < 4;
    let (dir, backups) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let backup = backups.path().join("one");
    let mut random = Random(7);
    let mut texts = |n: u64| {
        let filler = |letters: u64| "SECRETuser".repeat(usize::try_from(letters / 10).unwrap());
        let image = if random.below(4) == 0 { 470 } else { random.below(100) };
        let lengths = [(NICK, random.below(400)), (SIGNATURE, random.below(400)), (IMAGE, image)];
        lengths.map(|(tag, length)| (tag, format!("SECRET{n:05}{}", filler(length))))
    };
    block_on(async {
        let store = SqliteStore::open(dir.path()).unwrap();
        for n in 0..ACCOUNTS {
            let fields = texts(n);
            let fields = fields.each_ref().map(|(tag, text)| (*tag, text.as_str()));
            store
                .import(APP, vec![seed(&format!("GONE{n:05}"), &fields)], UnixMillis(1), None)
                .await
                .unwrap();
            // An earlier one changes, and its row may no longer fit where it is.
            let earlier = n * 7919 % (n + 1);
            let fields = texts(earlier);
            let fields = fields.each_ref().map(|(tag, text)| (*tag, text.as_str()));
            let (user, patch) = (user(&format!("GONE{earlier:05}")), patch(&fields));
            store.apply(Change { app: APP, user, patch, at: UnixMillis(1), origin: None }).await.unwrap();
        }
        for n in (0..ACCOUNTS).map(|n| n * 7 % ACCOUNTS).filter(|n| !stays(n)) {
            assert_eq!(store.delete(APP, vec![user(&format!("GONE{n:05}"))]).await.unwrap(), [true]);
        }
        store.backup(&backup, Arc::new(drop)).await.unwrap();
        store.close().await;
    });
    let left: BTreeSet<u64> = (0..ACCOUNTS).filter(stays).collect();
    let behind = numbers(dir.path(), "SECRET").difference(&left).count();
    eprintln!("{behind} of {ACCOUNTS} left a copy behind before the compaction");
    let sizes = portraitd_sqlite::compact(dir.path()).unwrap();
    assert!(sizes.after < sizes.before, "{sizes:?}");
    for dir in [dir.path(), &backup] {
        assert_eq!(numbers(dir, "SECRET"), left);
        assert_eq!(numbers(dir, "GONE"), left);
    }
    block_on(async {
        let store = SqliteStore::open(dir.path()).unwrap();
        let kept = store.accounts_page(APP, String::new(), None, usize::MAX - 1).await.unwrap();
        assert_eq!(kept.len(), left.len());
        store.close().await;
    });
}
