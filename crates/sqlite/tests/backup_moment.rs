//! A backup is the store at one moment, however many changes come while it is taken: each unit is in it whole, with its events, or
//! not at all, and a later one only with those before it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

use portraitd_model::{EventId, FieldValue, Origin, ProfileItem, UnixMillis};
use portraitd_sqlite::{SqliteSettings, SqliteStore, restore};
use portraitd_store::{EventState, Found, Store};
use portraitd_test_support::fixtures::{APP, LEVEL, block_on, seed, user};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const ACCOUNTS: [&str; 4] = ["a", "b", "c", "d"];

/// Changes all accounts in one unit.
async fn change(store: &SqliteStore, version: u128) {
    let origin = Origin { id: EventId(version), operator: "ops".into(), client_ip: [127, 0, 0, 1].into() };
    let seeds = ACCOUNTS.map(|name| seed(name, &[(LEVEL, &version.to_string())])).to_vec();
    store.import(APP, seeds, UnixMillis(1), Some(origin)).await.unwrap();
}

fn number(item: Option<&ProfileItem>) -> u64 {
    match item.map(|item| &item.value) {
        Some(FieldValue::Uint(number)) => *number,
        other => panic!("{other:?}"),
    }
}

fn version(found: &Found) -> u64 {
    let Found::Profile(profile) = found else { panic!("{found:?}") };
    number(profile.items().first())
}

#[test]
fn a_backup_has_no_part_of_a_unit() {
    let (dir, out) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    block_on(async {
        // A few units fill a segment, so that one is being applied at almost any time.
        let settings = SqliteSettings { journal_bytes_max: 64 << 10, ..SqliteSettings::default() };
        let store = Arc::new(SqliteStore::open_with(dir.path(), settings).unwrap());
        change(&store, 1).await;
        let stop = Arc::new(AtomicBool::new(false));
        let writer = tokio::spawn({
            let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
            async move {
                for version in 2.. {
                    change(&store, version).await;
                    if stop.load(Ordering::SeqCst) {
                        return version;
                    }
                }
                unreachable!()
            }
        });
        for round in 0..20 {
            let (backup, data) = (out.path().join(format!("b{round}")), out.path().join(format!("d{round}")));
            store.backup(&backup, Arc::new(drop)).await.unwrap();
            restore(&backup, &data, &mut |_| {}).unwrap();
            let copy = SqliteStore::open(&data).unwrap();
            let found = copy.profiles(APP, ACCOUNTS.map(user).to_vec()).await.unwrap();
            let versions: Vec<u64> = found.iter().map(version).collect();
            let events = copy.events(APP, EventState::Waiting, None, usize::MAX - 1).await.unwrap();
            let expected: Vec<u64> =
                (1..=versions[0]).flat_map(|version| [version; ACCOUNTS.len()]).collect();
            let told: Vec<u64> =
                events.iter().map(|event| number(event.event.as_ref().unwrap().items.first())).collect();
            assert_eq!(versions, [versions[0]; ACCOUNTS.len()], "round {round}");
            assert!(told == expected, "round {round}: {} events of {}", told.len(), expected.len());
        }
        stop.store(true, Ordering::SeqCst);
        assert!(writer.await.unwrap() > 20);
        store.close().await;
    });
}
