//! The target of a proxy request, and the decision where the request goes. No name of the cloud ever reaches the cloud.

use portraitd_api::cloud_names::is_cloud;
use std::net::IpAddr;

/// What the proxy does with hosts that are not the emulator's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum OtherHosts {
    /// Answer 403, so that no test reaches the network
    #[default]
    Refuse,
    /// Forward the request to the host
    Pass,
}

/// The host and port of a proxy request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// In lower case, without a trailing dot or brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProxyDecision {
    /// To the emulator's HTTPS port.
    EmulatorHttps,
    /// To the emulator's HTTP port.
    EmulatorHttp,
    /// To the host that it names.
    Pass,
    /// Refused: a name of the cloud, at a port that the emulator does not have.
    RefuseCloudPort,
    /// Refused: another host, with [`OtherHosts::Refuse`].
    RefuseOtherHost,
}

impl Target {
    pub(super) fn new(host: &str, port: u16) -> Self {
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        Self { host: host.strip_suffix('.').unwrap_or(&host).to_owned(), port }
    }

    /// Decides where a request goes. `names` are the emulator's names other than the cloud's.
    pub(super) fn decide(&self, names: &[String], others: OtherHosts) -> ProxyDecision {
        let is_emulator = is_cloud(&self.host) || names.contains(&self.host);
        match (is_emulator, self.port, others) {
            (true, 443, _) => ProxyDecision::EmulatorHttps,
            (true, 80, _) => ProxyDecision::EmulatorHttp,
            (true, ..) => ProxyDecision::RefuseCloudPort,
            (false, _, OtherHosts::Pass) => ProxyDecision::Pass,
            (false, _, OtherHosts::Refuse) => ProxyDecision::RefuseOtherHost,
        }
    }

    /// Returns `host:port` in the form of a URL or a header.
    pub(super) fn authority(&self) -> String {
        match self.host.parse::<IpAddr>() {
            Ok(IpAddr::V6(address)) => format!("[{address}]:{}", self.port),
            _ => format!("{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_for_the_clouds_names_never_leave() {
        let decide =
            |host: &str, port, others| Target::new(host, port).decide(&["portraitd.test".to_owned()], others);
        for others in [OtherHosts::Refuse, OtherHosts::Pass] {
            for host in [
                "console.tim.qq.com",
                "CONSOLE.tim.qq.com",
                "console.tim.qq.com.",
                "adminapisgp.im.qcloud.com",
                "adminapimars.my-imcloud.com",
                "portraitd.test",
            ] {
                assert_eq!(decide(host, 443, others), ProxyDecision::EmulatorHttps, "{host}");
                assert_eq!(decide(host, 80, others), ProxyDecision::EmulatorHttp, "{host}");
                assert_eq!(decide(host, 8443, others), ProxyDecision::RefuseCloudPort, "{host}");
            }
        }
        for host in
            ["example.com", "xconsole.tim.qq.com.evil.example", "tim.qq.com.example", "203.0.113.7", "::1"]
        {
            assert_eq!(decide(host, 443, OtherHosts::Refuse), ProxyDecision::RefuseOtherHost, "{host}");
            assert_eq!(decide(host, 443, OtherHosts::Pass), ProxyDecision::Pass, "{host}");
        }
    }

    #[test]
    fn authorities_are_written_in_the_form_of_urls() {
        for (host, authority) in
            [("[::1]", "[::1]:80"), ("Example.COM.", "example.com:80"), ("1.2.3.4", "1.2.3.4:80")]
        {
            assert_eq!(Target::new(host, 80).authority(), authority);
        }
    }
}
