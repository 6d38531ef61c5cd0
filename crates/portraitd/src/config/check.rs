//! Settings that contradict each other.

use super::Config;
use portraitd_http::address::{Address, Addresses};

/// Settings that contradict each other.
#[derive(Clone)]
pub(super) struct Conflict {
    /// The setting to change, then those that it contradicts.
    pub(super) names: Vec<&'static str>,
    /// What the first one must be, as the end of a sentence.
    pub(super) must: String,
}

/// Finds every conflict.
pub(super) fn conflicts(config: &Config) -> Vec<Conflict> {
    [memory(config), pairs(config), addresses(config), backups(config)].concat()
}

fn memory(config: &Config) -> Vec<Conflict> {
    let (memory, body) = (config.server.request_memory_bytes_max, config.server.body_bytes_max);
    let least = body.saturating_mul(4);
    if memory >= least {
        return Vec::new();
    }
    vec![Conflict {
        names: vec!["server.request_memory_bytes_max", "server.body_bytes_max"],
        must: format!("must be at least 4 times server.body_bytes_max ({body}), which is {least} bytes"),
    }]
}

fn pairs(config: &Config) -> Vec<Conflict> {
    let tls = &config.tls;
    let pairs = [
        ("tls.certificate", tls.certificate.is_some(), "tls.key", tls.key.is_some()),
        ("tls.admin_certificate", tls.admin_certificate.is_some(), "tls.admin_key", tls.admin_key.is_some()),
    ];
    let halves = pairs.into_iter().filter(|(_, certificate, _, key)| certificate != key);
    let conflict = |(certificate, is_set, key, _)| {
        let (there, missing) = if is_set { (certificate, key) } else { (key, certificate) };
        Conflict { names: vec![there, missing], must: format!("needs {missing}; set both or neither") }
    };
    halves.map(conflict).collect()
}

fn addresses(config: &Config) -> Vec<Conflict> {
    let (server, tls) = (&config.server, &config.tls);
    let listeners = [
        ("server.listen", Some(&server.listen), "tls.certificate", tls.public()),
        ("server.admin_listen", Some(&server.admin_listen), "tls.admin_certificate", tls.admin()),
        ("server.metrics_listen", server.metrics_listen.as_ref(), "tls.admin_certificate", tls.admin()),
    ];
    let (mut conflicts, mut taken) = (Vec::new(), Vec::<(String, &str)>::new());
    for (name, addresses, certificate_name, certificate) in listeners {
        for address in addresses.into_iter().flat_map(Addresses::iter) {
            let place = match address {
                Address::Tcp { socket, .. } => socket.to_string(),
                Address::Unix(path) => path.display().to_string(),
            };
            if let Some((_, other)) = taken.iter().find(|(known, _)| *known == place) {
                let must = format!("listens on {place} twice; give each listener an address of its own");
                conflicts.push(Conflict { names: vec![name, *other], must });
            }
            // Port 0 is another port each time.
            if !matches!(address, Address::Tcp { socket, .. } if socket.port() == 0) {
                taken.push((place, name));
            }
            if certificate.is_none() && matches!(address, Address::Tcp { tls: Some(true), .. }) {
                let must = format!("{address} needs a certificate; set {certificate_name} and its key");
                conflicts.push(Conflict { names: vec![name, certificate_name], must });
            }
        }
    }
    conflicts
}

fn backups(config: &Config) -> Vec<Conflict> {
    let mut conflicts = Vec::new();
    let directory = config.backup.directory.as_deref();
    let set = [("backup.directory", directory.is_some()), ("backup.s3.bucket", config.s3.bucket.is_some())];
    for (name, _) in set.into_iter().filter(|(_, is_set)| *is_set && config.store.url.is_some()) {
        let must =
            "is for a data directory, and store.url names a database: the database's own tools back it up \
                    (docs/SCALING.md#backup); leave it out"
                .to_owned();
        conflicts.push(Conflict { names: vec![name, "store.url"], must });
    }
    let data = std::path::absolute(&config.server.data).unwrap_or_else(|_| config.server.data.clone());
    if directory.is_some_and(|directory| directory.starts_with(data)) {
        let must =
            "is within server.data, and would be lost with it; choose a directory on another disk".to_owned();
        conflicts.push(Conflict { names: vec!["backup.directory", "server.data"], must });
    }
    if config.s3.bucket.is_some() && !cfg!(feature = "s3") {
        let must = "needs a portraitd with the feature s3, which the released programs have: build it with \
                    `cargo build --features s3`, or set backup.directory instead"
            .to_owned();
        conflicts.push(Conflict { names: vec!["backup.s3.bucket"], must });
    }
    conflicts
}
