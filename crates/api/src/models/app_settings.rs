//! An app whose keys and admins change and one of whose admins is kicked, during calls.

use super::primitives::scheduling_point;
use crate::authenticate::verify;
use crate::query::Query;
use crate::registry::{App, Registry};
use crate::sig_cache::VerifiedSig;
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

/// Made an admin during the test, and kicked.
const BOSS: &str = "boss";

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

fn key(number: u32) -> KeyRecord {
    let text = KEYS[usize::try_from(number).unwrap()];
    KeyRecord { id: KeyId(number), key: AppKey::parse(text).unwrap(), created: None }
}

fn sig(identifier: &str) -> String {
    let identifier = user(identifier);
    let request = SignRequest { app: APP, identifier, time: SIGNED, expire: 1000, userbuf: None };
    sign(&key(0).key, request)
}

/// The changes that were requested, and those that were acknowledged.
#[derive(Default)]
struct Changes {
    removal_requested: AtomicBool,
    key_removed: AtomicBool,
    kicked: AtomicBool,
    revision: AtomicU64,
}

/// An implementation of authentication and of a kick.
#[derive(Clone, Copy)]
struct Implementation {
    authenticate: fn(&Fixture, &str, &str) -> Result<(), &'static str>,
    kick: fn(&Fixture),
}

const PRODUCT: Implementation = Implementation { authenticate, kick };

struct Fixture {
    store: Arc<dyn Store>,
    registry: Registry,
    changes: Changes,
    /// The cache of an implementation that is wrong.
    wrong_cache: Mutex<HashMap<String, Arc<VerifiedSig>>>,
}

impl Fixture {
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
        Self { store, registry, changes: Changes::default(), wrong_cache: Mutex::default() }
    }

    fn app(&self) -> Arc<App> {
        let app = self.registry.app(APP).unwrap();
        assert_eq!(app.settings.name, app.revision.to_string(), "half a reload");
        app
    }

    /// Changes settings as the admin API does.
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
                    self.changes.revision.fetch_max(revision, Ordering::SeqCst);
                    return;
                }
                Err(StoreError::Conflict) => {}
                Err(other) => panic!("{other}"),
            }
        }
    }
}

/// Authenticates with the gateway's steps.
fn authenticate(fixture: &Fixture, identifier: &str, usersig: &str) -> Result<(), &'static str> {
    let app = fixture.app();
    let cached = app.verified.get(usersig);
    let query = Query { sdk_app_id: Some(APP), identifier: identifier.into(), usersig: usersig.into() };
    let sig = verify(&app, &query, cached, NOW).map_err(|_| "wrong key")?;
    check_admin(fixture, &app, identifier, &sig.sig)
}

fn check_admin(fixture: &Fixture, app: &App, identifier: &str, sig: &UserSig) -> Result<(), &'static str> {
    let is_admin = app.settings.is_admin(identifier);
    scheduling_point();
    let kicked_at = if is_admin {
        app.kicked_admins.get(&user(identifier)).copied()
    } else {
        let states = future::block_on(fixture.store.states(APP, vec![user(identifier)])).unwrap();
        states.first().copied().flatten().and_then(|state| state.kicked_at)
    };
    if kicked_at >= Some(sig.issued_at()) {
        Err("kicked")
    } else if is_admin {
        Ok(())
    } else {
        Err("no admin")
    }
}

fn kick(fixture: &Fixture) {
    future::block_on(fixture.store.kick(APP, user(BOSS), KICKED)).unwrap();
    scheduling_point();
    future::block_on(fixture.registry.apply_kick(APP, user(BOSS))).unwrap();
}

/// Calls three times.
fn call(fixture: &Fixture, identifier: &str, usersig: &str, implementation: Implementation) {
    let (changes, mut seen) = (&fixture.changes, 0);
    for _ in 0..3 {
        let flag = |flag: &AtomicBool| flag.load(Ordering::SeqCst);
        let (key_removed, kicked) = (flag(&changes.key_removed), flag(&changes.kicked));
        let least = changes.revision.load(Ordering::SeqCst).max(seen);
        let answer = (implementation.authenticate)(fixture, identifier, usersig);
        if key_removed {
            answer.expect_err("a removed key is accepted");
        } else if kicked && identifier == BOSS {
            answer.expect_err("a kick has no effect");
        } else if !flag(&changes.removal_requested) && identifier != BOSS {
            answer.expect("a valid key is refused");
        }
        seen = fixture.app().revision;
        assert!(seen >= least, "settings of revision {seen} are in effect after {least}");
    }
}

fn run_calls_during_changes(implementation: Implementation, sigs: &[(&'static str, String)]) {
    let fixture = Arc::new(Fixture::new());
    let on = |task: Box<dyn FnOnce(&Fixture) + Send>| {
        let fixture = Arc::clone(&fixture);
        thread::spawn(move || task(&fixture))
    };
    let mut threads = vec![
        on(Box::new(|fixture| {
            fixture.change(|settings| settings.keys = vec![key(0), key(1)]);
            fixture.changes.removal_requested.store(true, Ordering::SeqCst);
            fixture.change(|settings| settings.keys = vec![key(1)]);
            fixture.changes.key_removed.store(true, Ordering::SeqCst);
        })),
        on(Box::new(|fixture| fixture.change(|settings| settings.admins.push(user(BOSS))))),
        on(Box::new(move |fixture| {
            for _ in 0..thread_rng().gen_range(0..30) {
                scheduling_point();
            }
            (implementation.kick)(fixture);
            fixture.changes.kicked.store(true, Ordering::SeqCst);
        })),
    ];
    for (identifier, usersig) in sigs.iter().cloned() {
        threads.push(on(Box::new(move |fixture| call(fixture, identifier, &usersig, implementation))));
    }
    for thread in threads {
        thread.join().unwrap();
    }
    let stored = future::block_on(fixture.store.catalog()).unwrap().remove(0);
    let app = fixture.app();
    assert_eq!((app.revision, &app.kicked_admins), (stored.revision, &stored.kicked_admins));
}

fn sigs() -> Vec<(&'static str, String)> {
    vec![(AppSettings::ADMINISTRATOR, sig(AppSettings::ADMINISTRATOR)), (BOSS, sig(BOSS))]
}

#[test]
fn acknowledged_changes_are_in_effect_and_no_others() {
    let sigs = sigs();
    check(2000, move || run_calls_during_changes(PRODUCT, &sigs));
}

/// The test finds wrong implementations: a cache of UserSigs that outlives the settings they were verified with; a kick that
/// uses the settings from the start of its call (as this server once did).
#[test]
fn wrong_implementations_are_found() {
    fn cache_across_settings(fixture: &Fixture, identifier: &str, usersig: &str) -> Result<(), &'static str> {
        let app = fixture.app();
        let cached = fixture.wrong_cache.lock().unwrap().get(usersig).cloned();
        let query = Query { sdk_app_id: Some(APP), identifier: identifier.into(), usersig: usersig.into() };
        let sig = verify(&app, &query, cached, NOW).map_err(|_| "wrong key")?;
        fixture.wrong_cache.lock().unwrap().insert(usersig.to_owned(), Arc::clone(&sig));
        check_admin(fixture, &app, identifier, &sig.sig)
    }
    fn kick_with_old_settings(fixture: &Fixture) {
        let app = fixture.app();
        future::block_on(fixture.store.kick(APP, user(BOSS), KICKED)).unwrap();
        if app.settings.is_admin(BOSS) {
            future::block_on(fixture.registry.reload()).unwrap();
        }
    }
    for (implementation, expected) in [
        (Implementation { authenticate: cache_across_settings, ..PRODUCT }, "a removed key"),
        (Implementation { kick: kick_with_old_settings, ..PRODUCT }, "kick"),
    ] {
        let sigs = sigs();
        let found = failure_of(5000, move || run_calls_during_changes(implementation, &sigs));
        assert!(found.contains(expected), "{found}");
    }
}
