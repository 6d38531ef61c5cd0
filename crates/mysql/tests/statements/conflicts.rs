//! Two transactions at once: locks, conflicts, duplicates.

use crate::server::{Database, Session, on_a_database};
use crate::sql::Arg;
use crate::statements as sql;

/// What a transaction is repeated after: `fault.rs` calls them conflicts.
const CONFLICTS: [u16; 8] = [1205, 1213, 1020, 1062, 8002, 8022, 8028, 9007];

fn accounts(users: &[&'static str]) -> Arg<'static> {
    let zero = || 0_u64.into();
    Arg::Rows(
        users
            .iter()
            .map(|user| vec![1_u32.into(), (*user).into(), zero(), zero(), zero(), zero(), "".into()])
            .collect(),
    )
}

async fn lock(session: &mut Session, user: &str) -> Result<u64, u16> {
    type Account = (Vec<u8>, u64, u64, u64, u8, Vec<u8>);
    let args = [1_u32.into(), Arg::List(vec![user.into()])];
    let rows: Vec<Account> = session.rows(sql::LOCK_ACCOUNTS, &args).await?;
    Ok(rows.first().map_or(0, |row| row.1))
}

async fn store(session: &mut Session, user: &str, rev: u64) -> Result<u64, u16> {
    let zero = || 0_u64.into();
    let row = vec![1_u32.into(), user.into(), rev.into(), zero(), zero(), zero(), "".into()];
    session.run(sql::PUT_ACCOUNTS, &[Arg::Rows(vec![row])]).await
}

/// Reads the row, and writes the next number into it.
async fn increment(session: &mut Session) -> Result<(), u16> {
    let rev = lock(session, "alice").await?;
    store(session, "alice", rev + 1).await?;
    session.run(sql::COMMIT, &[]).await.map(drop)
}

/// As a writer does: a transaction that lost is rolled back and repeated.
async fn increment_often(database: &Database, host: usize, times: u32) {
    let mut session = database.writer(host).await;
    for _ in 0..times {
        while let Err(code) = increment(&mut session).await {
            assert!(CONFLICTS.contains(&code), "not known as a conflict: {code}");
            session.run(sql::ROLLBACK, &[]).await.unwrap();
        }
    }
}

#[test]
fn no_change_is_lost_between_two_writers() {
    const TIMES: u32 = 50;
    on_a_database(|database| async move {
        assert_eq!(database.reader(0).await.run(sql::ADD_ACCOUNTS, &[accounts(&["alice"])]).await, Ok(1));
        // Once through one host, which has locks, and once through two, if there are: on Galera the COMMIT decides.
        for other in [0, database.hosts() - 1] {
            let first = tokio::spawn(increment_often(database, 0, TIMES));
            let second = tokio::spawn(increment_often(database, other, TIMES));
            first.await.unwrap();
            second.await.unwrap();
        }
        let rev = lock(&mut database.reader(0).await, "alice").await;
        assert_eq!(rev, Ok(u64::from(4 * TIMES)));
    });
}

#[test]
fn a_locked_row_keeps_another_transaction_waiting() {
    on_a_database(|database| async move {
        let (mut first, mut second) = (database.writer(0).await, database.writer(0).await);
        first.run(sql::ADD_ACCOUNTS, &[accounts(&["alice", "bob"])]).await.unwrap();
        first.run(sql::COMMIT, &[]).await.unwrap();
        assert_eq!(lock(&mut first, "alice").await, Ok(0));
        assert!(store(&mut first, "alice", 7).await.is_ok());

        // Another row is free; this one is not.
        assert_eq!(lock(&mut second, "bob").await, Ok(0));
        let waits = tokio::spawn(async move {
            let rev = lock(&mut second, "alice").await;
            (rev, second)
        });
        // A read without a lock neither waits nor sees what is not committed.
        let args = [1_u32.into(), Arg::List(vec!["alice".into()])];
        let states: Vec<(Vec<u8>, u64)> =
            database.reader(0).await.rows(sql::READ_STATES, &args).await.unwrap();
        assert_eq!(states.len(), 1);
        assert!(!waits.is_finished(), "it has not got the lock");
        first.run(sql::COMMIT, &[]).await.unwrap();
        let (rev, mut second) = waits.await.unwrap();
        // READ COMMITTED: what it waited for, not what there was when its transaction began.
        assert_eq!(rev, Ok(7));
        second.run(sql::ROLLBACK, &[]).await.unwrap();
    });
}

#[test]
fn a_wait_that_is_too_long_ends_with_a_known_code() {
    on_a_database(|database| async move {
        let (mut first, mut second) = (database.writer(0).await, database.writer(0).await);
        first.run(sql::ADD_ACCOUNTS, &[accounts(&["alice"])]).await.unwrap();
        first.run(sql::COMMIT, &[]).await.unwrap();
        assert_eq!(lock(&mut first, "alice").await, Ok(0));
        // OceanBase has its own variable; it waits for as long as that says.
        let shorter = second.run("SET SESSION innodb_lock_wait_timeout = 1", &[]).await;
        assert!(matches!(shorter, Ok(_) | Err(1193)), "{shorter:?}");
        assert_eq!(lock(&mut second, "alice").await, Err(1205));
        second.run(sql::ROLLBACK, &[]).await.unwrap();
        first.run(sql::ROLLBACK, &[]).await.unwrap();
        assert_eq!(lock(&mut second, "alice").await, Ok(0), "a ROLLBACK frees the row");
    });
}

#[test]
fn two_that_wait_for_each_other_are_parted() {
    on_a_database(|database| async move {
        let (mut first, mut second) = (database.writer(0).await, database.writer(0).await);
        first.run(sql::ADD_ACCOUNTS, &[accounts(&["alice", "bob"])]).await.unwrap();
        first.run(sql::COMMIT, &[]).await.unwrap();
        assert_eq!(lock(&mut first, "alice").await, Ok(0));
        assert_eq!(lock(&mut second, "bob").await, Ok(0));
        let waits = tokio::spawn(async move {
            let got = lock(&mut first, "bob").await;
            first.run(sql::ROLLBACK, &[]).await.unwrap();
            got
        });
        let got = lock(&mut second, "alice").await;
        second.run(sql::ROLLBACK, &[]).await.unwrap();
        let outcomes = [got, waits.await.unwrap()];
        let failed: Vec<u16> = outcomes.iter().filter_map(|outcome| outcome.err()).collect();
        assert!(!failed.is_empty() && failed.iter().all(|code| [1213, 1205].contains(code)), "{outcomes:?}");
    });
}

#[test]
fn a_key_that_exists_is_refused_and_the_transaction_goes_on() {
    on_a_database(|database| async move {
        let (mut first, mut second) = (database.writer(0).await, database.writer(0).await);
        assert_eq!(first.run(sql::ADD_ACCOUNTS, &[accounts(&["alice"])]).await, Ok(1));
        assert_eq!(first.run(sql::ADD_ACCOUNTS, &[accounts(&["bob", "alice"])]).await, Err(1062), "its own");
        // None of the refused statement's rows is there.
        assert_eq!(first.run(sql::ADD_ACCOUNTS, &[accounts(&["bob"])]).await, Ok(1));
        // Another transaction waits for the outcome, and then gets the same error.
        let waits = tokio::spawn(async move { second.run(sql::ADD_ACCOUNTS, &[accounts(&["alice"])]).await });
        first.run(sql::COMMIT, &[]).await.unwrap();
        assert_eq!(waits.await.unwrap(), Err(1062), "another's");
        assert_eq!(lock(&mut first, "alice").await, Ok(0));
        first.run(sql::ROLLBACK, &[]).await.unwrap();
    });
}

#[test]
fn a_connection_that_ends_takes_its_transaction_with_it() {
    on_a_database(|database| async move {
        let mut first = database.writer(0).await;
        assert_eq!(first.run(sql::ADD_ACCOUNTS, &[accounts(&["alice"])]).await, Ok(1));
        drop(first);
        // Waits for the lock of the dying transaction, if it still has it; then there is no row.
        let mut second = database.writer(0).await;
        assert_eq!(second.run(sql::ADD_ACCOUNTS, &[accounts(&["alice"])]).await, Ok(1));
        second.run(sql::COMMIT, &[]).await.unwrap();
    });
}
