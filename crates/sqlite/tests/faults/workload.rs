//! A story of random operations on a real store, told by a process of its own, and what may be found after it broke off.
//!
//! Each client has an app of its own and does one thing after the other, so that what it knows is simple: everything
//! acknowledged is there, and of the one step that was not answered all or nothing. Before each step and after each answer
//! the teller leaves a mark in a file; the marks survive the teller.

use crate::random::Random;
use portraitd_model::{
    AccountSeed, AppSettings, EventId, FieldValue, NewUserId, Origin, Profile, ProfilePatch, SdkAppId,
    StandardTag, Tag, UnixMillis,
};
use portraitd_sqlite::SqliteStore;
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

/// What one client has in the store.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub(crate) struct State {
    /// The version that each account carries; 0 without fields, `None` without an account.
    accounts: [Option<u64>; ACCOUNTS],
    /// Account and version of each event that waits.
    events: Vec<(usize, u64)>,
    revision: u64,
}

/// One thing that a client does. The version is the step's own number, so that every value names who wrote it.
#[derive(Clone, Copy, Debug)]
enum Step {
    Set(usize),
    /// All accounts in one unit.
    Import,
    DeleteAll,
    /// The oldest events were delivered.
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

    fn applied(self, state: &State, version: u64) -> State {
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

/// How a story goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Story {
    pub seed: u64,
    pub clients: usize,
    /// Steps of each client in each chapter.
    pub steps: usize,
    /// After each chapter but the last the store rests, is closed, or is dropped.
    pub chapters: usize,
    /// Whether a rest is long enough for the log to be copied.
    pub rests: bool,
}

/// What the teller left behind: who, which step, and how it stands.
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

/// One client as the marks so far describe it.
#[derive(Clone)]
pub(crate) struct Client {
    random: Random,
    version: u64,
    /// More than one after a step that failed: it may come back when the store is opened again.
    possible: HashSet<State>,
    pending: Option<Step>,
}

impl Client {
    fn new(story: &Story, number: usize) -> Self {
        let random = Random(story.seed.wrapping_mul(31).wrapping_add(number as u64));
        Self { random, version: 0, possible: HashSet::from([State::default()]), pending: None }
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

    fn allowed(&self) -> HashSet<State> {
        let mut allowed = self.possible.clone();
        if let Some(step) = self.pending {
            allowed.extend(self.possible.iter().map(|state| step.applied(state, self.version)));
        }
        allowed
    }
}

/// What is known of all clients.
#[derive(Clone)]
pub(crate) struct Known(Vec<Client>);

impl Known {
    pub(crate) fn start(story: &Story) -> Self {
        Self((0..story.clients).map(|number| Client::new(story, number)).collect())
    }

    pub(crate) fn take(&mut self, mark: Mark) {
        match mark {
            Mark::Asked(client) => drop(self.0[client].ask()),
            Mark::Acknowledged(client) => self.0[client].acknowledge(),
            Mark::Failed(client) => self.0[client].fail(),
        }
    }

    /// From the file of a teller that is gone.
    pub(crate) fn from_marks(story: &Story, path: &Path) -> Self {
        let mut known = Self::start(story);
        let marks = std::fs::read(path).unwrap_or_default();
        marks.chunks_exact(MARK_BYTES).for_each(|mark| known.take(Mark::read(mark)));
        known
    }

    /// So many steps were acknowledged.
    pub(crate) fn steps(&self) -> u64 {
        self.0.iter().map(|client| client.version).sum()
    }

    /// What is wrong with a store, if anything is.
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

/// The fields of a version; some take a good part of a page.
fn fields(version: u64) -> [(&'static str, String); 3] {
    let filler = "y".repeat((version as usize * 37) % 400);
    [
        ("Tag_Profile_IM_Level", version.to_string()),
        ("Tag_Profile_IM_Nick", format!("version {version}")),
        ("Tag_Profile_IM_SelfSignature", filler),
    ]
}

/// What a version sets, made once.
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

/// Reads what a client has.
async fn observe(store: &SqliteStore, client: usize) -> Result<State, String> {
    let fail = |error: StoreError| error.to_string();
    let users = (0..ACCOUNTS).map(|who| user(&name(who))).collect();
    let mut state = State::default();
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

/// Tells a story in this process. Gives what is known at its end; whoever fails says so and goes on.
pub(crate) async fn tell(story: &Story, data: &Path, marks: &Path) {
    let marks = Arc::new(File::options().append(true).create(true).open(marks).unwrap());
    let mut clients = Known::start(story).0;
    let mut random = Random(story.seed);
    let mut store = Arc::new(open(data).await);
    for chapter in 1..=story.chapters {
        let told: Vec<_> = clients
            .into_iter()
            .enumerate()
            .map(|(number, client)| {
                let (store, marks, steps) = (Arc::clone(&store), Arc::clone(&marks), story.steps);
                tokio::spawn(async move { chapter_of(&store, &marks, number, client, steps).await })
            })
            .collect();
        clients = Vec::new();
        for client in told {
            clients.push(client.await.unwrap());
        }
        if chapter == story.chapters {
            return;
        }
        match random.below(if story.rests { 4 } else { 2 }) {
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
        match SqliteStore::open(data) {
            Ok(store) => return store,
            Err(error) => eprintln!("{error}"),
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it does not open any more");
}

async fn chapter_of(
    store: &SqliteStore,
    marks: &File,
    number: usize,
    mut client: Client,
    steps: usize,
) -> Client {
    let leave = |mark: Mark| (&*marks).write_all(&mark.bytes()).unwrap();
    for _ in 0..steps {
        // After a restart that brought back a step that had failed, this is more than one.
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
                // Not acknowledged, so not read either.
                if let (Ok(before), Ok(after)) = (&before, &observe(store, number).await) {
                    assert_eq!(before, after, "client {number}: a step that failed is seen");
                }
                heals(store).await;
            }
        }
    }
    client
}

/// Waits until the store can be written again, without a restart.
async fn heals(store: &SqliteStore) {
    for _ in 0..2000 {
        if store.probe().await.is_ok() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it does not heal");
}
