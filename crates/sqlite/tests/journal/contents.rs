//! What was acknowledged is answered while it is pending, after a kill, and once the tables have it.

use crate::{Dirs, apply_all, create, fill_a_segment, hold_the_database, reads, set};
use portraitd_model::{Tag, UnixMillis, UnixSeconds};
use portraitd_sqlite::{SqliteStore, check, restore};
use portraitd_store::{AuditNote, Found, PutToken, RemoveToken, Store, StoreError, TokenRecord, TokenRole};
use portraitd_test_support::fixtures::{APP, LEVEL, OTHER, block_on, seed, settings, user};
use std::sync::Arc;

/// Runs checks on a store with pending changes; after a kill; applied; after a kill then; and after a close. Nothing is applied
/// before, if `held`.
#[expect(clippy::needless_pass_by_value, reason = "closures that are written where they are given")]
fn at_every_stage(changes: impl AsyncFn(&SqliteStore), expected: impl AsyncFn(&SqliteStore, &str)) {
    let dirs = Dirs::new();
    block_on(async {
        let store = SqliteStore::open(&dirs.data()).unwrap();
        changes(&store).await;
        let pending = dirs.kill("pending");
        expected(&store, "pending").await;
        apply_all(&store).await;
        let applied = dirs.kill("applied");
        expected(&store, "applied").await;
        store.close().await;
        for (dir, stage) in [(pending, "killed while pending"), (applied, "killed"), (dirs.data(), "closed")]
        {
            let store = SqliteStore::open(&dir).unwrap();
            expected(&store, stage).await;
            apply_all(&store).await;
            expected(&store, stage).await;
            store.close().await;
            assert_eq!(check(&dir, &mut |_| {}).unwrap().damaged, 0, "{stage}");
        }
    });
}

#[expect(clippy::unnecessary_wraps, reason = "the shape that a write wants")]
fn note(text: &str) -> Option<AuditNote> {
    Some(AuditNote { app: None, at: UnixMillis(7), text: text.into() })
}

fn token(name: &str) -> PutToken {
    let created = UnixMillis(5);
    PutToken(TokenRecord { name: name.into(), hash: [7; 32], created, role: TokenRole::Operator })
}

#[test]
fn settings_tokens_and_notes_stand_in_the_order_of_the_changes_between_them() {
    let change = |name: &str| portraitd_store::Kick { app: APP, user: user(name), at: UnixSeconds(9) };
    at_every_stage(
        async |store| {
            create(store, "a", "one").await;
            store.put_app(settings(APP, "first"), None).await.unwrap();
            store.write(change("a").into(), note("kick")).await.unwrap();
            store.write(token("ci").into(), note("token")).await.unwrap();
            set(store, "a", "two").await.unwrap();
            store.write(token("gone").into(), note("another token")).await.unwrap();
            store.write(RemoveToken("gone".into()).into(), note("removed")).await.unwrap();
            let revision = store.catalog().await.unwrap()[0].revision;
            store.put_app(settings(APP, "second"), Some(revision)).await.unwrap();
            assert_eq!(store.put_app(settings(APP, "late"), Some(revision)).await, Err(StoreError::Conflict));
        },
        async |store, stage| {
            reads(store, "a", "two").await;
            let catalog = store.catalog().await.unwrap();
            assert_eq!(catalog[0].settings.name, "second", "{stage}");
            let names: Vec<_> = store.tokens().await.unwrap().into_iter().map(|token| token.name).collect();
            assert_eq!(names, ["ci"], "{stage}");
            let audit = store.audit(None, None, 9).await.unwrap();
            let texts: Vec<_> = audit.iter().map(|entry| entry.note.text.as_str()).collect();
            assert_eq!(texts, ["removed", "another token", "token", "kick"], "{stage}");
            let page = store.audit(None, Some(audit[1].seq), 1).await.unwrap();
            assert_eq!(page, audit[2..3], "{stage}");
            // Two admins and one account.
            let users = store.accounts_page(APP, String::new(), None, 9).await.unwrap();
            assert_eq!(users, ["a", "administrator", "second"].map(user), "{stage}");
        },
    );
}

#[test]
fn a_deleted_account_is_imported_again_only_when_its_note_allows_it() {
    let import = async |store: &SqliteStore, name: &str, after: u64| {
        let seeds = vec![seed(name, &[])];
        store.import_unless_deleted(APP, seeds, UnixMillis(1), None, Some(UnixMillis(after))).await.unwrap()
    };
    at_every_stage(
        async |store| {
            for name in ["noted", "again", "without", "twice"] {
                create(store, name, name).await;
            }
            let noted = vec![user("noted"), user("again"), user("twice")];
            store.delete_noting(APP, noted, Some(UnixMillis(100))).await.unwrap();
            store.delete(APP, vec![user("without")]).await.unwrap();
            assert_eq!(import(store, "noted", 99).await, [user("noted")]);
            assert_eq!(import(store, "again", 100).await, []);
            assert_eq!(import(store, "without", 0).await, []);
            // The note goes with the account that is there again; the second deletion has none.
            assert_eq!(import(store, "twice", 100).await, []);
            store.delete(APP, vec![user("twice")]).await.unwrap();
        },
        async |store, stage| {
            let users = store.accounts_page(APP, String::new(), None, 9).await.unwrap();
            assert_eq!(users, ["again", "without"].map(user), "{stage}");
            assert_eq!(store.accounts_count(APP).await.unwrap(), 2, "{stage}");
            assert_eq!(import(store, "noted", 99).await, [user("noted")], "{stage}");
            assert!(store.has_deletions(APP, UnixMillis(100)).await.unwrap(), "{stage}");
            assert!(!store.has_deletions(APP, UnixMillis(99)).await.unwrap(), "{stage}");
            let found = store.profiles(APP, vec![user("noted"), user("twice")]).await.unwrap();
            assert_eq!(found, [Found::Missing, Found::Missing], "{stage}");
        },
    );
}

/// A note that the table has goes, too, when the account came and went before the table knew.
#[test]
fn a_note_does_not_outlive_an_account_that_was_there_again() {
    let dirs = Dirs::new();
    block_on(async {
        let store = SqliteStore::open(&dirs.data()).unwrap();
        create(&store, "a", "one").await;
        store.delete_noting(APP, vec![user("a")], Some(UnixMillis(100))).await.unwrap();
        apply_all(&store).await;
        create(&store, "a", "two").await;
        store.delete(APP, vec![user("a")]).await.unwrap();
        for _ in 0..2 {
            let seeds = vec![seed("a", &[])];
            let left_out = store.import_unless_deleted(APP, seeds, UnixMillis(1), None, Some(UnixMillis(1)));
            assert_eq!(left_out.await.unwrap(), []);
            store.delete(APP, vec![user("a")]).await.unwrap();
            apply_all(&store).await;
        }
        assert!(!store.has_deletions(APP, UnixMillis(1000)).await.unwrap());
    });
}

#[test]
fn forgotten_notes_do_not_come_back() {
    let dirs = Dirs::new();
    block_on(async {
        let store = SqliteStore::open(&dirs.data()).unwrap();
        create(&store, "a", "one").await;
        store.delete_noting(APP, vec![user("a")], Some(UnixMillis(100))).await.unwrap();
        assert_eq!(store.forget_deletions(APP, UnixMillis(100)).await.unwrap(), 1);
        let image = dirs.kill("killed");
        for store in [store, SqliteStore::open(&image).unwrap()] {
            assert!(!store.has_deletions(APP, UnixMillis(100)).await.unwrap());
            apply_all(&store).await;
            assert!(!store.has_deletions(APP, UnixMillis(100)).await.unwrap());
        }
    });
}

#[test]
fn kicks_states_lists_and_numbers_are_those_of_the_changes() {
    at_every_stage(
        async |store| {
            for (n, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
                let level = [(LEVEL, "7")];
                let fields = if n % 2 == 0 { &level[..] } else { &[] };
                store.import(APP, vec![seed(name, fields)], UnixMillis(n as u64), None).await.unwrap();
            }
            store.import(OTHER, vec![seed("a", &[])], UnixMillis(1), None).await.unwrap();
            store.kick(APP, user("a"), UnixSeconds(50)).await.unwrap();
            store.kick(APP, user("a"), UnixSeconds(40)).await.unwrap();
            store.kick(APP, user("c"), UnixSeconds(60)).await.unwrap();
            assert_eq!(store.delete(APP, vec![user("b"), user("c")]).await.unwrap(), [true, true]);
            store.import(APP, vec![seed("c", &[(LEVEL, "8")])], UnixMillis(9), None).await.unwrap();
        },
        async |store, stage| {
            let users = ["a", "b", "c", "d"].map(user).to_vec();
            let states = store.states(APP, users).await.unwrap();
            let states: Vec<_> = states.into_iter().map(|state| state.map(|state| state.kicked_at)).collect();
            let expected = [Some(Some(UnixSeconds(50))), None, Some(None), Some(None)];
            assert_eq!(states, expected, "{stage}");
            assert_eq!(store.accounts_count(APP).await.unwrap(), 3, "{stage}");
            assert_eq!(store.accounts_count(OTHER).await.unwrap(), 1, "{stage}");
            let page = store.accounts_page(APP, String::new(), Some(user("a")), 9).await.unwrap();
            assert_eq!(page, ["c", "d"].map(user), "{stage}");
            let level = Tag::parse(LEVEL, APP).unwrap();
            assert_eq!(store.holders_count(APP, level).await.unwrap(), 2, "{stage}");
        },
    );
}

#[test]
fn a_backup_has_what_is_pending() {
    let dirs = Dirs::new();
    let (backup, restored) = (dirs.0.path().join("backup"), dirs.0.path().join("restored"));
    block_on(async {
        let store = SqliteStore::open(&dirs.data()).unwrap();
        create(&store, "a", "one").await;
        create(&store, "gone", "SECRET").await;
        apply_all(&store).await;
        set(&store, "a", "two").await.unwrap();
        create(&store, "b", "new").await;
        store.delete(APP, vec![user("gone")]).await.unwrap();
        store.backup(&backup, Arc::new(drop)).await.unwrap();
        set(&store, "a", "later").await.unwrap();
        store.close().await;
        assert_eq!(restore(&backup, &restored, &mut |_| {}).unwrap().accounts, 2);
        let store = SqliteStore::open(&restored).unwrap();
        reads(&store, "a", "two").await;
        reads(&store, "b", "new").await;
    });
}

/// In the older segment an account is deleted, in the newer one it is there again, and the other way round; others of the table are
/// changed and deleted.
#[test]
fn two_segments_at_a_start_are_applied_one_after_the_other() {
    let dirs = Dirs::new();
    block_on(async {
        let store = SqliteStore::open(&dirs.data()).unwrap();
        for name in ["filler", "again", "changed", "deleted"] {
            create(&store, name, "old").await;
        }
        apply_all(&store).await;
        let held = hold_the_database(&dirs.data());
        store.delete_noting(APP, vec![user("again")], Some(UnixMillis(5))).await.unwrap();
        create(&store, "short", "in the older segment only").await;
        set(&store, "changed", "first").await.unwrap();
        let last = fill_a_segment(&store, &dirs.data(), "filler").await;
        create(&store, "again", "new").await;
        store.delete(APP, vec![user("short"), user("deleted")]).await.unwrap();
        set(&store, "changed", "second").await.unwrap();
        let image = dirs.kill("killed");
        drop(held);
        for (store, dir) in [(store, dirs.data()), (SqliteStore::open(&image).unwrap(), image)] {
            for _ in 0..2 {
                reads(&store, "filler", &last).await;
                reads(&store, "again", "new").await;
                reads(&store, "changed", "second").await;
                let gone = store.profiles(APP, vec![user("short"), user("deleted")]).await.unwrap();
                assert_eq!(gone, [Found::Missing, Found::Missing]);
                assert_eq!(store.accounts_count(APP).await.unwrap(), 3);
                apply_all(&store).await;
            }
            assert!(!store.has_deletions(APP, UnixMillis(9)).await.unwrap());
            store.close().await;
            let checked = check(&dir, &mut |_| {}).unwrap();
            assert_eq!((checked.accounts, checked.damaged), (3, 0));
        }
    });
}
