//! What a start does first: a host that can serve, a database that can be used, a number for this process.

use crate::connection::{Connection, Purpose};
use crate::fault::{Fault, FaultKind};
use crate::hosts::Hosts;
use crate::nodes;
use crate::schema::{self, Database, SchemaError};
use crate::shared::Shared;
use std::sync::Arc;

/// Why a database can't be opened.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum OpenError {
    /// No host can be reached or can serve at the moment: waiting may help.
    #[error("no host of {url} can serve: {reason}")]
    Unreachable {
        /// The URL without its password.
        url: String,
        /// What the last host said.
        reason: String,
    },
    /// The database refuses us, or can't be used as it is: waiting does not help.
    #[error("{url}: {reason}")]
    Refused {
        /// The URL without its password.
        url: String,
        /// Why.
        reason: String,
    },
}

/// Tries each host once. Of their faults, the one counts for which waiting does not help.
pub(crate) async fn any_host(hosts: &Hosts) -> Result<Connection, Fault> {
    let mut worst = Fault::host("the URL names no host");
    for _ in 0..hosts.url().hosts.len() {
        match hosts.connect(Purpose::Reading).await {
            Ok(link) => return Ok(link.connection),
            Err(fault) if worst.remedy.is_none() => worst = fault,
            Err(_) => {}
        }
    }
    Err(worst)
}

/// Checks the database, and registers this process.
pub(crate) async fn prepare(hosts: Hosts, name: &str) -> Result<(Database, Arc<Shared>), OpenError> {
    let prepared = async {
        let mut link = any_host(&hosts).await?;
        let database = match schema::check(&mut link).await? {
            Ok(database) => database,
            Err(error) => return Ok(Err(error)),
        };
        let membership = nodes::register(&mut link, name).await?;
        let tallies = nodes::read_tallies(&mut link).await?;
        link.close().await;
        Ok(Ok((database, membership, tallies)))
    };
    let prepared = prepared.await;
    let (database, membership, tallies) = finished(&hosts, prepared)?;
    Ok((database, Arc::new(Shared::new(hosts, membership, tallies))))
}

/// Tells what waiting may help from what it does not.
pub(crate) fn finished<T>(
    hosts: &Hosts,
    result: Result<Result<T, SchemaError>, Fault>,
) -> Result<T, OpenError> {
    let url = hosts.url().shown();
    match result {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(OpenError::Refused { url, reason: error.to_string() }),
        Err(Fault { message, remedy: Some(remedy), .. }) => {
            Err(OpenError::Refused { url, reason: format!("{message}: {remedy}") })
        }
        Err(Fault { kind: FaultKind::Permanent, message, .. }) => {
            Err(OpenError::Refused { url, reason: message })
        }
        Err(Fault { message, .. }) => Err(OpenError::Unreachable { url, reason: message }),
    }
}
