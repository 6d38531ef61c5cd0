//! Checks before `serve` starts, for mistakes that would expose keys or profiles. The worst are refused, with the command
//! that corrects them, unless `server.accept` lists them.

use crate::cli::command_hint::on_directory;
use crate::cli::language::chosen::localized;
use crate::config::Config;
use crate::config::server::Risk;
use anyhow::ensure;
use portraitd_model::{AppKey, AppRecord, UnixSeconds};
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};
use std::fs::{self, Metadata};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Keys that are public: the cloud's own sample key and those printed in our documents.
const PUBLISHED_KEYS: [&str; 2] = [
    "5bd2850fff3ecb11d7c805251c51ee463a25727bddc2385f3fa8bfee1bb93b5e",
    "2259e600f82d5d559a9aa7ff373e13caa7f60803f43698ac6df053ada132ca13",
];

/// The files of a data directory that hold keys, tokens or profiles.
const SECRET_FILES: [&str; 6] = [
    "portraitd.db",
    "portraitd.db-wal",
    "portraitd.db-shm",
    "portraitd.journal-0",
    "portraitd.journal-1",
    "admin.token",
];

/// 2026-01-01. No portraitd existed before, so an earlier clock is wrong.
pub(crate) const FIRST_DAY: UnixSeconds = UnixSeconds(1_767_225_600);

/// Forbids core dumps and tracing of this process: its memory holds every key.
pub(crate) fn forbid_core_dumps() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let undumpable = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    if let Err(error) = setrlimit(Resource::Core, none).and(undumpable) {
        tracing::warn!(%error, "a crash could leave a core dump, with keys in it");
    }
}

/// Raises the limit of open files as far as allowed, and lowers `connections_max` to what fits: without a free descriptor
/// neither the store nor the admin API works.
pub(crate) fn raise_open_files(config: &mut Config) {
    /// Files for the admin API, the store and webhooks.
    const OTHERS: u64 = 512;
    let limit = getrlimit(Resource::Nofile);
    let Some(files) = limit.maximum.or(limit.current) else { return };
    let raised = setrlimit(Resource::Nofile, Rlimit { current: Some(files), maximum: Some(files) });
    let files = if raised.is_ok() { files } else { limit.current.unwrap_or(files) };
    let connections_max = usize::try_from(files.saturating_sub(OTHERS).max(files / 2)).unwrap_or(usize::MAX);
    let wanted = config.server.connections_max;
    if connections_max < wanted {
        tracing::warn!(
            files,
            "the limit of open files allows {connections_max} connections instead of {wanted}: raise it \
             (LimitNOFILE= for systemd, ulimit -n in a shell), or lower server.connections_max"
        );
        config.server.connections_max = connections_max;
    }
}

/// Refuses to start on data that every user of this machine can read.
pub(crate) fn check_files(config: &Config, data: &Path) -> anyhow::Result<()> {
    // Only a warning: container platforms often mount keys with too wide a mode, where no other user sees them.
    for key in [&config.tls.key, &config.tls.admin_key].into_iter().flatten() {
        if fs::metadata(key).is_ok_and(|file| mode(&file) & 0o007 != 0) {
            let key = key.display();
            tracing::warn!("every user of this machine can read the private key {key}: chmod 600 {key}");
        }
    }
    if let Some(file) = &config.s3.credentials_file
        && fs::metadata(file).is_ok_and(|file| mode(&file) & 0o007 != 0)
    {
        let file = file.display();
        tracing::warn!(
            "every user of this machine can read the storage's credentials {file}: chmod 600 {file}"
        );
    }
    // In a directory that is closed to others, the modes inside do not matter.
    let granted = fs::metadata(data).map_or(0o077, |directory| mode(&directory) & 0o077);
    if granted == 0 || config.server.accept.contains(&Risk::ReadableFiles) {
        return Ok(());
    }
    let files = SECRET_FILES.map(|name| data.join(name));
    let modes = files.iter().filter_map(|path| Some((path, mode(&fs::metadata(path).ok()?))));
    let (open, shared): (Vec<_>, Vec<_>) =
        modes.filter(|(_, mode)| mode & 0o077 != 0).partition(|(_, mode)| mode & 0o007 != 0);
    if !shared.is_empty() {
        let files = list(shared.iter().map(|(path, _)| *path));
        tracing::warn!("the group can read {files}, which holds keys or profiles: chmod 600 {files}");
    }
    let files = list(open.iter().map(|(path, _)| *path));
    ensure!(
        open.is_empty(),
        localized!(
            "every user of this machine can read {files}, which holds keys or profiles; correct it with: chmod 600 {files}\n\
             (on a file system without modes, set server.accept = [\"readable-files\"])",
            "本机的所有用户都能读取 {files}，其中有密钥或资料；请执行：chmod 600 {files}\n\
             （若文件系统不支持权限，可设置 server.accept = [\"readable-files\"]）"
        )
    );
    Ok(())
}

fn mode(metadata: &Metadata) -> u32 {
    metadata.permissions().mode()
}

fn list<'a>(paths: impl Iterator<Item = &'a PathBuf>) -> String {
    paths.map(|path| path.display().to_string()).collect::<Vec<_>>().join(" ")
}

/// Refuses to start with a public key.
pub(crate) fn check_keys(config: &Config, apps: &[AppRecord]) -> anyhow::Result<()> {
    if config.server.accept.contains(&Risk::PublishedKeys) {
        return Ok(());
    }
    for app in apps {
        let known = app.settings.keys.iter().find(|record| PUBLISHED_KEYS.contains(&record.key.expose()));
        let id = app.settings.id;
        if let Some(record) = known {
            let number = record.id.0;
            let revoke = on_directory(format_args!("app key revoke {id} {number}"), &config.server.data);
            anyhow::bail!(localized!(
                "key {number} of app {id} is printed in public documents, so anyone can sign with it. Give the app \
                 another one, then: {revoke}\n\
                 (for a test that no one else can reach, set server.accept = [\"published-keys\"])",
                "应用 {id} 的密钥 {number} 印在公开文档中，任何人都可用它签名。请为该应用添加另一个密钥，然后：{revoke}\n\
                 （如为他人无法访问的测试，可设置 server.accept = [\"published-keys\"]）"
            ));
        }
    }
    Ok(())
}

/// Warns of keys that are too short. They may be of an emulator, or from before the limit: callers use them.
pub(crate) fn warn_of_weak_keys(data: &Path, apps: &[AppRecord]) {
    for settings in apps.iter().map(|app| &app.settings) {
        for record in &settings.keys {
            if AppKey::weakness(record.key.expose()).is_none() {
                continue;
            }
            let (id, number) = (settings.id, record.id.0);
            let add = on_directory(format_args!("app key add {id}"), data);
            let revoke = on_directory(format_args!("app key revoke {id} {number}"), data);
            tracing::warn!(
                "key {number} of app {id} has fewer than {} bytes, so whoever has one UserSig finds it by trying. Give the app \
                 another one: {add}; and when callers use that: {revoke}",
                AppKey::STRONG_BYTES_MIN
            );
        }
    }
}

/// Whether the listeners that other machines reach speak TLS: the admin API must, the public API should.
pub(crate) fn check_network(config: &Config, public_tls: bool, admin_tls: bool) -> anyhow::Result<()> {
    let server = &config.server;
    for listen in server.listen.iter().filter(|address| address.is_exposed(public_tls)) {
        tracing::warn!(
            "{listen} accepts plain HTTP from other machines: UserSigs and profiles can be read on the way; use [tls], or \
             a proxy with TLS in front"
        );
    }
    if let Some(admin) = server.admin_listen.iter().find(|address| address.is_exposed(admin_tls)) {
        ensure!(
            server.accept.contains(&Risk::PlainAdmin),
            localized!(
                "server.admin_listen = {admin} accepts plain HTTP from other machines, so the admin token can be read on the way. \
                 Let it listen on 127.0.0.1 or unix:/path, or give it a certificate \
                 (tls.admin_certificate)\n\
                 (inside a network of your own, set server.accept = [\"plain-admin\"])",
                "server.admin_listen = {admin} 接受来自其他机器的明文 HTTP，管理令牌可能在途中被读取。请改为监听 127.0.0.1 或 \
                 unix:/路径，或为其设置证书（tls.admin_certificate）\n\
                 （如在自有网络之内，可设置 server.accept = [\"plain-admin\"]）"
            )
        );
    }
    Ok(())
}

/// Warns if the clock, by which UserSigs expire, is years behind.
pub(crate) fn check_clock(now: UnixSeconds) {
    if now < FIRST_DAY {
        tracing::warn!(
            now = now.0,
            "this machine's clock is years behind, so expired UserSigs will be accepted; set it, and run NTP"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_http::address::Addresses;
    use portraitd_model::{AppSettings, SdkAppId};
    use std::collections::BTreeMap;

    fn accepting(risks: &[Risk]) -> Config {
        let mut config = Config::default();
        config.server.accept = risks.to_vec();
        config
    }

    #[test]
    fn files_that_everybody_can_read_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let set =
            |path: &Path, mode: u32| fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
        let database = dir.path().join("portraitd.db");
        fs::write(&database, "").unwrap();
        let check = |directory: u32, file: u32, risks: &[Risk], fine: bool| {
            set(dir.path(), directory);
            set(&database, file);
            let checked = check_files(&accepting(risks), dir.path());
            assert_eq!(checked.is_ok(), fine, "{directory:o} {file:o} {checked:?}");
            if let Err(error) = checked {
                assert!(error.to_string().contains(&format!("chmod 600 {}", database.display())), "{error}");
            }
        };
        check(0o755, 0o644, &[], false);
        check(0o755, 0o602, &[], false);
        check(0o755, 0o644, &[Risk::ReadableFiles], true);
        check(0o755, 0o640, &[], true);
        check(0o755, 0o600, &[], true);
        check(0o700, 0o644, &[], true);
    }

    #[test]
    fn keys_that_everybody_knows_are_refused() {
        let mut settings = AppSettings::new(SdkAppId(7));
        settings.add_key(AppKey::parse("our own").unwrap(), None);
        let mut apps = [AppRecord { settings, revision: 1, kicked_admins: BTreeMap::new() }];
        assert!(check_keys(&accepting(&[]), &apps).is_ok());
        apps[0].settings.add_key(AppKey::parse(PUBLISHED_KEYS[0]).unwrap(), None);
        let error = check_keys(&accepting(&[]), &apps).unwrap_err().to_string();
        assert!(
            error.contains("portraitd app key revoke 7 2") && !error.contains(PUBLISHED_KEYS[0]),
            "{error}"
        );
        assert!(check_keys(&accepting(&[Risk::PublishedKeys]), &apps).is_ok());
    }

    #[test]
    fn the_admin_api_is_open_to_other_machines_only_with_tls() {
        let check = |address: &str, tls: bool, risks: &[Risk], fine: bool| {
            let mut config = accepting(risks);
            config.server.admin_listen = Addresses::new(vec![address.parse().unwrap()]);
            assert_eq!(check_network(&config, false, tls).is_ok(), fine, "{address} {tls}");
        };
        check("127.0.0.1:8081", false, &[], true);
        check("[::1]:8081", false, &[], true);
        check("0.0.0.0:8081", false, &[], false);
        check("[::]:8081", false, &[], false);
        check("192.0.2.1:8081", false, &[], false);
        check("0.0.0.0:8081", true, &[], true);
        check("0.0.0.0:8081", false, &[Risk::PlainAdmin], true);
    }
}
