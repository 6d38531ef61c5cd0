//! Linearizability: many clients set, read, import and delete the same few accounts over HTTP while the server is paused and killed.
//! For what each of them saw there must be one order of all calls that agrees with real time and with a single register for each
//! account; a call that a kill left without an answer took place before the kill or never.
//!
//! The checker walks through the history and keeps every configuration that is possible so far: what the register holds, and which
//! of the calls under way have taken place already. Each value names the call that wrote it, so there are few of them.

use crate::harness::{App, Connection, TestServer, path_of, post};
use crate::torture::{Random, number, seed};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const CLIENTS: u64 = 16;
const ACCOUNTS: usize = 12;

/// What an account holds: who wrote the nickname, and who wrote the level; `None` without an account.
pub(crate) type Register = Option<(u64, u64)>;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Call {
    /// Nickname and level. Whether there was an account.
    Set(u64),
    /// The account and its nickname.
    Import(u64),
    Delete,
    Get,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    Done,
    /// There is no such account.
    Missing,
    Found(Register),
}

impl Call {
    /// What it answers, and what it leaves.
    fn applied(self, register: Register) -> (Answer, Register) {
        match (self, register) {
            (Self::Get, _) => (Answer::Found(register), register),
            (Self::Set(_) | Self::Delete, None) => (Answer::Missing, None),
            (Self::Set(by), Some(_)) => (Answer::Done, Some((by, by))),
            (Self::Import(by), _) => (Answer::Done, Some((by, register.map_or(0, |(_, level)| level)))),
            (Self::Delete, Some(_)) => (Answer::Done, None),
        }
    }
}

/// A moment of one account's history.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    Begins(u64, Call),
    Answered(u64, Answer),
    /// The server is gone, and with it every call under way.
    Killed,
}

/// A call under way; the history tells what it will answer, if anything.
#[derive(Clone, Copy)]
struct UnderWay {
    id: u64,
    call: Call,
    answer: Option<Answer>,
}

/// What is possible: what the register holds, and which of the calls under way, by place, have taken place.
type Configuration = (Register, u64);

/// Whether one order explains a history; the moment that no order explains otherwise.
pub(crate) fn explain(history: &[Moment]) -> Result<(), String> {
    let answers: HashMap<u64, Answer> = history
        .iter()
        .filter_map(
            |moment| if let Moment::Answered(id, answer) = moment { Some((*id, *answer)) } else { None },
        )
        .collect();
    let mut possible: HashSet<Configuration> = HashSet::from([(None, 0)]);
    let mut under_way: [Option<UnderWay>; 64] = [None; 64];
    for (place, moment) in history.iter().enumerate() {
        match *moment {
            Moment::Begins(id, call) => {
                let free = under_way.iter_mut().find(|slot| slot.is_none()).unwrap();
                *free = Some(UnderWay { id, call, answer: answers.get(&id).copied() });
            }
            Moment::Answered(id, _) => {
                let slot =
                    under_way.iter().position(|slot| slot.is_some_and(|known| known.id == id)).unwrap();
                let bit = 1 << slot;
                let orders = orders(&possible, &under_way, |done| done & bit != 0);
                possible = orders.into_iter().filter(|(_, done)| done & bit != 0).collect();
                possible = possible.into_iter().map(|(register, done)| (register, done & !bit)).collect();
                under_way[slot] = None;
            }
            Moment::Killed => {
                let orders = orders(&possible, &under_way, |_| false);
                possible = orders.into_iter().map(|(register, _)| (register, 0)).collect();
                under_way = [None; 64];
            }
        }
        if possible.is_empty() {
            let from = place.saturating_sub(40);
            return Err(format!("no order explains moment {place}: {:#?}", &history[from..=place]));
        }
    }
    Ok(())
}

/// What can be reached when calls under way take place, in any order, until it is enough.
fn orders(
    possible: &HashSet<Configuration>,
    under_way: &[Option<UnderWay>],
    enough: impl Fn(u64) -> bool,
) -> HashSet<Configuration> {
    let mut reached = possible.clone();
    let mut open: Vec<Configuration> = possible.iter().copied().collect();
    while let Some((register, done)) = open.pop() {
        if enough(done) {
            continue;
        }
        for (slot, known) in under_way.iter().enumerate() {
            let Some(known) = known.filter(|_| done & (1 << slot) == 0) else { continue };
            let (answer, left) = known.call.applied(register);
            if known.answer.is_none_or(|expected| expected == answer)
                && reached.insert((left, done | (1 << slot)))
            {
                open.push((left, done | (1 << slot)));
            }
        }
    }
    reached
}

/// The moments of all accounts, each with its place in time.
#[derive(Default)]
pub(crate) struct Recorder {
    time: AtomicU64,
    pub moments: Mutex<Vec<(u64, usize, Moment)>>,
}

impl Recorder {
    pub(crate) fn now(&self) -> u64 {
        self.time.fetch_add(1, Ordering::SeqCst)
    }

    pub(crate) fn keep(&self, moments: Vec<(u64, usize, Moment)>) {
        self.moments.lock().unwrap().extend(moments);
    }
}

/// One client until the server is gone or enough is done.
fn work(app: &App<'_>, recorder: &Recorder, random: &mut Random, next: &AtomicU64, enough: &AtomicBool) {
    let Ok(mut connection) = Connection::try_open(&app.server.address) else { return };
    let query = app.query("administrator");
    let mut moments = Vec::new();
    while !enough.load(Ordering::Relaxed) {
        let account = usize::try_from(random.below(ACCOUNTS as u64)).unwrap();
        let id = next.fetch_add(1, Ordering::Relaxed);
        let call = match random.below(20) {
            0..8 => Call::Set(id),
            8..10 => Call::Import(id),
            10 => Call::Delete,
            _ => Call::Get,
        };
        let (command, body) = request(call, account);
        let request = post(&format!("{}?{query}", path_of(command)), &body);
        moments.push((recorder.now(), account, Moment::Begins(id, call)));
        let Some(answer) = connection.exchange(&request) else { break };
        // A refusal under load leaves it open whether it took place: as without an answer.
        let Some(answer) = understand(call, &answer.json()) else { break };
        moments.push((recorder.now(), account, Moment::Answered(id, answer)));
    }
    recorder.keep(moments);
}

pub(crate) fn request(call: Call, account: usize) -> (&'static str, String) {
    let name = format!("account{account}");
    match call {
        Call::Set(by) => {
            let items = json!([
                {"Tag": "Tag_Profile_IM_Level", "Value": by},
                {"Tag": "Tag_Profile_IM_Nick", "Value": by.to_string()},
                {"Tag": "Tag_Profile_IM_SelfSignature", "Value": by.to_string()},
            ]);
            ("portrait_set", json!({"From_Account": name, "ProfileItem": items}).to_string())
        }
        Call::Import(by) => ("account_import", json!({"UserID": name, "Nick": by.to_string()}).to_string()),
        Call::Delete => ("account_delete", json!({"DeleteItem": [{"UserID": name}]}).to_string()),
        Call::Get => {
            let tags = ["Tag_Profile_IM_Level", "Tag_Profile_IM_Nick", "Tag_Profile_IM_SelfSignature"];
            ("portrait_get", json!({"To_Account": [name], "TagList": tags}).to_string())
        }
    }
}

pub(crate) fn understand(call: Call, answer: &Value) -> Option<Answer> {
    let code = answer["ErrorCode"].as_u64().unwrap();
    if [40006, 70500, 60008].contains(&code) {
        return None;
    }
    Some(match call {
        Call::Set(_) if code == 40003 => Answer::Missing,
        Call::Delete if answer["ResultItem"][0]["ResultCode"] == 70107 => Answer::Missing,
        Call::Get if answer["UserProfileItem"][0]["ResultCode"] == 40003 => Answer::Found(None),
        Call::Get => {
            let items = answer["UserProfileItem"][0]["ProfileItem"].as_array().unwrap();
            let value = |tag: &str| {
                let value = &items.iter().find(|item| item["Tag"] == tag).unwrap_or(&Value::Null)["Value"];
                value.as_u64().or_else(|| value.as_str()?.parse().ok()).unwrap_or(0)
            };
            let level = value("Tag_Profile_IM_Level");
            assert_eq!(value("Tag_Profile_IM_SelfSignature"), level, "a set is seen in part: {answer}");
            Answer::Found(Some((value("Tag_Profile_IM_Nick"), level)))
        }
        _ => {
            assert_eq!(code, 0, "{call:?}: {answer}");
            Answer::Done
        }
    })
}

#[test]
fn every_history_has_an_order() {
    let wanted = number("OPERATIONS").unwrap_or(30_000);
    let (seed, started) = (seed(), Instant::now());
    let mut random = Random(seed);
    let dir = tempfile::tempdir().unwrap();
    let (data, config) = (dir.path().join("data"), "[limits]\nenabled = false\n");
    let mut server = TestServer::serve(&data, config);
    let id = server.app().id;
    let (recorder, next) = (Recorder::default(), AtomicU64::new(1));
    let (mut kills, mut pauses) = (0, 0);
    while next.load(Ordering::Relaxed) < wanted {
        let enough = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for client in 0..CLIENTS {
                let (app, recorder, next, enough) = (App { server: &server, id }, &recorder, &next, &enough);
                let mut random = Random(random.below(u64::MAX) ^ client);
                scope.spawn(move || work(&app, recorder, &mut random, next, enough));
            }
            std::thread::sleep(Duration::from_millis(50 + random.below(600)));
            if random.below(3) == 0 {
                server.signal("-STOP");
                std::thread::sleep(Duration::from_millis(random.below(50)));
                server.signal("-CONT");
                pauses += 1;
                std::thread::sleep(Duration::from_millis(random.below(200)));
            }
            server.signal("-KILL");
            enough.store(true, Ordering::Relaxed);
        });
        server.kill();
        drop(server);
        kills += 1;
        let killed = recorder.now();
        recorder.keep((0..ACCOUNTS).map(|account| (killed, account, Moment::Killed)).collect());
        server = TestServer::serve(&data, config);
    }
    let mut moments = recorder.moments.into_inner().unwrap();
    moments.sort_unstable_by_key(|(time, ..)| *time);
    let mut histories = vec![Vec::new(); ACCOUNTS];
    for (_, account, moment) in moments {
        histories[account].push(moment);
    }
    let answered = |moment: &&Moment| matches!(moment, Moment::Answered(..));
    let total: usize = histories.iter().map(|history| history.iter().filter(answered).count()).sum();
    for (account, history) in histories.iter().enumerate() {
        explain(history).unwrap_or_else(|why| panic!("PORTRAIT_SEED={seed}, account{account}: {why}"));
    }
    eprintln!(
        "{total} calls of {CLIENTS} clients on {ACCOUNTS} accounts, {kills} kills and {pauses} pauses in {} s: every history has an order",
        started.elapsed().as_secs()
    );
    assert!(total as u64 > wanted / 2, "{total} of {wanted} calls were answered");
}

#[test]
fn the_checker_knows_what_has_no_order() {
    use Moment::{Answered, Begins, Killed};
    let made = [Begins(1, Call::Import(1)), Answered(1, Answer::Done)];
    let found = |id, nick, level| [Begins(id, Call::Get), Answered(id, Answer::Found(Some((nick, level))))];
    let check = |rest: &[&[Moment]], explained: bool| {
        let history: Vec<Moment> = made.iter().chain(rest.iter().copied().flatten()).copied().collect();
        assert_eq!(explain(&history).is_ok(), explained, "{history:?}");
    };
    let set = [Begins(2, Call::Set(2)), Answered(2, Answer::Done)];
    check(&[&found(3, 1, 0), &set, &found(4, 2, 2)], true);
    check(&[&set, &found(3, 1, 0)], false); // A change that was acknowledged is not seen.
    check(&[&[Begins(2, Call::Set(2))], &found(3, 2, 2), &found(4, 1, 0)], false); // Seen, and then not.
    check(&[&[Begins(2, Call::Set(2))], &found(3, 1, 0), &found(4, 2, 2)], true);
    check(&[&[Begins(2, Call::Set(2)), Killed], &found(3, 2, 2)], true);
    check(&[&[Begins(2, Call::Set(2)), Killed], &found(3, 1, 0)], true);
    check(&[&[Begins(2, Call::Set(2)), Killed], &found(3, 1, 0), &found(4, 2, 2)], false); // Back from the dead.
    check(&[&set, &[Killed], &found(3, 1, 0)], false); // Lost.
    check(&[&found(3, 2, 2)], false); // Never asked for.
    check(&[&set, &found(3, 2, 0)], false); // Half.
    check(&[&[Begins(2, Call::Delete), Answered(2, Answer::Done)], &found(3, 1, 0)], false);
    check(&[&[Begins(2, Call::Delete), Answered(2, Answer::Missing)]], false);
}
