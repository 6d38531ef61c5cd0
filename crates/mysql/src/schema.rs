//! The tables: made in an empty database, and checked at each start.

use crate::clock::{CLOCK_MAX, clock_ahead_ms};
use crate::connection::Connection;
use crate::fault::{Fault, FaultKind};
use crate::format::{FORMAT, OLDEST_NODE};
use crate::leases::NO_NODE;
use crate::place::PARTS;
use crate::sql::Arg;
use crate::statements;
use portraitd_store::StoreId;

/// Why a database can't be used as it is. Waiting does not help.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SchemaError {
    /// It has no tables of portraitd.
    #[error("the database has no tables of portraitd yet; `portraitd store migrate` makes them")]
    Empty,
    /// Its tables are of an older version.
    #[error(
        "the tables have format {0}, older than {FORMAT}; `portraitd store migrate` brings them up to date"
    )]
    Older(u64),
    /// Its tables are of a newer version.
    #[error("the tables have format {0}, newer than {FORMAT}: this portraitd is too old for them")]
    Newer(u64),
    /// A commit may be lost when the machine loses power.
    #[error(
        "innodb_flush_log_at_trx_commit is {0}, so that the database can lose what it has acknowledged; set it to 1 on every host"
    )]
    NotDurable(i64),
    /// Our clock and the database's differ too much.
    #[error(
        "this machine's clock is {0} ms ahead of the database's, more than 2000 either way; set both by NTP"
    )]
    Clock(i64),
    /// The database's user may not do what a server does.
    #[error("{0}; the user needs SELECT, INSERT, UPDATE and DELETE on all tables of the database")]
    Rights(String),
    /// The tables are there, but not as they should be.
    #[error("{0}")]
    Unusable(String),
}

/// What a start needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Database {
    pub(crate) id: StoreId,
    /// The database's own words.
    pub(crate) version: String,
}

/// Checks that the database can be used: tables that this version knows, durable commits, clocks that agree.
pub(crate) async fn check(connection: &mut Connection) -> Result<Result<Database, SchemaError>, Fault> {
    if let Err(error) = check_format(connection).await? {
        return Ok(Err(error));
    }
    // A database without the variable decides by itself.
    let flush = optional(connection.one::<(i64,)>(statements::FLUSH, &[]).await)?;
    if let Some((flush,)) = flush.flatten().filter(|(flush,)| *flush != 1) {
        return Ok(Err(SchemaError::NotDurable(flush)));
    }
    let ahead = clock_ahead_ms(connection).await?;
    if u128::from(ahead.unsigned_abs()) > CLOCK_MAX.as_millis() {
        return Ok(Err(SchemaError::Clock(ahead)));
    }
    let version: Option<(String,)> = connection.one(statements::VERSION, &[]).await?;
    let (high, low) = (number(connection, "id_high").await?, number(connection, "id_low").await?);
    let id = (u128::from(high) << 64 | u128::from(low)).to_be_bytes();
    Ok(Ok(Database {
        id: StoreId::from_bytes(id),
        version: version.map(|(version,)| version).unwrap_or_default(),
    }))
}

/// Checks that the tables are of this format, or of a later one that only adds to it. A node checks it at its start and
/// while it runs.
pub(crate) async fn check_format(connection: &mut Connection) -> Result<Result<(), SchemaError>, Fault> {
    let format = match connection.one::<(u64,)>(statements::READ_META, &["format".into()]).await {
        Ok(Some((format,))) => format,
        Ok(None) => return Ok(Err(SchemaError::Unusable("the tables are there, but not their format: an interrupted `portraitd store migrate`; run it again".into()))),
        // No such table.
        Err(fault) if fault.message.contains("(error 1146)") => return Ok(Err(SchemaError::Empty)),
        Err(fault) if fault.message.contains("(error 1142)") => return Ok(Err(SchemaError::Rights(fault.message))),
        Err(fault) => return Err(fault),
    };
    if format < FORMAT {
        return Ok(Err(SchemaError::Older(format)));
    }
    let stored: Option<(u64,)> = connection.one(statements::READ_META, &["oldest_node".into()]).await?;
    let oldest = stored.map_or(format, |(oldest,)| oldest);
    Ok(if FORMAT < oldest { Err(SchemaError::Newer(format)) } else { Ok(()) })
}

/// Checks that the user may do what a server does: tries one statement of each kind, and undoes it. For a connection whose
/// statements belong to a transaction.
pub(crate) async fn check_rights(connection: &mut Connection) -> Result<Result<(), SchemaError>, Fault> {
    // Numbers that nothing has.
    let none = || Arg::from(u32::MAX);
    let lane = Arg::Rows(vec![vec![none(), 0_u64.into(), 0_u64.into(), 0_u64.into()]]);
    let tried = [
        (statements::FREE_NODE, vec![none(), 0_u64.into()]),
        (statements::REMOVE_TOKEN, vec!["".into()]),
        (statements::ADD_LANE, vec![lane]),
    ];
    for (statement, args) in tried {
        match connection.run(statement, &args).await {
            Ok(_) => {}
            Err(fault) if fault.kind == FaultKind::Permanent => {
                return Ok(Err(SchemaError::Rights(fault.message)));
            }
            Err(fault) => return Err(fault),
        }
    }
    connection.run(statements::ROLLBACK, &[]).await.map(|_| Ok(()))
}

async fn number(connection: &mut Connection, name: &str) -> Result<u64, Fault> {
    let stored: Option<(u64,)> = connection.one(statements::READ_META, &[name.into()]).await?;
    stored
        .map(|(value,)| value)
        .ok_or_else(|| Fault::permanent(format!("the number `{name}` of the store is missing")))
}

/// `None` when the database doesn't know what was asked for.
fn optional<T>(read: Result<T, Fault>) -> Result<Option<T>, Fault> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(fault) if fault.kind == FaultKind::Permanent => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Makes what is missing of the tables. Safe to repeat after an interruption: the format is written last.
pub(crate) async fn create(connection: &mut Connection) -> Result<(), Fault> {
    for statement in [
        statements::CREATE_META,
        statements::CREATE_ACCOUNTS,
        statements::CREATE_DELETIONS,
        statements::CREATE_OUTBOX,
        statements::CREATE_APPS,
        statements::CREATE_TOKENS,
        statements::CREATE_AUDIT,
        statements::CREATE_LANES,
        statements::CREATE_NODES,
        statements::CREATE_LEASES,
        statements::CREATE_TALLIES,
        statements::CREATE_SIGN_INS,
        statements::CREATE_CALLS,
    ] {
        unless_there(connection.run(statement, &[]).await, "(error 1050)")?;
    }
    let id = u128::from_str_radix(&StoreId::random().to_string(), 16).unwrap_or_default();
    let [high, low] =
        [id >> 64, id & u128::from(u64::MAX)].map(|half| u64::try_from(half).unwrap_or_default());
    let leases = (0..PARTS).map(|part| vec![u32::from(part).into(), NO_NODE.into(), 0_u64.into()]);
    let leases = Arg::Rows(leases.collect());
    unless_there(connection.run(statements::ADD_LEASES, &[leases]).await, "(error 1062)")?;
    let numbers = [
        ("audit", 0),
        ("catalog", 1),
        ("id_high", high),
        ("id_low", low),
        ("oldest_node", OLDEST_NODE),
        ("format", FORMAT),
    ];
    let numbers = numbers.map(|(name, value)| vec![name.into(), value.into()]).to_vec();
    unless_there(connection.run(statements::ADD_META, &[Arg::Rows(numbers)]).await, "(error 1062)")
}

/// A table or row that is there already was made by an earlier run, or by another node at the same moment.
fn unless_there(made: Result<u64, Fault>, there: &str) -> Result<(), Fault> {
    match made {
        Err(fault) if fault.message.ends_with(there) => Ok(()),
        made => made.map(drop),
    }
}
