//! What a request to the proxy asks for, and whether it gets it.

use portraitd_api::cloud_names::is_cloud;
use std::net::IpAddr;

/// What happens to names that are not the emulator's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Others {
    /// 403: no test reaches the network
    #[default]
    Refuse,
    /// Pass them on
    Pass,
}

/// A host and a port, as a proxy is asked for them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// In lower case, without a trailing dot or brackets.
    pub(super) host: String,
    pub(super) port: u16,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// To the emulator's HTTPS port.
    EmulatorTls,
    /// To the emulator's HTTP port.
    EmulatorPlain,
    /// On, to whoever it is for.
    Pass,
    /// A name of the cloud at a port where the emulator is not: never to the real one.
    RefuseCloudPort,
    /// Another name, and those are refused.
    RefuseOther,
}

impl Target {
    pub(super) fn new(host: &str, port: u16) -> Self {
        let host = host.trim_matches(['[', ']']).to_ascii_lowercase();
        Self { host: host.strip_suffix('.').unwrap_or(&host).to_owned(), port }
    }

    /// Decides about a target; `names` are the emulator's besides the cloud's.
    pub(super) fn judge(&self, names: &[String], others: Others) -> Verdict {
        let ours = is_cloud(&self.host) || names.contains(&self.host);
        match (ours, self.port, others) {
            (true, 443, _) => Verdict::EmulatorTls,
            (true, 80, _) => Verdict::EmulatorPlain,
            (true, ..) => Verdict::RefuseCloudPort,
            (false, _, Others::Pass) => Verdict::Pass,
            (false, _, Others::Refuse) => Verdict::RefuseOther,
        }
    }

    /// As a URL and a header write it.
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
    fn the_clouds_names_never_leave() {
        let judge =
            |host: &str, port, others| Target::new(host, port).judge(&["portraitd.test".to_owned()], others);
        for others in [Others::Refuse, Others::Pass] {
            for host in [
                "console.tim.qq.com",
                "CONSOLE.tim.qq.com",
                "console.tim.qq.com.",
                "adminapisgp.im.qcloud.com",
                "adminapimars.my-imcloud.com",
                "portraitd.test",
            ] {
                assert_eq!(judge(host, 443, others), Verdict::EmulatorTls, "{host}");
                assert_eq!(judge(host, 80, others), Verdict::EmulatorPlain, "{host}");
                assert_eq!(judge(host, 8443, others), Verdict::RefuseCloudPort, "{host}");
            }
        }
        for host in
            ["example.com", "xconsole.tim.qq.com.evil.example", "tim.qq.com.example", "203.0.113.7", "::1"]
        {
            assert_eq!(judge(host, 443, Others::Refuse), Verdict::RefuseOther, "{host}");
            assert_eq!(judge(host, 443, Others::Pass), Verdict::Pass, "{host}");
        }
    }

    #[test]
    fn authorities_are_written_as_they_are_read() {
        for (host, authority) in
            [("[::1]", "[::1]:80"), ("Example.COM.", "example.com:80"), ("1.2.3.4", "1.2.3.4:80")]
        {
            assert_eq!(Target::new(host, 80).authority(), authority);
        }
    }
}
