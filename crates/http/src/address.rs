//! The addresses of a listener as settings write them: `127.0.0.1:8080`, `http://…`, `https://…` or `unix:/path`.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// One address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An IP address and a port.
    Tcp {
        /// The IP address and the port; port 0 lets the system choose one.
        socket: SocketAddr,
        /// Whether the port speaks TLS. `None`: it does if the listener has a certificate.
        tls: Option<bool>,
    },
    /// The path of a socket's file. Never TLS: the file's mode decides which users may connect.
    Unix(PathBuf),
}

/// One address or several.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "AddressesText", into = "AddressesText")]
pub struct Addresses(Vec<Address>);

#[derive(Deserialize, Serialize)]
#[serde(untagged, expecting = "expected an address or a list of addresses")]
enum AddressesText {
    One(String),
    Several(Vec<String>),
}

impl Address {
    /// The longest path of a socket's file in bytes: the system's limit less [`Self::STAGING_SUFFIX`].
    const UNIX_BYTES_MAX: usize = 107 - Self::STAGING_SUFFIX.len();
    /// Ends the name of a socket's file until its mode is set.
    pub(super) const STAGING_SUFFIX: &str = ".new";

    /// Whether the two can't be listened on at the same time: the same file, or the same port of an address of which one has
    /// the other. Port 0 is another port each time.
    pub fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Unix(one), Self::Unix(other)) => one == other,
            (Self::Tcp { socket: one, .. }, Self::Tcp { socket: other, .. }) => {
                one.port() != 0 && one.port() == other.port() && {
                    let (one, other) = (one.ip(), other.ip());
                    one.to_canonical() == other.to_canonical() || has(one, other) || has(other, one)
                }
            }
            _ => false,
        }
    }

    /// Whether other machines can reach the address and its traffic is not encrypted.
    pub fn is_exposed(&self, has_certificate: bool) -> bool {
        match self {
            Self::Tcp { socket, tls } => {
                !socket.ip().to_canonical().is_loopback() && !tls.unwrap_or(has_certificate)
            }
            Self::Unix(_) => false,
        }
    }
}

/// Whether a socket on an address takes the port of another address, too: `0.0.0.0` has those of IPv4, `[::]` every one, unless
/// the system keeps IPv4 apart.
fn has(address: IpAddr, other: IpAddr) -> bool {
    let is_ipv4 = other.to_canonical().is_ipv4();
    match address.to_canonical() {
        IpAddr::V4(address) => address.is_unspecified() && is_ipv4,
        IpAddr::V6(address) => address.is_unspecified() && !(is_ipv4 && is_ipv4_apart()),
    }
}

fn is_ipv4_apart() -> bool {
    let setting = std::fs::read_to_string("/proc/sys/net/ipv6/bindv6only");
    setting.is_ok_and(|text| text.trim() == "1")
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            let bytes = path.len();
            if path.is_empty() {
                return Err(format!("`{text}` has no path; write unix:/run/portraitd/portraitd.sock"));
            }
            if bytes > Self::UNIX_BYTES_MAX {
                return Err(format!(
                    "the path of a Unix socket may have at most {} bytes; `{path}` has {bytes}",
                    Self::UNIX_BYTES_MAX
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
                    "`{text}`: an address starts with http://, https:// or unix:, or has no scheme"
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

impl TryFrom<AddressesText> for Addresses {
    type Error = String;

    fn try_from(text: AddressesText) -> Result<Self, String> {
        let texts = match text {
            AddressesText::One(only) => vec![only],
            AddressesText::Several(texts) => texts,
        };
        if texts.is_empty() {
            return Err("the list of addresses is empty".to_owned());
        }
        texts.iter().map(|text| text.parse()).collect::<Result<_, _>>().map(Self)
    }
}

impl From<Addresses> for AddressesText {
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
    fn addresses_are_displayed_as_they_are_parsed() {
        for text in
            ["127.0.0.1:0", "[::]:443", "http://127.0.0.1:80", "https://[::1]:8443", "unix:/run/a.sock"]
        {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for (text, part) in [
            ("localhost:80", "invalid socket address"),
            ("127.0.0.1", "invalid socket address"),
            ("ftp://127.0.0.1:1", "starts with"),
            ("unix:", "has no path"),
            ("", "invalid socket address"),
        ] {
            let error = text.parse::<Address>().unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
        let long = format!("unix:/{}", "x".repeat(Address::UNIX_BYTES_MAX));
        assert!(long.parse::<Address>().unwrap_err().contains("103 bytes"));
    }

    #[test]
    fn addresses_overlap_when_they_cannot_both_be_opened() {
        let check = |one: &str, other: &str, expected: bool| {
            let [one, other]: [Address; 2] = [one, other].map(|text| text.parse().unwrap());
            assert_eq!((one.overlaps(&other), other.overlaps(&one)), (expected, expected), "{one} {other}");
        };
        check("127.0.0.1:80", "http://127.0.0.1:80", true);
        check("127.0.0.1:80", "127.0.0.2:80", false);
        check("127.0.0.1:80", "127.0.0.1:81", false);
        check("0.0.0.0:80", "127.0.0.1:80", true);
        check("0.0.0.0:80", "[::1]:80", false);
        check("[::]:80", "[::1]:80", true);
        check("[::]:80", "127.0.0.1:80", !is_ipv4_apart());
        check("[::]:80", "0.0.0.0:80", !is_ipv4_apart());
        check("[::ffff:127.0.0.1]:80", "127.0.0.1:80", true);
        check("0.0.0.0:0", "0.0.0.0:0", false);
        check("unix:/a", "unix:/a", true);
        check("unix:/a", "unix:/b", false);
        check("unix:/a", "127.0.0.1:80", false);
    }

    #[test]
    fn only_unencrypted_addresses_beyond_loopback_are_exposed() {
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
