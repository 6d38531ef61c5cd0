//! The steps of a call, one by one: `cargo bench -p portraitd-fuzz --bench steps`. Times can be compared within one run
//! only; `benches/instructions.py` counts instructions, which are the same on any machine.

#![expect(clippy::unwrap_used, reason = "a bench")]

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use portraitd_fuzz::FuzzEnvironment;
use portraitd_model::{
    AccountSeed, AppSettings, FieldSchema, NewUserId, Profile, ProfilePatch, Role, SdkAppId, UncheckedItem,
    UncheckedValue, UnixMillis, UserId, WordFilter,
};
use portraitd_sqlite::SqliteStore;
use portraitd_store::{Change, Store};
use std::borrow::Cow;
use std::hint::black_box;
use tokio::runtime::Runtime;

const SET: &[u8] =
    br#"{"From_Account":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"Alice Liddell"}]}"#;
const GET: &[u8] = br#"{"To_Account":["alice"],"TagList":["Tag_Profile_IM_Nick","Tag_Profile_IM_Gender","Tag_Profile_IM_BirthDay"]}"#;
const APP: SdkAppId = SdkAppId(1_400_000_000);

fn item(value: &str) -> UncheckedItem<'_> {
    UncheckedItem { tag: "Tag_Profile_IM_Nick", value: UncheckedValue::Text(Cow::Borrowed(value)) }
}

fn calls(criterion: &mut Criterion) {
    let environment = FuzzEnvironment::new();
    let query = environment.query();
    assert!(environment.authenticate(&query, false) && environment.authenticate(&query, true));
    criterion.bench_function("authenticate, UserSig verified before", |bencher| {
        bencher.iter(|| environment.authenticate(black_box(&query), true));
    });
    criterion.bench_function("authenticate, UserSig not seen before", |bencher| {
        bencher.iter(|| environment.authenticate(black_box(&query), false));
    });
    let items = [item("Alice Liddell")];
    assert!(environment.validates(&items));
    criterion.bench_function("validate one field, three words", |bencher| {
        bencher.iter(|| environment.validates(black_box(&items)));
    });
    assert!(environment.answer("portrait_set", SET).starts_with(br#"{"ActionStatus":"OK""#));
    criterion.bench_function("portrait_set, body to answer, in memory", |bencher| {
        bencher.iter(|| environment.answer("portrait_set", black_box(SET)));
    });
    assert!(environment.answer("portrait_get", GET).windows(5).any(|part| part == b"Alice"));
    criterion.bench_function("portrait_get, body to answer, in memory", |bencher| {
        bencher.iter(|| environment.answer("portrait_get", black_box(GET)));
    });
    let hundred =
        format!(r#"{{"To_Account":[{}],"TagList":["Tag_Profile_IM_Nick"]}}"#, [r#""alice""#; 100].join(","));
    criterion.bench_function("portrait_get of 100, body to answer, in memory", |bencher| {
        bencher.iter(|| environment.answer("portrait_get", black_box(hundred.as_bytes())));
    });
}

fn patch(value: &str) -> ProfilePatch {
    FieldSchema::of(&AppSettings::new(APP))
        .check(&WordFilter::default(), Role::Admin, &[item(value)])
        .unwrap()
}

fn store(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    // On the disk that builds go to: /tmp may be memory.
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = SqliteStore::open(dir.path()).unwrap();
    let user = UserId::parse("alice").unwrap();
    let seed = AccountSeed { user: NewUserId::new(user).unwrap(), patch: patch("Alice") };
    runtime.block_on(store.import(APP, vec![seed], UnixMillis(1), None)).unwrap();
    let mut count = 0;
    criterion.bench_function("store: one durable change, alone", |bencher| {
        bencher.iter_batched(
            || {
                count += 1;
                Change { app: APP, user, patch: patch(&count.to_string()), at: UnixMillis(1), origin: None }
            },
            |change| runtime.block_on(store.apply(change)).unwrap(),
            BatchSize::SmallInput,
        );
    });
    criterion.bench_function("store: one profile, in memory", |bencher| {
        bencher.iter(|| runtime.block_on(store.profiles(APP, vec![black_box(user)])).unwrap());
    });
    let profile = Profile::default();
    criterion.bench_function("merge one field", |bencher| {
        let patch = patch("Alice");
        bencher.iter(|| {
            let mut profile = profile.clone();
            profile.merge(black_box(&patch));
            profile
        });
    });
    runtime.block_on(store.close());
}

criterion_group!(benches, calls, store);
criterion_main!(benches);
