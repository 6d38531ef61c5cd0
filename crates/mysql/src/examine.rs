//! What a host of the database says about itself, for `portraitd doctor`: each host is asked, also those that are not in use.

use crate::connection::{Connection, Purpose};
use crate::fault::Fault;
use crate::hosts::Hosts;
use crate::open::{OpenError, finished};
use crate::schema::{self, SchemaError};
use crate::url::{Host, MysqlUrl};

/// What was found out about a host.
#[derive(Clone, Debug)]
pub struct HostReport {
    /// Its name and port.
    pub host: String,
    /// Its version, or why a server can't use it.
    pub found: Result<String, OpenError>,
}

/// Asks every host of the URL whether a server could use it, as a start does, and whether the user has the rights.
pub async fn examine(url: &MysqlUrl) -> Vec<HostReport> {
    let hosts = Hosts::new(url.clone());
    let mut reports = Vec::new();
    for host in &url.hosts {
        let found = finished(&hosts, examine_host(url, host).await);
        reports.push(HostReport { host: host.to_string(), found });
    }
    reports
}

async fn examine_host(url: &MysqlUrl, host: &Host) -> Result<Result<String, SchemaError>, Fault> {
    let mut writing = Connection::open(url, host, Purpose::Writing).await?;
    // A host of Galera may lag behind; this purpose waits until it does not.
    let mut reading = Connection::open(url, host, Purpose::Reading).await?;
    let database = match schema::check(&mut reading).await? {
        Ok(database) => database,
        Err(error) => return Ok(Err(error)),
    };
    if let Err(error) = schema::check_rights(&mut writing).await? {
        return Ok(Err(error));
    }
    reading.close().await;
    writing.close().await;
    Ok(Ok(database.version))
}
