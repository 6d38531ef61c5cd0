//! The addresses that `dev` and `run` listen on, as people write them.

use crate::cli::language::chosen::localized;
use std::net::{IpAddr, SocketAddr};

/// Reads an IP address with a port. The error of another form suggests what was meant.
pub(crate) fn listen_address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Err(with_example(&SocketAddr::new(ip, 8080).to_string()));
    }
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let Ok(port) = port.parse::<u16>() else { return Err(with_example("127.0.0.1:8080")) };
    let meant = match host {
        "" | "localhost" => format!("127.0.0.1:{port}"),
        "*" => format!("0.0.0.0:{port}"),
        _ => match host.parse() {
            Ok(ip) => SocketAddr::new(ip, port).to_string(),
            Err(_) => return Err(with_example(&format!("127.0.0.1:{port}"))),
        },
    };
    Err(with_example(&meant))
}

fn with_example(example: &str) -> String {
    localized!(
        "invalid socket address: an IP address and a port are wanted; write {example}",
        "需要 IP 地址与端口；请写作 {example}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_meant_is_suggested() {
        for address in ["127.0.0.1:8080", "[::1]:0", "0.0.0.0:80"] {
            assert_eq!(listen_address(address).unwrap().to_string(), address);
        }
        for (text, meant) in [
            ("8080", "127.0.0.1:8080"),
            (":9000", "127.0.0.1:9000"),
            ("localhost:8081", "127.0.0.1:8081"),
            ("*:80", "0.0.0.0:80"),
            ("10.0.0.7", "10.0.0.7:8080"),
            ("::1", "[::1]:8080"),
            ("dev.example:8082", "127.0.0.1:8082"),
            ("127.0.0.1:99999", "127.0.0.1:8080"),
            ("http://127.0.0.1:8080", "127.0.0.1:8080"),
            ("", "127.0.0.1:8080"),
        ] {
            let error = listen_address(text).unwrap_err();
            assert!(error.ends_with(&format!("write {meant}")), "{text}: {error}");
        }
    }
}
