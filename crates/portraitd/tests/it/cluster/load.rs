//! Callers that know what they asked for and what was acknowledged, and what a receiver heard of it.
//!
//! Each caller has accounts that nothing else changes, and writes one version after the other, in two fields at once. A call without
//! an answer, or with a refusal, may still be done later: its account rests until [`Caller::verify`], after everything that
//! was under way has ended.

use crate::harness::{App, Connection, path_of, post};
use crate::receiver::{Call, Receiver, Reply};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A node tries for so long to do what it was asked for. After this, a call without an answer is done, or never will be.
pub(crate) const SETTLED: Duration = Duration::from_secs(11);
const LEVEL: &str = "Tag_Profile_IM_Level";
const SIGNATURE: &str = "Tag_Profile_IM_SelfSignature";
/// A client that was refused waits this long.
const PAUSE: Duration = Duration::from_millis(50);

/// What a caller knows of one of its accounts.
#[derive(Default)]
struct Account {
    /// The version that is stored.
    stored: u64,
    /// A version that may be stored.
    open: Option<u64>,
    acknowledged: BTreeSet<u64>,
}

/// One caller with one connection.
pub(crate) struct Caller {
    accounts: BTreeMap<String, Account>,
    version: u64,
    /// When each change was acknowledged.
    pub times: Vec<Instant>,
    /// How many calls were not, by why.
    pub refused: BTreeMap<String, u64>,
}

impl Caller {
    pub(crate) fn new(number: usize, accounts: usize) -> Self {
        let accounts = (0..accounts).map(|account| (format!("c{number}a{account}"), Account::default()));
        Self { accounts: accounts.collect(), version: 0, times: Vec::new(), refused: BTreeMap::new() }
    }

    pub(crate) fn import(&self, app: &App<'_>) {
        self.accounts.keys().for_each(|account| app.import(account));
    }

    /// Changes its accounts in turn, at these addresses in turn, until it shall stop. Waits `pause` between two calls.
    pub(crate) fn work(&mut self, addresses: &[String], query: &str, pause: Duration, stop: &AtomicBool) {
        let target = format!("{}?{query}", path_of("portrait_set"));
        let mut connections: Vec<Option<Connection>> = addresses.iter().map(|_| None).collect();
        let names: Vec<String> = self.accounts.keys().cloned().collect();
        for (turn, name) in names.iter().cycle().enumerate() {
            if stop.load(Ordering::Relaxed) || self.accounts.values().all(|account| account.open.is_some()) {
                return;
            }
            if self.accounts[name].open.is_some() {
                continue;
            }
            self.version += 1;
            let (place, body) = (turn % addresses.len(), set_body(name, self.version));
            let outcome = exchange(&mut connections[place], &addresses[place], &post(&target, &body));
            let account = self.accounts.get_mut(name).unwrap();
            if outcome == "0" {
                account.stored = self.version;
                account.acknowledged.insert(self.version);
                self.times.push(Instant::now());
                std::thread::sleep(pause);
                continue;
            }
            account.open = Some(self.version);
            *self.refused.entry(outcome).or_default() += 1;
            std::thread::sleep(PAUSE);
            wait_until_served(&mut connections[place], &addresses[place], query, name, stop);
        }
    }

    /// What was acknowledged is stored, what was not is stored whole or not at all, and nothing else is.
    pub(crate) fn verify(&mut self, app: &App<'_>) {
        for (name, account) in &mut self.accounts {
            let found = read(app, name);
            let expected = found == account.stored || Some(found) == account.open;
            assert!(
                expected,
                "{name}: {found} is stored; acknowledged: {}, not answered: {:?}",
                account.stored, account.open
            );
            (account.stored, account.open) = (found, None);
        }
    }

    /// Every change that was acknowledged was told, once or more, in order; and nothing that is not stored was told last.
    pub(crate) fn verify_told(&self, heard: &Heard) -> usize {
        let heard = heard.0.lock().unwrap();
        for (name, account) in &self.accounts {
            let told = heard.get(name).map(|told| told.versions.clone()).unwrap_or_default();
            assert!(told.is_sorted(), "{name}: told out of order: {told:?}");
            let told_set: BTreeSet<u64> = told.iter().copied().collect();
            let missing: Vec<_> = account.acknowledged.difference(&told_set).collect();
            assert!(missing.is_empty(), "{name}: not told: {missing:?}");
            assert_eq!(
                told.last().copied().unwrap_or(0),
                account.stored,
                "{name}: what was told last is stored"
            );
        }
        self.accounts.values().map(|account| account.acknowledged.len()).sum()
    }
}

fn set_body(name: &str, version: u64) -> String {
    let items = json!([{"Tag": LEVEL, "Value": version}, {"Tag": SIGNATURE, "Value": version.to_string()}]);
    json!({"From_Account": name, "ProfileItem": items}).to_string()
}

fn get_body(name: &str) -> String {
    json!({"To_Account": [name], "TagList": [LEVEL, SIGNATURE]}).to_string()
}

/// The version that is stored; fails when only a part of it is.
fn read(app: &App<'_>, name: &str) -> u64 {
    let answer = app.call("portrait_get", &get_body(name));
    let none = Vec::new();
    let items = answer["UserProfileItem"][0]["ProfileItem"].as_array().unwrap_or(&none);
    let value = |tag: &str| &items.iter().find(|item| item["Tag"] == tag).unwrap_or(&Value::Null)["Value"];
    let (level, signature) = (value(LEVEL).as_u64().unwrap_or(0), value(SIGNATURE).as_str().unwrap_or("0"));
    assert_eq!(signature, level.to_string(), "half a change: {answer}");
    level
}

/// Makes a call; returns its error code, or in words why there is none. Keeps the connection as long as it works.
pub(crate) fn exchange(connection: &mut Option<Connection>, address: &str, request: &[u8]) -> String {
    if connection.is_none() {
        *connection = Connection::try_open(address).ok();
    }
    let Some(open) = connection else { return "no connection".into() };
    match open.exchange(request) {
        None => {
            *connection = None;
            "no answer".into()
        }
        Some(answer) if answer.status != 200 => format!("HTTP {}", answer.status),
        Some(answer) => answer.code().to_string(),
    }
}

/// Reads until a read is answered.
fn wait_until_served(
    connection: &mut Option<Connection>,
    address: &str,
    query: &str,
    name: &str,
    stop: &AtomicBool,
) {
    let get = post(&format!("{}?{query}", path_of("portrait_get")), &get_body(name));
    while !stop.load(Ordering::Relaxed) && exchange(connection, address, &get) != "0" {
        std::thread::sleep(PAUSE);
    }
}

/// The longest time without an acknowledged change from one moment to another.
pub(crate) fn longest_silence(callers: &[Caller], from: Instant, to: Instant) -> Duration {
    let times = callers.iter().flat_map(|caller| caller.times.iter().copied());
    let mut times: Vec<Instant> = times.filter(|time| (from..to).contains(time)).chain([from, to]).collect();
    times.sort_unstable();
    times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
}

/// What a receiver heard.
#[derive(Clone, Default)]
pub(crate) struct Heard(pub Arc<Mutex<BTreeMap<String, Told>>>);

/// What it heard of one account.
#[derive(Default)]
pub(crate) struct Told {
    /// The versions, in the order in which each was heard first.
    pub versions: Vec<u64>,
    /// The event of each version.
    events: BTreeMap<u64, String>,
    /// How many calls there were.
    pub calls: usize,
}

impl Heard {
    /// A receiver that says yes and notes everything.
    pub(crate) fn receiver(&self) -> Receiver {
        let heard = self.clone();
        Receiver::forgetful(move |call| {
            heard.note(call);
            Reply::Yes
        })
    }

    fn note(&self, call: &Call) {
        let value = call.value();
        let version = value.as_u64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap());
        let mut heard = self.0.lock().unwrap();
        let told = heard.entry(call.user().to_owned()).or_default();
        told.calls += 1;
        let event = told.events.entry(version).or_insert_with(|| {
            told.versions.push(version);
            call.event_id().to_owned()
        });
        assert_eq!(event, call.event_id(), "one change, one event");
    }

    /// How many versions were heard, and in how many calls.
    pub(crate) fn count(&self) -> (usize, usize) {
        let heard = self.0.lock().unwrap();
        let told = heard.values().map(|told| (told.versions.len(), told.calls));
        told.fold((0, 0), |(versions, calls), (more, more_calls)| (versions + more, calls + more_calls))
    }
}

/// Waits until no event waits.
pub(crate) fn wait_until_told(app: &App<'_>) -> Duration {
    super::nodes::wait_for("every event is delivered", Duration::from_mins(2), || {
        let path = format!("/apps/{}/webhook/events?state=waiting&limit=1", app.id);
        let (status, view) = app.server.admin("GET", &path, "");
        status == 200 && serde_json::from_str::<Value>(&view).unwrap()["events"] == json!([])
    })
}
