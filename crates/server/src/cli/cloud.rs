//! The cloud's own REST API, as far as moving away from it needs: profiles read in groups, no faster than allowed.

use super::transfer::{Row, Stop};
use crate::clock::SystemClock;
use crate::outbound::{AddressPolicy, Outbound};
use anyhow::Context;
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use portrait_model::{AppKey, Clock, STANDARD_FIELDS, SdkAppId, SignRequest, UserId, ValueRule, sign};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// The most accounts that one call may ask for.
pub(super) const ACCOUNTS_MAX: usize = 100;

/// An app of the cloud, and who reads it.
pub(super) struct Cloud {
    outbound: Outbound,
    /// The whole URL but for the `UserSig`.
    url: String,
    app: SdkAppId,
    key: AppKey,
    admin: UserId,
    tags: Vec<String>,
    /// One tick, one call.
    ticks: Mutex<Interval>,
}

#[derive(Serialize)]
struct Question<'a> {
    #[serde(rename = "To_Account")]
    accounts: Vec<&'a str>,
    #[serde(rename = "TagList")]
    tags: &'a [String],
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Answer {
    #[serde(rename = "ErrorCode")]
    code: u32,
    #[serde(rename = "ErrorInfo")]
    info: String,
    #[serde(rename = "UserProfileItem")]
    profiles: Option<Vec<UserProfile>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct UserProfile {
    #[serde(rename = "To_Account")]
    account: String,
    #[serde(rename = "ProfileItem")]
    items: Option<Vec<Item>>,
    #[serde(rename = "ResultCode")]
    code: u32,
    #[serde(rename = "ResultInfo")]
    info: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    tag: String,
    value: Box<RawValue>,
}

#[derive(Serialize)]
struct Account<'a> {
    #[serde(rename = "UserID")]
    user: &'a str,
    #[serde(rename = "ProfileItem")]
    items: Vec<&'a Item>,
}

/// Why a call failed.
enum Failure {
    /// It may work a little later.
    Passing(String),
    Final(anyhow::Error),
}

impl Cloud {
    /// An app at a base URL; `rate` calls a second at most.
    pub(super) fn new(
        base: &str,
        (app, key, admin): (SdkAppId, AppKey, UserId),
        tags: Vec<String>,
        rate: u32,
    ) -> anyhow::Result<Self> {
        let base = base.trim_end_matches('/');
        let plain = base.starts_with("http://") || base.starts_with("https://");
        anyhow::ensure!(plain, "--from: write the URL with https:// in front (or http://)");
        // The operator names the host himself: it may be anywhere.
        let everywhere = ["0.0.0.0/0", "::/0"].into_iter().filter_map(|network| network.parse().ok());
        let outbound = Outbound::new(AddressPolicy::public_and(everywhere.collect()), None)?;
        let identifier = utf8_percent_encode(admin.as_str(), NON_ALPHANUMERIC);
        let url = format!(
            "{base}/v4/profile/portrait_get?sdkappid={app}&identifier={identifier}&random=1&contenttype=json&usersig="
        );
        let mut ticks = interval(Duration::from_secs(1) / rate.max(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Ok(Self { outbound, url, app, key, admin, tags, ticks: Mutex::new(ticks) })
    }

    /// Makes accounts' lines of rows that each name a user, at most [`ACCOUNTS_MAX`].
    pub(super) async fn look_up(&self, mut rows: Vec<Row>, stop: &Stop) -> anyhow::Result<Vec<Row>> {
        for row in &mut rows {
            row.line =
                UserId::parse(&row.text).map(|user| user.to_string()).map_err(|error| error.to_string());
        }
        let accounts: Vec<&str> = rows.iter().filter_map(|row| row.line.as_deref().ok()).collect();
        if accounts.is_empty() {
            return Ok(rows);
        }
        let question = serde_json::to_vec(&Question { accounts, tags: &self.tags })?;
        let profiles = self.patiently(&question, stop).await?;
        let found: HashMap<&str, &UserProfile> =
            profiles.iter().map(|profile| (profile.account.as_str(), profile)).collect();
        for row in &mut rows {
            if let Ok(user) = &row.line {
                let silent = || "the cloud did not answer for this account".to_owned();
                row.line = found.get(user.as_str()).ok_or_else(silent).and_then(|profile| line(profile));
            }
        }
        Ok(rows)
    }

    /// Asks until there is an answer, with growing pauses.
    async fn patiently(&self, question: &[u8], stop: &Stop) -> anyhow::Result<Vec<UserProfile>> {
        const ATTEMPTS: u32 = 10;
        const PAUSE_MIN: Duration = Duration::from_millis(250);
        const PAUSE_MAX: Duration = Duration::from_secs(30);
        let mut failed = 0;
        loop {
            stop.check()?;
            match self.ask(question).await {
                Ok(profiles) => return Ok(profiles),
                Err(Failure::Final(error)) => return Err(error),
                Err(Failure::Passing(why)) => {
                    failed += 1;
                    anyhow::ensure!(failed < ATTEMPTS, "{why} ({failed} times in a row)");
                    tracing::debug!(why, failed, "the cloud is asked again");
                    stop.pause((PAUSE_MIN * 2_u32.pow(failed)).min(PAUSE_MAX)).await?;
                }
            }
        }
    }

    async fn ask(&self, question: &[u8]) -> Result<Vec<UserProfile>, Failure> {
        /// 100 accounts with 64 fields of 500 bytes, escaped.
        const ANSWER_BYTES_MAX: usize = 32 << 20;
        const PATIENCE: Duration = Duration::from_secs(10);
        const SIG_SECONDS: u64 = 600;
        self.ticks.lock().await.tick().await;
        let (app, time) = (self.app, SystemClock.now().seconds());
        let wanted = SignRequest { app, identifier: self.admin, time, expire: SIG_SECONDS, userbuf: None };
        let request = Request::post(format!("{}{}", self.url, sign(&self.key, wanted)));
        let request = request.body(Full::new(Bytes::copy_from_slice(question))).context("--from");
        let request = request.map_err(Failure::Final)?;
        let response = self.outbound.call(request, ANSWER_BYTES_MAX, PATIENCE).await;
        let response =
            response.map_err(|why| Failure::Passing(format!("the cloud can't be reached: {why}")))?;
        if response.status() != StatusCode::OK {
            return Err(Failure::Passing(format!("the cloud answers HTTP {}", response.status())));
        }
        let answer: Answer = serde_json::from_slice(response.body())
            .context("the answer is not the cloud's; is --from right?")
            .map_err(Failure::Final)?;
        let said = || format!("the cloud answers {} {}", answer.code, answer.info);
        match answer.code {
            0 => Ok(answer.profiles.unwrap_or_default()),
            // Too often, too late, failed inside.
            60007 | 60008 | 60011 | 40006 => Err(Failure::Passing(said())),
            40009 => Err(Failure::Final(anyhow::anyhow!(
                "{}: it lacks one of the custom fields; name those to move with --tags",
                said()
            ))),
            _ => Err(Failure::Final(anyhow::anyhow!(said()))),
        }
    }
}

/// What the cloud says of an account, as a line to import.
fn line(profile: &UserProfile) -> Result<String, String> {
    if profile.code != 0 {
        return Err(format!("the cloud answers {} {}", profile.code, profile.info));
    }
    let items = profile.items.iter().flatten().filter(|item| !is_unset(item)).collect();
    let account = Account { user: &profile.account, items };
    serde_json::to_string(&account).map_err(|error| error.to_string())
}

/// An empty text where only certain words can be: what was never set.
fn is_unset(item: &Item) -> bool {
    let words = STANDARD_FIELDS.iter().find(|field| field.name == item.tag);
    item.value.get() == "\"\"" && words.is_some_and(|field| matches!(field.rule, ValueRule::OneOf(_)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_become_lines() {
        let check = |profile: &str, expected: Result<&str, &str>| {
            let found = line(&serde_json::from_str(profile).unwrap());
            assert_eq!(found.as_deref().map_err(String::as_str), expected);
        };
        check(
            r#"{"To_Account":"a","ProfileItem":[{"Tag":"T","Value":18446744073709551615},{"Tag":"Tag_Profile_IM_Gender","Value":""},{"Tag":"Tag_Profile_IM_Nick","Value":""}],"ResultCode":0,"ResultInfo":""}"#,
            Ok(
                r#"{"UserID":"a","ProfileItem":[{"Tag":"T","Value":18446744073709551615},{"Tag":"Tag_Profile_IM_Nick","Value":""}]}"#,
            ),
        );
        check(r#"{"To_Account":"a","ResultCode":0}"#, Ok(r#"{"UserID":"a","ProfileItem":[]}"#));
        check(
            r#"{"To_Account":"a","ResultCode":40003,"ResultInfo":"Err_Profile_Invalid_Account"}"#,
            Err("the cloud answers 40003 Err_Profile_Invalid_Account"),
        );
    }
}
