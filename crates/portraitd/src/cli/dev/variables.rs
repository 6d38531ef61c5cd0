//! The environment variables that connect a program to the emulator: addresses, credentials, certificates, proxy.

use super::emulator_info::EmulatorInfo;
use portraitd_api::cloud_names::{CLOUD_DOMAINS, CLOUD_NAMES};
use portraitd_emulator::certificates::directory::Directory;
use std::fmt::Write as _;

/// How a program gets to the emulator when it calls one of the cloud's names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Way {
    /// Through the emulator's proxy.
    Proxy,
    /// By its lookups; a proxy that is set must not carry the cloud's names.
    Lookups,
}

/// The hosts that clients reach without the proxy.
const NO_PROXY: &str = "localhost,127.0.0.1,::1";

/// The names of portraitd's own variables among those of [`variables`].
pub(crate) const OWN_NAMES: [&str; 7] = [
    "PORTRAITD_URL",
    "PORTRAITD_SDKAPPID",
    "PORTRAITD_KEY",
    "PORTRAITD_ADMIN",
    "PORTRAITD_USERSIG",
    "PORTRAITD_TLS_URL",
    "PORTRAITD_CA",
];

/// Returns every variable with its value. `current` returns a variable's present value, which some new values extend.
pub(super) fn variables(
    info: &EmulatorInfo,
    way: Way,
    current: impl Fn(&str) -> Option<String>,
) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("PORTRAITD_URL", info.url.clone()),
        ("PORTRAITD_SDKAPPID", info.sdkappid.to_string()),
        ("PORTRAITD_KEY", info.key.clone()),
        ("PORTRAITD_ADMIN", info.admin.clone()),
        ("PORTRAITD_USERSIG", info.usersig.clone()),
    ];
    if let Some(url) = &info.tls_url {
        variables.push(("PORTRAITD_TLS_URL", url.clone()));
    }
    let Some(certificates) = &info.certificates else { return variables };
    let certificates = Directory::new(certificates.clone());
    let bundle = certificates.bundle().display().to_string();
    let php = certificates.php_settings();
    // An empty part stands for PHP's own directory.
    let php = format!("{}:{}", current("PHP_INI_SCAN_DIR").unwrap_or_default(), php.display());
    variables.extend([
        ("PORTRAITD_CA", certificates.authority().display().to_string()),
        ("SSL_CERT_FILE", bundle.clone()),
        ("CURL_CA_BUNDLE", bundle.clone()),
        ("REQUESTS_CA_BUNDLE", bundle),
        ("NODE_EXTRA_CA_CERTS", certificates.authority().display().to_string()),
        ("PHP_INI_SCAN_DIR", php),
    ]);
    let mut java = current("JAVA_TOOL_OPTIONS").map(|options| options + " ").unwrap_or_default();
    // Writing into a String can't fail.
    let _ = write!(java, "-Djavax.net.ssl.trustStore={}", certificates.java_trust_store().display());
    let listed = |hosts: &str| {
        let list = current("NO_PROXY").or_else(|| current("no_proxy")).filter(|list| !list.is_empty());
        list.map_or_else(|| hosts.to_owned(), |list| format!("{list},{hosts}"))
    };
    if way == Way::Lookups {
        let names = [&CLOUD_NAMES[..], &CLOUD_DOMAINS[..]].concat();
        let no_proxy = listed(&names.join(","));
        variables.extend([("NO_PROXY", no_proxy.clone()), ("no_proxy", no_proxy)]);
        // Java reads these properties, and no variable.
        let all = names
            .iter()
            .map(|name| if name.starts_with('.') { format!("*{name}") } else { (*name).to_owned() });
        if java.contains("proxyHost") {
            let _ = write!(java, " -Dhttp.nonProxyHosts={}", all.collect::<Vec<_>>().join("|"));
        }
    } else if let Some(proxy) = &info.proxy_url {
        let authority = proxy.trim_start_matches("http://");
        if let Some((host, port)) = authority.rsplit_once(':') {
            let host = host.trim_matches(['[', ']']);
            for scheme in ["https", "http"] {
                let _ = write!(java, " -D{scheme}.proxyHost={host} -D{scheme}.proxyPort={port}");
            }
        }
        let no_proxy = listed(NO_PROXY);
        variables.extend([
            ("HTTPS_PROXY", proxy.clone()),
            ("https_proxy", proxy.clone()),
            ("HTTP_PROXY", proxy.clone()),
            ("http_proxy", proxy.clone()),
            ("NO_PROXY", no_proxy.clone()),
            ("no_proxy", no_proxy),
            // Node's own fetch uses the proxy only with this setting (Node 24, and 22.21).
            ("NODE_USE_ENV_PROXY", "1".to_owned()),
        ]);
    }
    variables.push(("JAVA_TOOL_OPTIONS", java));
    variables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn present_values_are_extended() {
        let info = EmulatorInfo {
            url: "http://127.0.0.1:1".into(),
            tls_url: Some("https://127.0.0.1:2".into()),
            proxy_url: Some("http://127.0.0.1:3".into()),
            certificates: Some("/certificates".into()),
            ..EmulatorInfo::default()
        };
        let of = |set: &[(&str, &str)], name: &str| {
            let set = |name: &str| {
                set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            variables(&info, Way::Proxy, set).into_iter().find(|(known, _)| *known == name).unwrap().1
        };
        assert_eq!(of(&[], "NO_PROXY"), NO_PROXY);
        assert_eq!(of(&[("no_proxy", "db")], "NO_PROXY"), format!("db,{NO_PROXY}"));
        assert_eq!(of(&[], "PHP_INI_SCAN_DIR"), ":/certificates/php");
        assert_eq!(of(&[("PHP_INI_SCAN_DIR", "/a")], "PHP_INI_SCAN_DIR"), "/a:/certificates/php");
        assert_eq!(
            of(&[("JAVA_TOOL_OPTIONS", "-Xmx1g")], "JAVA_TOOL_OPTIONS"),
            "-Xmx1g -Djavax.net.ssl.trustStore=/certificates/truststore.jks -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=3 -Dhttp.proxyHost=127.0.0.1 -Dhttp.proxyPort=3"
        );
        let by_lookups = variables(&info, Way::Lookups, |name| {
            (name == "JAVA_TOOL_OPTIONS").then(|| "-Dhttps.proxyHost=corp".to_owned())
        });
        let value =
            |name: &str| by_lookups.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str());
        assert_eq!(value("HTTPS_PROXY"), None);
        assert!(value("NO_PROXY").unwrap().starts_with("console.tim.qq.com,"));
        assert!(value("NO_PROXY").unwrap().ends_with(",.tim.qq.com,.im.qcloud.com,.my-imcloud.com"));
        assert!(value("JAVA_TOOL_OPTIONS").unwrap().contains("|*.im.qcloud.com|"));
        let plain = EmulatorInfo { certificates: None, tls_url: None, proxy_url: None, ..info.clone() };
        assert!(variables(&plain, Way::Proxy, |_| None).iter().all(|(name, _)| OWN_NAMES.contains(name)));
        let all = variables(&info, Way::Proxy, |_| None);
        let own: Vec<_> =
            all.iter().map(|(name, _)| *name).filter(|name| name.starts_with("PORTRAITD_")).collect();
        assert_eq!(own, OWN_NAMES);
    }
}
