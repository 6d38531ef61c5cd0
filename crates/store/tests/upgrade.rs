//! A database of every format that was ever released opens for ever.
//!
//! `golden/format-1` was written by portraitd 0.1.0: app 1400000000 with a key, a custom field of each type, words, limits and an
//! admin `ops`; accounts `alice` (every kind of value) and `bob` (nothing set, kicked at second 1700000000). To write one for a new
//! format: `GOLDEN=1 cargo test -p portrait-store --test upgrade`, once.

#![expect(clippy::unwrap_used, reason = "a test")]

mod common;

use common::{APP, block_on, user};
use portrait_model::{
    AppKey, AppSettings, CustomField, CustomKeyword, FieldSchema, FieldValue, Lexicon, Permission, RawItem,
    RawNumber, RawValue, Role, Tag, UnixMillis, UnixSeconds, ValueType,
};
use portrait_store::{CatalogStore, Found, ProfileStore, SqliteStore, Store};
use std::path::{Path, PathBuf};

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/format-1")
}

fn settings() -> AppSettings {
    let mut settings = AppSettings::new(APP);
    settings.add_key(AppKey::parse("0123456789abcdef").unwrap());
    settings.admins.push(user("ops"));
    settings.words = vec!["bad".into(), "敏感".into()];
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
    store.put_app(settings(), None).await.unwrap();
    let numbers: Vec<String> =
        ALICE.iter().map(|(_, value)| value.err().unwrap_or_default().to_string()).collect();
    let items: Vec<RawItem<'_>> = ALICE
        .iter()
        .zip(&numbers)
        .map(|((tag, value), number)| RawItem {
            tag,
            value: value.map_or(RawValue::Number(RawNumber(number)), |text| RawValue::Text(text.into())),
        })
        .collect();
    let patch = FieldSchema::of(&settings()).check(&Lexicon::default(), Role::Admin, &items).unwrap();
    let alice = portrait_model::AccountSeed { user: user("alice"), patch };
    store.import(APP, vec![alice, common::seed("bob", &[])], UnixMillis(1)).await.unwrap();
    store.kick(APP, user("bob"), UnixSeconds(1_700_000_000)).await.unwrap();
    store.close().await;
}

#[test]
fn format_1_opens_and_reads_back() {
    if std::env::var_os("GOLDEN").is_some() {
        std::fs::create_dir_all(golden()).unwrap();
        block_on(write(&golden()));
        std::fs::remove_file(golden().join("portraitd.lock")).unwrap();
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(golden().join("portraitd.db"), dir.path().join("portraitd.db")).unwrap();
    block_on(async {
        let store = SqliteStore::open(dir.path()).unwrap();
        let catalog = store.catalog().await.unwrap();
        assert_eq!(catalog.iter().map(|record| record.settings.clone()).collect::<Vec<_>>(), [settings()]);
        let users = ["alice", "bob", "ops", "administrator"].map(user).to_vec();
        assert_eq!(store.accounts_page(APP, String::new(), None, 9).await.unwrap().len(), users.len());
        let found = store.profiles(APP, users).await.unwrap();
        let Some(Found::Profile(alice)) = found.first() else { unreachable!("{found:?}") };
        for (tag, value) in ALICE {
            let expected = value.map_or_else(FieldValue::Uint, |text| FieldValue::Text(text.into()));
            assert_eq!(alice.get(Tag::parse(tag, APP).unwrap()), Some(&expected), "{tag}");
        }
        let states = store.states(APP, vec![user("bob")]).await.unwrap();
        assert_eq!(states.first().copied().flatten().unwrap().kicked_at, Some(UnixSeconds(1_700_000_000)));
    });
}
