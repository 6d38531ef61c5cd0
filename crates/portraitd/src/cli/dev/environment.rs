//! The environment that leads a program to the emulator: where it is, who may call it, whom to trust, which proxy.

use super::banner::Page;
use portraitd_emulator::certificates::directory::Directory;
use std::fmt::Write as _;

/// Hosts that are reached without the proxy.
const NO_PROXY: &str = "localhost,127.0.0.1,::1";

/// The variables of our own, of those that [`variables`] gives.
pub(crate) const NAMES: [&str; 7] = [
    "PORTRAITD_URL",
    "PORTRAITD_SDKAPPID",
    "PORTRAITD_KEY",
    "PORTRAITD_ADMIN",
    "PORTRAITD_USERSIG",
    "PORTRAITD_TLS_URL",
    "PORTRAITD_CA",
];

/// Every variable with its value. What is set already is asked for, where something has to be added to it.
pub(super) fn variables(page: &Page, set: impl Fn(&str) -> Option<String>) -> Vec<(&'static str, String)> {
    let mut variables = vec![
        ("PORTRAITD_URL", page.url.clone()),
        ("PORTRAITD_SDKAPPID", page.sdkappid.to_string()),
        ("PORTRAITD_KEY", page.key.clone()),
        ("PORTRAITD_ADMIN", page.admin.clone()),
        ("PORTRAITD_USERSIG", page.usersig.clone()),
    ];
    if let Some(url) = &page.tls_url {
        variables.push(("PORTRAITD_TLS_URL", url.clone()));
    }
    let Some(certificates) = &page.certificates else { return variables };
    let certificates = Directory::new(certificates.clone());
    let bundle = certificates.bundle().display().to_string();
    let php = certificates.php_settings();
    // An empty part stands for PHP's own folder.
    let php = format!("{}:{}", set("PHP_INI_SCAN_DIR").unwrap_or_default(), php.display());
    variables.extend([
        ("PORTRAITD_CA", certificates.authority().display().to_string()),
        ("SSL_CERT_FILE", bundle.clone()),
        ("CURL_CA_BUNDLE", bundle.clone()),
        ("REQUESTS_CA_BUNDLE", bundle),
        ("NODE_EXTRA_CA_CERTS", certificates.authority().display().to_string()),
        ("PHP_INI_SCAN_DIR", php),
    ]);
    let mut java = set("JAVA_TOOL_OPTIONS").map(|options| options + " ").unwrap_or_default();
    // Writing into a String can't fail.
    let _ = write!(java, "-Djavax.net.ssl.trustStore={}", certificates.java_trust_store().display());
    if let Some(proxy) = &page.proxy_url {
        let authority = proxy.trim_start_matches("http://");
        if let Some((host, port)) = authority.rsplit_once(':') {
            let host = host.trim_matches(['[', ']']);
            let _ = write!(java, " -Dhttps.proxyHost={host} -Dhttps.proxyPort={port}");
        }
        let no_proxy = set("NO_PROXY").or_else(|| set("no_proxy")).filter(|list| !list.is_empty());
        let no_proxy = no_proxy.map_or_else(|| NO_PROXY.to_owned(), |list| format!("{list},{NO_PROXY}"));
        variables.extend([
            ("HTTPS_PROXY", proxy.clone()),
            ("https_proxy", proxy.clone()),
            ("NO_PROXY", no_proxy.clone()),
            ("no_proxy", no_proxy),
            // Node's own fetch asks for no proxy unless it is told to (Node 24, and 22.21).
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
    fn what_is_set_is_added_to() {
        let page = Page {
            url: "http://127.0.0.1:1".into(),
            tls_url: Some("https://127.0.0.1:2".into()),
            proxy_url: Some("http://127.0.0.1:3".into()),
            certificates: Some("/certificates".into()),
            ..Page::default()
        };
        let of = |set: &[(&str, &str)], name: &str| {
            let set = |name: &str| {
                set.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
            };
            variables(&page, set).into_iter().find(|(known, _)| *known == name).unwrap().1
        };
        assert_eq!(of(&[], "NO_PROXY"), NO_PROXY);
        assert_eq!(of(&[("no_proxy", "db")], "NO_PROXY"), format!("db,{NO_PROXY}"));
        assert_eq!(of(&[], "PHP_INI_SCAN_DIR"), ":/certificates/php");
        assert_eq!(of(&[("PHP_INI_SCAN_DIR", "/a")], "PHP_INI_SCAN_DIR"), "/a:/certificates/php");
        assert_eq!(
            of(&[("JAVA_TOOL_OPTIONS", "-Xmx1g")], "JAVA_TOOL_OPTIONS"),
            "-Xmx1g -Djavax.net.ssl.trustStore=/certificates/truststore.jks -Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=3"
        );
        let plain = Page { certificates: None, tls_url: None, proxy_url: None, ..page.clone() };
        assert!(variables(&plain, |_| None).iter().all(|(name, _)| NAMES.contains(name)));
        let all = variables(&page, |_| None);
        let own: Vec<_> =
            all.iter().map(|(name, _)| *name).filter(|name| name.starts_with("PORTRAITD_")).collect();
        assert_eq!(own, NAMES);
    }
}
