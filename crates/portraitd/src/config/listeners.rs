//! The listeners of a server with their settings: the one place that knows which there are.

use super::Config;
use portraitd_http::address::{Address, Addresses};

/// A listener as it is configured.
pub(crate) struct Listener<'a> {
    /// The setting with its addresses: `server.listen`.
    pub(crate) setting: &'static str,
    addresses: Option<&'a Addresses>,
    /// The setting with its certificate.
    pub(crate) certificate_setting: &'static str,
    /// Whether it has a certificate and a key.
    pub(crate) has_certificate: bool,
}

impl Listener<'_> {
    /// Its addresses in the order of the setting; none without `server.metrics_listen`.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.addresses.into_iter().flat_map(Addresses::iter)
    }
}

impl Config {
    /// The listener of the public API, that of the admin API, and that of the metrics and probes, which has the admin API's
    /// certificate.
    pub(crate) fn listeners(&self) -> [Listener<'_>; 3] {
        let (server, tls) = (&self.server, &self.tls);
        let public = Listener {
            setting: "server.listen",
            addresses: Some(&server.listen),
            certificate_setting: "tls.certificate",
            has_certificate: tls.public().is_some(),
        };
        let admin = Listener {
            setting: "server.admin_listen",
            addresses: Some(&server.admin_listen),
            certificate_setting: "tls.admin_certificate",
            has_certificate: tls.admin().is_some(),
        };
        let metrics =
            Listener { setting: "server.metrics_listen", addresses: server.metrics_listen.as_ref(), ..admin };
        [public, admin, metrics]
    }
}
