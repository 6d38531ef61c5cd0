//! `[webhook]`: how webhooks are delivered. Which app has one is the app's own setting.

use crate::webhook::{BacklogMax, Schedule, WebhookConfig};
use anyhow::Context;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::time::Duration;

/// `[webhook]`
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct WebhookSection {
    pub(crate) timeout_ms: u64,
    pub(crate) parallel_per_app: usize,
    pub(crate) retry_schedule: Vec<String>,
    pub(crate) allow_networks: Vec<IpNet>,
    /// `None`: the system's certificates only.
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) backlog_max: String,
}

impl Default for WebhookSection {
    fn default() -> Self {
        let schedule = ["0s", "5s", "5m", "30m", "2h", "5h", "10h", "10h"];
        Self {
            timeout_ms: 2_000,
            parallel_per_app: 16,
            retry_schedule: schedule.map(str::to_owned).to_vec(),
            allow_networks: Vec::new(),
            ca_file: None,
            backlog_max: "10%".into(),
        }
    }
}

impl WebhookSection {
    /// Reads what is written as text. `data` is the data directory, `None` in memory.
    pub(crate) fn read(&self, data: Option<PathBuf>) -> anyhow::Result<WebhookConfig> {
        anyhow::ensure!(
            (1..=60_000).contains(&self.timeout_ms),
            "webhook.timeout_ms must be from 1 to 60000"
        );
        anyhow::ensure!(
            (1..=1_000).contains(&self.parallel_per_app),
            "webhook.parallel_per_app must be from 1 to 1000"
        );
        anyhow::ensure!(
            (1..=50).contains(&self.retry_schedule.len()),
            "webhook.retry_schedule must hold 1 to 50 waits"
        );
        let wait = |text: &String| {
            milliseconds(text).with_context(|| {
                format!(
                    "webhook.retry_schedule: `{text}` is no wait; write 500ms, 5s, 30m or 2h, at most 720h"
                )
            })
        };
        let schedule = self.retry_schedule.iter().map(wait).collect::<anyhow::Result<_>>()?;
        let backlog_max = BacklogMax::parse(&self.backlog_max).with_context(|| {
            format!(
                "webhook.backlog_max: `{}` is no size; write 10% (of the disk) or 20GiB",
                self.backlog_max
            )
        })?;
        Ok(WebhookConfig {
            schedule: Schedule::new(schedule),
            timeout: Duration::from_millis(self.timeout_ms),
            parallel_per_app: self.parallel_per_app,
            allow_networks: self.allow_networks.clone(),
            ca_file: self.ca_file.clone(),
            backlog_max,
            data,
        })
    }
}

/// Reads `500ms`, `5s`, `30m` or `2h`.
fn milliseconds(text: &str) -> Option<u64> {
    const MAX: u64 = 720 * 3_600_000;
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
    let (number, unit) = units.iter().find_map(|(name, unit)| Some((text.strip_suffix(name)?, *unit)))?;
    let number: u64 = number.parse().ok()?;
    number.checked_mul(unit).filter(|milliseconds| *milliseconds <= MAX)
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
        check("721h", None);
        check("99999999999999999999h", None);
        check("5", None);
        check("s", None);
        check("-5s", None);
        check("1.5s", None);
    }

    #[test]
    fn mistakes_are_named() {
        let refused = |change: fn(&mut WebhookSection)| {
            let mut section = WebhookSection::default();
            change(&mut section);
            format!("{:#}", section.read(None).unwrap_err())
        };
        assert!(WebhookSection::default().read(None).is_ok());
        assert!(refused(|section| section.timeout_ms = 0).contains("timeout_ms"));
        assert!(refused(|section| section.parallel_per_app = 0).contains("parallel_per_app"));
        assert!(refused(|section| section.retry_schedule.clear()).contains("retry_schedule"));
        assert!(refused(|section| section.retry_schedule = vec!["soon".into()]).contains("`soon`"));
        assert!(refused(|section| section.backlog_max = "half".into()).contains("`half`"));
    }
}
