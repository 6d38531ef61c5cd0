//! Durable changes a second for several numbers of callers, with what the disk is given for one: KB, and write requests beyond those of
//! the commits; compared with a bare overwrite + fdatasync of the same batches; with events; and with new accounts among them: `cargo run --release -p portraitd-sqlite --example commit_rate -- [ACCOUNTS]`.

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
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const RUN: Duration = Duration::from_secs(4);

/// What the callers do.
#[derive(Clone, Copy, PartialEq)]
enum Work {
    Sets,
    SetsWithEvents,
    /// One of five is the import of a new account.
    SetsAndImports,
}

fn main() {
    let accounts = std::env::args().nth(1).map_or(200_000, |text| text.parse().unwrap());
    let dir = tempfile::tempdir_in(".").unwrap();
    block_on(async {
        let store = Arc::new(SqliteStore::open(dir.path()).unwrap());
        let filler = "x".repeat(250);
        for start in (0..accounts).step_by(100) {
            let seeds = (start..start + 100)
                .map(|i| seed(&format!("user{i}"), &[("Tag_Profile_IM_SelfSignature", &filler)]));
            store.import(APP, seeds.collect(), UnixMillis(1), None).await.unwrap();
        }
        // What the imports left to do is done.
        store.close().await;
        drop(store);
        let store = Arc::new(SqliteStore::open(dir.path()).unwrap());
        println!("{accounts} accounts");
        println!(
            "callers  sets/s  per commit  KB a set  writes a set  bare/s  of bare  with events  with imports"
        );
        for callers in [1, 16, 64, 256] {
            let (before, disk) = (store.stats(), written());
            let rate = changes(&store, accounts, callers, Work::Sets).await;
            let (after, (kib, writes)) = (store.stats(), written());
            let (sets, commits) = (after.changes - before.changes, after.commits - before.commits);
            let batch = sets as f64 / commits as f64;
            let beyond = (writes - disk.1) as f64 - commits as f64;
            let bare = bare(dir.path(), batch.round() as usize);
            let events = changes(&store, accounts, callers, Work::SetsWithEvents).await;
            let imports = changes(&store, accounts, callers, Work::SetsAndImports).await;
            println!(
                "{callers:>7} {rate:>7.0} {batch:>11.1} {:>9.2} {:>13.3} {bare:>7.0} {:>8.2} {:>12.2} {:>13.2}",
                (kib - disk.0) as f64 / sets as f64,
                beyond / sets as f64,
                rate / bare,
                events / rate,
                imports / rate
            );
        }
        store.close().await;
    });
}

/// KiB and requests that were written to all disks since the machine's start.
fn written() -> (u64, u64) {
    let disks = std::fs::read_to_string("/proc/diskstats").unwrap_or_default();
    let mut total = (0, 0);
    for line in disks.lines() {
        let fields: Vec<&str> = line.split_whitespace().collect();
        if fields.get(2).is_some_and(|name| !name.starts_with("loop") && !name.starts_with("ram")) {
            let number = |at: usize| fields.get(at).and_then(|field| field.parse::<u64>().ok()).unwrap_or(0);
            total = (total.0 + number(9) / 2, total.1 + number(7));
        }
    }
    total
}

async fn changes(store: &Arc<SqliteStore>, accounts: u64, callers: u64, work: Work) -> f64 {
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
                let origin = (work == Work::SetsWithEvents).then(|| Origin {
                    id: EventId(7),
                    operator: "administrator".into(),
                    client_ip: [127, 0, 0, 1].into(),
                });
                while !stop.load(Ordering::Relaxed) {
                    walk =
                        walk.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    if work == Work::SetsAndImports && walk >> 40 & 0xffff < 0xffff / 5 {
                        let new =
                            vec![seed(&format!("new{caller}-{walk:x}"), &[("Tag_Profile_IM_Nick", "new")])];
                        store.import(APP, new, UnixMillis(2), None).await.unwrap();
                        done.fetch_add(1, Ordering::Relaxed);
                        continue;
                    }
                    let user = user(&format!("user{}", (walk >> 33) % accounts));
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

/// The disk's own limit: records of 300 bytes, `batch` of them for each sync, over bytes that are there.
fn bare(dir: &std::path::Path, batch: usize) -> f64 {
    let file = std::fs::File::create(dir.join("bare")).unwrap();
    let records = vec![7_u8; (300 * batch.max(1)).next_multiple_of(4096)];
    let places = (16 << 20) / records.len();
    for place in 0..places {
        file.write_all_at(&records, (place * records.len()) as u64).unwrap();
    }
    file.sync_all().unwrap();
    let (started, mut written) = (Instant::now(), 0);
    for place in (0..places).cycle() {
        if started.elapsed() > RUN / 3 {
            break;
        }
        file.write_all_at(&records, (place * records.len()) as u64).unwrap();
        file.sync_data().unwrap();
        written += batch.max(1);
    }
    written as f64 / started.elapsed().as_secs_f64()
}
