//! The admin tables: tokens, the audit log in the same unit as the change, the removal of an app, and the counts.

use super::accounts::import_after;
use super::outbox::{change, park, parked, waiting};
use crate::fixtures::{APP, NICK, OTHER, found, patch, seed, settings, user};
use portraitd_model::{CustomKeyword, SdkAppId, StandardTag, Tag, UnixMillis, UnixSeconds};
use portraitd_store::{
    AuditNote, AuditSeq, CallTally, Change, Delete, EventState, Found, Import, NoteOnly, PutApp, PutToken,
    RemoveApp, RemoveToken, Selection, Store, StoreError, TOKENS_MAX, TokenRecord, TokenRole,
};

#[expect(clippy::unnecessary_wraps, reason = "the type of the argument of `perform`")]
fn note(app: Option<SdkAppId>, text: &str) -> Option<AuditNote> {
    Some(AuditNote { app, at: UnixMillis(5), text: text.into() })
}

/// A token with one of the roles.
fn token(name: &str) -> TokenRecord {
    let role = TokenRole::ALL[name.len() % TokenRole::ALL.len()];
    TokenRecord { name: name.into(), hash: [9; 32], created: UnixMillis(3), role }
}

async fn texts(store: &dyn Store, app: Option<SdkAppId>) -> Vec<String> {
    store.audit(app, None, 100).await.unwrap().into_iter().map(|entry| entry.note.text).collect()
}

pub async fn done_writes_are_audited_and_refused_ones_are_not(store: &dyn Store) {
    let put = |app, expected| PutApp { settings: Box::new(settings(app, "x")), expected };
    let made = store.perform(put(APP, None), note(Some(APP), "made")).await;
    assert_eq!(made, Ok(1));
    let again = store.perform(put(APP, None), note(Some(APP), "again")).await;
    assert_eq!(again, Err(StoreError::Conflict));
    let set = |name| {
        let fields = patch(&[("Tag_Profile_IM_Nick", "n")]);
        Change { app: APP, user: user(name), patch: fields, at: UnixMillis(1), origin: None }
    };
    assert_eq!(store.perform(set("ghost"), note(Some(APP), "ghost")).await, Err(StoreError::NoSuchAccount));
    assert_eq!(store.perform(set("second"), note(Some(APP), "set")).await, Ok(()));
    let delete = |name| Delete { app: APP, users: vec![user(name)], noted_at: None };
    let none = store.perform(delete("ghost"), note(Some(APP), "deleted a ghost")).await;
    assert_eq!(none, Ok(vec![false]));
    store.perform(delete("second"), note(Some(APP), "deleted")).await.unwrap();
    let import = Import {
        app: OTHER,
        seeds: vec![seed("a", &[])],
        at: UnixMillis(1),
        origin: None,
        deleted_after: None,
    };
    store.perform(import, note(Some(OTHER), "imported")).await.unwrap();
    store.perform(NoteOnly, note(None, "a backup")).await.unwrap();
    assert_eq!(texts(store, None).await, ["a backup", "imported", "deleted", "set", "made"]);
    assert_eq!(texts(store, Some(APP)).await, ["deleted", "set", "made"]);
    let newest = store.audit(None, None, 2).await.unwrap();
    let older = store.audit(None, newest.last().map(|entry| entry.seq), 2).await.unwrap();
    assert_eq!(older.iter().map(|entry| &*entry.note.text).collect::<Vec<_>>(), ["deleted", "set"]);
    assert_eq!(store.audit(Some(OTHER), Some(AuditSeq(0)), 9).await.unwrap(), []);
    for removed in [1, 0] {
        assert_eq!(store.perform(RemoveApp(APP), note(Some(APP), "app removed")).await, Ok(removed));
    }
    assert!(store.catalog().await.unwrap().iter().all(|app| app.settings.id != APP));
    assert_eq!(store.perform(put(APP, Some(1)), None).await, Err(StoreError::Conflict));
    assert_eq!(store.perform(put(APP, None), None).await, Ok(1));
    assert_eq!(texts(store, None).await.first().map(String::as_str), Some("app removed"));
}

/// An app with something of every kind: accounts, a kicked admin, a note of a deletion, events that wait and that are parked, and
/// calls, where these are stored.
async fn furnish(store: &dyn Store, app: SdkAppId) {
    store.put_app(settings(app, "x"), None).await.unwrap();
    store
        .import(app, ["a", "b", "gone"].map(|name| seed(name, &[])).to_vec(), UnixMillis(1), None)
        .await
        .unwrap();
    store.kick(app, user("second"), UnixSeconds(5)).await.unwrap();
    store.delete_noting(app, vec![user("gone")], Some(UnixMillis(9))).await.unwrap();
    for (name, id) in [("a", 1), ("b", 2)] {
        store.apply(change(app, name, id)).await.unwrap();
    }
    let first = waiting(store, app).await[0].seq;
    store.record_deliveries(app, vec![(first, park())]).await.unwrap();
    if let Some(tables) = store.node_tables() {
        let tally = CallTally { command: "portrait_set".into(), code: 0, calls: 2, last: UnixMillis(7) };
        tables.add_calls(app, vec![tally]).await.unwrap();
    }
}

/// How many accounts, waiting events, parked events and calls an app has.
async fn holdings(store: &dyn Store, app: SdkAppId) -> [usize; 4] {
    let accounts = store.accounts_page(app, String::new(), None, 100).await.unwrap().len();
    assert_eq!(store.accounts_count(app).await.unwrap(), accounts as u64);
    let calls = match store.node_tables() {
        Some(tables) => tables.calls(app).await.unwrap().len(),
        None => 0,
    };
    [accounts, waiting(store, app).await.len(), parked(store, app).await.len(), calls]
}

/// In the order in which an app is removed: what it has, then the app.
pub async fn a_removed_app_leaves_nothing_to_a_new_one_of_its_number(store: &dyn Store) {
    for app in [APP, OTHER] {
        furnish(store, app).await;
    }
    let before = holdings(store, OTHER).await;
    assert_eq!(before, [4, 1, 1, usize::from(store.node_tables().is_some())]);
    let all = store.accounts_page(APP, String::new(), None, 100).await.unwrap();
    assert_eq!(store.delete(APP, all).await.unwrap(), [true; 4]);
    for state in [EventState::Waiting, EventState::Parked] {
        assert_eq!(store.discard(APP, state, Selection::Oldest(9)).await, Ok(1));
    }
    assert_eq!(store.forget_deletions(APP, UnixMillis(u64::MAX)).await, Ok(1));
    assert_eq!(store.perform(RemoveApp(APP), note(Some(APP), "removed")).await, Ok(1));
    assert_eq!(store.perform(RemoveApp(APP), None).await, Ok(0), "a removal can be repeated");
    assert_eq!(holdings(store, APP).await, [0; 4]);
    assert!(!store.backlogs().contains_key(&APP));
    let catalog = store.catalog().await.unwrap();
    assert_eq!(catalog.iter().map(|record| record.settings.id).collect::<Vec<_>>(), [OTHER]);
    assert_eq!(store.profiles(APP, vec![user("a")]).await.unwrap(), [Found::Missing]);

    // A node that did not know yet may have counted a call.
    if let Some(tables) = store.node_tables() {
        let late = CallTally { command: "kick".into(), code: 70020, calls: 1, last: UnixMillis(8) };
        tables.add_calls(APP, vec![late]).await.unwrap();
    }
    assert_eq!(store.put_app(settings(APP, "new"), None).await, Ok(1));
    assert_eq!(holdings(store, APP).await, [2, 0, 0, 0], "its admins alone");
    let catalog = store.catalog().await.unwrap();
    let new = catalog.iter().find(|record| record.settings.id == APP).unwrap();
    assert!(new.revision == 1 && new.settings.name == "new" && new.kicked_admins.is_empty());
    assert_eq!(import_after(store, &["gone"], 0).await, [], "no deletion is noted");

    assert_eq!(holdings(store, OTHER).await, before, "apps are apart");
    let nick = store.profiles(OTHER, vec![user("a")]).await.unwrap();
    assert_eq!(nick, [found(&[(NICK, "1")])]);
    let kept = store.catalog().await.unwrap();
    assert!(kept.iter().any(|record| record.settings.id == OTHER && !record.kicked_admins.is_empty()));
}

pub async fn tokens_have_one_name_each_and_a_bound(store: &dyn Store) {
    let put = async |name: &str| store.perform(PutToken(token(name)), note(None, "put")).await;
    let remove = |name: &str| store.perform(RemoveToken(name.into()), note(None, "removed"));
    assert_eq!(put("b").await, Ok(()));
    assert_eq!(put("a").await, Ok(()));
    assert_eq!(put("a").await, Err(StoreError::Conflict));
    assert_eq!(store.tokens().await.unwrap(), [token("a"), token("b")]);
    for name in ["a viewer", "an admin", "x operator"] {
        assert_eq!(put(name).await, Ok(()));
        assert!(store.tokens().await.unwrap().contains(&token(name)), "{name}");
        assert_eq!(remove(name).await, Ok(1));
    }
    assert_eq!(remove("nope").await, Ok(0));
    assert_eq!(remove("b").await, Ok(1));
    assert_eq!(store.tokens().await.unwrap(), [token("a")]);
    for number in 1..TOKENS_MAX {
        put(&format!("t{number}")).await.unwrap();
    }
    assert!(
        matches!(put("one too many").await, Err(StoreError::Refused(why)) if why.english().contains("revoke one"))
    );
    assert_eq!(texts(store, None).await.iter().filter(|text| *text == "removed").count(), 1);
}

pub async fn accounts_and_values_are_counted(store: &dyn Store) {
    let (nick, level) = (Tag::Standard(StandardTag::Nick), Tag::Standard(StandardTag::Level));
    let custom = Tag::Custom(CustomKeyword::parse("Nope").unwrap());
    assert_eq!(store.accounts_count(APP).await.unwrap(), 0);
    store.put_app(settings(APP, "x"), None).await.unwrap();
    assert_eq!(store.accounts_count(APP).await.unwrap(), 2, "its admins");
    let some: Vec<_> =
        (0..1000).map(|number| seed(&format!("u{number}"), &[("Tag_Profile_IM_Nick", "")])).collect();
    store.import(APP, some.clone(), UnixMillis(1), None).await.unwrap();
    store.import(APP, some, UnixMillis(1), None).await.unwrap();
    let twice = vec![seed("new", &[]), seed("new", &[("Tag_Profile_IM_Level", "1")])];
    store.import(APP, twice, UnixMillis(1), None).await.unwrap();
    store
        .import(OTHER, vec![seed("u1", &[("Tag_Profile_IM_Level", "1")])], UnixMillis(1), None)
        .await
        .unwrap();
    store.put_app(settings(APP, "y"), Some(1)).await.unwrap();
    assert_eq!(store.accounts_count(APP).await.unwrap(), 1003);
    let gone = ["u1", "u2", "ghost", "u1"].map(user).to_vec();
    store.delete(APP, gone).await.unwrap();
    assert_eq!(
        (store.accounts_count(APP).await.unwrap(), store.accounts_count(OTHER).await.unwrap()),
        (1001, 1)
    );
    let holders = [nick, level, custom].map(|tag| store.holders_count(APP, tag));
    let [nick, level, custom] = holders;
    assert_eq!((nick.await.unwrap(), level.await.unwrap(), custom.await.unwrap()), (998, 1, 0));
}
