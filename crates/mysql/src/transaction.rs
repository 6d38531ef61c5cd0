//! One transaction: many writes, together or not at all.
//!
//! Its first statement advances the writer's lane. So it can be tried again when its outcome is not known: a lane that is
//! advanced already says that the earlier attempt was committed, and a lane of a later incarnation that this writer must stop.

use crate::apply::apply;
use crate::connection::Connection;
use crate::fault::Fault;
use crate::place::Ticks;
use crate::rows::{Account, AppRow, Event, Row, Rows, Tally};
use crate::sql::Arg;
use crate::statements;
use portraitd_model::{SdkAppId, UnixMillis, UserId};
use portraitd_store::{
    AUDIT_ENTRIES_MAX, AuditNote, DELETIONS_UNIT_MAX, EVENTS_UNIT_MAX, EventState, OutboxSeq, Selection,
    StoreError, TokenRecord, TokenRole, Write, WriteOutcome,
};
use std::collections::{BTreeMap, BTreeSet};

/// A write with its audit note.
#[derive(Clone, Debug)]
pub(crate) struct Unit {
    pub(crate) write: Write,
    pub(crate) note: Option<AuditNote>,
}

/// A writer's lane, as its next transaction expects it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Lane {
    pub(crate) number: u32,
    pub(crate) incarnation: u64,
    /// The transactions that were committed.
    pub(crate) n: u64,
}

/// What a transaction has done.
#[derive(Debug)]
pub(crate) struct Done {
    /// For each unit, in their order.
    pub(crate) outcomes: Vec<Result<WriteOutcome, StoreError>>,
    pub(crate) tallies: BTreeMap<SdkAppId, Tally>,
    /// The new version of apps and tokens, if this changed them.
    pub(crate) catalog: Option<u64>,
}

/// How an attempt ended.
pub(crate) enum Attempted {
    /// Committed.
    Committed(Done),
    /// There was nothing to store: every unit was refused or changes nothing.
    Nothing(Done),
    /// An earlier attempt, this one, was committed.
    Earlier(u64),
    /// Another process has the lane.
    Fenced,
}

/// Why an attempt failed. What it did up to COMMIT is kept: the next attempt may find that it was committed.
pub(crate) struct Failed {
    pub(crate) fault: Fault,
    pub(crate) uncertain: Option<Done>,
}

impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self { fault, uncertain: None }
    }
}

/// Does the units in one transaction. `attempt` has another number each time. With `must_commit` the lane advances even if there
/// is nothing to store: an earlier attempt can't be committed then.
pub(crate) async fn attempt(
    connection: &mut Connection,
    ticks: &Ticks,
    lane: Lane,
    attempt: u64,
    units: &[Unit],
    must_commit: bool,
) -> Result<Attempted, Failed> {
    let expected =
        [(lane.n + 1).into(), attempt.into(), lane.number.into(), lane.incarnation.into(), lane.n.into()];
    if connection.run(statements::ADVANCE_LANE, &expected).await? == 0 {
        let found: Option<(u64, u64, u64)> =
            connection.one(statements::READ_LANE, &[lane.number.into()]).await?;
        connection.run(statements::ROLLBACK, &[]).await?;
        return Ok(match found {
            Some((incarnation, n, attempt)) if incarnation == lane.incarnation && n == lane.n + 1 => {
                Attempted::Earlier(attempt)
            }
            _ => Attempted::Fenced,
        });
    }
    let mut rows = Rows::new(ticks, lane.number);
    load(connection, &mut rows, units).await?;
    let mut outcomes = Vec::with_capacity(units.len());
    for unit in units {
        let outcome = apply(&mut rows, &unit.write);
        if let (Some(note), Ok(outcome)) = (&unit.note, &outcome)
            && outcome.changed()
        {
            rows.notes.push(note.clone());
        }
        outcomes.push(outcome);
    }
    let is_probed = units.iter().any(|unit| matches!(unit.write, Write::Probe(_)));
    let nothing = rows.are_unchanged() && !is_probed && !must_commit;
    let catalog = if nothing { None } else { store(connection, &rows, lane.number).await? };
    let done = Done { outcomes, catalog, tallies: std::mem::take(&mut rows.tallies) };
    if nothing {
        connection.run(statements::ROLLBACK, &[]).await?;
        return Ok(Attempted::Nothing(done));
    }
    match connection.run(statements::COMMIT, &[]).await {
        Ok(_) => Ok(Attempted::Committed(done)),
        Err(fault) => {
            let fault = fault.at_commit();
            let uncertain = fault.ends_connection().then_some(done);
            Err(Failed { fault, uncertain })
        }
    }
}

/// The rows that units may change, by what finds them.
#[derive(Default)]
struct Needs {
    accounts: BTreeMap<SdkAppId, BTreeSet<UserId>>,
    deletions: BTreeMap<SdkAppId, BTreeSet<UserId>>,
    events: BTreeMap<SdkAppId, BTreeSet<OutboxSeq>>,
}

impl Needs {
    fn account(&mut self, app: SdkAppId, user: UserId) {
        self.accounts.entry(app).or_default().insert(user);
    }

    fn new_account(&mut self, app: SdkAppId, user: UserId) {
        self.account(app, user);
        self.deletions.entry(app).or_default().insert(user);
    }

    fn event(&mut self, app: SdkAppId, seq: OutboxSeq) {
        self.events.entry(app).or_default().insert(seq);
    }
}

/// Reads and locks every row that the units may change, each table in the order of its keys.
async fn load(connection: &mut Connection, rows: &mut Rows<'_>, units: &[Unit]) -> Result<(), Fault> {
    let mut needs = Needs::default();
    for unit in units {
        match &unit.write {
            Write::Change(change) => needs.account(change.app, change.user),
            Write::Kick(kick) => needs.account(kick.app, kick.user),
            Write::Import(import) => {
                import.seeds.iter().for_each(|seed| needs.new_account(import.app, seed.user.id()));
            }
            Write::Delete(delete) if delete.noted_at.is_some() => {
                delete.users.iter().for_each(|user| needs.new_account(delete.app, *user));
            }
            Write::Delete(delete) => delete.users.iter().for_each(|user| needs.account(delete.app, *user)),
            Write::ForgetDeletions(forget) => {
                load_old_deletions(connection, rows, forget.app, forget.until).await?;
            }
            Write::PutApp(put) => {
                load_app(connection, rows, put.settings.id).await?;
                put.settings.admins.iter().for_each(|admin| needs.new_account(put.settings.id, *admin));
            }
            Write::RecordDeliveries(record) => {
                record.outcomes.iter().for_each(|(seq, _)| needs.event(record.app, *seq));
            }
            Write::Discard(discard) => match &discard.selection {
                Selection::Places(places) => places.iter().for_each(|seq| needs.event(discard.app, *seq)),
                Selection::Oldest(count) => {
                    load_oldest(connection, rows, discard.app, discard.state, *count).await?;
                }
            },
            Write::Replay(replay) => match &replay.selection {
                Selection::Places(places) => places.iter().for_each(|seq| needs.event(replay.app, *seq)),
                Selection::Oldest(count) => {
                    load_oldest(connection, rows, replay.app, EventState::Parked, *count).await?;
                }
            },
            Write::PutToken(_) | Write::RemoveToken(_) => load_tokens(connection, rows).await?,
            Write::Probe(_) | Write::NoteOnly(_) => {}
        }
    }
    for (app, users) in &needs.accounts {
        load_accounts(connection, rows, *app, users).await?;
    }
    for (app, users) in &needs.deletions {
        let args = [app.0.into(), user_list(users)];
        for (user, at) in connection.rows::<(Vec<u8>, u64)>(statements::LOCK_DELETIONS, &args).await? {
            rows.deletions.insert((*app, parsed_user(&user)?), Row::stored(at));
        }
    }
    for (app, places) in &needs.events {
        let args = [app.0.into(), Arg::List(places.iter().map(|seq| seq.0.into()).collect())];
        load_events(connection, rows, *app, statements::LOCK_EVENTS, &args).await?;
    }
    Ok(())
}

fn user_list(users: &BTreeSet<UserId>) -> Arg<'_> {
    Arg::List(users.iter().map(|user| user.as_str().into()).collect())
}

pub(crate) fn parsed_user(bytes: &[u8]) -> Result<UserId, Fault> {
    let user = std::str::from_utf8(bytes).ok().and_then(|text| UserId::parse(text).ok());
    user.ok_or_else(|| Fault::permanent("a stored UserID is damaged"))
}

async fn load_accounts(
    connection: &mut Connection,
    rows: &mut Rows<'_>,
    app: SdkAppId,
    users: &BTreeSet<UserId>,
) -> Result<(), Fault> {
    type Stored = (Vec<u8>, u64, u64, u64, u8, Vec<u8>);
    let args = [app.0.into(), user_list(users)];
    for (user, rev, created_ms, kicked_at, admin, profile) in
        connection.rows::<Stored>(statements::LOCK_ACCOUNTS, &args).await?
    {
        let account = Account { rev: OutboxSeq(rev), created_ms, kicked_at, admin: admin != 0, profile };
        rows.accounts.insert((app, parsed_user(&user)?), Row::stored(account));
    }
    Ok(())
}

async fn load_old_deletions(
    connection: &mut Connection,
    rows: &mut Rows<'_>,
    app: SdkAppId,
    until: UnixMillis,
) -> Result<(), Fault> {
    let args = [app.0.into(), until.0.into(), DELETIONS_UNIT_MAX.into()];
    for (user, at) in connection.rows::<(Vec<u8>, u64)>(statements::LOCK_OLD_DELETIONS, &args).await? {
        rows.deletions.insert((app, parsed_user(&user)?), Row::stored(at));
    }
    Ok(())
}

async fn load_app(connection: &mut Connection, rows: &mut Rows<'_>, app: SdkAppId) -> Result<(), Fault> {
    if let Some((revision,)) = connection.one::<(u64,)>(statements::LOCK_APP, &[app.0.into()]).await? {
        rows.apps.insert(app, Row::stored(AppRow { revision, settings: None }));
    }
    Ok(())
}

async fn load_oldest(
    connection: &mut Connection,
    rows: &mut Rows<'_>,
    app: SdkAppId,
    state: EventState,
    count: usize,
) -> Result<(), Fault> {
    let args =
        [app.0.into(), u32::from(state == EventState::Parked).into(), count.min(EVENTS_UNIT_MAX).into()];
    load_events(connection, rows, app, statements::LOCK_OLDEST_EVENTS, &args).await
}

/// A row of the outbox as every statement reads it.
pub(crate) type StoredEvent = (u64, u8, u32, u64, Vec<u8>, Vec<u8>);

async fn load_events(
    connection: &mut Connection,
    rows: &mut Rows<'_>,
    app: SdkAppId,
    statement: &str,
    args: &[Arg<'_>],
) -> Result<(), Fault> {
    for (seq, parked, attempts, due_ms, failure, bytes) in
        connection.rows::<StoredEvent>(statement, args).await?
    {
        let failure = String::from_utf8_lossy(&failure).into_owned();
        let event = Event { parked: parked != 0, attempts, due_ms, failure, bytes };
        rows.events.insert((app, OutboxSeq(seq)), Row::stored(event));
    }
    Ok(())
}

async fn load_tokens(connection: &mut Connection, rows: &mut Rows<'_>) -> Result<(), Fault> {
    let stored = connection.rows::<StoredToken>(statements::LOCK_TOKENS, &[]).await?;
    for token in stored {
        let token = parsed_token(token)?;
        rows.tokens.insert(token.name.clone(), Row::stored(token));
    }
    Ok(())
}

/// A token's row as every statement reads it.
pub(crate) type StoredToken = (Vec<u8>, Vec<u8>, u64, Vec<u8>);

pub(crate) fn parsed_token((name, hash, created, role): StoredToken) -> Result<TokenRecord, Fault> {
    let name = String::from_utf8(name).ok();
    let role = std::str::from_utf8(&role).ok().and_then(TokenRole::named);
    let token = name.zip(hash.try_into().ok()).zip(role);
    let token =
        token.map(|((name, hash), role)| TokenRecord { name, hash, created: UnixMillis(created), role });
    token.ok_or_else(|| Fault::permanent("a stored token is damaged"))
}

/// Stores every changed row; returns the new version of apps and tokens, if they are among them.
async fn store(connection: &mut Connection, rows: &Rows<'_>, lane: u32) -> Result<Option<u64>, Fault> {
    store_accounts(connection, rows).await?;
    store_deletions(connection, rows).await?;
    store_events(connection, rows).await?;
    store_apps(connection, rows).await?;
    store_tokens(connection, rows).await?;
    let tallies = rows.tallies.iter().filter(|(_, tally)| **tally != Tally::default());
    let tally = |(app, tally): (&SdkAppId, &Tally)| {
        let numbers = [
            tally.accounts,
            tally.waiting_events,
            tally.waiting_bytes,
            tally.parked_events,
            tally.parked_bytes,
        ];
        [app.0.into(), lane.into()].into_iter().chain(numbers.map(Arg::from)).collect()
    };
    insert(connection, statements::ADD_TALLIES, tallies.map(tally).collect()).await?;
    store_notes(connection, &rows.notes).await?;
    if !rows.changes_catalog {
        return Ok(None);
    }
    add_to_meta(connection, "catalog", 1).await.map(Some)
}

async fn insert(connection: &mut Connection, statement: &str, rows: Vec<Vec<Arg<'_>>>) -> Result<(), Fault> {
    if !rows.is_empty() {
        connection.run(statement, &[Arg::Rows(rows)]).await?;
    }
    Ok(())
}

async fn store_accounts(connection: &mut Connection, rows: &Rows<'_>) -> Result<(), Fault> {
    let (mut added, mut put, mut removed) =
        (Vec::new(), Vec::new(), BTreeMap::<SdkAppId, Vec<Arg<'_>>>::new());
    for ((app, user), row) in rows.accounts.iter().filter(|(_, row)| row.is_changed) {
        match &row.now {
            Some(account) => {
                let values = vec![
                    app.0.into(),
                    user.as_str().into(),
                    account.rev.0.into(),
                    account.created_ms.into(),
                    account.kicked_at.into(),
                    u32::from(account.admin).into(),
                    account.profile.as_slice().into(),
                ];
                if row.was_stored { put.push(values) } else { added.push(values) }
            }
            None if row.was_stored => removed.entry(*app).or_default().push(user.as_str().into()),
            None => {}
        }
    }
    insert(connection, statements::ADD_ACCOUNTS, added).await?;
    insert(connection, statements::PUT_ACCOUNTS, put).await?;
    for (app, users) in removed {
        connection.run(statements::REMOVE_ACCOUNTS, &[app.0.into(), Arg::List(users)]).await?;
    }
    Ok(())
}

async fn store_deletions(connection: &mut Connection, rows: &Rows<'_>) -> Result<(), Fault> {
    let (mut put, mut removed) = (Vec::new(), BTreeMap::<SdkAppId, Vec<Arg<'_>>>::new());
    for ((app, user), row) in rows.deletions.iter().filter(|(_, row)| row.is_changed) {
        match row.now {
            Some(at) => put.push(vec![app.0.into(), user.as_str().into(), at.into()]),
            None if row.was_stored => removed.entry(*app).or_default().push(user.as_str().into()),
            None => {}
        }
    }
    insert(connection, statements::PUT_DELETIONS, put).await?;
    for (app, users) in removed {
        connection.run(statements::REMOVE_DELETIONS, &[app.0.into(), Arg::List(users)]).await?;
    }
    Ok(())
}

async fn store_events(connection: &mut Connection, rows: &Rows<'_>) -> Result<(), Fault> {
    let (mut added, mut put) = (Vec::new(), Vec::new());
    let mut removed = BTreeMap::<SdkAppId, Vec<Arg<'_>>>::new();
    for ((app, seq), row) in rows.events.iter().filter(|(_, row)| row.is_changed) {
        match &row.now {
            Some(event) => {
                // A row that exists keeps its event.
                let stored: &[u8] = if row.was_stored { &[] } else { &event.bytes };
                let values = vec![
                    app.0.into(),
                    seq.0.into(),
                    u32::from(event.parked).into(),
                    event.attempts.into(),
                    event.due_ms.into(),
                    event.failure.as_str().into(),
                    stored.into(),
                ];
                if row.was_stored { put.push(values) } else { added.push(values) }
            }
            None if row.was_stored => removed.entry(*app).or_default().push(seq.0.into()),
            None => {}
        }
    }
    insert(connection, statements::ADD_EVENTS, added).await?;
    insert(connection, statements::PUT_EVENTS, put).await?;
    for (app, places) in removed {
        connection.run(statements::REMOVE_EVENTS, &[app.0.into(), Arg::List(places)]).await?;
    }
    Ok(())
}

async fn store_apps(connection: &mut Connection, rows: &Rows<'_>) -> Result<(), Fault> {
    for (app, row) in rows.apps.iter().filter(|(_, row)| row.is_changed) {
        let Some(AppRow { revision, settings: Some((settings, words)) }) = &row.now else { continue };
        let (revision, settings, words) = (*revision, Arg::Bytes(settings), Arg::Bytes(words));
        if row.was_stored {
            connection.run(statements::PUT_APP, &[revision.into(), settings, words, app.0.into()]).await?;
        } else {
            insert(
                connection,
                statements::ADD_APP,
                vec![vec![app.0.into(), revision.into(), settings, words]],
            )
            .await?;
        }
    }
    Ok(())
}

async fn store_tokens(connection: &mut Connection, rows: &Rows<'_>) -> Result<(), Fault> {
    for (name, row) in rows.tokens.iter().filter(|(_, row)| row.is_changed) {
        match &row.now {
            Some(token) => {
                let (hash, role) = (token.hash.as_slice().into(), token.role.as_str().into());
                let values = vec![name.as_str().into(), hash, token.created.0.into(), role];
                insert(connection, statements::ADD_TOKEN, vec![values]).await?;
            }
            None => _ = connection.run(statements::REMOVE_TOKEN, &[name.as_str().into()]).await?,
        }
    }
    Ok(())
}

async fn store_notes(connection: &mut Connection, notes: &[AuditNote]) -> Result<(), Fault> {
    if notes.is_empty() {
        return Ok(());
    }
    let last = add_to_meta(connection, "audit", notes.len() as u64).await?;
    let first = last - notes.len() as u64 + 1;
    let mut entries = Vec::with_capacity(notes.len());
    for (seq, note) in (first..).zip(notes) {
        let app = note.app.map_or(0, |app| app.0);
        entries.push(vec![seq.into(), app.into(), note.at.0.into(), note.text.as_str().into()]);
    }
    insert(connection, statements::ADD_AUDIT, entries).await?;
    connection.run(statements::TRIM_AUDIT, &[last.saturating_sub(AUDIT_ENTRIES_MAX).into()]).await?;
    Ok(())
}

/// Adds to a number of the whole store, under lock; returns the sum.
async fn add_to_meta(connection: &mut Connection, name: &str, more: u64) -> Result<u64, Fault> {
    let stored: Option<(u64,)> = connection.one(statements::LOCK_META, &[name.into()]).await?;
    let (value,) =
        stored.ok_or_else(|| Fault::permanent(format!("the number `{name}` of the store is missing")))?;
    connection.run(statements::SET_META, &[(value + more).into(), name.into()]).await?;
    Ok(value + more)
}
