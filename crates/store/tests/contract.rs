//! The one story that every engine must pass, and random operations against the reference engine.

#![expect(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{APP, OTHER, block_on, found, patch, seed, settings, user};
use portrait_model::{UnixMillis, UnixSeconds};
use portrait_store::{Change, Found, MemoryStore, SqliteStore, Store, StoreError};
use proptest::prelude::*;

/// Runs one chapter on a fresh store of each engine.
#[expect(clippy::needless_pass_by_value, reason = "closures are written in place")]
fn on_each_engine(chapter: impl AsyncFn(&dyn Store)) {
    block_on(chapter(&MemoryStore::new()));
    let dir = tempfile::tempdir().unwrap();
    block_on(chapter(&SqliteStore::open(dir.path()).unwrap()));
}

fn change(app: portrait_model::SdkAppId, name: &str, fields: &[(&str, &str)]) -> Change {
    Change { app, user: user(name), patch: patch(fields), at: UnixMillis(1), origin: None }
}

const NICK: &str = "Tag_Profile_IM_Nick";
const LEVEL: &str = "Tag_Profile_IM_Level";

#[test]
fn a_change_needs_an_account_and_leaves_other_fields() {
    on_each_engine(async |store| {
        assert_eq!(store.apply(change(APP, "a", &[(NICK, "x")])).await, Err(StoreError::NoSuchAccount));
        assert_eq!(store.profiles(APP, vec![user("a")]).await.unwrap(), [Found::Missing]);
        store.import(APP, vec![seed("a", &[])], UnixMillis(1), None).await.unwrap();
        assert_eq!(store.profiles(APP, vec![user("a")]).await.unwrap(), [found(&[])]);
        store.apply(change(APP, "a", &[(NICK, "x"), (LEVEL, "1")])).await.unwrap();
        store.apply(change(APP, "a", &[(LEVEL, "2")])).await.unwrap();
        let wanted = vec![user("a"), user("b"), user("a")];
        let full = found(&[(NICK, "x"), (LEVEL, "2")]);
        assert_eq!(store.profiles(APP, wanted).await.unwrap(), [full.clone(), Found::Missing, full]);
        assert_eq!(store.profiles(OTHER, vec![user("a")]).await.unwrap(), [Found::Missing], "apps are apart");
    });
}

#[test]
fn imports_create_and_update() {
    on_each_engine(async |store| {
        store
            .import(APP, vec![seed("a", &[(NICK, "x")]), seed("b", &[])], UnixMillis(1), None)
            .await
            .unwrap();
        store
            .import(
                APP,
                vec![seed("a", &[]), seed("c", &[(NICK, "1")]), seed("c", &[(LEVEL, "3")])],
                UnixMillis(2),
                None,
            )
            .await
            .unwrap();
        let users = ["a", "b", "c"].map(user).to_vec();
        let expected = [found(&[(NICK, "x")]), found(&[]), found(&[(NICK, "1"), (LEVEL, "3")])];
        assert_eq!(store.profiles(APP, users).await.unwrap(), expected);
    });
}

#[test]
fn deletion_takes_the_profile_along() {
    on_each_engine(async |store| {
        store.import(APP, vec![seed("a", &[(NICK, "x")])], UnixMillis(1), None).await.unwrap();
        store.import(OTHER, vec![seed("a", &[(NICK, "y")])], UnixMillis(1), None).await.unwrap();
        store.kick(APP, user("a"), UnixSeconds(5)).await.unwrap();
        let users = vec![user("a"), user("ghost"), user("a")];
        assert_eq!(store.delete(APP, users).await.unwrap(), [true, false, false]);
        assert_eq!(store.states(APP, vec![user("a")]).await.unwrap(), [None]);
        store.import(APP, vec![seed("a", &[])], UnixMillis(2), None).await.unwrap();
        assert_eq!(store.profiles(APP, vec![user("a")]).await.unwrap(), [found(&[])]);
        assert_eq!(store.states(APP, vec![user("a")]).await.unwrap()[0].unwrap().kicked_at, None);
        assert_eq!(store.profiles(OTHER, vec![user("a")]).await.unwrap(), [found(&[(NICK, "y")])]);
    });
}

#[test]
fn a_kick_never_moves_back() {
    on_each_engine(async |store| {
        assert_eq!(store.kick(APP, user("a"), UnixSeconds(5)).await, Err(StoreError::NoSuchAccount));
        store.import(APP, vec![seed("a", &[])], UnixMillis(1), None).await.unwrap();
        for (at, expected) in [(5, 5), (9, 9), (7, 9)] {
            store.kick(APP, user("a"), UnixSeconds(at)).await.unwrap();
            let states = store.states(APP, vec![user("a"), user("b")]).await.unwrap();
            assert_eq!(states[0].unwrap().kicked_at, Some(UnixSeconds(expected)));
            assert_eq!(states[1], None);
        }
    });
}

#[test]
fn accounts_are_listed_page_by_page() {
    on_each_engine(async |store| {
        let names = ["a", "ab", "abc", "b", "é", "管理员", " ", "\u{10FFFF}z"];
        store
            .import(APP, names.iter().map(|name| seed(name, &[])).collect(), UnixMillis(1), None)
            .await
            .unwrap();
        store.import(OTHER, vec![seed("zz", &[])], UnixMillis(1), None).await.unwrap();
        let mut sorted = names.map(user).to_vec();
        sorted.sort();
        assert_eq!(store.accounts_page(APP, String::new(), None, 100).await.unwrap(), sorted);
        let page = store.accounts_page(APP, "a".into(), None, 2).await.unwrap();
        assert_eq!(page, [user("a"), user("ab")]);
        assert_eq!(store.accounts_page(APP, "a".into(), Some(user("ab")), 2).await.unwrap(), [user("abc")]);
        assert_eq!(
            store.accounts_page(APP, "\u{10FFFF}".into(), None, 9).await.unwrap(),
            [user("\u{10FFFF}z")]
        );
    });
}

#[test]
fn settings_change_by_revision_and_admins_are_accounts() {
    on_each_engine(async |store| {
        assert!(store.catalog().await.unwrap().is_empty());
        assert_eq!(store.put_app(settings(APP, "one"), Some(1)).await, Err(StoreError::Conflict));
        assert_eq!(store.put_app(settings(APP, "one"), None).await, Ok(1));
        assert_eq!(store.put_app(settings(APP, "again"), None).await, Err(StoreError::Conflict));
        assert_eq!(store.put_app(settings(APP, "two"), Some(1)).await, Ok(2));
        store.put_app(settings(OTHER, "three"), None).await.unwrap();
        assert_eq!(store.profiles(APP, vec![user("administrator")]).await.unwrap(), [found(&[])]);
        store.kick(APP, user("administrator"), UnixSeconds(7)).await.unwrap();
        let catalog = store.catalog().await.unwrap();
        assert_eq!(
            catalog.iter().map(|record| record.settings.clone()).collect::<Vec<_>>(),
            [settings(APP, "two"), settings(OTHER, "three")]
        );
        assert_eq!((catalog[0].revision, catalog[1].revision), (2, 1));
        assert_eq!(catalog[0].kicked_admins.get(&user("administrator")), Some(&UnixSeconds(7)));
        assert!(catalog[1].kicked_admins.is_empty());
    });
}

#[test]
fn a_closed_store_says_so() {
    on_each_engine(async |store| {
        store.import(APP, vec![seed("a", &[])], UnixMillis(1), None).await.unwrap();
        store.probe().await.unwrap();
        assert!(store.stats().changes >= 2 && store.stats().commits >= 1);
        store.close().await;
        store.close().await;
        assert!(matches!(store.probe().await, Err(StoreError::Unavailable(_))));
        assert!(matches!(store.profiles(APP, vec![user("a")]).await, Err(StoreError::Unavailable(_))));
    });
}

#[derive(Clone, Debug)]
enum Step {
    Apply(u8, bool, u64),
    Import(Vec<(u8, Option<u64>)>),
    Delete(Vec<u8>),
    Kick(u8, u64),
    Reopen,
}

fn any_step() -> impl Strategy<Value = Step> {
    let who = 0_u8..6;
    prop_oneof![
        6 => (who.clone(), any::<bool>(), 0_u64..100).prop_map(|(who, level, n)| Step::Apply(who, level, n)),
        2 => prop::collection::vec((who.clone(), prop::option::of(0_u64..100)), 0..4).prop_map(Step::Import),
        1 => prop::collection::vec(who.clone(), 0..3).prop_map(Step::Delete),
        1 => (who, 0_u64..100).prop_map(|(who, at)| Step::Kick(who, at)),
        1 => Just(Step::Reopen),
    ]
}

/// What a step answers, as text that can be compared.
async fn take(store: &dyn Store, step: &Step) -> String {
    let name = |who: u8| format!("user{who}");
    match step {
        Step::Apply(who, level, n) => {
            let (n, tag) = (n.to_string(), if *level { LEVEL } else { NICK });
            format!("{:?}", store.apply(change(APP, &name(*who), &[(tag, &n)])).await)
        }
        Step::Import(seeds) => {
            let seeds = seeds.iter().map(|(who, n)| match n {
                Some(n) => seed(&name(*who), &[(LEVEL, &n.to_string())]),
                None => seed(&name(*who), &[]),
            });
            format!("{:?}", store.import(APP, seeds.collect(), UnixMillis(1), None).await)
        }
        Step::Delete(users) => {
            format!("{:?}", store.delete(APP, users.iter().map(|who| user(&name(*who))).collect()).await)
        }
        Step::Kick(who, at) => format!("{:?}", store.kick(APP, user(&name(*who)), UnixSeconds(*at)).await),
        Step::Reopen => String::new(),
    }
}

async fn picture(store: &dyn Store) -> String {
    let users = store.accounts_page(APP, String::new(), None, 100).await.unwrap();
    let (profiles, states) =
        (store.profiles(APP, users.clone()).await, store.states(APP, users.clone()).await);
    format!("{users:?} {profiles:?} {states:?}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn sqlite_does_what_the_reference_does(steps in prop::collection::vec(any_step(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        block_on(async {
            let reference = MemoryStore::new();
            let mut store = SqliteStore::open(dir.path()).unwrap();
            for step in &steps {
                if matches!(step, Step::Reopen) {
                    store.close().await;
                    store = SqliteStore::open(dir.path()).unwrap();
                }
                prop_assert_eq!(take(&store, step).await, take(&reference, step).await);
            }
            prop_assert_eq!(picture(&store).await, picture(&reference).await);
            Ok(())
        })?;
    }
}
