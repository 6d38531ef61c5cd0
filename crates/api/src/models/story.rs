//! An app whose keys are changed, whose admins are changed and one of whose admins is kicked, while calls come in.

use super::sync::scheduling_point;
use crate::authenticate::verify;
use crate::query::Query;
use crate::registry::{App, Registry};
use portraitd_model::{
    AccountSeed, AppKey, AppSettings, KeyId, KeyRecord, NewUserId, ProfilePatch, SdkAppId, SignRequest,
    UnixMillis, UnixSeconds, UserId, UserSig, sign,
};
use portraitd_store::{MemoryStore, Store, StoreError};
use portraitd_test_support::schedules::{check, failure_of};
use shuttle::rand::{Rng, thread_rng};
use shuttle::{future, thread};
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

const APP: SdkAppId = SdkAppId(1_400_000_000);
const KEYS: [&str; 2] = ["old", "new"];
const SIGNED: UnixSeconds = UnixSeconds(10);
const KICKED: UnixSeconds = UnixSeconds(20);
const NOW: UnixSeconds = UnixSeconds(30);

/// Made an admin by the story, and kicked.
const BOSS: &str = "boss";

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn key(number: u32) -> KeyRecord {
    let text = KEYS[usize::try_from(number).unwrap()];
    KeyRecord { id: KeyId(number), key: AppKey::parse(text).unwrap() }
}

fn sig(identifier: &str) -> String {
    let identifier = user(identifier);
    let request = SignRequest { app: APP, identifier, time: SIGNED, expire: 1000, userbuf: None };
    sign(&key(0).key, request)
}

/// What has been asked for, and what was acknowledged.
#[derive(Default)]
struct Known {
    removal_asked: AtomicBool,
    key_removed: AtomicBool,
    kicked: AtomicBool,
    revision: AtomicU64,
}

/// How a caller is known, and how a kick is put into force.
#[derive(Clone, Copy)]
struct Ways {
    authenticate: fn(&Stage, &str, &str) -> Result<(), &'static str>,
    kick: fn(&Stage),
}

const AS_SHIPPED: Ways = Ways { authenticate, kick };

struct Stage {
    store: Arc<dyn Store>,
    registry: Registry,
    known: Known,
    /// For a way that is wrong.
    remembered: Mutex<HashMap<String, Arc<UserSig>>>,
}

impl Stage {
    fn new() -> Self {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let mut settings = AppSettings::new(APP);
        (settings.keys, settings.name) = (vec![key(0)], "1".into());
        let registry = future::block_on(async {
            store.put_app(settings, None).await.unwrap();
            let seed = AccountSeed { user: NewUserId::parse(BOSS).unwrap(), patch: ProfilePatch::default() };
            store.import(APP, vec![seed], UnixMillis(1), None).await.unwrap();
            Registry::load(Arc::clone(&store)).await.unwrap()
        });
        Self { store, registry, known: Known::default(), remembered: Mutex::default() }
    }

    fn app(&self) -> Arc<App> {
        let app = self.registry.app(APP).unwrap();
        assert_eq!(app.settings.name, app.revision.to_string(), "half a reload");
        app
    }

    /// As the admin API changes settings.
    fn change(&self, change: impl Fn(&mut AppSettings)) {
        loop {
            let stored = future::block_on(self.store.catalog()).unwrap().remove(0);
            let (mut settings, next) = (stored.settings, stored.revision + 1);
            change(&mut settings);
            settings.name = next.to_string();
            scheduling_point();
            match future::block_on(self.store.put_app(settings, Some(stored.revision))) {
                Ok(revision) => {
                    assert_eq!(revision, next);
                    future::block_on(self.registry.reload()).unwrap();
                    self.known.revision.fetch_max(revision, Ordering::SeqCst);
                    return;
                }
                Err(StoreError::Conflict) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }
}

/// The gateway's steps.
fn authenticate(stage: &Stage, identifier: &str, usersig: &str) -> Result<(), &'static str> {
    let app = stage.app();
    let known = app.verified.get(usersig);
    let query = Query { sdk_app_id: Some(APP), identifier: identifier.into(), usersig: usersig.into() };
    let sig = verify(&app, &query, known, NOW).map_err(|_| "wrong key")?;
    admitted(stage, &app, identifier, &sig)
}

fn admitted(stage: &Stage, app: &App, identifier: &str, sig: &UserSig) -> Result<(), &'static str> {
    let is_admin = app.settings.is_admin(identifier);
    scheduling_point();
    let kicked_at = if is_admin {
        app.kicked_admins.get(&user(identifier)).copied()
    } else {
        let states = future::block_on(stage.store.states(APP, vec![user(identifier)])).unwrap();
        states.first().copied().flatten().and_then(|state| state.kicked_at)
    };
    match () {
        () if kicked_at >= Some(sig.issued_at()) => Err("kicked"),
        () if is_admin => Ok(()),
        () => Err("no admin"),
    }
}

fn kick(stage: &Stage) {
    future::block_on(stage.store.kick(APP, user(BOSS), KICKED)).unwrap();
    scheduling_point();
    future::block_on(stage.registry.kicked(APP, user(BOSS))).unwrap();
}

/// One who calls three times.
fn call(stage: &Stage, identifier: &str, usersig: &str, ways: Ways) {
    let (known, mut seen) = (&stage.known, 0);
    for _ in 0..3 {
        let flag = |flag: &AtomicBool| flag.load(Ordering::SeqCst);
        let (key_removed, kicked) = (flag(&known.key_removed), flag(&known.kicked));
        let least = known.revision.load(Ordering::SeqCst).max(seen);
        let answer = (ways.authenticate)(stage, identifier, usersig);
        if key_removed {
            answer.expect_err("a key that is gone opens the door");
        } else if kicked && identifier == BOSS {
            answer.expect_err("a kick is not in force");
        } else if !flag(&known.removal_asked) && identifier != BOSS {
            answer.expect("a key in force is refused");
        }
        seen = stage.app().revision;
        assert!(seen >= least, "settings of revision {seen} are in force after {least}");
    }
}

fn story(ways: Ways, sigs: &[(&'static str, String)]) {
    let stage = Arc::new(Stage::new());
    let on = |play: Box<dyn FnOnce(&Stage) + Send>| {
        let stage = Arc::clone(&stage);
        thread::spawn(move || play(&stage))
    };
    let mut players = vec![
        on(Box::new(|stage| {
            stage.change(|settings| settings.keys = vec![key(0), key(1)]);
            stage.known.removal_asked.store(true, Ordering::SeqCst);
            stage.change(|settings| settings.keys = vec![key(1)]);
            stage.known.key_removed.store(true, Ordering::SeqCst);
        })),
        on(Box::new(|stage| stage.change(|settings| settings.admins.push(user(BOSS))))),
        on(Box::new(move |stage| {
            for _ in 0..thread_rng().gen_range(0..30) {
                scheduling_point();
            }
            (ways.kick)(stage);
            stage.known.kicked.store(true, Ordering::SeqCst);
        })),
    ];
    for (identifier, usersig) in sigs.iter().cloned() {
        players.push(on(Box::new(move |stage| call(stage, identifier, &usersig, ways))));
    }
    for player in players {
        player.join().unwrap();
    }
    let stored = future::block_on(stage.store.catalog()).unwrap().remove(0);
    let app = stage.app();
    assert_eq!((app.revision, &app.kicked_admins), (stored.revision, &stored.kicked_admins));
}

fn sigs() -> Vec<(&'static str, String)> {
    vec![(AppSettings::ADMINISTRATOR, sig(AppSettings::ADMINISTRATOR)), (BOSS, sig(BOSS))]
}

#[test]
fn what_was_acknowledged_is_in_force_and_nothing_else() {
    let sigs = sigs();
    check(2000, move || story(AS_SHIPPED, &sigs));
}

/// The model can fail: verified UserSigs that outlive the settings they were verified with; a kick that asks the settings which the
/// kicking call began with (as this server once did).
#[test]
fn careless_ways_are_found_out() {
    fn remembering(stage: &Stage, identifier: &str, usersig: &str) -> Result<(), &'static str> {
        let app = stage.app();
        let known = stage.remembered.lock().unwrap().get(usersig).cloned();
        let query = Query { sdk_app_id: Some(APP), identifier: identifier.into(), usersig: usersig.into() };
        let sig = verify(&app, &query, known, NOW).map_err(|_| "wrong key")?;
        stage.remembered.lock().unwrap().insert(usersig.to_owned(), Arc::clone(&sig));
        admitted(stage, &app, identifier, &sig)
    }
    fn kicking(stage: &Stage) {
        let app = stage.app();
        future::block_on(stage.store.kick(APP, user(BOSS), KICKED)).unwrap();
        if app.settings.is_admin(BOSS) {
            future::block_on(stage.registry.reload()).unwrap();
        }
    }
    for (ways, expected) in [
        (Ways { authenticate: remembering, ..AS_SHIPPED }, "a key that is gone"),
        (Ways { kick: kicking, ..AS_SHIPPED }, "kick"),
    ] {
        let sigs = sigs();
        let found = failure_of(5000, move || story(ways, &sigs));
        assert!(found.contains(expected), "{found}");
    }
}
