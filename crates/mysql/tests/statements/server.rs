//! The database under test: the one that the environment names (`testing/galera`, `scripts/cluster-check`).

use crate::sql::{Arg, fill};
use crate::statements::{self, ALL};
use mysql_async::prelude::{FromRow, Queryable};
use mysql_async::{Conn, Error, OptsBuilder, SslOpts};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// Its file names a JSON file with the hosts and the user, as `testing/galera` writes it.
const FILE: &str = "PORTRAITD_TEST_MYSQL";

/// A server, and a database of its own in it with all tables.
pub(crate) struct Database {
    description: serde_json::Value,
    name: String,
}

/// What a statement did: the rows that it changed or returned, or the database's error code.
pub(crate) type Outcome = Result<u64, u16>;

/// Runs a test in a new database, and drops that at the end, however the test ends. Without a server the test says that it is
/// skipped; under CI it fails.
pub(crate) fn on_a_database<F>(test: impl FnOnce(&'static Database) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let Some(file) = std::env::var_os(FILE) else {
        assert!(
            std::env::var_os("CI").is_none(),
            "{FILE} names no database, and under CI no test is skipped"
        );
        eprintln!("SKIPPED: {FILE} names no database; `testing/galera/galera up` starts one");
        return;
    };
    let description = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let name = format!("portraitd_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    // Never freed, so that a test's tasks may borrow it: a handful in a process.
    let database: &Database = Box::leak(Box::new(Database { description, name }));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let test = test(database);
    let ended = runtime.block_on(async {
        database.make().await;
        let ended = tokio::spawn(test).await;
        database.drop().await;
        ended
    });
    ended.expect("the test failed, see above");
}

impl Database {
    /// The number of hosts, each of which can be written to.
    pub(crate) fn hosts(&self) -> usize {
        self.description["hosts"].as_array().unwrap().len()
    }

    /// A connection that is prepared as a writer's.
    pub(crate) async fn writer(&self, host: usize) -> Session {
        let mut session = self.reader(host).await;
        session.run(statements::SET_AUTOCOMMIT_OFF, &[]).await.unwrap();
        session
    }

    /// A connection each of whose statements is a transaction.
    pub(crate) async fn reader(&self, host: usize) -> Session {
        let mut session = Session { conn: self.connect(host, Some(&self.name)).await };
        session.run(statements::SET_ISOLATION, &[]).await.unwrap();
        let waits = session.run(statements::SET_SYNC_WAIT, &[]).await;
        assert!(
            matches!(waits, Ok(_) | Err(1193)),
            "only Galera knows the variable; others say so: {waits:?}"
        );
        session
    }

    async fn connect(&self, host: usize, database: Option<&str>) -> Conn {
        let (name, port) = self.description["hosts"][host].as_str().unwrap().rsplit_once(':').unwrap();
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let user = &self.description["users"]["all"];
        let options = OptsBuilder::default()
            .ip_or_hostname(name)
            .tcp_port(port.parse().unwrap())
            .user(text(&user["name"]))
            .pass(text(&user["password"]))
            .db_name(database)
            .ssl_opts(self.tls())
            .prefer_socket(false)
            .stmt_cache_size(Some(0))
            // As the engine does.
            .client_found_rows(true);
        Conn::new(options).await.expect("the server takes the connection")
    }

    /// `tls` in the file: absent for none, `""` for the usual authorities, or the path of an authority's certificate.
    fn tls(&self) -> Option<SslOpts> {
        match self.description["tls"].as_str()? {
            "" => Some(SslOpts::default()),
            file => {
                let authority = PathBuf::from(file).into();
                Some(SslOpts::default().with_root_certs(vec![authority]).with_disable_built_in_roots(true))
            }
        }
    }

    async fn make(&self) {
        let mut conn = self.connect(0, None).await;
        conn.query_drop(format!("CREATE DATABASE {}", self.name)).await.unwrap();
        conn.disconnect().await.unwrap();
        let mut session = self.reader(0).await;
        for (name, statement) in ALL.iter().filter(|(name, _)| name.starts_with("CREATE_")) {
            let made = session.run(statement, &[]).await;
            assert_eq!(made, Ok(0), "{name}");
        }
    }

    async fn drop(&self) {
        let mut conn = self.connect(0, None).await;
        conn.query_drop(format!("DROP DATABASE {}", self.name)).await.unwrap();
        conn.disconnect().await.unwrap();
    }
}

/// A connection.
pub(crate) struct Session {
    conn: Conn,
}

impl Session {
    /// Runs a statement that returns no rows; returns how many it found.
    pub(crate) async fn run(&mut self, statement: &str, args: &[Arg<'_>]) -> Outcome {
        let done = self.conn.query_drop(fill(statement, args)).await;
        done.map(|()| self.conn.affected_rows()).map_err(code)
    }

    /// Reads rows.
    pub(crate) async fn rows<T>(&mut self, statement: &str, args: &[Arg<'_>]) -> Result<Vec<T>, u16>
    where
        T: FromRow + Send + 'static,
    {
        self.conn.query(fill(statement, args)).await.map_err(code)
    }

    /// The first row.
    pub(crate) async fn row<T>(&mut self, statement: &str, args: &[Arg<'_>]) -> T
    where
        T: FromRow + Send + 'static,
    {
        self.rows(statement, args).await.unwrap().into_iter().next().expect("a row")
    }
}

/// The database's code; a connection that is lost fails the test.
fn code(error: Error) -> u16 {
    match error {
        Error::Server(error) => error.code,
        error => panic!("{error}"),
    }
}
