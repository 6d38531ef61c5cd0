//! Every SQL statement of the engine. Nothing else in this crate holds SQL (a test looks), so that one place shows what
//! MariaDB with Galera, MySQL 8, TiDB and OceanBase must all understand; `docs/STATEMENTS.md` says why they do.
//!
//! A `?` is the place of a value, of a list of values or of rows (`sql.rs`). Not used, since one of the four lacks it or does
//! something else: `AUTO_INCREMENT` values as an order, foreign keys, `SKIP LOCKED`, `RETURNING`, row aliases in
//! `ON DUPLICATE KEY UPDATE`, several statements in one packet, comparisons of rows, triggers, stored programs.

/// Declares statements, and lists them all.
macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident = $sql:literal;)*) => {
        $($(#[$doc])* pub(crate) const $name: &str = $sql;)*

        /// Every statement with its name.
        #[cfg(test)]
        pub(crate) const ALL: &[(&str, &str)] = &[$((stringify!($name), $sql)),*];
    };
}

statements! {
    // The session.

    /// Each statement reads what is committed when it begins; a locking read always did.
    SET_ISOLATION = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED";
    /// Writers only: a transaction begins with its first statement.
    SET_AUTOCOMMIT_OFF = "SET autocommit = 0";
    /// Galera: a read (1) and the first statement of a transaction, an update (2), wait until this node has applied what was committed
    /// before on any. Others don't know the variable (1193).
    SET_SYNC_WAIT = "SET SESSION wsrep_sync_wait = 3";
    /// Writers only, in seconds: a transaction of a process that is frozen ends, and gives its locks back.
    SET_WAIT_TIMEOUT = "SET SESSION wait_timeout = 5";
    /// Writers only, in seconds: a lock that another holds is a conflict before it is a silent host. OceanBase has another name
    /// for it.
    SET_LOCK_TIMEOUT = "SET SESSION innodb_lock_wait_timeout = 1";
    /// Galera: the state of this node. Others return no row, and MariaDB without Galera an empty name.
    GALERA_STATE = "SHOW SESSION STATUS
        WHERE Variable_name IN ('wsrep_provider_name', 'wsrep_ready', 'wsrep_cluster_status')";
    /// Whether this host takes writes.
    READ_ONLY = "SELECT @@read_only";
    /// 1: a commit is on the disk before it is answered. TiDB has it, too, without a meaning.
    FLUSH = "SELECT @@innodb_flush_log_at_trx_commit";
    /// What the database is.
    VERSION = "SELECT VERSION()";
    /// The database's clock, in milliseconds since 1970 in UTC. `UNIX_TIMESTAMP(CURRENT_TIMESTAMP(3))` goes through the session's
    /// time zone, and is an hour wrong while clocks are set back.
    TIME = "SELECT TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(3)) DIV 1000";
    COMMIT = "COMMIT";
    ROLLBACK = "ROLLBACK";

    // The schema.

    CREATE_META = "CREATE TABLE portrait_meta (
        name VARBINARY(32) NOT NULL, value BIGINT UNSIGNED NOT NULL, PRIMARY KEY (name))";
    /// `VARBINARY` compares bytes: no collation has a say in which users are the same. `rev` is the place of the account's last
    /// change; `kicked_at` is 0 when it was never kicked.
    CREATE_ACCOUNTS = "CREATE TABLE portrait_accounts (
        app INT UNSIGNED NOT NULL, user VARBINARY(32) NOT NULL, rev BIGINT UNSIGNED NOT NULL,
        created_ms BIGINT UNSIGNED NOT NULL, kicked_at BIGINT UNSIGNED NOT NULL, admin TINYINT UNSIGNED NOT NULL,
        profile MEDIUMBLOB NOT NULL, PRIMARY KEY (app, user))";
    CREATE_DELETIONS = "CREATE TABLE portrait_deletions (
        app INT UNSIGNED NOT NULL, user VARBINARY(32) NOT NULL, deleted_ms BIGINT UNSIGNED NOT NULL,
        PRIMARY KEY (app, user), KEY by_time (app, deleted_ms))";
    CREATE_OUTBOX = "CREATE TABLE portrait_outbox (
        app INT UNSIGNED NOT NULL, seq BIGINT UNSIGNED NOT NULL, parked TINYINT UNSIGNED NOT NULL,
        attempts INT UNSIGNED NOT NULL, due_ms BIGINT UNSIGNED NOT NULL, failure VARBINARY(1024) NOT NULL,
        event MEDIUMBLOB NOT NULL, PRIMARY KEY (app, seq), KEY by_state (app, parked, seq))";
    CREATE_APPS = "CREATE TABLE portrait_apps (
        id INT UNSIGNED NOT NULL, revision BIGINT UNSIGNED NOT NULL, settings MEDIUMBLOB NOT NULL,
        words LONGBLOB NOT NULL, PRIMARY KEY (id))";
    CREATE_TOKENS = "CREATE TABLE portrait_tokens (
        name VARBINARY(64) NOT NULL, hash VARBINARY(32) NOT NULL, created_ms BIGINT UNSIGNED NOT NULL,
        role VARBINARY(16) NOT NULL, PRIMARY KEY (name))";
    /// `app` is 0 for what concerns the whole store.
    CREATE_AUDIT = "CREATE TABLE portrait_audit (
        seq BIGINT UNSIGNED NOT NULL, app INT UNSIGNED NOT NULL, at_ms BIGINT UNSIGNED NOT NULL,
        entry MEDIUMBLOB NOT NULL, PRIMARY KEY (seq), KEY by_app (app, seq))";
    /// One row for each writer that ever was: `n` counts its transactions, `try` says which attempt made the last.
    CREATE_LANES = "CREATE TABLE portrait_lanes (
        lane INT UNSIGNED NOT NULL, incarnation BIGINT UNSIGNED NOT NULL, n BIGINT UNSIGNED NOT NULL,
        attempt BIGINT UNSIGNED NOT NULL, PRIMARY KEY (lane))";
    /// One row for each portraitd: `beat` grows while it lives.
    CREATE_NODES = "CREATE TABLE portrait_nodes (
        node INT UNSIGNED NOT NULL, incarnation BIGINT UNSIGNED NOT NULL, beat BIGINT UNSIGNED NOT NULL,
        catalog BIGINT UNSIGNED NOT NULL, name VARBINARY(255) NOT NULL, PRIMARY KEY (node))";
    /// Which node delivers the events of a part of the users.
    CREATE_LEASES = "CREATE TABLE portrait_leases (
        part SMALLINT UNSIGNED NOT NULL, node INT UNSIGNED NOT NULL, epoch BIGINT UNSIGNED NOT NULL,
        PRIMARY KEY (part))";
    /// What each lane has added to an app's numbers; their sum is the number. One row for all would make every write wait.
    CREATE_TALLIES = "CREATE TABLE portrait_tallies (
        app INT UNSIGNED NOT NULL, lane INT UNSIGNED NOT NULL, accounts BIGINT NOT NULL,
        waiting_events BIGINT NOT NULL, waiting_bytes BIGINT NOT NULL, parked_events BIGINT NOT NULL,
        parked_bytes BIGINT NOT NULL, PRIMARY KEY (app, lane))";

    /// The console's sessions and one-use tickets, which `scope` tells apart; some hundred at most.
    CREATE_SIGN_INS = "CREATE TABLE portrait_sign_ins (
        hash VARBINARY(32) NOT NULL, name VARBINARY(64) NOT NULL, scope VARBINARY(64) NOT NULL,
        made_ms BIGINT UNSIGNED NOT NULL, used_ms BIGINT UNSIGNED NOT NULL, PRIMARY KEY (hash))";
    /// The calls that all nodes have answered since the tables were made; each node adds its own every 5 s.
    CREATE_CALLS = "CREATE TABLE portrait_calls (
        app INT UNSIGNED NOT NULL, command VARBINARY(64) NOT NULL, code INT UNSIGNED NOT NULL,
        calls BIGINT UNSIGNED NOT NULL, last_ms BIGINT UNSIGNED NOT NULL, PRIMARY KEY (app, command, code))";

    // Numbers of the whole store.

    READ_META = "SELECT value FROM portrait_meta WHERE name = ?";
    LOCK_META = "SELECT value FROM portrait_meta WHERE name = ? FOR UPDATE";
    ADD_META = "INSERT INTO portrait_meta (name, value) VALUES ?";
    SET_META = "UPDATE portrait_meta SET value = ? WHERE name = ?";
    REMOVE_META = "DELETE FROM portrait_meta WHERE name IN (?)";
    ADD_LEASES = "INSERT INTO portrait_leases (part, node, epoch) VALUES ?";

    // Nodes and their leases.

    READ_NODES = "SELECT node, incarnation, beat, catalog, name FROM portrait_nodes ORDER BY node";
    ADD_NODE = "INSERT INTO portrait_nodes (node, incarnation, beat, catalog, name) VALUES ?";
    TAKE_NODE = "UPDATE portrait_nodes SET incarnation = incarnation + 1, beat = 0, catalog = 0, name = ?
        WHERE node = ? AND incarnation = ? AND beat = ?";
    /// 0 rows: another process has taken the number.
    BEAT = "UPDATE portrait_nodes SET beat = beat + 1, catalog = ? WHERE node = ? AND incarnation = ?";
    /// At the end: the number is free at once.
    FREE_NODE = "UPDATE portrait_nodes SET incarnation = incarnation + 1, beat = 0, name = ''
        WHERE node = ? AND incarnation = ?";
    /// The first step against a node that has not beaten for long: it can't take a lane any more.
    EXPIRE_NODE = "UPDATE portrait_nodes SET incarnation = incarnation + 1
        WHERE node = ? AND incarnation = ? AND beat = ?";
    READ_NODE = "SELECT incarnation FROM portrait_nodes WHERE node = ?";
    /// No transaction of a dead node can be committed after this.
    FENCE_LANES = "UPDATE portrait_lanes SET incarnation = incarnation + 1 WHERE lane >= ? AND lane < ?";
    READ_LEASES = "SELECT part, node, epoch FROM portrait_leases ORDER BY part";
    TAKE_LEASE = "UPDATE portrait_leases SET node = ?, epoch = epoch + 1 WHERE part = ? AND epoch = ?";

    // What nodes share besides the data, each a transaction of its own.

    READ_SIGN_IN = "SELECT hash, name, scope, made_ms, used_ms FROM portrait_sign_ins WHERE hash = ?";
    READ_SIGN_INS = "SELECT hash, name, scope, made_ms, used_ms FROM portrait_sign_ins";
    /// Again after a lost answer: the row is there already.
    ADD_SIGN_IN = "INSERT INTO portrait_sign_ins (hash, name, scope, made_ms, used_ms) VALUES ?
        ON DUPLICATE KEY UPDATE used_ms = VALUES(used_ms)";
    USE_SIGN_IN = "UPDATE portrait_sign_ins SET used_ms = ? WHERE hash = ?";
    REMOVE_SIGN_INS = "DELETE FROM portrait_sign_ins WHERE hash IN (?)";
    ADD_CALLS = "INSERT INTO portrait_calls (app, command, code, calls, last_ms) VALUES ?
        ON DUPLICATE KEY UPDATE calls = calls + VALUES(calls), last_ms = GREATEST(last_ms, VALUES(last_ms))";
    /// When an app is removed; and when one is made, since a node that did not know of the removal may have added some meanwhile.
    REMOVE_CALLS = "DELETE FROM portrait_calls WHERE app = ?";
    READ_CALLS = "SELECT command, code, calls, last_ms FROM portrait_calls WHERE app = ? ORDER BY command, code";

    // A writer's lane: the first statement of each transaction.

    ADD_LANE = "INSERT INTO portrait_lanes (lane, incarnation, n, attempt) VALUES ?";
    READ_LANE = "SELECT incarnation, n, attempt FROM portrait_lanes WHERE lane = ?";
    /// 0 rows: the transaction of this number is done already, or another process has taken the lane.
    ADVANCE_LANE = "UPDATE portrait_lanes SET n = ?, attempt = ? WHERE lane = ? AND incarnation = ? AND n = ?";
    /// Ends every earlier transaction of the lane, done or not.
    FENCE_LANE = "UPDATE portrait_lanes SET incarnation = incarnation + 1 WHERE lane = ? AND incarnation = ?";

    // What a transaction reads: every row that it may change, locked.

    LOCK_ACCOUNTS = "SELECT user, rev, created_ms, kicked_at, admin, profile FROM portrait_accounts
        WHERE app = ? AND user IN (?) FOR UPDATE";
    LOCK_DELETIONS = "SELECT user, deleted_ms FROM portrait_deletions WHERE app = ? AND user IN (?) FOR UPDATE";
    LOCK_OLD_DELETIONS = "SELECT user, deleted_ms FROM portrait_deletions WHERE app = ? AND deleted_ms <= ?
        ORDER BY deleted_ms LIMIT ? FOR UPDATE";
    LOCK_EVENTS = "SELECT seq, parked, attempts, due_ms, failure, event FROM portrait_outbox
        WHERE app = ? AND seq IN (?) FOR UPDATE";
    LOCK_OLDEST_EVENTS = "SELECT seq, parked, attempts, due_ms, failure, event FROM portrait_outbox
        WHERE app = ? AND parked = ? ORDER BY seq LIMIT ? FOR UPDATE";
    LOCK_APP = "SELECT revision FROM portrait_apps WHERE id = ? FOR UPDATE";
    LOCK_TOKENS = "SELECT name, hash, created_ms, role FROM portrait_tokens FOR UPDATE";

    // What it writes.

    /// Without `ON DUPLICATE KEY UPDATE`: a row that somebody else has created meanwhile must stop this transaction.
    ADD_ACCOUNTS = "INSERT INTO portrait_accounts (app, user, rev, created_ms, kicked_at, admin, profile) VALUES ?";
    /// Rows that are locked and therefore exist.
    PUT_ACCOUNTS = "INSERT INTO portrait_accounts (app, user, rev, created_ms, kicked_at, admin, profile) VALUES ?
        ON DUPLICATE KEY UPDATE rev = VALUES(rev), created_ms = VALUES(created_ms), kicked_at = VALUES(kicked_at),
        admin = VALUES(admin), profile = VALUES(profile)";
    REMOVE_ACCOUNTS = "DELETE FROM portrait_accounts WHERE app = ? AND user IN (?)";
    PUT_DELETIONS = "INSERT INTO portrait_deletions (app, user, deleted_ms) VALUES ?
        ON DUPLICATE KEY UPDATE deleted_ms = VALUES(deleted_ms)";
    REMOVE_DELETIONS = "DELETE FROM portrait_deletions WHERE app = ? AND user IN (?)";
    ADD_EVENTS = "INSERT INTO portrait_outbox (app, seq, parked, attempts, due_ms, failure, event) VALUES ?";
    /// Rows that are locked and therefore exist.
    PUT_EVENTS = "INSERT INTO portrait_outbox (app, seq, parked, attempts, due_ms, failure, event) VALUES ?
        ON DUPLICATE KEY UPDATE parked = VALUES(parked), attempts = VALUES(attempts), due_ms = VALUES(due_ms),
        failure = VALUES(failure)";
    REMOVE_EVENTS = "DELETE FROM portrait_outbox WHERE app = ? AND seq IN (?)";
    ADD_TALLIES = "INSERT INTO portrait_tallies
        (app, lane, accounts, waiting_events, waiting_bytes, parked_events, parked_bytes) VALUES ?
        ON DUPLICATE KEY UPDATE accounts = accounts + VALUES(accounts),
        waiting_events = waiting_events + VALUES(waiting_events), waiting_bytes = waiting_bytes + VALUES(waiting_bytes),
        parked_events = parked_events + VALUES(parked_events), parked_bytes = parked_bytes + VALUES(parked_bytes)";
    ADD_APP = "INSERT INTO portrait_apps (id, revision, settings, words) VALUES ?";
    PUT_APP = "UPDATE portrait_apps SET revision = ?, settings = ?, words = ? WHERE id = ?";
    ADD_TOKEN = "INSERT INTO portrait_tokens (name, hash, created_ms, role) VALUES ?";
    REMOVE_APP = "DELETE FROM portrait_apps WHERE id = ?";
    REMOVE_TOKEN = "DELETE FROM portrait_tokens WHERE name = ?";
    ADD_AUDIT = "INSERT INTO portrait_audit (seq, app, at_ms, entry) VALUES ?";
    TRIM_AUDIT = "DELETE FROM portrait_audit WHERE seq <= ?";

    // What calls read.

    READ_PROFILES = "SELECT user, profile FROM portrait_accounts WHERE app = ? AND user IN (?)";
    READ_STATES = "SELECT user, kicked_at FROM portrait_accounts WHERE app = ? AND user IN (?)";
    READ_USERS = "SELECT user FROM portrait_accounts WHERE app = ? AND user > ? AND user >= ? AND user <= ?
        ORDER BY user LIMIT ?";
    READ_PROFILES_AFTER = "SELECT user, profile FROM portrait_accounts WHERE app = ? AND user > ? ORDER BY user LIMIT ?";
    READ_OLD_DELETION = "SELECT deleted_ms FROM portrait_deletions WHERE app = ? AND deleted_ms <= ? LIMIT 1";
    READ_APPS = "SELECT id, revision, settings, words FROM portrait_apps ORDER BY id";
    /// The admins of several apps; also who is admin of one and a user of another.
    READ_KICKED = "SELECT app, user, kicked_at FROM portrait_accounts WHERE app IN (?) AND user IN (?) AND kicked_at > 0";
    READ_TOKENS = "SELECT name, hash, created_ms, role FROM portrait_tokens ORDER BY name";
    READ_AUDIT = "SELECT seq, app, at_ms, entry FROM portrait_audit WHERE seq < ? ORDER BY seq DESC LIMIT ?";
    READ_AUDIT_OF_APP = "SELECT seq, app, at_ms, entry FROM portrait_audit WHERE app = ? AND seq < ?
        ORDER BY seq DESC LIMIT ?";
    READ_EVENTS = "SELECT seq, parked, attempts, due_ms, failure, event FROM portrait_outbox
        WHERE app = ? AND parked = ? AND seq > ? ORDER BY seq LIMIT ?";
    /// Only the index is read. The place tells which part the event is of.
    READ_PLACES = "SELECT seq FROM portrait_outbox WHERE app = ? AND parked = 0 AND seq > ? ORDER BY seq LIMIT ?";
    READ_EVENTS_AT = "SELECT seq, parked, attempts, due_ms, failure, event FROM portrait_outbox
        WHERE app = ? AND parked = 0 AND seq IN (?) ORDER BY seq";
    READ_TALLIES = "SELECT app, lane, accounts, waiting_events, waiting_bytes, parked_events, parked_bytes
        FROM portrait_tallies";
    READ_POPULATIONS = "SELECT app, CAST(COALESCE(SUM(accounts), 0) AS SIGNED) FROM portrait_tallies
        GROUP BY app ORDER BY app";
    READ_ACCOUNTS_COUNT = "SELECT CAST(COALESCE(SUM(accounts), 0) AS SIGNED) FROM portrait_tallies WHERE app = ?";

    // What a copy of the whole store reads (`contents.rs`).

    READ_ACCOUNTS_AFTER = "SELECT user, created_ms, kicked_at, profile FROM portrait_accounts
        WHERE app = ? AND user > ? ORDER BY user LIMIT ?";
    READ_DELETIONS_AFTER = "SELECT user, deleted_ms FROM portrait_deletions
        WHERE app = ? AND user > ? ORDER BY user LIMIT ?";
    READ_ALL_EVENTS = "SELECT seq, parked, attempts, due_ms, failure, event FROM portrait_outbox
        WHERE app = ? AND seq > ? ORDER BY seq LIMIT ?";
    READ_AUDIT_AFTER = "SELECT seq, app, at_ms, entry FROM portrait_audit WHERE seq > ? ORDER BY seq LIMIT ?";
    LAST_ACCOUNT = "SELECT user FROM portrait_accounts WHERE app = ? ORDER BY user DESC LIMIT 1";
    LAST_DELETION = "SELECT user FROM portrait_deletions WHERE app = ? ORDER BY user DESC LIMIT 1";
    LAST_EVENT = "SELECT seq FROM portrait_outbox WHERE app = ? ORDER BY seq DESC LIMIT 1";
    LAST_AUDIT = "SELECT seq FROM portrait_audit ORDER BY seq DESC LIMIT 1";
}

#[cfg(test)]
mod tests {
    use super::ALL;
    use std::collections::BTreeSet;

    /// The shapes that all four databases document; the pages are in `docs/STATEMENTS.md`.
    const SHAPES: &[&str] = &[
        "CREATE TABLE ",
        "INSERT INTO ",
        "UPDATE ",
        "DELETE FROM ",
        "SELECT ",
        "SET ",
        "SHOW SESSION STATUS",
        "COMMIT",
        "ROLLBACK",
    ];
    /// What one of the four lacks, or does differently.
    const REFUSED: &[&str] = &[
        "AUTO_INCREMENT",
        "REFERENCES",
        "SKIP LOCKED",
        "NOWAIT",
        "RETURNING",
        " AS NEW",
        "JSON",
        "GET_LOCK",
        "REPLACE INTO",
        "INSERT IGNORE",
        "ENGINE",
        "COLLATE",
        "CHARSET",
        "TRIGGER",
        "CALL ",
        "LOCK IN SHARE MODE",
        "FOR SHARE",
        "WITH ",
        ";",
        "ENUM",
        "VARCHAR",
        "OFFSET",
        "STRAIGHT_JOIN",
        "SAVEPOINT",
        "XA ",
        "TEMPORARY",
        "UNION",
        "UNIX_TIMESTAMP",
        "CURRENT_TIMESTAMP",
        "NOW(",
    ];

    #[test]
    fn every_statement_has_a_shape_that_all_databases_know() {
        for (name, sql) in ALL {
            assert!(SHAPES.iter().any(|shape| sql.starts_with(shape)), "{name}: {sql}");
            let refused: Vec<_> = REFUSED.iter().filter(|word| sql.to_uppercase().contains(**word)).collect();
            assert!(refused.is_empty(), "{name} has {refused:?}: {sql}");
            if sql.starts_with("INSERT") {
                assert!(sql.contains(") VALUES ?"), "{name} names its columns: {sql}");
            }
            if let Some((_, update)) = sql.split_once("ON DUPLICATE KEY UPDATE") {
                assert!(update.contains("VALUES("), "{name}: {sql}");
            }
            if sql.starts_with("CREATE") {
                let columns = sql.matches("NOT NULL").count();
                let types = ["INT UNSIGNED NOT", "BIGINT NOT", "BLOB NOT", "VARBINARY("].iter();
                assert_eq!(
                    types.map(|kind| sql.matches(kind).count()).sum::<usize>(),
                    columns,
                    "{name}: {sql}"
                );
                assert!(sql.contains("PRIMARY KEY ("), "{name}: {sql}");
            }
        }
        let names: BTreeSet<_> = ALL.iter().map(|(_, sql)| sql).collect();
        assert_eq!(names.len(), ALL.len(), "a statement stands twice");
    }

    /// The forms, by which `docs/STATEMENTS.md` sorts the statements: its headings, in its order.
    const FORMS: &[&str] = &[
        "SET TRANSACTION",
        "SET autocommit",
        "SET of a variable",
        "SHOW STATUS",
        "System variables",
        "VERSION()",
        "The time",
        "COMMIT and ROLLBACK",
        "CREATE TABLE",
        "INSERT",
        "INSERT … ON DUPLICATE KEY UPDATE",
        "UPDATE",
        "DELETE",
        "SELECT … FOR UPDATE",
        "SELECT",
        "Sums",
    ];

    fn form(sql: &str) -> &'static str {
        match sql {
            _ if sql.starts_with("SET SESSION TRANSACTION") => "SET TRANSACTION",
            _ if sql.starts_with("SET autocommit") => "SET autocommit",
            _ if sql.starts_with("SET ") => "SET of a variable",
            _ if sql.starts_with("SHOW ") => "SHOW STATUS",
            _ if sql.starts_with("SELECT @@") => "System variables",
            _ if sql.starts_with("SELECT VERSION()") => "VERSION()",
            _ if sql.starts_with("SELECT TIMESTAMPDIFF") => "The time",
            "COMMIT" | "ROLLBACK" => "COMMIT and ROLLBACK",
            _ if sql.starts_with("CREATE ") => "CREATE TABLE",
            _ if sql.contains("ON DUPLICATE KEY") => "INSERT … ON DUPLICATE KEY UPDATE",
            _ if sql.starts_with("INSERT ") => "INSERT",
            _ if sql.starts_with("UPDATE ") => "UPDATE",
            _ if sql.starts_with("DELETE ") => "DELETE",
            _ if sql.ends_with("FOR UPDATE") => "SELECT … FOR UPDATE",
            _ if sql.contains("SUM(") => "Sums",
            _ => "SELECT",
        }
    }

    /// Below each heading that is a form, the line that begins with `Statements:` names its statements. `UPDATE=1` writes it.
    #[test]
    fn the_document_has_every_statement_and_no_other() {
        for (file, label) in [("STATEMENTS.md", "Statements: "), ("STATEMENTS.zh-CN.md", "语句：")] {
            let path = format!("{}/../../docs/{file}", env!("CARGO_MANIFEST_DIR"));
            let found = std::fs::read_to_string(&path).unwrap();
            let (mut heading, mut listed) = ("", Vec::new());
            let lines = found.lines().map(|line| {
                heading = line.strip_prefix("## ").unwrap_or(heading);
                if !line.starts_with(label) {
                    return line.to_owned();
                }
                listed.push(heading);
                let of_form = ALL.iter().filter(|(_, sql)| form(sql) == heading);
                let names: Vec<String> = of_form.map(|(name, _)| format!("`{name}`")).collect();
                format!("{label}{}", names.join(", "))
            });
            let expected: String = lines.flat_map(|line| [line, "\n".into()]).collect();
            assert_eq!(listed, FORMS, "{file}: a list of statements below the heading of each form");
            if std::env::var_os("UPDATE").is_some() {
                std::fs::write(&path, &expected).unwrap();
            }
            assert!(
                found == expected,
                "{file} is stale: UPDATE=1 cargo test -p portraitd-mysql --lib statements"
            );
        }
    }

    /// A statement that is written elsewhere would escape the test above.
    #[test]
    fn no_other_file_holds_sql() {
        let sources = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src")).unwrap();
        let mut looked_at = 0;
        for path in sources
            .map(|entry| entry.unwrap().path())
            .filter(|path| !path.ends_with("statements.rs") && !path.ends_with("sql.rs"))
        {
            looked_at += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            for start in SHAPES {
                assert!(!text.contains(&format!("\"{start}")), "{}: \"{start}", path.display());
            }
        }
        assert!(looked_at > 5);
    }
}
