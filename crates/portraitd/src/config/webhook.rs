//! `[webhook]`: how webhooks are delivered. Which app has one is the app's own setting.

use super::setting::{is_path, section};
use crate::cli::language::chosen::localized;
use anyhow::Context;
use ipnet::IpNet;
use portraitd_model::rfc3339;
use portraitd_webhook::backlog_limit::BacklogMax;
use portraitd_webhook::deliverer::WebhookConfig;
use portraitd_webhook::retry::Schedule;
use std::path::PathBuf;
use std::time::Duration;
use toml::Value;

section! {
    /// `[webhook]`
    [webhook] WebhookSection {
        /// One attempt to deliver an event must end within this time, from resolving the name to the end of the answer.
        #[zh = "一次投递的最长时间，从解析域名到收完应答。"]
        timeout_ms: u64 = 2_000, in 1..=60_000;

        /// At most this many events of one app are delivered at the same time.
        #[zh = "每个应用同时进行的最大投递数。"]
        parallel_per_app: usize = 16, in 1..=1_000;

        /// Each attempt is made after its wait in this list: 1 to 50 waits in ms, s, m, h or d, each at most 720h. Up to a
        /// fifth is added to each. When the last attempt fails, the event is parked until it is replayed or dropped: `portraitd
        /// webhook parked`, `replay`, `drop`.
        #[zh = "每次投递之前的等待时间，1～50 个，单位 ms、s、m、h 或 d，每个不超过 720h，实际等待随机延长至多五分之一。最后一次失败后事件搁置，直到重放或丢弃：`portraitd webhook parked`、`replay`、`drop`。"]
        retry_schedule: Vec<String> =
            ["0s", "5s", "5m", "30m", "2h", "5h", "10h", "10h"].map(str::to_owned).to_vec(),
            check is_schedule;

        /// Receivers may be in these networks (with prefix length), besides public addresses.
        #[zh = "除公网地址之外，允许接收方所在的网段（须写前缀长度）。"]
        allow_networks: Vec<IpNet> = Vec::new(), example r#"["10.0.0.0/8", "127.0.0.1/32"]"#;

        /// The certificates in this file (PEM) are trusted besides the system's.
        #[zh = "除系统证书之外信任的证书（PEM）。"]
        ca_file: Option<PathBuf> = None, check is_path, example r#""/etc/portraitd/receivers-ca.pem""#;

        /// Waiting and parked events may occupy at most this: a share of the data's disk, or a size such as "20GiB". Beyond it
        /// the oldest parked events are dropped first. Profile changes are never refused because of it.
        #[zh = "等待中与搁置的事件最多占用的空间：数据所在磁盘的百分比，或 \"20GiB\" 这样的大小。超出时先丢弃最旧的搁置事件，不会因此拒绝资料修改。"]
        backlog_max: String = "10%".into(), check is_backlog;
    }
}

impl WebhookSection {
    /// Parses the values that are text. `data` is the data directory, `None` in memory.
    pub(crate) fn read(&self, data: Option<PathBuf>) -> anyhow::Result<WebhookConfig> {
        let waits: Option<Vec<u64>> = self.retry_schedule.iter().map(|text| milliseconds(text)).collect();
        Ok(WebhookConfig {
            schedule: Schedule::new(waits.context("webhook.retry_schedule can't be read")?),
            timeout: Duration::from_millis(self.timeout_ms),
            parallel_per_app: self.parallel_per_app,
            allow_networks: self.allow_networks.clone(),
            ca_file: self.ca_file.clone(),
            backlog_max: BacklogMax::parse(&self.backlog_max).context("webhook.backlog_max can't be read")?,
            data,
        })
    }
}

fn is_schedule(value: &Value) -> Result<(), String> {
    let waits = value.as_array().map(Vec::as_slice).unwrap_or_default();
    if !(1..=50).contains(&waits.len()) {
        return Err(localized!(
            "must hold 1 to 50 waits; it holds {}",
            "应有 1 至 50 个等待时间，现有 {} 个",
            waits.len()
        ));
    }
    match waits.iter().find(|wait| wait.as_str().and_then(milliseconds).is_none()) {
        None => Ok(()),
        Some(wait) => Err(localized!(
            "{wait} is not a wait; write 500ms, 5s, 30m or 2h, at most 720h",
            "{wait} 不是等待时间；请写作 500ms、5s、30m 或 2h，最长 720h"
        )),
    }
}

fn is_backlog(value: &Value) -> Result<(), String> {
    let size = value.as_str().and_then(BacklogMax::parse);
    size.map(drop).ok_or_else(|| {
        localized!(
            "must be a share of the disk, from \"1%\" to \"100%\", or a size such as \"500MiB\" or \"20GiB\"",
            "应为磁盘的百分比（\"1%\" 至 \"100%\"），或 \"500MiB\"、\"20GiB\" 这样的大小"
        )
    })
}

/// Reads a span such as `500ms`, `5s`, `30m`, `2h` or `1h30m`.
fn milliseconds(text: &str) -> Option<u64> {
    const MAX: u64 = 720 * 3_600_000;
    rfc3339::span_ms(text).filter(|milliseconds| *milliseconds <= MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_have_units() {
        let check = |text: &str, expected: Option<u64>| assert_eq!(milliseconds(text), expected, "{text}");
        check("0s", Some(0));
        check("250ms", Some(250));
        check("5s", Some(5_000));
        check("30m", Some(1_800_000));
        check("10h", Some(36_000_000));
        check("1h30m", Some(5_400_000));
        check("30d", Some(2_592_000_000));
        check("31d", None);
        check("721h", None);
        check("99999999999999999999h", None);
        check("5", None);
        check("s", None);
        check("-5s", None);
        check("1.5s", None);
    }
}
