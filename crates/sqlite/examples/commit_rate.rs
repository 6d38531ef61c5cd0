//! Durable changes a second for several numbers of callers, compared with a bare append + fdatasync of the same batches:
//! `cargo run --release -p portraitd-sqlite --example commit_rate`.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an example for developers"
)]

use portraitd_model::{EventId, Origin, UnixMillis};
use portraitd_sqlite::SqliteStore;
use portraitd_store::{Change, Store};
use portraitd_test_support::fixtures::{APP, block_on, patch, seed, user};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const ACCOUNTS: u64 = 100_000;
const RUN: Duration = Duration::from_secs(3);

fn main() {
    let dir = tempfile::tempdir_in(".").unwrap();
    block_on(async {
        let store = Arc::new(SqliteStore::open(dir.path()).unwrap());
        let filler = "x".repeat(250);
        for start in (0..ACCOUNTS).step_by(100) {
            let seeds = (start..start + 100)
                .map(|i| seed(&format!("user{i}"), &[("Tag_Profile_IM_SelfSignature", &filler)]));
            store.import(APP, seeds.collect(), UnixMillis(1), None).await.unwrap();
        }
        println!("callers  changes/s  per commit  append+fdatasync/s  ratio  with events/s  ratio");
        for callers in [1, 16, 64, 256] {
            let before = store.stats();
            let rate = changes(&store, callers, false).await;
            let after = store.stats();
            let batch = (after.changes - before.changes) as f64 / (after.commits - before.commits) as f64;
            let bare = bare(dir.path(), batch.round() as usize);
            let with_events = changes(&store, callers, true).await;
            println!(
                "{callers:>7} {rate:>10.0} {batch:>11.1} {bare:>19.0} {:>6.2} {with_events:>14.0} {:>6.2}",
                rate / bare,
                with_events / rate
            );
        }
        store.close().await;
    });
}

async fn changes(store: &Arc<SqliteStore>, callers: u64, events: bool) -> f64 {
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let patches: Vec<_> =
        (0..64).map(|n| patch(&[("Tag_Profile_IM_Nick", &format!("Nickname {n}"))])).collect();
    let patches = Arc::new(patches);
    let started = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (store, stop) = (Arc::clone(store), Arc::clone(&stop));
            let (done, patches) = (Arc::clone(&done), Arc::clone(&patches));
            tokio::spawn(async move {
                // A pseudo-random walk (MMIX's constants). The value changes each time: SQLite does not write a value
                // that is there already, and so would not sync.
                let mut walk = caller + 1;
                let origin = events.then(|| Origin {
                    id: EventId(7),
                    operator: "administrator".into(),
                    client_ip: [127, 0, 0, 1].into(),
                });
                while !stop.load(Ordering::Relaxed) {
                    walk =
                        walk.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let user = user(&format!("user{}", (walk >> 33) % ACCOUNTS));
                    let patch = patches[(walk >> 20) as usize % patches.len()].clone();
                    store
                        .apply(Change { app: APP, user, patch, at: UnixMillis(2), origin: origin.clone() })
                        .await
                        .unwrap();
                    done.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    tokio::time::sleep(RUN).await;
    stop.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    done.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64()
}

/// The disk's own limit: records of 300 bytes, `batch` of them for each sync.
fn bare(dir: &std::path::Path, batch: usize) -> f64 {
    let mut file = std::fs::File::create(dir.join("bare")).unwrap();
    let records = vec![7_u8; 300 * batch.max(1)];
    let (started, mut written) = (Instant::now(), 0);
    while started.elapsed() < RUN / 3 {
        file.write_all(&records).unwrap();
        file.sync_data().unwrap();
        written += batch.max(1);
    }
    written as f64 / started.elapsed().as_secs_f64()
}
