//! A workload of random operations on a real store in a child process, and the contents that are allowed after it was interrupted.
//!
//! Each client has an app of its own and does one step after another, so that the rule is simple: everything acknowledged is there,
//! and the one step without an answer is there whole or not at all. Before each step and after each answer the child writes a mark
//! into a file; the marks survive the child.

use crate::random::Random;
use portraitd_model::{
    AccountSeed, AppSettings, EventId, FieldValue, NewUserId, Origin, Profile, ProfilePatch, SdkAppId,
    StandardTag, Tag, UnixMillis,
};
use portraitd_sqlite::{SqliteSettings, SqliteStore};
use portraitd_store::{Change, DeliveryOutcome, EventState, Found, Store, StoreError};
use portraitd_test_support::fixtures::{patch, user};
use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Accounts of each client.
const ACCOUNTS: usize = 3;

/// The data of one client in the store.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct ClientState {
    /// The version that each account carries; 0 without fields, `None` without an account.
    accounts: [Option<u64>; ACCOUNTS],
    /// Account and version of each event that waits.
    events: Vec<(usize, u64)>,
    revision: u64,
}

/// One step of a client. Its number is the version, so that every value identifies the step that wrote it.
#[derive(Clone, Copy, Debug)]
enum Step {
    Set(usize),
    /// All accounts in one unit.
    Import,
    DeleteAll,
    /// Records the oldest events as delivered.
    RecordDeliveries(usize),
    PutApp,
}

impl Step {
    fn random(random: &mut Random) -> Self {
        match random.below(20) {
            0..12 => Self::Set(random.below(ACCOUNTS as u64) as usize),
            12..15 => Self::Import,
            15 => Self::DeleteAll,
            16..19 => Self::RecordDeliveries(1 + random.below(5) as usize),
            _ => Self::PutApp,
        }
    }

    fn applied(self, state: &ClientState, version: u64) -> ClientState {
        let mut state = state.clone();
        match self {
            Self::Set(who) if state.accounts[who].is_some() => {
                state.accounts[who] = Some(version);
                state.events.push((who, version));
            }
            Self::Set(_) => {}
            Self::Import => {
                state.accounts = [Some(version); ACCOUNTS];
                state.events.extend((0..ACCOUNTS).map(|who| (who, version)));
            }
            Self::DeleteAll => state.accounts = [None; ACCOUNTS],
            Self::RecordDeliveries(count) => drop(state.events.drain(..count.min(state.events.len()))),
            Self::PutApp => state.revision += 1,
        }
        state
    }
}

/// The parameters of a workload.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Workload {
    pub seed: u64,
    pub clients: usize,
    /// Steps of each client in each round.
    pub steps: usize,
    /// After each round but the last the store pauses, is closed, or is dropped.
    pub rounds: usize,
    /// Whether a rest is long enough for the log to be copied.
    pub pauses: bool,
}

/// A mark of the child: the client, and the state of its step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Mark {
    Asked(usize),
    Acknowledged(usize),
    Failed(usize),
}

pub(crate) const MARK_BYTES: usize = 2;

impl Mark {
    fn bytes(self) -> [u8; MARK_BYTES] {
        match self {
            Self::Asked(client) => [b'?', client as u8],
            Self::Acknowledged(client) => [b'!', client as u8],
            Self::Failed(client) => [b'x', client as u8],
        }
    }

    pub(crate) fn read(bytes: &[u8]) -> Self {
        let client = usize::from(bytes[1]);
        match bytes[0] {
            b'?' => Self::Asked(client),
            b'!' => Self::Acknowledged(client),
            b'x' => Self::Failed(client),
            other => panic!("no mark: {other}"),
        }
    }
}

/// One client as the marks describe it.
#[derive(Clone)]
pub(crate) struct Client {
    random: Random,
    version: u64,
    /// More than one after a failed step: its change may be found when the store is opened again.
    possible: HashSet<ClientState>,
    pending: Option<Step>,
}

impl Client {
    fn new(workload: &Workload, number: usize) -> Self {
        let random = Random(workload.seed.wrapping_mul(31).wrapping_add(number as u64));
        Self { random, version: 0, possible: HashSet::from([ClientState::default()]), pending: None }
    }

    fn ask(&mut self) -> (Step, u64) {
        let step = Step::random(&mut self.random);
        self.version += 1;
        self.pending = Some(step);
        (step, self.version)
    }

    fn acknowledge(&mut self) {
        let step = self.pending.take().unwrap();
        self.possible = self.possible.iter().map(|state| step.applied(state, self.version)).collect();
    }

    fn fail(&mut self) {
        self.possible = self.allowed();
        self.pending = None;
    }

    fn allowed(&self) -> HashSet<ClientState> {
        let mut allowed = self.possible.clone();
        if let Some(step) = self.pending {
            allowed.extend(self.possible.iter().map(|state| step.applied(state, self.version)));
        }
        allowed
    }
}

/// The allowed contents of all clients.
#[derive(Clone)]
pub(crate) struct Expected(Vec<Client>);

impl Expected {
    pub(crate) fn start(workload: &Workload) -> Self {
        Self((0..workload.clients).map(|number| Client::new(workload, number)).collect())
    }

    pub(crate) fn take(&mut self, mark: Mark) {
        match mark {
            Mark::Asked(client) => drop(self.0[client].ask()),
            Mark::Acknowledged(client) => self.0[client].acknowledge(),
            Mark::Failed(client) => self.0[client].fail(),
        }
    }

    /// Reads the marks of a child that has ended.
    pub(crate) fn from_marks(workload: &Workload, path: &Path) -> Self {
        let mut known = Self::start(workload);
        let marks = std::fs::read(path).unwrap_or_default();
        marks.chunks_exact(MARK_BYTES).for_each(|mark| known.take(Mark::read(mark)));
        known
    }

    /// The number of steps that were begun.
    pub(crate) fn steps(&self) -> u64 {
        self.0.iter().map(|client| client.version).sum()
    }

    /// Compares a store with what is allowed; the error describes the difference.
    pub(crate) async fn verify(&self, store: &SqliteStore) -> Result<(), String> {
        for (number, client) in self.0.iter().enumerate() {
            let found = observe(store, number).await.map_err(|why| format!("client {number}: {why}"))?;
            let allowed = client.allowed();
            if !allowed.contains(&found) {
                return Err(format!("client {number}: found {found:?}, allowed {allowed:?}"));
            }
        }
        store.probe().await.map_err(|error| format!("it can't be written: {error}"))
    }
}

fn app(client: usize) -> SdkAppId {
    SdkAppId(1_400_000_000 + client as u32)
}

fn name(who: usize) -> String {
    format!("user{who}")
}

/// The fields of a version; some fill a large part of a page.
fn fields(version: u64) -> [(&'static str, String); 3] {
    let filler = "y".repeat((version as usize * 37) % 400);
    [
        ("Tag_Profile_IM_Level", version.to_string()),
        ("Tag_Profile_IM_Nick", format!("version {version}")),
        ("Tag_Profile_IM_SelfSignature", filler),
    ]
}

/// The patch of a version, made once.
fn patch_of(version: u64) -> ProfilePatch {
    static MADE: Mutex<BTreeMap<u64, ProfilePatch>> = Mutex::new(BTreeMap::new());
    let made = || {
        let fields = fields(version);
        patch(&fields.each_ref().map(|(tag, text)| (*tag, text.as_str())))
    };
    MADE.lock().unwrap().entry(version).or_insert_with(made).clone()
}

fn profile(version: u64) -> Profile {
    let mut profile = Profile::default();
    profile.merge(&patch_of(version));
    profile
}

/// Reads the data of a client.
async fn observe(store: &SqliteStore, client: usize) -> Result<ClientState, String> {
    let fail = |error: StoreError| error.to_string();
    let users = (0..ACCOUNTS).map(|who| user(&name(who))).collect();
    let mut state = ClientState::default();
    let found = store.profiles(app(client), users).await.map_err(fail)?;
    for (who, found) in found.iter().enumerate() {
        state.accounts[who] = match found {
            Found::Missing => None,
            Found::Damaged => return Err(format!("account {who} is damaged")),
            Found::Profile(profile) => Some(match profile.get(Tag::Standard(StandardTag::Level)) {
                None => 0,
                Some(FieldValue::Uint(version)) => *version,
                Some(other) => return Err(format!("account {who}: {other:?}")),
            }),
        };
        let version = state.accounts[who].unwrap_or_default();
        if version > 0 && *found != Found::Profile(profile(version)) {
            return Err(format!("account {who}: not whole: {found:?}"));
        }
    }
    let events = store.events(app(client), EventState::Waiting, None, 100_000).await.map_err(fail)?;
    for event in events {
        let event = event.event.ok_or("an event is damaged")?;
        let who = event.user.as_str()[4..].parse().map_err(|_| format!("{event:?}"))?;
        let Some(FieldValue::Uint(version)) = event.items.first().map(|item| &item.value) else {
            return Err(format!("{event:?}"));
        };
        state.events.push((who, *version));
    }
    let catalog = store.catalog().await.map_err(fail)?;
    let record = catalog.iter().find(|record| record.settings.id == app(client));
    state.revision = record.map_or(0, |record| record.revision);
    Ok(state)
}

async fn take(
    store: &SqliteStore,
    client: usize,
    step: Step,
    version: u64,
    revision: u64,
) -> Result<(), StoreError> {
    let (app, at) = (app(client), UnixMillis(version));
    let origin = Some(Origin {
        id: EventId(version.into()),
        operator: "administrator".into(),
        client_ip: [127, 0, 0, 1].into(),
    });
    match step {
        Step::Set(who) => {
            let change = Change { app, user: user(&name(who)), patch: patch_of(version), at, origin };
            match store.apply(change).await {
                Err(StoreError::NoSuchAccount) => Ok(()),
                other => other,
            }
        }
        Step::Import => {
            let seeds = (0..ACCOUNTS)
                .map(|who| AccountSeed {
                    user: NewUserId::parse(&name(who)).unwrap(),
                    patch: patch_of(version),
                })
                .collect();
            store.import(app, seeds, at, origin).await
        }
        Step::DeleteAll => {
            store.delete(app, (0..ACCOUNTS).map(|who| user(&name(who))).collect()).await.map(drop)
        }
        Step::RecordDeliveries(count) => {
            let events = store.events(app, EventState::Waiting, None, count).await?;
            store
                .record_deliveries(
                    app,
                    events.iter().map(|event| (event.seq, DeliveryOutcome::Delivered)).collect(),
                )
                .await
        }
        Step::PutApp => {
            let mut settings = AppSettings::new(app);
            settings.name = format!("{version}");
            store.put_app(settings, (revision > 0).then_some(revision)).await.map(drop)
        }
    }
}

/// Runs a workload in this process. A client whose step fails marks that and continues.
pub(crate) async fn run(workload: &Workload, data: &Path, marks: &Path) {
    let marks = Arc::new(File::options().append(true).create(true).open(marks).unwrap());
    let mut clients = Expected::start(workload).0;
    let mut random = Random(workload.seed);
    let mut store = Arc::new(open(data).await);
    for round in 1..=workload.rounds {
        let running: Vec<_> = clients
            .into_iter()
            .enumerate()
            .map(|(number, client)| {
                let (store, marks, steps) = (Arc::clone(&store), Arc::clone(&marks), workload.steps);
                tokio::spawn(async move { run_round(&store, &marks, number, client, steps).await })
            })
            .collect();
        clients = Vec::new();
        for client in running {
            clients.push(client.await.unwrap());
        }
        if round == workload.rounds {
            return;
        }
        match random.below(if workload.pauses { 4 } else { 2 }) {
            0 => {
                store.close().await;
                drop(store);
                store = Arc::new(open(data).await);
            }
            1 => {
                drop(store);
                store = Arc::new(open(data).await);
            }
            _ => tokio::time::sleep(Duration::from_millis(2100 + random.below(900))).await,
        }
    }
}

/// On a disk that fails, starting may take several attempts.
async fn open(data: &Path) -> SqliteStore {
    for _ in 0..2000 {
        // A few frames for each segment: most faults then fall into applying, or into a change of files.
        let settings = SqliteSettings { journal_bytes_max: 32 << 10, ..SqliteSettings::default() };
        match SqliteStore::open_with(data, settings) {
            Ok(store) => return store,
            Err(error) => eprintln!("{error}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it does not open any more");
}

async fn run_round(
    store: &SqliteStore,
    marks: &File,
    number: usize,
    mut client: Client,
    steps: usize,
) -> Client {
    let leave = |mark: Mark| (&*marks).write_all(&mark.bytes()).unwrap();
    for _ in 0..steps {
        // Several states are possible after a restart that brought back a failed step.
        let before = observe(store, number).await;
        if let Ok(state) = &before {
            assert!(client.possible.contains(state), "client {number}: {state:?}");
        }
        let revision = before.as_ref().map_or(0, |state| state.revision);
        leave(Mark::Asked(number));
        let (step, version) = client.ask();
        match take(store, number, step, version, revision).await {
            Ok(()) => {
                client.acknowledge();
                leave(Mark::Acknowledged(number));
            }
            Err(error) => {
                eprintln!("client {number}, step {version}: {error}");
                client.fail();
                leave(Mark::Failed(number));
                // A failed step must not be read.
                if let (Ok(before), Ok(after)) = (&before, &observe(store, number).await) {
                    assert_eq!(before, after, "client {number}: a step that failed is seen");
                }
                wait_until_writable(store).await;
            }
        }
    }
    client
}

/// Waits until the store can be written again, without a restart.
async fn wait_until_writable(store: &SqliteStore) {
    for _ in 0..2000 {
        if store.probe().await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it can't be written any more");
}
