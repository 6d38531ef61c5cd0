//! Accounts, profiles and settings.

use crate::fixtures::{APP, LEVEL, NICK, OTHER, found, patch, seed, settings, user};
use portraitd_model::{SdkAppId, UnixMillis, UnixSeconds, UserId};
use portraitd_store::{Change, DELETIONS_UNIT_MAX, Found, Store, StoreError};

pub(super) fn change(app: SdkAppId, name: &str, fields: &[(&str, &str)]) -> Change {
    Change { app, user: user(name), patch: patch(fields), at: UnixMillis(1), origin: None }
}

pub async fn a_change_needs_an_account_and_leaves_other_fields(store: &dyn Store) {
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
}

pub async fn imports_create_and_update(store: &dyn Store) {
    store.import(APP, vec![seed("a", &[(NICK, "x")]), seed("b", &[])], UnixMillis(1), None).await.unwrap();
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
}

pub async fn deletion_takes_the_profile_along(store: &dyn Store) {
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
}

pub(super) async fn import_after(store: &dyn Store, names: &[&str], after: u64) -> Vec<UserId> {
    let seeds = names.iter().map(|name| seed(name, &[(NICK, "again")])).collect();
    store.import_unless_deleted(APP, seeds, UnixMillis(1), None, Some(UnixMillis(after))).await.unwrap()
}

pub async fn recently_deleted_accounts_are_left_out(store: &dyn Store) {
    store
        .import(APP, ["a", "b", "c", "d"].map(|name| seed(name, &[])).to_vec(), UnixMillis(1), None)
        .await
        .unwrap();
    let delete = async |name: &str, at| store.delete_noting(APP, vec![user(name)], at).await.unwrap();
    assert_eq!(delete("a", Some(UnixMillis(50))).await, [true]);
    assert_eq!(delete("b", None).await, [true]);
    assert_eq!(delete("ghost", Some(UnixMillis(50))).await, [false]);
    // Another app's account of that name, one that exists, one deleted without a note and one that never was.
    store.import(OTHER, vec![seed("a", &[])], UnixMillis(1), None).await.unwrap();
    assert_eq!(import_after(store, &["a", "c", "b", "ghost", "a"], 49).await, [user("a"), user("a")]);
    let found = store.profiles(APP, ["a", "b", "c", "ghost"].map(user).to_vec()).await.unwrap();
    let again = found_again();
    assert_eq!(found, [Found::Missing, again.clone(), again.clone(), again.clone()]);
    assert_eq!(store.accounts_count(APP).await.unwrap(), 4);
    // A deletion at that very moment is not after it.
    assert_eq!(import_after(store, &["a"], 50).await, []);
    // The account exists again, so its note is gone.
    assert_eq!(delete("a", None).await, [true]);
    assert_eq!(import_after(store, &["a"], 0).await, []);
    assert_eq!(store.profiles(APP, vec![user("a")]).await.unwrap(), [again]);
}

fn found_again() -> Found {
    found(&[(NICK, "again")])
}

pub async fn an_operator_imports_deleted_accounts_and_names_an_admin(store: &dyn Store) {
    store.put_app(settings(APP, "one"), None).await.unwrap();
    let names = ["a", "b", "ops"].map(user).to_vec();
    store
        .import(APP, ["a", "b", "ops"].map(|name| seed(name, &[])).to_vec(), UnixMillis(1), None)
        .await
        .unwrap();
    store.delete_noting(APP, names.clone(), Some(UnixMillis(9))).await.unwrap();
    store.import(APP, vec![seed("a", &[])], UnixMillis(10), None).await.unwrap();
    let mut named = settings(APP, "one");
    named.admins.push(user("ops"));
    store.put_app(named, Some(1)).await.unwrap();
    store.delete(APP, names).await.unwrap();
    assert_eq!(import_after(store, &["a", "b", "ops"], 0).await, [user("b")], "notes of a and ops are gone");
}

pub async fn notes_of_deletions_are_removed_up_to_a_moment(store: &dyn Store) {
    for (name, at) in [("a", 10), ("b", 20), ("c", 30)] {
        for app in [APP, OTHER] {
            store.import(app, vec![seed(name, &[])], UnixMillis(1), None).await.unwrap();
            store.delete_noting(app, vec![user(name)], Some(UnixMillis(at))).await.unwrap();
        }
    }
    let changes = store.stats().changes;
    assert_eq!(store.forget_deletions(APP, UnixMillis(9)).await, Ok(0));
    assert_eq!(store.stats().changes, changes, "without notes nothing is written");
    assert_eq!(store.forget_deletions(APP, UnixMillis(20)).await, Ok(2));
    assert_eq!(import_after(store, &["a", "b", "c"], 0).await, [user("c")]);
    assert_eq!(store.forget_deletions(APP, UnixMillis(u64::MAX)).await, Ok(1));
    assert_eq!(import_after(store, &["c"], 0).await, []);
    let left = store.forget_deletions(OTHER, UnixMillis(u64::MAX)).await;
    assert_eq!(left, Ok(3), "apps are apart");
}

pub async fn notes_of_deletions_are_removed_in_units(store: &dyn Store) {
    let names: Vec<String> = (0..=DELETIONS_UNIT_MAX).map(|number| format!("u{number}")).collect();
    let seeds = names.iter().map(|name| seed(name, &[])).collect();
    store.import(APP, seeds, UnixMillis(1), None).await.unwrap();
    let users = names.iter().map(|name| user(name)).collect();
    store.delete_noting(APP, users, Some(UnixMillis(5))).await.unwrap();
    assert_eq!(store.forget_deletions(APP, UnixMillis(5)).await, Ok(DELETIONS_UNIT_MAX));
    assert_eq!(store.forget_deletions(APP, UnixMillis(5)).await, Ok(1));
    assert_eq!(store.forget_deletions(APP, UnixMillis(5)).await, Ok(0));
}

pub async fn a_kick_never_moves_back(store: &dyn Store) {
    assert_eq!(store.kick(APP, user("a"), UnixSeconds(5)).await, Err(StoreError::NoSuchAccount));
    store.import(APP, vec![seed("a", &[])], UnixMillis(1), None).await.unwrap();
    for (at, expected) in [(5, 5), (9, 9), (7, 9)] {
        store.kick(APP, user("a"), UnixSeconds(at)).await.unwrap();
        let states = store.states(APP, vec![user("a"), user("b")]).await.unwrap();
        assert_eq!(states[0].unwrap().kicked_at, Some(UnixSeconds(expected)));
        assert_eq!(states[1], None);
    }
}

pub async fn accounts_are_listed_page_by_page(store: &dyn Store) {
    let names = ["a", "ab", "abc", "b", "é", "管理员", " ", "\u{10FFFF}z"];
    store.import(APP, names.iter().map(|name| seed(name, &[])).collect(), UnixMillis(1), None).await.unwrap();
    store.import(OTHER, vec![seed("zz", &[])], UnixMillis(1), None).await.unwrap();
    let mut sorted = names.map(user).to_vec();
    sorted.sort();
    assert_eq!(store.accounts_page(APP, String::new(), None, 100).await.unwrap(), sorted);
    let page = store.accounts_page(APP, "a".into(), None, 2).await.unwrap();
    assert_eq!(page, [user("a"), user("ab")]);
    assert_eq!(store.accounts_page(APP, "a".into(), Some(user("ab")), 2).await.unwrap(), [user("abc")]);
    assert_eq!(store.accounts_page(APP, "\u{10FFFF}".into(), None, 9).await.unwrap(), [user("\u{10FFFF}z")]);
}

pub async fn settings_change_by_revision_and_admins_are_accounts(store: &dyn Store) {
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
}

pub async fn a_closed_store_is_unavailable(store: &dyn Store) {
    store.import(APP, vec![seed("a", &[])], UnixMillis(1), None).await.unwrap();
    store.probe().await.unwrap();
    assert!(store.stats().changes >= 2 && store.stats().commits >= 1);
    store.close().await;
    store.close().await;
    assert!(matches!(store.probe().await, Err(StoreError::Unavailable(_))));
    assert!(matches!(store.profiles(APP, vec![user("a")]).await, Err(StoreError::Unavailable(_))));
}
