//! Every profile change is delivered, and nothing else: a receiver that fails every third call, and a server that is
//! killed ten times on the way.

use crate::harness::{App, Connection, TestServer, path_of, post};
use crate::receiver::{Call, Receiver, Reply};
use crate::webhook::nick_body;
use serde_json::json;
use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

const CONFIG: &str = r#"
[limits]
enabled = false
[webhook]
retry_schedule = ["0s", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms"]
allow_networks = ["127.0.0.0/8"]
"#;
const KILLS: usize = 10;
const WRITERS: usize = 8;

/// One account: versions count up, each is sent once.
#[derive(Default)]
struct Account {
    sent: AtomicU64,
    acknowledged: Mutex<HashSet<u64>>,
}

/// Fails 30 % of the calls: half of those were heard nonetheless, and only the answer is lost.
fn manners(heard: Arc<Mutex<Vec<Call>>>) -> impl Fn(&Call) -> Reply + Send + Sync {
    let calls = AtomicUsize::new(0);
    move |call| {
        let reply = match calls.fetch_add(1, Ordering::Relaxed) * 7 % 20 {
            0..2 => return Reply::Http(500, "refused".into()),
            2 => return Reply::Raw(Vec::new()),
            3 => Reply::Raw(Vec::new()),
            4 => Reply::Raw(b"garbage".to_vec()),
            5 => Reply::Http(200, "lost".into()),
            _ => Reply::Yes,
        };
        heard.lock().unwrap().push(call.clone());
        reply
    }
}

/// Sets versions of this writer's accounts in turn until the round's share is done or the server is gone.
fn write(app: &App<'_>, accounts: &[Account], writer: usize, share: usize, done: &AtomicUsize) {
    let Ok(mut connection) = Connection::try_open(&app.server.address) else { return };
    let target = format!("{}?{}", path_of("portrait_set"), app.query("administrator"));
    let mine: Vec<usize> = (0..accounts.len()).filter(|n| n % WRITERS == writer).collect();
    for number in 0..share {
        let n = mine[number % mine.len()];
        let version = accounts[n].sent.fetch_add(1, Ordering::SeqCst) + 1;
        let request = post(&target, &nick_body(&format!("u{n}"), &version.to_string()));
        let Some(answer) = connection.exchange(&request) else { return };
        assert_eq!(answer.code(), 0, "{answer:?}");
        accounts[n].acknowledged.lock().unwrap().insert(version);
        done.fetch_add(1, Ordering::SeqCst);
    }
}

fn version_of(call: &Call) -> (usize, u64) {
    (call.user()[1..].parse().unwrap(), call.value().as_str().unwrap().parse().unwrap())
}

#[test]
fn every_acknowledged_change_is_heard_and_none_is_invented() {
    let scale = std::env::var("SCALE").ok().and_then(|text| text.parse::<usize>().ok()).unwrap_or(1);
    let (changes, users) = (10_000 * scale, 100 * scale.min(10));
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let calls = Arc::default();
    let receiver = Receiver::start(manners(Arc::clone(&calls)));
    let accounts: Arc<Vec<Account>> = Arc::new((0..users).map(|_| Account::default()).collect());
    let mut server = TestServer::serve(&data, CONFIG);
    let id = server.app().id;
    App { server: &server, id }.put("/webhook", &json!({"url": receiver.url()}).to_string());
    for start in (0..users).step_by(100) {
        let names: Vec<String> = (start..users.min(start + 100)).map(|n| format!("u{n}")).collect();
        App { server: &server, id }.call("multiaccount_import", &json!({ "Accounts": names }).to_string());
    }
    for round in 0..=KILLS {
        // A round that is killed reaches three quarters of its share on average.
        let share = changes * 4 / 3 / (KILLS + 1) / WRITERS;
        let done = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            let writers: Vec<_> = (0..WRITERS)
                .map(|writer| {
                    let (app, accounts, done) = (App { server: &server, id }, &accounts, &done);
                    scope.spawn(move || write(&app, accounts, writer, share, done))
                })
                .collect();
            // A little further each time.
            let kill_at = share * WRITERS * (KILLS + round) / (KILLS * 2);
            while round < KILLS && done.load(Ordering::SeqCst) < kill_at {
                std::thread::yield_now();
            }
            if round < KILLS {
                server.signal("-KILL");
            }
            for writer in writers {
                writer.join().unwrap();
            }
        });
        if round < KILLS {
            server.kill();
            drop(server);
            server = TestServer::serve(&data, CONFIG);
        }
    }
    let acknowledged: usize = accounts.iter().map(|account| account.acknowledged.lock().unwrap().len()).sum();
    let app = App { server: &server, id };
    let calls_made = || receiver.calls().len();
    heard(&app, &calls, &accounts, acknowledged, calls_made);
}

fn heard(
    app: &App<'_>,
    calls: &Mutex<Vec<Call>>,
    accounts: &[Account],
    acknowledged: usize,
    calls_made: impl Fn() -> usize,
) {
    let nothing_left = || {
        let view = app.server.admin("GET", &format!("/apps/{}/webhook", app.id), "").1;
        let view: serde_json::Value = serde_json::from_str(&view).unwrap();
        assert_eq!(view["parked"]["events"], 0, "{view}");
        view["waiting"]["events"] == 0
    };
    let started = std::time::Instant::now();
    while !nothing_left() {
        assert!(started.elapsed().as_secs() < 600, "the outbox is never empty");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    let (calls, made) = (calls.lock().unwrap(), calls_made());
    let (mut ids, mut first, mut order) = (HashMap::new(), HashSet::new(), HashMap::<usize, Vec<u64>>::new());
    for call in calls.iter() {
        let (n, version) = version_of(call);
        let id = ids.entry((n, version)).or_insert_with(|| call.event_id().to_owned());
        assert_eq!(id, call.event_id(), "one change, one event id");
        if first.insert((n, version)) {
            order.entry(n).or_default().push(version);
        }
    }
    let distinct: HashSet<&String> = ids.values().collect();
    assert_eq!(distinct.len(), ids.len(), "two changes under one event id");
    for (n, account) in accounts.iter().enumerate() {
        let heard = order.remove(&n).unwrap_or_default();
        assert!(heard.is_sorted(), "u{n}: out of order: {heard:?}");
        let known = account.acknowledged.lock().unwrap();
        let heard_set: HashSet<u64> = heard.iter().copied().collect();
        assert!(known.is_subset(&heard_set), "u{n}: not heard: {:?}", known.difference(&heard_set));
        assert!(heard.last() <= Some(&account.sent.load(Ordering::SeqCst)), "u{n}: never sent: {heard:?}");
        // What was heard last is what is stored: an unanswered change and its event are both there, or neither is.
        let body = json!({"To_Account": [format!("u{n}")], "TagList": ["Tag_Profile_IM_Nick"]}).to_string();
        let answer = app.call("portrait_get", &body);
        let stored = answer["UserProfileItem"][0]["ProfileItem"][0]["Value"].as_str().unwrap_or("0");
        assert_eq!(stored.parse::<u64>().ok(), Some(heard.last().copied().unwrap_or(0)), "u{n}");
    }
    let unanswered = first.len() - acknowledged;
    eprintln!(
        "{acknowledged} acknowledged changes and {unanswered} unanswered ones heard in {made} calls, {KILLS} kills"
    );
    assert!(acknowledged > KILLS * 100, "the writers hardly wrote");
    assert!(made > first.len() * 5 / 4, "the receiver hardly failed");
}
