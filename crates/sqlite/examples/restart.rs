//! How long a store takes to open after a crash with a full journal: `cargo run --release -p portraitd-sqlite --example restart -- DIR MIB`
//! fills the journal of a store in DIR to MIB MiB, at most some 250, and aborts; the same with DIR only opens it and prints how long that took.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "an example for developers")]

use futures_util::future::join_all;
use portraitd_model::UnixMillis;
use portraitd_sqlite::SqliteStore;
use portraitd_store::{Change, Found, Store};
use portraitd_test_support::fixtures::{APP, block_on, patch, seed, user};
use std::path::Path;
use std::time::Instant;

const ACCOUNTS: u64 = 1_000_000;
/// Concurrent changes.
const CALLERS: u64 = 256;

fn name(n: u64) -> String {
    format!("user{n:07}")
}

async fn fill(dir: &Path, mib: u64) {
    let store = SqliteStore::open(dir).unwrap();
    let filler = "x".repeat(250);
    for start in (0..ACCOUNTS).step_by(1000) {
        let seeds =
            (start..start + 1000).map(|n| seed(&name(n), &[("Tag_Profile_IM_SelfSignature", &filler)]));
        store.import(APP, seeds.collect(), UnixMillis(1), None).await.unwrap();
    }
    store.close().await;
    drop(store);
    let store = SqliteStore::open(dir).unwrap();
    let patch = patch(&[("Tag_Profile_IM_Nick", "changed")]);
    let mut next = 0;
    while store.status().journal_bytes < mib << 20 {
        // Far apart, so that each change is of a row of its own.
        let changes = (0..CALLERS).map(|n| {
            let user = user(&name((next + n) * 7919 % ACCOUNTS));
            store.apply(Change { app: APP, user, patch: patch.clone(), at: UnixMillis(1), origin: None })
        });
        for changed in join_all(changes).await {
            changed.unwrap();
        }
        next += CALLERS;
    }
    println!(
        "{next} changes, a journal of {} MiB; now this process aborts",
        store.status().journal_bytes >> 20
    );
    std::process::abort();
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let dir = arguments.next().unwrap();
    let dir = Path::new(&dir);
    block_on(async {
        if let Some(mib) = arguments.next() {
            fill(dir, mib.parse().unwrap()).await;
        }
        let sizes =
            ["portraitd.journal-0", "portraitd.journal-1"].map(|name| std::fs::metadata(dir.join(name)));
        let log: u64 = sizes.into_iter().map(|file| file.map_or(0, |file| file.len())).sum();
        let began = Instant::now();
        let store = SqliteStore::open(dir).unwrap();
        let opened = began.elapsed();
        let found = store.profiles(APP, vec![user(&name(0))]).await.unwrap();
        assert!(matches!(found.first(), Some(Found::Profile(_))));
        println!(
            "a journal of {} MiB: open after {opened:?}, the first read after {:?}",
            log >> 20,
            began.elapsed()
        );
        // Leaves the files as they were, for the next run.
        std::process::abort();
    });
}
