//! One connection to one host, with time limits of our own: a frozen host answers nothing, not even an error.

use crate::fault::Fault;
use crate::sql::{Arg, fill};
use crate::statements;
use crate::url::{Host, MysqlUrl, TlsMode};
use mysql_async::prelude::{FromRow, Queryable};
use mysql_async::{Conn, OptsBuilder, Row, SslOpts, from_row_opt};
use std::time::Duration;
use tokio::time::timeout;

/// The longest time to connect and log in.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);
/// The longest time that a statement may take. Galera needs about 3 s to expel a node that is gone; to wait longer here
/// than a call may take (2.5 s) would only delay the next host.
pub(crate) const STATEMENT_TIMEOUT: Duration = Duration::from_secs(2);

/// What a connection is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// Each statement is a transaction; it sees every acknowledged change.
    Reading,
    /// Statements belong to a transaction until COMMIT, which begins with every acknowledged change.
    Writing,
}

/// A connection that was logged in and prepared. After a fault that [`Fault::ends_connection`], or a future that was dropped
/// half way, it must not be used again.
pub(crate) struct Connection {
    conn: Conn,
}

impl Connection {
    /// Connects to a host that can serve: it is part of its cluster, and takes writes.
    pub(crate) async fn open(url: &MysqlUrl, host: &Host, purpose: Purpose) -> Result<Self, Fault> {
        let connect = async {
            check_authority(&url.tls)?;
            let conn = Conn::new(options(url, host)).await.map_err(Fault::from)?;
            let mut connection = Self { conn };
            connection.prepare(purpose).await?;
            Ok(connection)
        };
        let opened = timeout(CONNECT_TIMEOUT, connect).await.unwrap_or(Err(Fault::timeout(CONNECT_TIMEOUT)));
        opened.map_err(|fault: Fault| Fault { message: format!("{host}: {}", fault.message), ..fault })
    }

    async fn prepare(&mut self, purpose: Purpose) -> Result<(), Fault> {
        let state: Vec<(String, String)> = self.rows(statements::GALERA_STATE, &[]).await?;
        if let Some((name, value)) = unfit(&state) {
            return Err(Fault::host(format!("{name} is {value}: the node is not part of its cluster")));
        }
        self.run(statements::SET_ISOLATION, &[]).await?;
        // A writer, too: what it writes is checked against other nodes' changes at COMMIT, but not that there is nothing to write.
        self.set_if_known(statements::SET_SYNC_WAIT).await?;
        match purpose {
            Purpose::Reading => Ok(()),
            Purpose::Writing => {
                let read_only: Option<(String,)> = self.one(statements::READ_ONLY, &[]).await?;
                if read_only.is_some_and(|(value,)| !matches!(&*value, "0" | "OFF")) {
                    return Err(Fault::host(
                        "the host is read-only (read_only = 1): name the primary in store.url, or make it one",
                    ));
                }
                self.set_if_known(statements::SET_WAIT_TIMEOUT).await?;
                self.set_if_known(statements::SET_LOCK_TIMEOUT).await?;
                self.run(statements::SET_AUTOCOMMIT_OFF, &[]).await.map(drop)
            }
        }
    }

    /// Sets a variable that not every database has.
    async fn set_if_known(&mut self, statement: &str) -> Result<(), Fault> {
        let set = self.run(statement, &[]).await;
        set.map(drop).or_else(|fault| if fault.ends_connection() { Err(fault) } else { Ok(()) })
    }

    /// Runs a statement; returns how many rows it found.
    pub(crate) async fn run(&mut self, statement: &str, args: &[Arg<'_>]) -> Result<u64, Fault> {
        let sql = fill(statement, args);
        let run = async {
            self.conn.query_drop(&*sql).await?;
            Ok::<_, mysql_async::Error>(self.conn.affected_rows())
        };
        timeout(STATEMENT_TIMEOUT, run)
            .await
            .map_err(|_| Fault::timeout(STATEMENT_TIMEOUT))?
            .map_err(Fault::from)
    }

    /// Reads the rows of a statement whose values are filled in.
    pub(crate) async fn query(&mut self, sql: &str) -> Result<Vec<Row>, Fault> {
        let read = async { self.conn.query_iter(sql).await?.collect_and_drop::<Row>().await };
        timeout(STATEMENT_TIMEOUT, read)
            .await
            .map_err(|_| Fault::timeout(STATEMENT_TIMEOUT))?
            .map_err(Fault::from)
    }

    /// Reads rows.
    pub(crate) async fn rows<T: FromRow>(
        &mut self,
        statement: &str,
        args: &[Arg<'_>],
    ) -> Result<Vec<T>, Fault> {
        parsed(self.query(&fill(statement, args)).await?)
    }

    /// Reads the first row.
    pub(crate) async fn one<T: FromRow>(
        &mut self,
        statement: &str,
        args: &[Arg<'_>],
    ) -> Result<Option<T>, Fault> {
        Ok(self.rows(statement, args).await?.into_iter().next())
    }

    /// Says goodbye; the host may be gone already.
    pub(crate) async fn close(self) {
        _ = timeout(CONNECT_TIMEOUT, self.conn.disconnect()).await;
    }
}

/// What of a Galera node's state says that it can't serve.
fn unfit(state: &[(String, String)]) -> Option<&(String, String)> {
    let (providers, state): (Vec<_>, Vec<_>) =
        state.iter().partition(|(name, _)| name == "wsrep_provider_name");
    let is_galera = providers.iter().any(|(_, provider)| !provider.is_empty());
    state.into_iter().find(|(_, value)| is_galera && !matches!(&**value, "ON" | "Primary"))
}

/// Rows by type.
pub(crate) fn parsed<T: FromRow>(rows: Vec<Row>) -> Result<Vec<T>, Fault> {
    let unexpected = |_| Fault::permanent("the database returned an unexpected kind of row");
    rows.into_iter().map(|row| from_row_opt(row).map_err(unexpected)).collect()
}

/// The driver says of a file that is missing only that it is.
fn check_authority(tls: &TlsMode) -> Result<(), Fault> {
    let TlsMode::Verified { authority: Some(file) } = tls else { return Ok(()) };
    let unreadable = |error| Fault::unreadable_authority(format!("can't read {}: {error}", file.display()));
    std::fs::File::open(file).map(drop).map_err(unreadable)
}

fn options(url: &MysqlUrl, host: &Host) -> OptsBuilder {
    let tls = match &url.tls {
        TlsMode::Off => None,
        TlsMode::Verified { authority: None } => Some(SslOpts::default()),
        TlsMode::Verified { authority: Some(file) } => {
            let options = SslOpts::default().with_root_certs(vec![file.clone().into()]);
            Some(options.with_disable_built_in_roots(true))
        }
    };
    OptsBuilder::default()
        .ip_or_hostname(host.name.clone())
        .tcp_port(host.port)
        .user(Some(url.user.clone()))
        .pass(Some(url.password.clone()))
        .db_name(Some(url.database.clone()))
        .ssl_opts(tls)
        .prefer_socket(false)
        .tcp_nodelay(true)
        // No prepared statements are used.
        .stmt_cache_size(Some(0))
        // UPDATE counts the rows that it found, also those that it left as they were.
        .client_found_rows(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_left_its_cluster_is_unfit_and_a_server_without_galera_is_not() {
        let state = |provider: &str, ready: &str, status: &str| {
            let rows =
                [("wsrep_provider_name", provider), ("wsrep_ready", ready), ("wsrep_cluster_status", status)];
            rows.map(|(name, value)| (name.to_owned(), value.to_owned()))
        };
        assert_eq!(unfit(&state("Galera", "ON", "Primary")), None);
        assert_eq!(unfit(&state("Galera", "OFF", "Primary")), Some(&("wsrep_ready".into(), "OFF".into())));
        assert!(unfit(&state("Galera", "ON", "non-Primary")).is_some());
        assert_eq!(unfit(&state("", "OFF", "Disconnected")), None, "MariaDB without Galera");
        assert_eq!(unfit(&[]), None, "MySQL, TiDB");
    }
}
