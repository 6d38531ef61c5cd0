//! Random steps on an engine on a disk and on the engine in memory: both return the same.

use super::accounts::{change, import_after};
use crate::fixtures::{APP, LEVEL, NICK, block_on, seed, user};
use portraitd_model::{UnixMillis, UnixSeconds};
use portraitd_store::{MemoryStore, Store};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::path::Path;

#[derive(Clone, Debug)]
enum Step {
    Apply(u8, bool, u64),
    Import(Vec<(u8, Option<u64>)>),
    Delete(Vec<u8>, Option<u64>),
    ImportAfter(Vec<u8>, u64),
    Forget(u64),
    Kick(u8, u64),
    Reopen,
}

fn any_step() -> impl Strategy<Value = Step> {
    let account = 0_u8..6;
    prop_oneof![
        6 => (account.clone(), any::<bool>(), 0_u64..100).prop_map(|(account, level, n)| Step::Apply(account, level, n)),
        2 => prop::collection::vec((account.clone(), prop::option::of(0_u64..100)), 0..4).prop_map(Step::Import),
        2 => (prop::collection::vec(account.clone(), 0..3), prop::option::of(0_u64..9))
            .prop_map(|(users, at)| Step::Delete(users, at)),
        2 => (prop::collection::vec(account.clone(), 0..4), 0_u64..9)
            .prop_map(|(users, after)| Step::ImportAfter(users, after)),
        1 => (0_u64..9).prop_map(Step::Forget),
        // Second 0 is no time of a kick: a database has it for "never".
        1 => (account, 1_u64..100).prop_map(|(account, at)| Step::Kick(account, at)),
        1 => Just(Step::Reopen),
    ]
}

/// Runs a step; returns its outcome as text.
async fn run_step(store: &dyn Store, step: &Step) -> String {
    let name = |account: u8| format!("user{account}");
    match step {
        Step::Apply(account, level, n) => {
            let (n, tag) = (n.to_string(), if *level { LEVEL } else { NICK });
            format!("{:?}", store.apply(change(APP, &name(*account), &[(tag, &n)])).await)
        }
        Step::Import(seeds) => {
            let seeds = seeds.iter().map(|(account, n)| match n {
                Some(n) => seed(&name(*account), &[(LEVEL, &n.to_string())]),
                None => seed(&name(*account), &[]),
            });
            format!("{:?}", store.import(APP, seeds.collect(), UnixMillis(1), None).await)
        }
        Step::Delete(users, at) => {
            let users = users.iter().map(|account| user(&name(*account))).collect();
            format!("{:?}", store.delete_noting(APP, users, at.map(UnixMillis)).await)
        }
        Step::ImportAfter(users, after) => {
            let names: Vec<String> = users.iter().map(|account| name(*account)).collect();
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            format!("{:?}", import_after(store, &names, *after).await)
        }
        Step::Forget(until) => format!("{:?}", store.forget_deletions(APP, UnixMillis(*until)).await),
        Step::Kick(account, at) => {
            format!("{:?}", store.kick(APP, user(&name(*account)), UnixSeconds(*at)).await)
        }
        Step::Reopen => String::new(),
    }
}

async fn contents(store: &dyn Store) -> String {
    let users = store.accounts_page(APP, String::new(), None, 100).await.unwrap();
    let (profiles, states) =
        (store.profiles(APP, users.clone()).await, store.states(APP, users.clone()).await);
    format!("{users:?} {profiles:?} {states:?}")
}

/// Runs random steps on an engine, which is closed and reopened now and then, and on the engine in memory.
pub fn accounts_behave_as_in_memory<S: Store>(open: impl Fn(&Path) -> S) {
    let config = ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() };
    let compared = TestRunner::new(config).run(&prop::collection::vec(any_step(), 1..40), |steps| {
        let dir = tempfile::tempdir().unwrap();
        block_on(async {
            let reference = MemoryStore::new();
            let mut store = open(dir.path());
            for step in &steps {
                if matches!(step, Step::Reopen) {
                    store.close().await;
                    drop(store);
                    store = open(dir.path());
                }
                prop_assert_eq!(run_step(&store, step).await, run_step(&reference, step).await);
            }
            prop_assert_eq!(contents(&store).await, contents(&reference).await);
            Ok(())
        })
    });
    compared.unwrap();
}
