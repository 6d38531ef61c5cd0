//! Space amplification: accounts that are overwritten many times with longer and shorter values take at most a few times their size
//! on the disk.

use futures_util::future::join_all;
use portraitd_model::UnixMillis;
use portraitd_sqlite::SqliteStore;
use portraitd_store::{Change, Store};
use portraitd_test_support::fixtures::{APP, block_on, patch, seed, user};

const ACCOUNTS: u64 = 1000;
/// Changes of each account, times `SCALE`.
const CHANGES: u64 = 40;

#[test]
fn overwritten_profiles_take_no_space() {
    let scale: u64 = std::env::var("SCALE").ok().and_then(|text| text.parse().ok()).unwrap_or(1);
    let dir = tempfile::tempdir().unwrap();
    let length = |n: u64, round: u64| usize::try_from((n * 7919 + round * 104_729) % 400).unwrap();
    let name = |n: u64| format!("user{n:05}");
    let mut live = 0;
    block_on(async {
        let store = SqliteStore::open(dir.path()).unwrap();
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
    let taken = std::fs::read_dir(dir.path()).unwrap();
    let taken: u64 = taken.map(|entry| entry.unwrap().metadata().unwrap().len()).sum();
    eprintln!("{} changes, {live} bytes live, {taken} taken", ACCOUNTS * CHANGES * scale);
    assert!(taken <= 3 * live, "{taken} bytes for {live}");
}
