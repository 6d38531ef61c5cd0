//! Upgrades: a database of every released format can be opened.
//!
//! `golden/format-1` was written by portraitd 0.1.0: app 1400000000 with a key, a custom field of each type, words, limits and an
//! admin `ops`; accounts `alice` (every kind of value) and `bob` (nothing set, kicked at second 1700000000). `golden/format-2` has a
//! webhook and an event besides, `golden/format-3` a token and an audit entry; `golden/format-4` differs in the
//! outbox's index, `golden/format-5` has an identity; `golden/format-6` has the settings that only some apps have, and a
//! note of the deletion of `carol`; in `golden/format-7` the token is an operator's; `golden/format-8` has the database's part of the journal. To write one for a new format: `GOLDEN=1 cargo test -p portraitd-sqlite --test upgrade`, once.

#![expect(clippy::unwrap_used, reason = "a test")]

use portraitd_model::{
    AppKey, AppSettings, CustomField, CustomKeyword, EventId, FieldSchema, FieldValue, NewUserId, NumberText,
    Origin, Permission, Role, SensitiveCode, Tag, UncheckedItem, UncheckedValue, UnixMillis, UnixSeconds,
    ValueType, Webhook, WebhookToken, WebhookUrl, WordFilter,
};
use portraitd_sqlite::SqliteStore;
use portraitd_store::{AuditNote, Change, EventState, Found, PutToken, Store, TokenRecord, TokenRole};
use portraitd_test_support::fixtures::{APP, block_on, patch, seed, user};
use rusqlite::Connection;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

fn golden(format: u8) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/format-{format}"))
}

fn settings(format: u8) -> AppSettings {
    let mut settings = AppSettings::new(APP);
    settings.add_key(AppKey::parse("0123456789abcdef").unwrap(), None);
    settings.admins.push(user("ops"));
    settings.words = ["bad", "敏感"].iter().collect();
    settings.limits.insert("portrait_set".into(), 7);
    for (keyword, value_type) in
        [("Str", ValueType::String), ("Num", ValueType::Uint64), ("Byt", ValueType::Bytes)]
    {
        let keyword = CustomKeyword::parse(keyword).unwrap();
        let (read, write) = (Permission::EVERYONE, Permission::ADMINS);
        settings.custom_fields.push(CustomField {
            keyword,
            value_type,
            read,
            write,
            retired: keyword.as_str() == "Byt",
        });
    }
    if format >= 2 {
        let url = WebhookUrl::parse("https://example.com/hook").unwrap();
        settings.webhook = Some(Webhook { url, token: WebhookToken::parse("xxxxyyyy") });
    }
    if format >= 6 {
        settings.sensitive_code = SensitiveCode::Content;
        (settings.echo_unknown, settings.deletion_forbidden) = (true, true);
        settings.reimport_after = NonZeroU32::new(7_776_000);
    }
    settings
}

/// Tag, and text or number.
const ALICE: [(&str, Result<&str, u64>); 5] = [
    ("Tag_Profile_IM_Nick", Ok("爱丽丝\0\n")),
    ("Tag_Profile_IM_Image", Ok("")),
    ("Tag_Profile_IM_Level", Err(4_294_967_295)),
    ("Tag_Profile_Custom_Str", Ok("x")),
    ("Tag_Profile_Custom_Num", Err(u64::MAX)),
];

async fn write(dir: &Path) {
    let store = SqliteStore::open(dir).unwrap();
    store.put_app(settings(8), None).await.unwrap();
    let numbers: Vec<String> =
        ALICE.iter().map(|(_, value)| value.err().unwrap_or_default().to_string()).collect();
    let items: Vec<UncheckedItem<'_>> = ALICE
        .iter()
        .zip(&numbers)
        .map(|((tag, value), number)| UncheckedItem {
            tag,
            value: value
                .map_or(UncheckedValue::Number(NumberText(number)), |text| UncheckedValue::Text(text.into())),
        })
        .collect();
    let patch = FieldSchema::of(&settings(8)).check(&WordFilter::default(), Role::Admin, &items).unwrap();
    let alice = portraitd_model::AccountSeed { user: NewUserId::parse("alice").unwrap(), patch };
    store.import(APP, vec![alice, seed("bob", &[])], UnixMillis(1), Some(origin())).await.unwrap();
    store.kick(APP, user("bob"), UnixSeconds(1_700_000_000)).await.unwrap();
    store.import(APP, vec![seed("carol", &[])], UnixMillis(1), None).await.unwrap();
    store.delete_noting(APP, vec![user("carol")], Some(DELETED)).await.unwrap();
    store.write(PutToken(token(8)).into(), Some(note())).await.unwrap();
    store.close().await;
}

/// When `carol` was.
const DELETED: UnixMillis = UnixMillis(1_700_000_000_000);

fn origin() -> Origin {
    Origin { id: EventId(5), operator: "ops".into(), client_ip: "10.0.0.1".parse().unwrap() }
}

fn token(format: u8) -> TokenRecord {
    let role = if format >= 7 { TokenRole::Operator } else { TokenRole::Admin };
    TokenRecord { name: "ci".into(), hash: [7; 32], created: UnixMillis(1_700_000_000_000), role }
}

fn note() -> AuditNote {
    AuditNote { app: None, at: UnixMillis(1_700_000_000_000), text: "{\"who\":\"local\"}".into() }
}

#[test]
fn every_format_opens_and_reads_back() {
    if std::env::var_os("GOLDEN").is_some() {
        std::fs::create_dir_all(golden(8)).unwrap();
        block_on(write(&golden(8)));
        for file in ["portraitd.lock", "portraitd.journal-0", "portraitd.journal-1"] {
            std::fs::remove_file(golden(8).join(file)).unwrap();
        }
    }
    for format in 1..=8 {
        let dir = tempfile::tempdir().unwrap();
        std::fs::copy(golden(format).join("portraitd.db"), dir.path().join("portraitd.db")).unwrap();
        block_on(async {
            reads_back(&SqliteStore::open(dir.path()).unwrap(), format).await;
            // What the upgrade left is of the present format, and is used.
            let store = SqliteStore::open(dir.path()).unwrap();
            let patch = patch(&[("Tag_Profile_IM_Level", "7")]);
            let change =
                Change { app: APP, user: user("bob"), patch, at: UnixMillis(9), origin: Some(origin()) };
            store.apply(change).await.unwrap();
            let carol = async |after: u64| {
                let seeds = vec![seed("carol", &[])];
                store.import_unless_deleted(APP, seeds, UnixMillis(9), None, Some(UnixMillis(after))).await
            };
            let left_out = if format >= 6 { vec![user("carol")] } else { vec![] };
            assert_eq!(carol(DELETED.0 - 1).await, Ok(left_out), "format {format}");
            assert_eq!(carol(DELETED.0).await, Ok(vec![]), "format {format}");
            let events = store.events(APP, EventState::Waiting, None, 9).await.unwrap();
            assert_eq!(events.len(), usize::from(format.min(2)), "format {format}");
        });
    }
}

/// A directory of an earlier version that was killed: the last change is in SQLite's log alone. It is upgraded with that change, which is
/// there, too, when the new version is killed at once.
#[test]
fn a_killed_directory_of_every_format_is_upgraded_with_its_last_change() {
    let kicked = UnixSeconds(1_800_000_000);
    for format in 1..8 {
        let dir = tempfile::tempdir().unwrap();
        let [home, killed, again] = ["home", "killed", "again"].map(|name| dir.path().join(name));
        let copy = |from: &Path, to: &Path| {
            std::fs::create_dir(to).unwrap();
            for file in ["db", "db-wal", "journal-0", "journal-1"].map(|end| format!("portraitd.{end}")) {
                if from.join(&file).exists() {
                    std::fs::copy(from.join(&file), to.join(&file)).unwrap();
                }
            }
        };
        copy(&golden(format), &home);
        let earlier = Connection::open(home.join("portraitd.db")).unwrap();
        earlier.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; BEGIN").unwrap();
        if format >= 5 {
            earlier.execute("UPDATE store SET needs_log = abs(needs_log) + 1", []).unwrap();
        }
        let kick = "UPDATE accounts SET kicked_at = ?1 WHERE user = 'bob'";
        assert_eq!(earlier.execute(kick, [kicked.0]).unwrap(), 1);
        earlier.execute_batch("COMMIT").unwrap();
        copy(&home, &killed);
        drop(earlier);
        block_on(async {
            let read = async |store: &SqliteStore| {
                store.states(APP, vec![user("bob")]).await.unwrap()[0].unwrap().kicked_at
            };
            let store = SqliteStore::open(&killed).unwrap();
            assert_eq!(read(&store).await, Some(kicked), "format {format}");
            copy(&killed, &again);
            store.close().await;
            for dir in [&killed, &again] {
                assert_eq!(read(&SqliteStore::open(dir).unwrap()).await, Some(kicked), "format {format}");
            }
        });
    }
}

async fn reads_back(store: &dyn Store, format: u8) {
    let catalog = store.catalog().await.unwrap();
    assert_eq!(catalog.iter().map(|record| record.settings.clone()).collect::<Vec<_>>(), [settings(format)]);
    let users = ["alice", "bob", "ops", "administrator"].map(user).to_vec();
    assert_eq!(store.accounts_page(APP, String::new(), None, 9).await.unwrap().len(), users.len());
    assert_eq!(store.accounts_count(APP).await.unwrap(), 4);
    let (tokens, log) = (store.tokens().await.unwrap(), store.audit(None, None, 9).await.unwrap());
    let notes: Vec<AuditNote> = log.into_iter().map(|entry| entry.note).collect();
    match format {
        1 | 2 => assert_eq!((tokens, notes), (vec![], vec![])),
        _ => assert_eq!((tokens, notes), (vec![token(format)], vec![note()])),
    }
    let found = store.profiles(APP, users).await.unwrap();
    let Some(Found::Profile(alice)) = found.first() else { unreachable!("{found:?}") };
    for (tag, value) in ALICE {
        let expected = value.map_or_else(FieldValue::Uint, |text| FieldValue::Text(text.into()));
        assert_eq!(alice.get(Tag::parse(tag, APP).unwrap()), Some(&expected), "{tag}");
    }
    let states = store.states(APP, vec![user("bob")]).await.unwrap();
    assert_eq!(states.first().copied().flatten().unwrap().kicked_at, Some(UnixSeconds(1_700_000_000)));
}
