//! What gathering brings on a real database: sets and gets of 64 callers through the store, beside the same with a statement
//! for each request on 64 connections. Ratios, medians of several rounds that alternate. Gets one by one are measured twice: with
//! `wsrep_sync_wait`, without which Galera answers what may be outdated, and without it, which the store never does.
//!
//! ```text
//! PORTRAITD_BENCH_MYSQL=mysql://USER:PASSWORD@HOST1,HOST2/DATABASE cargo bench -p portraitd-mysql
//! ```
//!
//! The database must exist and may be empty; what the bench makes in it stays.

#![expect(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing, reason = "a bench")]

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder};
use portraitd_model::UnixMillis;
use portraitd_mysql::{MysqlStore, MysqlUrl};
use portraitd_store::{Change, Store};
use portraitd_test_support::fixtures::{APP, NICK, patch, seed, user};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const CALLERS: usize = 64;
const ACCOUNTS: usize = 20_000;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);

/// Numbers that differ between callers, without a dependency.
fn next(state: &mut u64) -> usize {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    usize::try_from(*state % ACCOUNTS as u64).unwrap()
}

fn name(number: usize) -> String {
    format!("user{number:07}")
}

/// Operations a second of all callers in one round.
async fn rate<F: Future<Output = ()> + Send + 'static>(
    caller: impl Fn(usize, Arc<AtomicU64>, Instant) -> F,
) -> f64 {
    let (count, until) = (Arc::new(AtomicU64::new(0)), Instant::now() + ROUND);
    let callers: Vec<_> =
        (0..CALLERS).map(|number| tokio::spawn(caller(number, Arc::clone(&count), until))).collect();
    for caller in callers {
        caller.await.unwrap();
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let operations = count.load(Ordering::Relaxed) as f64;
    operations / ROUND.as_secs_f64()
}

async fn store_sets(store: &Arc<MysqlStore>, round: usize) -> f64 {
    rate(|caller, count, until| {
        let store = Arc::clone(store);
        async move {
            let mut state = (caller as u64 + 1) * 7919 + round as u64;
            while Instant::now() < until {
                let number = next(&mut state);
                let fields = patch(&[(NICK, &format!("{state:x}"))]);
                let change = Change {
                    app: APP,
                    user: user(&name(number)),
                    patch: fields,
                    at: UnixMillis(1),
                    origin: None,
                };
                store.apply(change).await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    })
    .await
}

async fn store_gets(store: &Arc<MysqlStore>, round: usize) -> f64 {
    rate(|caller, count, until| {
        let store = Arc::clone(store);
        async move {
            let mut state = (caller as u64 + 1) * 7919 + round as u64;
            while Instant::now() < until {
                store.profiles(APP, vec![user(&name(next(&mut state)))]).await.unwrap();
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    })
    .await
}

/// A set as two statements of its own: read, and write if no other wrote in between.
async fn single_sets(options: &OptsBuilder, round: usize) -> f64 {
    rate(|caller, count, until| {
        let options = options.clone();
        async move {
            let mut conn = Conn::new(options).await.unwrap();
            let mut state = (caller as u64 + 1) * 7919 + round as u64;
            while Instant::now() < until {
                let user = name(next(&mut state));
                let row: Option<(u64, Vec<u8>)> = conn
                    .exec_first("SELECT rev, profile FROM portrait_accounts WHERE app = ? AND user = ?", (APP.0, &user))
                    .await
                    .unwrap();
                let (rev, profile) = row.unwrap();
                let written = conn
                    .exec_drop(
                        "UPDATE portrait_accounts SET rev = rev + 1, profile = ? WHERE app = ? AND user = ? AND rev = ?",
                        (profile, APP.0, &user, rev),
                    )
                    .await;
                // A conflict is tried again by the caller.
                if written.is_ok() && conn.affected_rows() == 1 {
                    count.fetch_add(1, Ordering::Relaxed);
                }
            }
            conn.disconnect().await.unwrap();
        }
    })
    .await
}

async fn single_gets(options: &OptsBuilder, sync_wait: bool, round: usize) -> f64 {
    rate(|caller, count, until| {
        let options = options.clone();
        async move {
            let mut conn = Conn::new(options).await.unwrap();
            if sync_wait {
                // Refused by a server without Galera, which needs none.
                let _ = conn.query_drop("SET SESSION wsrep_sync_wait = 1").await;
            }
            let mut state = (caller as u64 + 1) * 7919 + round as u64;
            while Instant::now() < until {
                let user = name(next(&mut state));
                let row: Option<Vec<u8>> = conn
                    .exec_first(
                        "SELECT profile FROM portrait_accounts WHERE app = ? AND user = ?",
                        (APP.0, &user),
                    )
                    .await
                    .unwrap();
                assert!(row.is_some());
                count.fetch_add(1, Ordering::Relaxed);
            }
            conn.disconnect().await.unwrap();
        }
    })
    .await
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The times of one caller alone, in microseconds: the median, and that of the slowest of a hundred.
async fn alone(store: &MysqlStore) -> (u128, u128) {
    let mut times = Vec::new();
    for number in 0..500 {
        let fields = patch(&[(NICK, &format!("alone {number}"))]);
        let change =
            Change { app: APP, user: user(&name(number)), patch: fields, at: UnixMillis(1), origin: None };
        let began = Instant::now();
        store.apply(change).await.unwrap();
        times.push(began.elapsed().as_micros());
    }
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

async fn prepare(url: &MysqlUrl) -> Arc<MysqlStore> {
    MysqlStore::migrate(url).await.unwrap();
    let store = Arc::new(MysqlStore::open(url.clone(), "bench").await.unwrap());
    for first in (0..ACCOUNTS).step_by(500) {
        let picture = format!("https://example.com/avatars/{first:020}/large/picture.jpg");
        let fields = [
            (NICK, "a nickname"),
            ("Tag_Profile_IM_Image", &*picture),
            ("Tag_Profile_IM_SelfSignature", "hello"),
        ];
        let seeds = (first..first + 500).map(|number| seed(&name(number), &fields)).collect();
        store.import(APP, seeds, UnixMillis(1), None).await.unwrap();
    }
    store
}

#[tokio::main]
async fn main() {
    let Ok(text) = std::env::var("PORTRAITD_BENCH_MYSQL") else {
        println!("skipped: PORTRAITD_BENCH_MYSQL names no database");
        return;
    };
    let (head, rest) = text.split_once('@').unwrap();
    let (hosts, database) = rest.split_once('/').unwrap();
    let first = hosts.split(',').next().unwrap();
    let options =
        OptsBuilder::from_opts(mysql_async::Opts::from_url(&format!("{head}@{first}/{database}")).unwrap())
            .prefer_socket(false)
            .client_found_rows(true)
            .init(vec!["SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"]);
    let store = prepare(&text.parse().unwrap()).await;
    let (mut sets, mut gets) = (vec![], vec![]);
    let (mut lone_sets, mut lone_gets, mut unsynced_gets) = (vec![], vec![], vec![]);
    for round in 0..ROUNDS {
        lone_sets.push(single_sets(&options, round).await);
        sets.push(store_sets(&store, round).await);
        lone_gets.push(single_gets(&options, true, round).await);
        gets.push(store_gets(&store, round).await);
        unsynced_gets.push(single_gets(&options, false, round).await);
    }
    let (p50, p99) = alone(&store).await;
    store.close().await;
    let rows = [
        ("sets", &sets, lone_sets),
        ("gets", &gets, lone_gets),
        ("gets, single ones possibly outdated", &gets, unsynced_gets),
    ];
    for (what, gathered, single) in rows {
        let ratios = gathered.iter().zip(&single).map(|(gathered, single)| gathered / single).collect();
        println!(
            "{what}: {:.0}/s gathered, {:.0}/s one by one, ratio {:.1}",
            median(gathered.clone()),
            median(single),
            median(ratios)
        );
    }
    println!("one caller alone: p50 {p50} µs, p99 {p99} µs");
}
