//! What went wrong between us and the database, by what can be done about it.

use mysql_async::{DriverError, IoError};
use portraitd_model::bilingual;
use portraitd_store::StoreError;
use std::time::Duration;

/// A statement, a COMMIT or a connection that failed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Fault {
    pub(crate) kind: FaultKind,
    /// What the database or the driver said.
    pub(crate) message: String,
    /// What an operator can do about it, if waiting does not help.
    pub(crate) remedy: Option<&'static str>,
}

/// What can be done about a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum FaultKind {
    /// Another transaction was first; nothing is done. The same again, after a moment.
    Conflict,
    /// This host can't serve, and nothing is done. The same on the next host.
    Host,
    /// The connection or the answer is lost. Before COMMIT nothing is done; at COMMIT the lane tells.
    Lost,
    /// It will fail every time.
    Permanent,
}

impl Fault {
    fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), remedy: None }
    }

    pub(crate) fn host(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Host, message)
    }

    pub(crate) fn conflict(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Conflict, message)
    }

    pub(crate) fn lost(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Lost, message)
    }

    pub(crate) fn permanent(message: impl Into<String>) -> Self {
        Self::new(FaultKind::Permanent, message)
    }

    pub(crate) fn unreadable_authority(message: String) -> Self {
        let remedy = Some("tls_ca in store.url must name a file that this user may read");
        Self { remedy, ..Self::new(FaultKind::Host, message) }
    }

    /// No answer within the time that a statement may take.
    pub(crate) fn timeout(limit: Duration) -> Self {
        let message = format!("no answer within {} ms", limit.as_millis());
        Self::new(FaultKind::Lost, message)
    }

    /// Whether the connection can't be used any more.
    pub(crate) fn ends_connection(&self) -> bool {
        matches!(self.kind, FaultKind::Host | FaultKind::Lost)
    }

    /// The same fault of a COMMIT: only a conflict is known to have done nothing.
    pub(crate) fn at_commit(self) -> Self {
        match self.kind {
            FaultKind::Conflict => self,
            FaultKind::Host | FaultKind::Lost | FaultKind::Permanent => {
                Self { kind: FaultKind::Lost, ..self }
            }
        }
    }

    pub(crate) fn into_store_error(self) -> StoreError {
        StoreError::Unavailable(bilingual!("the database: {}", "数据库：{}", self.message))
    }

    fn of_code(code: u16, message: &str) -> Self {
        // A replica may become the primary: waiting helps.
        let is_read_only = matches!(code, 1290 | 1792 | 1836);
        let advice = if is_read_only {
            ": name the primary in store.url, or make this host one (read_only = 0)"
        } else {
            ""
        };
        let message = format!("{message} (error {code}){advice}");
        Self { remedy: remedy_of(code), ..Self::new(kind_of(code), message) }
    }
}

/// The codes of MySQL and MariaDB, and those of TiDB (8002 and up). Looked up in their lists of errors.
fn kind_of(code: u16) -> FaultKind {
    match code {
        // Lock wait timeout; deadlock, and on Galera a lost certification; a row was changed since it was read; a key that exists
        // already: somebody else created the row; TiDB: write conflicts and schema changes.
        1205 | 1213 | 1020 | 1062 | 8002 | 8022 | 8028 | 9007 => FaultKind::Conflict,
        // Too many connections; a node that is not part of the cluster (Galera); a shutdown; no connection for this user; read-only;
        // a wrong user, password, host.
        1040 | 1044 | 1045 | 1047 | 1053 | 1129 | 1130 | 1203 | 1226 | 1290 | 1698 | 1792 | 1836 | 3159
        | 4151 => FaultKind::Host,
        // Interrupted, killed, out of time, an error of the cluster during COMMIT.
        1180 | 1317 | 1927 | 1969 | 3024 => FaultKind::Lost,
        _ => FaultKind::Permanent,
    }
}

/// What an operator can do about a certificate that is not trusted.
const UNTRUSTED: &str = "tls_ca in store.url must name the certificate of the authority that issued the server's, which must be valid for the host as \
                         store.url names it";

/// A list of sensitive words has up to 20 MB, more than the 16 MiB that MariaDB takes unless it is told otherwise.
const TOO_LARGE: &str = "the statement is larger than the database's max_allowed_packet; set that to 64M";

/// What an operator can do about a refusal that stays.
fn remedy_of(code: u16) -> Option<&'static str> {
    Some(match code {
        1045 | 1698 => "correct the user and the password in store.url or store.url_password_file",
        1049 => "make it with CREATE DATABASE, or correct its name in store.url",
        1044 | 1142 | 1143 => "give the user all rights on the database, with GRANT ALL",
        _ => return None,
    })
}

impl From<mysql_async::Error> for Fault {
    fn from(error: mysql_async::Error) -> Self {
        let remedy = match &error {
            mysql_async::Error::Driver(DriverError::NoClientSslFlagFromServer) => {
                Some("the server has no TLS: give it a certificate, or set tls=off in store.url")
            }
            // The driver hides what TLS says in an error of this kind.
            mysql_async::Error::Io(IoError::Io(error)) if error.kind() == std::io::ErrorKind::InvalidData => {
                Some(UNTRUSTED)
            }
            mysql_async::Error::Io(IoError::Tls(_)) => Some(UNTRUSTED),
            _ => None,
        };
        let fault = match error {
            mysql_async::Error::Server(error) => return Self::of_code(error.code, &error.message),
            mysql_async::Error::Driver(DriverError::PacketTooLarge) => Self::permanent(TOO_LARGE),
            // The driver's own codec refuses it, and says so in an error of the connection only.
            mysql_async::Error::Io(error) if error.to_string().contains("max_allowed_packet") => {
                Self::permanent(TOO_LARGE)
            }
            mysql_async::Error::Io(error) => Self::lost(error.to_string()),
            error => Self::lost(error.to_string()),
        };
        Self { remedy, ..fault }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_conflict_at_commit_has_surely_done_nothing() {
        for (code, kind, at_commit) in [
            (1213, FaultKind::Conflict, FaultKind::Conflict),
            (1047, FaultKind::Host, FaultKind::Lost),
            (1180, FaultKind::Lost, FaultKind::Lost),
            (1146, FaultKind::Permanent, FaultKind::Lost),
        ] {
            let fault = Fault::of_code(code, "x");
            assert_eq!((fault.kind, fault.at_commit().kind), (kind, at_commit), "{code}");
        }
    }
}
