//! Settings that contradict each other.

use super::Config;
use crate::cli::language::chosen::localized;
use portraitd_http::address::Address;

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
        must: localized!(
            "must be at least 4 times server.body_bytes_max ({body}), which is {least} bytes",
            "至少为 server.body_bytes_max（{body}）的 4 倍，即 {least} 字节"
        ),
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
        let must =
            localized!("needs {missing}; set both or neither", "还需要 {missing}；请同时设置或都不设置");
        Conflict { names: vec![there, missing], must }
    };
    halves.map(conflict).collect()
}

fn addresses(config: &Config) -> Vec<Conflict> {
    let listeners = config.listeners();
    let all =
        || listeners.iter().flat_map(|listener| listener.addresses().map(move |address| (listener, address)));
    let mut conflicts = Vec::new();
    for (place, (listener, address)) in all().enumerate() {
        let (setting, certificate) = (listener.setting, listener.certificate_setting);
        if let Some((other, taken)) = all().take(place).find(|(_, other)| address.overlaps(other)) {
            conflicts.push(Conflict {
                names: vec![setting, other.setting],
                must: taken_twice(address, taken, other.setting),
            });
        }
        if !listener.has_certificate && matches!(address, Address::Tcp { tls: Some(true), .. }) {
            let must = localized!(
                "{address} needs a certificate; set {certificate} and its key",
                "{address} 需要证书；请设置 {certificate} 及其私钥"
            );
            conflicts.push(Conflict { names: vec![setting, certificate], must });
        }
    }
    conflicts
}

/// Says what an address is taken by, and what to do.
fn taken_twice(address: &Address, taken: &Address, setting: &str) -> String {
    match taken {
        Address::Tcp { socket, .. } if socket.ip().is_unspecified() => localized!(
            "{address} is part of {setting} = {taken}, which takes port {0} of every address; give one of them another port",
            "{address} 包含在 {setting} = {taken} 之内，后者占用所有地址的端口 {0}；请将其中一个改为其他端口",
            socket.port()
        ),
        Address::Tcp { .. } => localized!(
            "{address} can't be opened beside {setting} = {taken}; give one of them another port",
            "{address} 与 {setting} = {taken} 无法同时监听；请将其中一个改为其他端口"
        ),
        Address::Unix(_) => localized!(
            "{address} is taken by {setting}; give one of them another path",
            "{address} 已由 {setting} 使用；请将其中一个改为其他路径"
        ),
    }
}

fn backups(config: &Config) -> Vec<Conflict> {
    let mut conflicts = Vec::new();
    let directory = config.backup.directory.as_deref();
    let set = [("backup.directory", directory.is_some()), ("backup.s3.bucket", config.s3.bucket.is_some())];
    for (name, _) in set.into_iter().filter(|(_, is_set)| *is_set && config.store.url.is_some()) {
        let must = localized!(
            "is for a data directory, and store.url names a database: the database's own tools back it up \
             (docs/SCALING.md#backup); leave it out",
            "用于数据目录，而 store.url 指定了数据库：请用数据库自身的工具备份（docs/SCALING.zh-CN.md#备份）；请去掉此项"
        );
        conflicts.push(Conflict { names: vec![name, "store.url"], must });
    }
    let data = std::path::absolute(&config.server.data).unwrap_or_else(|_| config.server.data.clone());
    if directory.is_some_and(|directory| directory.starts_with(data)) {
        let must = localized!(
            "is within server.data, and would be lost with it; choose a directory on another disk",
            "位于 server.data 之内，会与其一同丢失；请选择另一块磁盘上的目录"
        );
        conflicts.push(Conflict { names: vec!["backup.directory", "server.data"], must });
    }
    if config.s3.bucket.is_some() && !cfg!(feature = "s3") {
        let must = localized!(
            "needs a portraitd with the feature s3, which the released programs have: build it with \
             `cargo build --features s3`, or set backup.directory instead",
            "需要带有 s3 特性的 portraitd（发布的程序都有）：请用 `cargo build --features s3` 构建，或改用 backup.directory"
        );
        conflicts.push(Conflict { names: vec!["backup.s3.bucket"], must });
    }
    conflicts
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_http::address::Addresses;

    fn check(listen: &[&str], admin: &str, metrics: Option<&str>, expected: Option<(&[&str], &str)>) {
        let read = |texts: &[&str]| Addresses::new(texts.iter().map(|text| text.parse().unwrap()).collect());
        let mut config = Config::default();
        config.server.listen = read(listen);
        config.server.admin_listen = read(&[admin]);
        config.server.metrics_listen = metrics.map(|metrics| read(&[metrics]));
        let found = conflicts(&config);
        let found: Vec<_> = found.iter().map(|found| (found.names.as_slice(), found.must.as_str())).collect();
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>(), "{listen:?} {admin} {metrics:?}");
    }

    #[test]
    fn listeners_that_take_each_other_s_port_are_named() {
        const BOTH: &[&str] = &["server.admin_listen", "server.listen"];
        check(&["127.0.0.1:80"], "127.0.0.1:81", Some("127.0.0.1:82"), None);
        check(&["127.0.0.1:80"], "127.0.0.2:80", None, None);
        check(&["0.0.0.0:0"], "127.0.0.1:0", Some("[::]:0"), None);
        let whole = "127.0.0.1:80 is part of server.listen = 0.0.0.0:80, which takes port 80 of every address; \
                     give one of them another port";
        check(&["0.0.0.0:80"], "127.0.0.1:80", None, Some((BOTH, whole)));
        let same = "[::ffff:127.0.0.1]:80 can't be opened beside server.listen = 127.0.0.1:80; give one of them another port";
        check(&["127.0.0.2:80", "127.0.0.1:80"], "[::ffff:127.0.0.1]:80", None, Some((BOTH, same)));
        let metrics = "0.0.0.0:81 can't be opened beside server.admin_listen = 127.0.0.1:81; give one of them another port";
        let names: &[&str] = &["server.metrics_listen", "server.admin_listen"];
        check(&["127.0.0.1:80"], "127.0.0.1:81", Some("0.0.0.0:81"), Some((names, metrics)));
    }
}
