//! The URL of the database: `mysql://user:password@host1,host2:3307/database?tls=…&tls_ca=…`.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The port of a host that names none.
const PORT: u16 = 3306;
/// The most hosts of a URL.
const HOSTS_MAX: usize = 16;

/// Where the database is, and as which user it is used. Prints without the password.
#[derive(Clone, PartialEq, Eq)]
pub struct MysqlUrl {
    /// In the order in which they are used: all portraitd nodes should write to the first that works.
    pub(crate) hosts: Vec<Host>,
    pub(crate) user: String,
    pub(crate) password: String,
    pub(crate) database: String,
    pub(crate) tls: TlsMode,
}

/// One server of the database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Host {
    pub(crate) name: String,
    pub(crate) port: u16,
}

/// Whether the connection is encrypted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum TlsMode {
    /// It is not: for a database on this machine or in a network that no others can read.
    Off,
    /// Encrypted; the server's certificate must be valid for its host, and issued by an authority of this file or, without
    /// one, by a public one.
    Verified { authority: Option<PathBuf> },
}

/// Why a text is not a [`MysqlUrl`]. Never holds the password.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "the database's URL {0}; it has the form mysql://USER:PASSWORD@HOST1,HOST2:PORT/DATABASE?tls=on&tls_ca=FILE"
)]
pub struct MysqlUrlError(String);

impl MysqlUrl {
    /// The name of the database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Replaces the password, for one that comes from a file.
    #[must_use]
    pub fn with_password(mut self, password: String) -> Self {
        self.password = password;
        self
    }

    /// Whether it names a password.
    pub fn has_password(&self) -> bool {
        !self.password.is_empty()
    }

    /// The URL without user and password, for logs.
    pub fn shown(&self) -> String {
        let hosts: Vec<String> = self.hosts.iter().map(Host::to_string).collect();
        format!("mysql://{}/{}", hosts.join(","), self.database)
    }
}

impl FromStr for MysqlUrl {
    type Err = MysqlUrlError;

    fn from_str(text: &str) -> Result<Self, MysqlUrlError> {
        let wrong = |why: &str| MysqlUrlError(why.to_owned());
        let rest = text.strip_prefix("mysql://").ok_or_else(|| wrong("does not begin with mysql://"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        // The last one: a password may be written with an unescaped `@`.
        let (account, rest) = rest.rsplit_once('@').ok_or_else(|| wrong("names no user"))?;
        let (hosts, database) = rest.split_once('/').ok_or_else(|| wrong("names no database"))?;
        let (user, password) = account.split_once(':').unwrap_or((account, ""));
        let (user, password) = (decoded(user, "user")?, decoded(password, "password")?);
        if user.is_empty() {
            return Err(wrong("names no user"));
        }
        Ok(Self {
            hosts: parse_hosts(hosts)?,
            user,
            password,
            database: parse_database(database)?,
            tls: parse_tls(query)?,
        })
    }
}

fn decoded(text: &str, what: &str) -> Result<String, MysqlUrlError> {
    let decoded = percent_encoding::percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| MysqlUrlError(format!("has a {what} that is not UTF-8")))
}

fn parse_hosts(text: &str) -> Result<Vec<Host>, MysqlUrlError> {
    let hosts: Vec<Host> = text.split(',').map(parse_host).collect::<Result<_, _>>()?;
    if hosts.len() > HOSTS_MAX {
        return Err(MysqlUrlError(format!("names {} hosts, more than {HOSTS_MAX}", hosts.len())));
    }
    Ok(hosts)
}

fn parse_host(text: &str) -> Result<Host, MysqlUrlError> {
    let (name, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((name, port)) => (name, port.strip_prefix(':').or(port.is_empty().then_some(""))),
        None => text.split_once(':').map_or((text, Some("")), |(name, port)| (name, Some(port))),
    };
    let port = match port {
        Some("") => Some(PORT),
        Some(port) => port.parse().ok().filter(|port| *port != 0),
        None => None,
    };
    let host = port.filter(|_| !name.is_empty()).map(|port| Host { name: name.to_owned(), port });
    host.ok_or_else(|| MysqlUrlError(format!("has the host `{text}`, which is not HOST or HOST:PORT")))
}

fn parse_database(text: &str) -> Result<String, MysqlUrlError> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '$');
    if text.is_empty() || text.len() > 64 || !text.chars().all(is_plain) {
        let why = format!("has the database `{text}`, which is not 1 to 64 letters, digits, `_`, `-` or `$`");
        return Err(MysqlUrlError(why));
    }
    Ok(text.to_owned())
}

fn parse_tls(query: &str) -> Result<TlsMode, MysqlUrlError> {
    let (mut mode, mut authority) = (None, None);
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        match pair.split_once('=') {
            Some(("tls", value @ ("on" | "off"))) => mode = Some(value == "on"),
            Some(("tls", value)) => {
                return Err(MysqlUrlError(format!("has tls={value}, which is neither on nor off")));
            }
            Some(("tls_ca", file)) if !file.is_empty() => authority = Some(decoded(file, "tls_ca")?.into()),
            _ => {
                let why = format!("has the parameter `{pair}`, which is neither tls=… nor tls_ca=FILE");
                return Err(MysqlUrlError(why));
            }
        }
    }
    match (mode, authority) {
        (None | Some(false), None) => Ok(TlsMode::Off),
        (Some(false), Some(_)) => Err(MysqlUrlError("has both tls=off and tls_ca".into())),
        (None | Some(true), authority) => Ok(TlsMode::Verified { authority }),
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.name.contains(':') {
            write!(f, "[{}]:{}", self.name, self.port)
        } else {
            write!(f, "{}:{}", self.name, self.port)
        }
    }
}

impl fmt::Debug for MysqlUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_and_shown_without_its_password() {
        let text =
            "mysql://por%40traitd:p%3As@s/w@db1,db2:3307,[::1]:3308/portraitd?tls=on&tls_ca=/etc/ca.pem";
        // An unescaped slash belongs to the path.
        assert!(text.parse::<MysqlUrl>().is_ok());
        let url: MysqlUrl = text.parse().unwrap();
        assert_eq!((&*url.user, &*url.password), ("por@traitd", "p:s@s/w"));
        let ports: Vec<_> = url.hosts.iter().map(ToString::to_string).collect();
        assert_eq!(ports, ["db1:3306", "db2:3307", "[::1]:3308"]);
        assert_eq!(url.tls, TlsMode::Verified { authority: Some("/etc/ca.pem".into()) });
        assert_eq!(format!("{url:?}"), "mysql://db1:3306,db2:3307,[::1]:3308/portraitd");
        let plain: MysqlUrl = "mysql://u@h/d".parse().unwrap();
        assert_eq!((plain.tls, &*plain.password), (TlsMode::Off, ""));
    }

    #[test]
    fn what_is_wrong_is_named_without_the_password() {
        for (text, named) in [
            ("postgres://u:secret@h/d", "does not begin with mysql://"),
            ("mysql://h/d", "names no user"),
            ("mysql://:secret@h/d", "names no user"),
            ("mysql://u:secret@h", "names no database"),
            ("mysql://u:secret@h/", "the database ``"),
            ("mysql://u:secret@h/a.b", "the database `a.b`"),
            ("mysql://u:secret@h:0/d", "the host `h:0`"),
            ("mysql://u:secret@h:x/d", "the host `h:x`"),
            ("mysql://u:secret@,h/d", "the host ``"),
            ("mysql://u:secret@[::1]x/d", "the host `[::1]x`"),
            ("mysql://u:secret@h/d?tls=maybe", "tls=maybe"),
            ("mysql://u:secret@h/d?ssl=on", "the parameter `ssl=on`"),
            ("mysql://u:secret@h/d?tls=off&tls_ca=x", "both tls=off and tls_ca"),
            ("mysql://u:%ff@h/d", "a password that is not UTF-8"),
        ] {
            let error = text.parse::<MysqlUrl>().unwrap_err().to_string();
            assert!(error.contains(named) && !error.contains("secret"), "{text}: {error}");
        }
        let many = format!("mysql://u@{}/d", vec!["h"; 17].join(","));
        assert!(many.parse::<MysqlUrl>().unwrap_err().to_string().contains("17 hosts, more than 16"));
    }
}
