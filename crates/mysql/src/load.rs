//! What a transaction reads: every row that its units may change, under lock.

use crate::apply::Unit;
use crate::connection::Connection;
use crate::fault::Fault;
use crate::rows::{Account, AppRow, Event, Row, Rows};
use crate::sql::Arg;
use crate::statements;
use portraitd_model::{SdkAppId, UnixMillis, UserId};
use portraitd_store::{
    DELETIONS_UNIT_MAX, EVENTS_UNIT_MAX, EventState, OutboxSeq, Selection, TokenRecord, TokenRole, Write,
};
use std::collections::{BTreeMap, BTreeSet};

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
pub(crate) async fn load(
    connection: &mut Connection,
    rows: &mut Rows<'_>,
    units: &[Unit],
) -> Result<(), Fault> {
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
            Write::RemoveApp(remove) => load_app(connection, rows, remove.0).await?,
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
