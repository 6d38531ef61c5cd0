//! `[backup]` and `[backup.s3]`: backups on a schedule.

use super::setting::{is_path, section};
use crate::backup::retention::Retention;
use crate::backup::schedule::Schedule;
use crate::cli::language::chosen::localized;
use std::path::{Path, PathBuf};
use toml::Value;

section! {
    /// `[backup]`
    [backup] BackupSection {
        /// Backups are taken on a schedule into this directory, on another disk or another machine; each is a directory of its own,
        /// named by its time, and is checked before it counts. Only for a data directory: a database has its own backups.
        #[zh = "按计划备份到此目录（应位于另一磁盘或另一台机器）；每个备份是其中以时间命名的一个目录，校验通过后才算完成。仅适用于数据目录：使用数据库时请用数据库自身的备份。"]
        directory: Option<PathBuf> = None, check is_absolute, example r#""/backup/portraitd""#;

        /// So often a backup is taken: a span from 1m to 30d, since the last one, or each day at a time in UTC, such as "03:30". One
        /// that was missed while the server was stopped is taken at its start.
        #[zh = "备份的间隔：自上次备份起 1m～30d，或每天的某一时刻（UTC，如 \"03:30\"）。停机期间错过的备份在启动时补做。"]
        every: String = "24h".into(), check is_schedule;

        /// So many backups are kept at most in each place. Older ones are removed once a new one stands.
        #[zh = "每个位置最多保留的备份数；新备份完成后删除较旧的。"]
        keep: usize = 7, in 1..=10_000;

        /// Backups that are older than so many days are removed once a new one stands: what was deleted since is still in them.
        /// 0 means that age does not count.
        #[zh = "新备份完成后，删除早于此天数的备份：其中仍有此后删除的数据。0 表示不按时间删除。"]
        keep_days: u64 = 30, in 0..=36_500;
    }
}

section! {
    /// `[backup.s3]`
    [backup.s3] S3Section {
        /// Backups are taken into this bucket of an S3-compatible storage, alone or besides `backup.directory`. The credentials are in
        /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and, if there is one, `AWS_SESSION_TOKEN`, or in `credentials_file`.
        #[zh = "备份到 S3 兼容存储的此存储桶，可与 `backup.directory` 同时使用。凭证取自环境变量 AWS_ACCESS_KEY_ID、AWS_SECRET_ACCESS_KEY 与（如有）AWS_SESSION_TOKEN，或 `credentials_file`。"]
        bucket: Option<String> = None, check is_bucket, example r#""portraitd-backups""#;

        /// The names of the objects begin with it. Give each server one of its own.
        #[zh = "对象名的前缀；每个服务应使用各自的前缀。"]
        prefix: String = "portraitd".into(), check is_prefix;

        /// The storage's address, when it is not AWS: https, or http on this machine.
        #[zh = "存储的地址（非 AWS 时设置）：须为 https，本机可用 http。"]
        endpoint: Option<String> = None, check is_endpoint, example r#""https://cos.ap-guangzhou.myqcloud.com""#;

        /// The region that requests are signed for.
        #[zh = "请求签名所用的地域。"]
        region: String = "us-east-1".into(), check is_region;

        /// If true, the bucket is part of the host name (`https://BUCKET.HOST`), as Tencent Cloud COS and Alibaba Cloud OSS want it;
        /// otherwise of the path (`https://HOST/BUCKET`).
        #[zh = "为 true 时存储桶写在主机名中（https://BUCKET.HOST，腾讯云 COS、阿里云 OSS 的要求），否则写在路径中（https://HOST/BUCKET）。"]
        virtual_hosted: bool = false;

        /// A file with the lines `aws_access_key_id = …` and `aws_secret_access_key = …`, as AWS' tools write it (its first profile).
        /// It is read again for each backup.
        #[zh = "含 `aws_access_key_id = …` 与 `aws_secret_access_key = …` 两行的文件，格式与 AWS 工具相同（取第一个 profile）；每次备份时重新读取。"]
        credentials_file: Option<PathBuf> = None, check is_path, example r#""/etc/portraitd/s3.credentials""#;

        /// The certificates in this file (PEM) are trusted besides the system's.
        #[zh = "除系统证书之外信任的证书（PEM）。"]
        ca_file: Option<PathBuf> = None, check is_path, example r#""/etc/portraitd/s3-ca.pem""#;
    }
}

impl BackupSection {
    /// When backups are due. The text was checked when it was read.
    pub(crate) fn schedule(&self) -> Option<Schedule> {
        Schedule::parse(&self.every)
    }

    /// Which backups are kept.
    pub(crate) fn retention(&self) -> Retention {
        Retention { keep: self.keep, keep_days: self.keep_days }
    }
}

impl S3Section {
    /// The same storage with another bucket and prefix. The error says what they must be.
    #[cfg(feature = "s3")]
    pub(crate) fn at(self, bucket: &str, prefix: &str) -> Result<Self, String> {
        let wrong = |name: &str, text: &str, must: String| format!("{name} {text}: {must}");
        is_bucket(&bucket.into()).map_err(|must| wrong("bucket", bucket, must))?;
        is_prefix(&prefix.into()).map_err(|must| wrong("prefix", prefix, must))?;
        Ok(Self { bucket: Some(bucket.to_owned()), prefix: prefix.to_owned(), ..self })
    }
}

fn is_absolute(value: &Value) -> Result<(), String> {
    is_path(value)?;
    match value.as_str() {
        Some(path) if Path::new(path).is_absolute() => Ok(()),
        _ => Err(localized!(
            "must be an absolute path, for example directory = \"/backup/portraitd\"",
            "应为绝对路径，例如 directory = \"/backup/portraitd\""
        )),
    }
}

fn is_schedule(value: &Value) -> Result<(), String> {
    let known = value.as_str().and_then(Schedule::parse);
    known.map(drop).ok_or_else(|| {
        localized!(
            "must be a span from 1m to 30d, such as 12h, or a time of day in UTC, such as 03:30",
            "应为 1m～30d 的间隔（如 12h），或一天中的时刻（UTC，如 03:30）"
        )
    })
}

/// Names without what would change a path or a host name.
fn is_name(text: &str) -> bool {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || ".-_".contains(letter);
    !text.is_empty() && text.chars().all(is_plain) && !text.chars().all(|letter| letter == '.')
}

fn is_bucket(value: &Value) -> Result<(), String> {
    let is_one = value.as_str().is_some_and(|name| is_name(name) && name.len() <= 255);
    is_one.then_some(()).ok_or_else(|| {
        localized!(
            "must be the name of a bucket: up to 255 letters, digits, `.`, `-` and `_`",
            "应为存储桶的名称：至多 255 个字母、数字、`.`、`-` 与 `_`"
        )
    })
}

fn is_prefix(value: &Value) -> Result<(), String> {
    let is_one = value.as_str().is_some_and(|prefix| prefix.len() <= 255 && prefix.split('/').all(is_name));
    is_one.then_some(()).ok_or_else(|| {
        localized!(
            "must be names with / between them, such as portraitd or backups/shop: up to 255 letters, digits, `.`, `-` and `_`",
            "应为以 / 分隔的名称，如 portraitd 或 backups/shop：至多 255 个字母、数字、`.`、`-` 与 `_`"
        )
    })
}

fn is_region(value: &Value) -> Result<(), String> {
    let is_one = value.as_str().is_some_and(is_name);
    is_one.then_some(()).ok_or_else(|| {
        localized!("must be the name of a region, such as ap-guangzhou", "应为地域的名称，如 ap-guangzhou")
    })
}

/// A backup holds every key: it goes over no network in the clear.
fn is_endpoint(value: &Value) -> Result<(), String> {
    let uri = value.as_str().and_then(|text| text.parse::<http::Uri>().ok());
    let is_one = uri.is_some_and(|uri| {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let is_here = host == "localhost"
            || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        let is_safe = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => is_here,
            _ => false,
        };
        let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        is_safe && !host.is_empty() && !has_user && uri.path() == "/" && uri.query().is_none()
    });
    is_one.then_some(()).ok_or_else(|| {
        localized!(
            "must be https://HOST[:PORT] without a path, or http on this machine; the bucket is a setting of its own, and so are the \
             credentials",
            "应为 https://主机[:端口]，不含路径；本机可用 http；存储桶与凭证须另行设置"
        )
    })
}
