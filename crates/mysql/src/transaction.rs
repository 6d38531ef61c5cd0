//! One transaction: many writes, together or not at all.
//!
//! Its first statement advances the writer's lane. So it can be tried again when its outcome is not known: a lane that is
//! advanced already says that the earlier attempt was committed, and a lane of a later incarnation that this writer must stop.

use crate::apply::{Unit, apply};
use crate::connection::Connection;
use crate::fault::Fault;
use crate::load::load;
use crate::place::Ticks;
use crate::rows::{Rows, Tally};
use crate::save::save;
use crate::statements;
use portraitd_model::SdkAppId;
use portraitd_store::{StoreError, Write, WriteOutcome};
use std::collections::BTreeMap;

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
    let catalog = if nothing { None } else { save(connection, &rows, lane.number).await? };
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
