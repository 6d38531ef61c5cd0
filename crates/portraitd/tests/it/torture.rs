//! Crash torture: clients that know what they asked for and what was acknowledged, a webhook receiver that now and then fails,
//! and a server that is killed at random moments, stopped and continued, asked to end, and killed while it starts.
//!
//! After every restart: what was acknowledged is there; the one step of each client that was not answered is there whole or not
//! at all; nothing else is there. And from time to time: exactly the changes that are stored were told to the receiver, in order.
//! `scripts/torture` runs it for long.

use crate::harness::{App, Connection, TestServer, binary, path_of, post};
use crate::receiver::{Call, Receiver, Reply};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const CLIENTS: usize = 8;
/// Accounts of each client.
const ACCOUNTS: usize = 3;
/// Rounds between two looks at what the receiver heard.
const ROUNDS_TO_HEAR: u64 = 25;

/// Segments of at most 1 MiB, so that kills also fall into applying and recycling them.
const CONFIG: &str = r#"
[limits]
enabled = false
[store]
journal_mib = 2
[webhook]
retry_schedule = ["0s", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms", "5ms"]
allow_networks = ["127.0.0.0/8"]
"#;

/// `SplitMix64`.
#[derive(Clone)]
pub(crate) struct Random(pub u64);

impl Random {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// A number from the environment.
pub(crate) fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}

/// The seed of this run, printed.
pub(crate) fn seed() -> u64 {
    let seed = number("PORTRAIT_SEED")
        .unwrap_or_else(|| u64::from(std::process::id()) ^ (crate::usersig::now() << 20));
    eprintln!("PORTRAIT_SEED={seed}");
    seed
}

/// What an account carries: the step that set its nickname last, and the one that set level and signature; 0 for none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Account {
    nick: u64,
    level: u64,
}

type State = [Option<Account>; ACCOUNTS];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    SetAll(usize),
    /// All but the nickname.
    SetSome(usize),
    ImportOne(usize),
    /// In one call, so in one unit.
    ImportAll,
    DeleteAll,
    Get,
}

impl Step {
    fn random(random: &mut Random) -> Self {
        let who = usize::try_from(random.below(ACCOUNTS as u64)).unwrap();
        match random.below(20) {
            0..8 => Self::SetAll(who),
            8..12 => Self::SetSome(who),
            12..14 => Self::ImportOne(who),
            14..16 => Self::ImportAll,
            16 => Self::DeleteAll,
            _ => Self::Get,
        }
    }

    fn applied(self, mut state: State, version: u64) -> State {
        let imported = |account: Option<Account>| {
            Some(Account { nick: version, level: account.map_or(0, |account| account.level) })
        };
        match self {
            Self::SetAll(who) => state[who] = state[who].map(|_| Account { nick: version, level: version }),
            Self::SetSome(who) => {
                state[who] = state[who].map(|account| Account { level: version, ..account });
            }
            Self::ImportOne(who) => state[who] = imported(state[who]),
            Self::ImportAll => state = state.map(imported),
            Self::DeleteAll => state = [None; ACCOUNTS],
            Self::Get => {}
        }
        state
    }

    /// The accounts whose change is told to the receiver.
    fn told(self, state: &State) -> Range<usize> {
        match self {
            Self::SetAll(who) | Self::SetSome(who) if state[who].is_some() => who..who + 1,
            Self::ImportOne(who) => who..who + 1,
            Self::ImportAll => 0..ACCOUNTS,
            _ => 0..0,
        }
    }
}

struct Client {
    number: usize,
    random: Random,
    version: u64,
    state: State,
    /// The step that was not answered.
    pending: Option<Step>,
    /// What the receiver must have heard since it was last looked at.
    told: BTreeMap<usize, BTreeSet<u64>>,
    acknowledged: u64,
    refused: u64,
}

impl Client {
    fn new(number: usize, seed: u64) -> Self {
        let random = Random(seed.wrapping_mul(31).wrapping_add(number as u64));
        let (state, told) = ([None; ACCOUNTS], BTreeMap::new());
        Self { number, random, version: 0, state, pending: None, told, acknowledged: 0, refused: 0 }
    }

    fn name(&self, who: usize) -> String {
        format!("c{}a{who}", self.number)
    }

    fn names(&self) -> [String; ACCOUNTS] {
        std::array::from_fn(|who| self.name(who))
    }

    /// Does one step after the other until the server is gone.
    fn work(&mut self, app: &App<'_>) {
        // It may be gone before this client gets to it.
        let Ok(mut connection) = Connection::try_open(&app.server.address) else { return };
        let query = app.query("administrator");
        loop {
            self.version += 1;
            let step = Step::random(&mut self.random);
            self.pending = Some(step);
            let (command, body) = self.request(step);
            let Some(answer) = connection.exchange(&post(&format!("{}?{query}", path_of(command)), &body))
            else {
                return;
            };
            if !self.answered(step, &answer.json()) {
                return;
            }
        }
    }

    fn request(&self, step: Step) -> (&'static str, String) {
        let version = self.version;
        let set = |who: usize, nick: bool| {
            let mut items = vec![
                json!({"Tag": "Tag_Profile_IM_Level", "Value": version}),
                json!({"Tag": "Tag_Profile_IM_SelfSignature", "Value": version.to_string()}),
            ];
            if nick {
                items.push(json!({"Tag": "Tag_Profile_IM_Nick", "Value": version.to_string()}));
            }
            json!({"From_Account": self.name(who), "ProfileItem": items})
        };
        let seed = |name: String| json!({"UserID": name, "Nick": version.to_string()});
        match step {
            Step::SetAll(who) => ("portrait_set", set(who, true).to_string()),
            Step::SetSome(who) => ("portrait_set", set(who, false).to_string()),
            Step::ImportOne(who) => ("account_import", seed(self.name(who)).to_string()),
            Step::ImportAll => {
                ("multiaccount_import", json!({"AccountList": self.names().map(seed)}).to_string())
            }
            Step::DeleteAll => {
                let names = self.names().map(|name| json!({"UserID": name}));
                ("account_delete", json!({"DeleteItem": names}).to_string())
            }
            Step::Get => ("portrait_get", get_body(&self.names())),
        }
    }

    /// Takes an answer in; `false` when the server said that it can't.
    fn answered(&mut self, step: Step, answer: &Value) -> bool {
        let code = answer["ErrorCode"].as_u64().unwrap();
        if [40006, 70500, 60008].contains(&code) {
            self.refused += 1;
            return false;
        }
        let known = &self.state;
        let expected = match step {
            Step::SetAll(who) | Step::SetSome(who) if known[who].is_none() => 40003,
            _ => 0,
        };
        assert_eq!(code, expected, "{step:?} {known:?}: {answer}");
        match step {
            Step::Get => assert_eq!(read(answer), self.state, "{}: {answer}", self.number),
            Step::DeleteAll => {
                let results = answer["ResultItem"].as_array().unwrap();
                let existed: Vec<bool> = results.iter().map(|result| result["ResultCode"] == 0).collect();
                assert_eq!(existed, known.map(|account| account.is_some()), "{answer}");
            }
            _ => {}
        }
        self.happened(step);
        self.acknowledged += 1;
        self.pending = None;
        true
    }

    fn happened(&mut self, step: Step) {
        for who in step.told(&self.state) {
            self.told.entry(who).or_default().insert(self.version);
        }
        self.state = step.applied(self.state, self.version);
    }

    /// After a restart: what was acknowledged, and of the step that was not answered all or nothing. Whether it was kept.
    fn verify(&mut self, app: &App<'_>) -> bool {
        let found = read(&app.call("portrait_get", &get_body(&self.names())));
        let pending = self.pending.take();
        if found == self.state {
            return false;
        }
        let Some(step) = pending else { panic!("client {}: {:?} became {found:?}", self.number, self.state) };
        let whole = step.applied(self.state, self.version);
        assert_eq!(found, whole, "client {}: {:?}, then {step:?}", self.number, self.state);
        self.happened(step);
        true
    }
}

fn get_body(names: &[String]) -> String {
    let tags = ["Tag_Profile_IM_Level", "Tag_Profile_IM_SelfSignature", "Tag_Profile_IM_Nick"];
    json!({"To_Account": names, "TagList": tags}).to_string()
}

/// What an answer says of a client's accounts; fails when a set is seen in part.
fn read(answer: &Value) -> State {
    let profiles = answer["UserProfileItem"].as_array().unwrap_or_else(|| panic!("{answer}"));
    let read = |who: usize| {
        let profile = &profiles[who];
        if profile["ResultCode"] == 40003 {
            return None;
        }
        assert_eq!(profile["ResultCode"], 0, "{answer}");
        let items = profile["ProfileItem"].as_array().unwrap();
        let value =
            |tag: &str| &items.iter().find(|item| item["Tag"] == tag).unwrap_or(&Value::Null)["Value"];
        let text = |tag| value(tag).as_str().unwrap_or("0").parse::<u64>().unwrap();
        let level = value("Tag_Profile_IM_Level").as_u64().unwrap_or(0);
        assert_eq!(text("Tag_Profile_IM_SelfSignature"), level, "half a set: {answer}");
        Some(Account { nick: text("Tag_Profile_IM_Nick"), level })
    };
    std::array::from_fn(read)
}

/// What the receiver heard: by account, the steps in the order in which each was heard first.
type Heard = Arc<Mutex<BTreeMap<String, Vec<u64>>>>;

/// Fails a tenth of the calls; half of those were heard nonetheless, and only the answer is lost.
fn manners(heard: Heard) -> impl Fn(&Call) -> Reply + Send + Sync {
    let calls = AtomicUsize::new(0);
    move |call| {
        let reply = match calls.fetch_add(1, Ordering::Relaxed) % 20 {
            7 => return Reply::Http(500, "refused".into()),
            13 => Reply::Raw(Vec::new()),
            _ => Reply::Yes,
        };
        // Every value names the step that wrote it.
        let value = call.value();
        let step = value.as_u64().unwrap_or_else(|| value.as_str().unwrap().parse().unwrap());
        let mut heard = heard.lock().unwrap();
        let steps = heard.entry(call.user().to_owned()).or_default();
        if !steps.contains(&step) {
            steps.push(step);
        }
        reply
    }
}

/// Exactly what is stored was told, in order.
fn all_is_told(app: &App<'_>, clients: &mut [Client], heard: &Heard) -> u64 {
    let started = Instant::now();
    loop {
        let view = app.server.admin("GET", &format!("/apps/{}/webhook", app.id), "").1;
        let view: Value = serde_json::from_str(&view).unwrap();
        assert_eq!(view["parked"]["events"], 0, "{view}");
        if view["waiting"]["events"] == 0 {
            break;
        }
        assert!(started.elapsed().as_secs() < 120, "the outbox is never empty: {view}");
        std::thread::sleep(Duration::from_millis(5));
    }
    let mut heard = std::mem::take(&mut *heard.lock().unwrap());
    let mut total = 0;
    for client in clients {
        for (who, told) in std::mem::take(&mut client.told) {
            let name = client.name(who);
            let told: Vec<u64> = told.into_iter().collect();
            total += told.len() as u64;
            assert_eq!(heard.remove(&name).unwrap_or_default(), told, "{name}");
        }
    }
    assert!(heard.is_empty(), "told, and never stored: {heard:?}");
    total
}

/// How a round ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum End {
    Killed,
    StoppedContinuedKilled,
    Terminated,
    KilledAndKilledWhileItStarts,
}

impl End {
    fn random(random: &mut Random) -> Self {
        match random.below(20) {
            0..13 => Self::Killed,
            13..16 => Self::StoppedContinuedKilled,
            16 => Self::Terminated,
            _ => Self::KilledAndKilledWhileItStarts,
        }
    }

    fn bring_about(self, server: &TestServer, random: &mut Random) {
        match self {
            Self::Terminated => server.signal("-TERM"),
            Self::StoppedContinuedKilled => {
                server.signal("-STOP");
                std::thread::sleep(Duration::from_millis(random.below(60)));
                server.signal("-CONT");
                std::thread::sleep(Duration::from_millis(random.below(20)));
                server.signal("-KILL");
            }
            Self::Killed | Self::KilledAndKilledWhileItStarts => server.signal("-KILL"),
        }
    }
}

fn killed_while_it_starts(data: &Path, random: &mut Random) {
    let mut command = binary();
    command.arg("serve").arg("--config").arg(data.with_extension("toml")).arg("--data").arg(data);
    command.args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    let mut child = command.spawn().unwrap();
    std::thread::sleep(Duration::from_micros(random.below(25_000)));
    child.kill().unwrap();
    child.wait().unwrap();
}

#[derive(Default)]
struct Tally {
    ends: BTreeMap<End, u64>,
    unanswered: u64,
    kept_whole: u64,
    heard: u64,
}

impl Tally {
    fn print(&self, round: u64, clients: &[Client], started: Instant) {
        let acknowledged: u64 = clients.iter().map(|client| client.acknowledged).sum();
        let refused: u64 = clients.iter().map(|client| client.refused).sum();
        let Self { ends, unanswered, kept_whole, heard } = self;
        eprintln!(
            "{round} rounds in {} s: {acknowledged} steps acknowledged, 0 lost; {unanswered} unanswered, {kept_whole} of them kept, whole; \
             {heard} changes told in order, none invented; {refused} refused; {ends:?}",
            started.elapsed().as_secs()
        );
    }
}

/// One round: load, an end, a restart, and a look at everything.
fn round(
    server: TestServer,
    id: u32,
    data: &Path,
    clients: &mut [Client],
    random: &mut Random,
    tally: &mut Tally,
) -> TestServer {
    let end = End::random(random);
    let wait = Duration::from_millis(5 + random.below(150));
    let mut server = server;
    std::thread::scope(|scope| {
        for client in &mut *clients {
            let app = App { server: &server, id };
            scope.spawn(move || client.work(&app));
        }
        std::thread::sleep(wait);
        end.bring_about(&server, random);
    });
    let status = server.child.wait().unwrap();
    assert!(end != End::Terminated || status.success(), "{status}: {}", server.log());
    drop(server);
    if end == End::KilledAndKilledWhileItStarts {
        for _ in 0..=random.below(2) {
            killed_while_it_starts(data, random);
        }
    }
    *tally.ends.entry(end).or_default() += 1;
    let server = TestServer::serve(data, CONFIG);
    for client in clients {
        tally.unanswered += u64::from(client.pending.is_some());
        tally.kept_whole += u64::from(client.verify(&App { server: &server, id }));
    }
    server
}

#[test]
fn nothing_is_lost_halved_or_invented_however_the_server_ends() {
    let (rounds, seed, started) = (number("ROUNDS").unwrap_or(200), seed(), Instant::now());
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let heard = Heard::default();
    let receiver = Receiver::forgetful(manners(Arc::clone(&heard)));
    let mut server = TestServer::serve(&data, CONFIG);
    let id = server.app().id;
    App { server: &server, id }
        .put("/webhook", &json!({"url": receiver.url(), "token": "xxxxyyyy"}).to_string());
    let mut clients: Vec<Client> = (0..CLIENTS).map(|number| Client::new(number, seed)).collect();
    let (mut random, mut tally) = (Random(seed), Tally::default());
    for number in 1..=rounds {
        server = round(server, id, &data, &mut clients, &mut random, &mut tally);
        if number % ROUNDS_TO_HEAR == 0 || number == rounds {
            tally.heard += all_is_told(&App { server: &server, id }, &mut clients, &heard);
        }
        if number % 100 == 0 || number == rounds {
            tally.print(number, &clients, started);
        }
    }
    let acknowledged: u64 = clients.iter().map(|client| client.acknowledged).sum();
    assert!(
        acknowledged > rounds && tally.heard > rounds && tally.unanswered > 0,
        "the clients hardly worked"
    );
}
