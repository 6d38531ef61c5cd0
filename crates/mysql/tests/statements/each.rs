//! Each statement once, with harmless values, and how many rows it changes or returns.

use crate::server::{Outcome, Session, on_a_database};
use crate::sql::Arg;
use crate::statements::{self as sql, ALL};
use mysql_async::Row;
use std::collections::BTreeSet;

/// Runs statements, and remembers which.
struct Script {
    session: Session,
    /// The texts of those that ran.
    ran: BTreeSet<&'static str>,
}

impl Script {
    async fn changes(&mut self, statement: &'static str, args: &[Arg<'_>], count: u64) {
        self.ran.insert(statement);
        assert_eq!(self.session.run(statement, args).await, Ok(count), "{statement}");
    }

    async fn returns(&mut self, statement: &'static str, args: &[Arg<'_>], count: usize) {
        let rows = self.read(statement, args).await;
        assert_eq!(rows.map(|rows| rows.len()), Ok(count), "{statement}");
    }

    async fn read(&mut self, statement: &'static str, args: &[Arg<'_>]) -> Result<Vec<Row>, u16> {
        self.ran.insert(statement);
        self.session.rows(statement, args).await
    }

    /// An upsert: no code looks at how many rows it counts, and databases differ.
    async fn upserts(&mut self, statement: &'static str, rows: Vec<Vec<Arg<'static>>>) {
        self.ran.insert(statement);
        let done = self.session.run(statement, &[Arg::Rows(rows)]).await;
        assert!(done.is_ok(), "{statement}: {done:?}");
    }

    /// A statement that only some databases know.
    async fn if_known(&mut self, statement: &'static str) {
        self.ran.insert(statement);
        let done: Outcome = self.session.run(statement, &[]).await;
        assert!(matches!(done, Ok(_) | Err(1193)), "{statement}: {done:?}");
    }
}

fn row<const N: usize>(values: [Arg<'static>; N]) -> Vec<Arg<'static>> {
    Vec::from(values)
}

fn list<const N: usize>(values: [Arg<'static>; N]) -> Arg<'static> {
    Arg::List(Vec::from(values))
}

fn n(number: u64) -> Arg<'static> {
    number.into()
}

fn t(text: &'static str) -> Arg<'static> {
    text.into()
}

#[test]
fn every_statement_runs() {
    on_a_database(|database| async move {
        let mut script = Script { session: database.writer(0).await, ran: BTreeSet::new() };
        session(&mut script).await;
        nodes(&mut script).await;
        accounts(&mut script).await;
        events(&mut script).await;
        operators(&mut script).await;
        beside(&mut script).await;
        script.changes(sql::ROLLBACK, &[], 0).await;
        script.returns(sql::READ_NODES, &[], 0).await;
        script.returns(sql::READ_APPS, &[], 0).await;
        script.changes(sql::COMMIT, &[], 0).await;
        // The tables were made at the beginning.
        let left: Vec<_> = ALL
            .iter()
            .filter(|(name, sql)| !name.starts_with("CREATE_") && !script.ran.contains(sql))
            .collect();
        assert!(left.is_empty(), "not run: {left:?}");
    });
}

async fn session(script: &mut Script) {
    script.changes(sql::SET_ISOLATION, &[], 0).await;
    script.changes(sql::SET_AUTOCOMMIT_OFF, &[], 0).await;
    script.if_known(sql::SET_SYNC_WAIT).await;
    script.if_known(sql::SET_WAIT_TIMEOUT).await;
    script.if_known(sql::SET_LOCK_TIMEOUT).await;
    let galera = script.read(sql::GALERA_STATE, &[]).await.unwrap().len();
    assert!(galera == 0 || galera == 3, "all variables of Galera, or none: {galera}");
    script.if_known(sql::FLUSH).await;
    for statement in [sql::READ_ONLY, sql::VERSION, sql::TIME] {
        script.returns(statement, &[], 1).await;
    }
    let names = || t("format");
    script.changes(sql::ADD_META, &[Arg::Rows(vec![row([names(), n(1)]), row([t("audit"), n(0)])])], 2).await;
    script.returns(sql::READ_META, &[names()], 1).await;
    script.returns(sql::LOCK_META, &[names()], 1).await;
    script.changes(sql::SET_META, &[n(2), names()], 1).await;
    script.changes(sql::REMOVE_META, &[list([t("audit"), t("none")])], 1).await;
}

async fn nodes(script: &mut Script) {
    let leases = (0..2).map(|part| row([n(part), n(u64::from(u32::MAX)), n(0)])).collect();
    script.changes(sql::ADD_LEASES, &[Arg::Rows(leases)], 2).await;
    script.returns(sql::READ_LEASES, &[], 2).await;
    script.changes(sql::TAKE_LEASE, &[n(1), n(0), n(0)], 1).await;
    script.changes(sql::TAKE_LEASE, &[n(1), n(0), n(0)], 0).await;

    script.changes(sql::ADD_NODE, &[Arg::Rows(vec![row([n(1), n(1), n(0), n(0), t("a:8080")])])], 1).await;
    script.returns(sql::READ_NODES, &[], 1).await;
    script.changes(sql::TAKE_NODE, &[t("b:8080"), n(1), n(1), n(0)], 1).await;
    script.changes(sql::BEAT, &[n(7), n(1), n(2)], 1).await;
    script.changes(sql::EXPIRE_NODE, &[n(1), n(2), n(0)], 0).await;
    script.changes(sql::EXPIRE_NODE, &[n(1), n(2), n(1)], 1).await;
    script.changes(sql::FREE_NODE, &[n(1), n(3)], 1).await;
    script.returns(sql::READ_NODE, &[n(1)], 1).await;

    script.changes(sql::ADD_LANE, &[Arg::Rows(vec![row([n(1), n(1), n(0), n(0)])])], 1).await;
    script.returns(sql::READ_LANE, &[n(1)], 1).await;
    script.changes(sql::ADVANCE_LANE, &[n(1), n(9), n(1), n(1), n(0)], 1).await;
    script.changes(sql::ADVANCE_LANE, &[n(1), n(9), n(1), n(1), n(0)], 0).await;
    script.changes(sql::FENCE_LANE, &[n(1), n(1)], 1).await;
    script.changes(sql::FENCE_LANES, &[n(0), n(8)], 1).await;
}

async fn accounts(script: &mut Script) {
    let account = |user, profile| row([n(1), t(user), n(5), n(6), n(0), n(0), t(profile)]);
    let users = || list([t("alice"), t("bob"), t("nobody")]);
    let rows = || Arg::Rows(vec![account("alice", "x"), account("bob", "y"), account("carol", "z")]);
    script.changes(sql::ADD_ACCOUNTS, &[rows()], 3).await;
    script.returns(sql::LOCK_ACCOUNTS, &[n(1), users()], 2).await;
    script.upserts(sql::PUT_ACCOUNTS, vec![account("alice", "new"), account("bob", "y")]).await;
    script.returns(sql::READ_PROFILES, &[n(1), users()], 2).await;
    script.returns(sql::READ_STATES, &[n(1), users()], 2).await;
    script.returns(sql::READ_USERS, &[n(1), t("alice"), t("b"), t("b\u{10FFFF}"), n(10)], 1).await;
    script.returns(sql::READ_PROFILES_AFTER, &[n(1), t("alice"), n(10)], 2).await;
    script.returns(sql::READ_ACCOUNTS_AFTER, &[n(1), t("alice"), n(10)], 2).await;
    script.returns(sql::LAST_ACCOUNT, &[n(1)], 1).await;
    let kicked = row([n(1), t("carol"), n(5), n(6), n(7), n(1), t("z")]);
    script.upserts(sql::PUT_ACCOUNTS, vec![kicked]).await;
    script.returns(sql::READ_KICKED, &[list([n(1), n(2)]), list([t("alice"), t("carol")])], 1).await;
    script.changes(sql::REMOVE_ACCOUNTS, &[n(1), users()], 2).await;

    let deletions = vec![row([n(1), t("alice"), n(10)]), row([n(1), t("bob"), n(20)])];
    script.upserts(sql::PUT_DELETIONS, deletions).await;
    script.returns(sql::LOCK_DELETIONS, &[n(1), users()], 2).await;
    script.returns(sql::LOCK_OLD_DELETIONS, &[n(1), n(15), n(10)], 1).await;
    script.returns(sql::READ_OLD_DELETION, &[n(1), n(15)], 1).await;
    script.returns(sql::READ_DELETIONS_AFTER, &[n(1), t("alice"), n(10)], 1).await;
    script.returns(sql::LAST_DELETION, &[n(1)], 1).await;
    script.changes(sql::REMOVE_DELETIONS, &[n(1), users()], 2).await;
}

async fn events(script: &mut Script) {
    let event = |seq, parked| row([n(1), n(seq), n(parked), n(0), n(0), t(""), t("event")]);
    let places = || list([n(1), n(2), n(3), n(4)]);
    script.changes(sql::ADD_EVENTS, &[Arg::Rows(vec![event(1, 0), event(2, 0), event(3, 1)])], 3).await;
    script.returns(sql::LOCK_EVENTS, &[n(1), places()], 3).await;
    script.returns(sql::LOCK_OLDEST_EVENTS, &[n(1), n(0), n(1)], 1).await;
    script.upserts(sql::PUT_EVENTS, vec![event(2, 1)]).await;
    script.returns(sql::READ_EVENTS, &[n(1), n(1), n(0), n(10)], 2).await;
    script.returns(sql::READ_PLACES, &[n(1), n(0), n(10)], 1).await;
    script.returns(sql::READ_EVENTS_AT, &[n(1), places()], 1).await;
    script.returns(sql::READ_ALL_EVENTS, &[n(1), n(1), n(10)], 2).await;
    script.returns(sql::LAST_EVENT, &[n(1)], 1).await;
    script.changes(sql::REMOVE_EVENTS, &[n(1), places()], 3).await;

    let tally = |accounts| row([n(1), n(1), Arg::Signed(accounts), n(1), n(2), n(3), n(4)]);
    script.upserts(sql::ADD_TALLIES, vec![tally(5)]).await;
    script.upserts(sql::ADD_TALLIES, vec![tally(-2)]).await;
    script.returns(sql::READ_TALLIES, &[], 1).await;
    script.returns(sql::READ_POPULATIONS, &[], 1).await;
    let count: i64 = script.session.row(sql::READ_ACCOUNTS_COUNT, &[n(1)]).await;
    assert_eq!(count, 3, "the sum of what was added");
    let count: i64 = script.session.row(sql::READ_ACCOUNTS_COUNT, &[n(2)]).await;
    assert_eq!(count, 0, "of no rows");
    script.ran.insert(sql::READ_ACCOUNTS_COUNT);
}

async fn operators(script: &mut Script) {
    script.changes(sql::ADD_APP, &[Arg::Rows(vec![row([n(1), n(1), t("settings"), t("")])])], 1).await;
    script.returns(sql::LOCK_APP, &[n(1)], 1).await;
    script.changes(sql::PUT_APP, &[n(2), t("settings"), t("words"), n(1)], 1).await;
    script.returns(sql::READ_APPS, &[], 1).await;
    script.changes(sql::REMOVE_APP, &[n(1)], 1).await;

    script.changes(sql::ADD_TOKEN, &[Arg::Rows(vec![row([t("ci"), t("hash"), n(1), t("admin")])])], 1).await;
    script.returns(sql::LOCK_TOKENS, &[], 1).await;
    script.returns(sql::READ_TOKENS, &[], 1).await;
    script.changes(sql::REMOVE_TOKEN, &[t("ci")], 1).await;

    let entries = (1..=3).map(|seq| row([n(seq), n(seq % 2), n(1), t("entry")])).collect();
    script.changes(sql::ADD_AUDIT, &[Arg::Rows(entries)], 3).await;
    script.returns(sql::READ_AUDIT, &[n(u64::MAX), n(2)], 2).await;
    script.returns(sql::READ_AUDIT_OF_APP, &[n(1), n(u64::MAX), n(10)], 2).await;
    script.returns(sql::READ_AUDIT_AFTER, &[n(1), n(10)], 2).await;
    script.returns(sql::LAST_AUDIT, &[], 1).await;
    script.changes(sql::TRIM_AUDIT, &[n(1)], 1).await;
}

/// What nodes share besides the data.
async fn beside(script: &mut Script) {
    let sign_in =
        |used| vec![row([t("0123456789abcdef0123456789abcdef"), t("ci"), t("session"), n(1), n(used)])];
    script.upserts(sql::ADD_SIGN_IN, sign_in(1)).await;
    script.upserts(sql::ADD_SIGN_IN, sign_in(2)).await;
    script.returns(sql::READ_SIGN_INS, &[], 1).await;
    let hash = || t("0123456789abcdef0123456789abcdef");
    script.returns(sql::READ_SIGN_IN, &[hash()], 1).await;
    script.changes(sql::USE_SIGN_IN, &[n(3), hash()], 1).await;
    script.changes(sql::REMOVE_SIGN_INS, &[list([hash()])], 1).await;

    let calls = |count| vec![row([n(1), t("portrait_set"), n(0), n(count), n(7)])];
    script.upserts(sql::ADD_CALLS, calls(2)).await;
    script.upserts(sql::ADD_CALLS, calls(3)).await;
    script.returns(sql::READ_CALLS, &[n(1)], 1).await;
    script.changes(sql::REMOVE_CALLS, &[n(1)], 1).await;
}
