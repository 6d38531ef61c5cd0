//! Space amplification: accounts that are overwritten many times with longer and shorter values take at most a few times their size
//! on the disk, and the journal no more than it may.

use futures_util::future::join_all;
use portraitd_model::UnixMillis;
use portraitd_sqlite::{SqliteSettings, SqliteStore};
use portraitd_store::{Change, Store};
use portraitd_test_support::fixtures::{APP, block_on, patch, seed, user};

const ACCOUNTS: u64 = 1000;
/// Changes of each account, times `SCALE`.
const CHANGES: u64 = 40;
const JOURNAL_BYTES_MAX: u64 = 1 << 20;

#[test]
fn overwritten_profiles_take_no_space() {
    let scale: u64 = std::env::var("SCALE").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let dir = tempfile::tempdir().unwrap();
    let length = |n: u64, round: u64| usize::try_from((n * 7919 + round * 104_729) % 400).unwrap();
    let name = |n: u64| format!("user{n:05}");
    let mut live = 0;
    block_on(async {
        let settings = SqliteSettings { journal_bytes_max: JOURNAL_BYTES_MAX, ..SqliteSettings::default() };
        let store = SqliteStore::open_with(dir.path(), settings).unwrap();
        let seeds = (0..ACCOUNTS).map(|n| seed(&name(n), &[])).collect();
        store.import(APP, seeds, UnixMillis(1), None).await.unwrap();
        for round in 1..=CHANGES * scale {
            let last = round == CHANGES * scale;
            let changes = (0..ACCOUNTS).map(|n| {
                let text = "x".repeat(length(n, round));
                if last {
                    live += (name(n).len() + text.len()) as u64;
                }
                let patch = patch(&[("Tag_Profile_IM_SelfSignature", &text)]);
                store.apply(Change { app: APP, user: user(&name(n)), patch, at: UnixMillis(1), origin: None })
            });
            for changed in join_all(changes).await {
                changed.unwrap();
            }
        }
        store.close().await;
    });
    let bytes = |journal: bool| -> u64 {
        let entries = std::fs::read_dir(dir.path()).unwrap().map(Result::unwrap);
        let is_journal = |name: &std::ffi::OsStr| name.to_str().unwrap().contains("journal");
        let wanted = entries.filter(|entry| is_journal(&entry.file_name()) == journal);
        wanted.map(|entry| entry.metadata().unwrap().len()).sum()
    };
    let (database, journal) = (bytes(false), bytes(true));
    eprintln!(
        "{} changes, {live} bytes live, {database} taken and {journal} of the journal",
        ACCOUNTS * CHANGES * scale
    );
    assert!(database <= 3 * live, "{database} bytes for {live}");
    // A batch that is larger than a file extends it.
    assert!(journal <= 2 * JOURNAL_BYTES_MAX, "{journal}");
}
