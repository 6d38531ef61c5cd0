//! Where a listener listens, as it is written in settings: `127.0.0.1:8080`, `http://…`, `https://…` or `unix:/path`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

/// One place to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An IP address and a port.
    Tcp {
        /// The address and the port; port 0 lets the system pick one.
        socket: SocketAddr,
        /// Whether TLS is spoken there. `None`: TLS where the listener has a certificate.
        tls: Option<bool>,
    },
    /// Always plain: the file's mode says who may connect.
    Unix(PathBuf),
}

/// One address or several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct Addresses(Vec<Address>);

#[derive(Deserialize, Serialize)]
#[serde(untagged, expecting = "expected an address or a list of addresses")]
enum Written {
    One(String),
    Several(Vec<String>),
}

impl Address {
    /// The longest path of a socket's file: what the system takes, less the ending of its provisional name.
    const UNIX_BYTES_MAX: usize = 107 - Self::PROVISIONAL.len();
    /// What a socket's file is called until its mode is set.
    pub(super) const PROVISIONAL: &str = ".new";

    /// Whether other machines may reach it and read along.
    pub fn is_exposed(&self, has_certificate: bool) -> bool {
        match self {
            Self::Tcp { socket, tls } => {
                !socket.ip().to_canonical().is_loopback() && !tls.unwrap_or(has_certificate)
            }
            Self::Unix(_) => false,
        }
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            let bytes = path.len();
            if path.is_empty() {
                return Err(format!("`{text}` names no file; write unix:/run/portraitd/portraitd.sock"));
            }
            if bytes > Self::UNIX_BYTES_MAX {
                let most = Self::UNIX_BYTES_MAX;
                return Err(format!(
                    "the path of a Unix socket may be {most} bytes long at most; `{path}` has {bytes}"
                ));
            }
            return Ok(Self::Unix(path.into()));
        }
        let (tls, socket) = match text.split_once("://") {
            None => (None, text),
            Some(("http", socket)) => (Some(false), socket),
            Some(("https", socket)) => (Some(true), socket),
            Some(_) => {
                return Err(format!(
                    "`{text}`: an address begins with http://, https:// or unix:, or with neither"
                ));
            }
        };
        let socket = socket.parse().map_err(|error| {
            format!(
                "`{text}`: {error}; write an IP address and a port (127.0.0.1:8080, [::]:443) or unix:/path"
            )
        })?;
        Ok(Self::Tcp { socket, tls })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { socket, tls: None } => write!(f, "{socket}"),
            Self::Tcp { socket, tls: Some(false) } => write!(f, "http://{socket}"),
            Self::Tcp { socket, tls: Some(true) } => write!(f, "https://{socket}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl Addresses {
    /// Returns these addresses, in this order.
    pub fn new(addresses: Vec<Address>) -> Self {
        Self(addresses)
    }

    /// Returns the addresses in the order of the setting.
    pub fn iter(&self) -> impl Iterator<Item = &Address> {
        self.0.iter()
    }
}

impl From<SocketAddr> for Addresses {
    fn from(socket: SocketAddr) -> Self {
        Self(vec![Address::Tcp { socket, tls: None }])
    }
}

impl TryFrom<Written> for Addresses {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let texts = match written {
            Written::One(text) => vec![text],
            Written::Several(texts) => texts,
        };
        if texts.is_empty() {
            return Err("the list of addresses is empty".to_owned());
        }
        texts.iter().map(|text| text.parse()).collect::<Result<_, _>>().map(Self)
    }
}

impl From<Addresses> for Written {
    fn from(addresses: Addresses) -> Self {
        let mut texts: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        match texts.pop() {
            Some(only) if texts.is_empty() => Self::One(only),
            last => Self::Several(texts.into_iter().chain(last).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written_alike() {
        for text in
            ["127.0.0.1:0", "[::]:443", "http://127.0.0.1:80", "https://[::1]:8443", "unix:/run/a.sock"]
        {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for (text, part) in [
            ("localhost:80", "invalid socket address"),
            ("127.0.0.1", "invalid socket address"),
            ("ftp://127.0.0.1:1", "begins with"),
            ("unix:", "names no file"),
            ("", "invalid socket address"),
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        let long = format!("unix:/{}", "x".repeat(Address::UNIX_BYTES_MAX));
        assert!(long.parse::<Address>().unwrap_err().contains("103 bytes"));
    }

    #[test]
    fn only_plain_text_to_other_machines_is_exposed() {
        let check = |text: &str, has_certificate: bool, exposed: bool| {
            let address: Address = text.parse().unwrap();
            assert_eq!(address.is_exposed(has_certificate), exposed, "{text} {has_certificate}");
        };
        check("127.0.0.1:1", false, false);
        check("[::1]:1", false, false);
        check("[::ffff:127.0.0.1]:1", false, false);
        check("unix:/a", false, false);
        check("0.0.0.0:1", false, true);
        check("[::]:1", false, true);
        check("0.0.0.0:1", true, false);
        check("http://10.0.0.1:1", true, true);
        check("https://10.0.0.1:1", true, false);
    }
}
