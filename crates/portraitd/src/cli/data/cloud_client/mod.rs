//! A client of the cloud's REST API that reads profiles in groups, at a limited rate.

mod answer;

use super::transfer::interrupt::Interrupt;
use super::transfer::row::Row;
use crate::cli::data::cloud_client::answer::{ProfilesAnswer, UserProfile, match_accounts};
use crate::cli::language::causes;
use crate::cli::language::chosen::localized;
use crate::cli::output::foreign;
use crate::cli::server_url::option_url;
use anyhow::Context;
use bytes::Bytes;
use http_body_util::Full;
use hyper::http::uri::PathAndQuery;
use hyper::{Request, StatusCode};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use portraitd_api::clock::SystemClock;
use portraitd_http::client::{CallError, HttpClient};
use portraitd_http::server_url::ServerUrl;
use portraitd_http::trust::Trust;
use portraitd_model::{AppKey, Clock, SdkAppId, SignRequest, UserId, sign};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// The most accounts that one call may ask for.
pub(super) const ACCOUNTS_MAX: usize = 100;

/// An app of the cloud, and the App admin that reads it.
pub(super) struct Cloud {
    outbound: HttpClient,
    base: ServerUrl,
    /// The path and the query, up to the `UserSig`.
    path: String,
    app: SdkAppId,
    key: AppKey,
    admin: UserId,
    tags: Vec<String>,
    /// Each call waits for a tick.
    ticks: Mutex<Interval>,
    /// Whether any HTTP answer was received.
    has_answered: AtomicBool,
}

#[derive(Serialize)]
struct ProfilesRequest<'a> {
    #[serde(rename = "To_Account")]
    accounts: &'a [&'a str],
    #[serde(rename = "TagList")]
    tags: &'a [String],
}

/// Why a call failed.
enum CloudError {
    /// The call may succeed when it is repeated.
    Temporary(String),
    /// The call will fail again.
    Permanent(anyhow::Error),
}

impl Cloud {
    /// An app at a base URL; `rate` calls a second at most.
    pub(super) fn new(
        base: &str,
        (app, key, admin): (SdkAppId, AppKey, UserId),
        tags: Vec<String>,
        rate: u32,
    ) -> anyhow::Result<Self> {
        let base = option_url("--from", base)?;
        let outbound = base.client(Trust::Roots(None))?;
        let identifier = utf8_percent_encode(admin.as_str(), NON_ALPHANUMERIC);
        let path = format!(
            "/v4/profile/portrait_get?sdkappid={app}&identifier={identifier}&random=1&contenttype=json&usersig="
        );
        let mut ticks = interval(Duration::from_secs(1) / rate.max(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (ticks, has_answered) = (Mutex::new(ticks), AtomicBool::new(false));
        Ok(Self { outbound, base, path, app, key, admin, tags, ticks, has_answered })
    }

    /// Turns rows that each name a user, at most [`ACCOUNTS_MAX`], into lines of accounts.
    pub(super) async fn look_up(
        &self,
        mut rows: Vec<Row>,
        interrupt: &Interrupt,
    ) -> anyhow::Result<Vec<Row>> {
        for row in &mut rows {
            row.line = user_id(&row.text);
        }
        // Each once, so that each entry of the answer belongs to one account.
        let accounts: BTreeSet<String> = rows.iter().filter_map(|row| row.line.clone().ok()).collect();
        if accounts.is_empty() {
            return Ok(rows);
        }
        let accounts: Vec<&str> = accounts.iter().map(String::as_str).collect();
        let question = serde_json::to_vec(&ProfilesRequest { accounts: &accounts, tags: &self.tags })?;
        let matched = match_accounts(&accounts, &self.ask_until_answered(&question, interrupt).await?);
        for row in &mut rows {
            if let Ok(user) = &row.line {
                let no_answer = || {
                    Err(localized!(
                        "not imported: the cloud did not answer for this account",
                        "未导入：云端没有应答此账号"
                    ))
                };
                row.line = matched.get(user.as_str()).cloned().unwrap_or_else(no_answer);
            }
        }
        Ok(rows)
    }

    /// Repeats a call while it fails temporarily, up to ten times, with growing pauses.
    async fn ask_until_answered(
        &self,
        question: &[u8],
        interrupt: &Interrupt,
    ) -> anyhow::Result<Vec<UserProfile>> {
        const ATTEMPTS: u32 = 10;
        const PAUSE_MIN: Duration = Duration::from_millis(250);
        const PAUSE_MAX: Duration = Duration::from_secs(30);
        let mut failed = 0;
        loop {
            interrupt.check()?;
            match self.ask(question).await {
                Ok(profiles) => return Ok(profiles),
                Err(CloudError::Permanent(error)) => return Err(error),
                Err(CloudError::Temporary(why)) => {
                    failed += 1;
                    anyhow::ensure!(
                        failed < ATTEMPTS,
                        localized!("{why} ({failed} times in a row)", "{why}（连续 {failed} 次）")
                    );
                    tracing::debug!(why, failed, "the call to the cloud is repeated");
                    interrupt.sleep((PAUSE_MIN * 2_u32.pow(failed)).min(PAUSE_MAX)).await?;
                }
            }
        }
    }

    async fn ask(&self, question: &[u8]) -> Result<Vec<UserProfile>, CloudError> {
        /// 100 accounts with 64 fields of 500 bytes, escaped.
        const ANSWER_BYTES_MAX: usize = 32 << 20;
        const TIMEOUT: Duration = Duration::from_secs(10);
        const SIG_SECONDS: u64 = 600;
        self.ticks.lock().await.tick().await;
        let (app, time) = (self.app, SystemClock.now().seconds());
        let wanted = SignRequest { app, identifier: self.admin, time, expire: SIG_SECONDS, userbuf: None };
        let request = self.request(&sign(&self.key, wanted), question).map_err(CloudError::Permanent)?;
        let response = self.outbound.call(request, ANSWER_BYTES_MAX, TIMEOUT).await;
        let response = response.map_err(|error| self.unreachable(&error))?;
        self.has_answered.store(true, Ordering::Relaxed);
        if response.status() != StatusCode::OK {
            return Err(CloudError::Temporary(localized!(
                "the cloud answers HTTP {}",
                "云端应答 HTTP {}",
                response.status()
            )));
        }
        let answer: ProfilesAnswer = serde_json::from_slice(response.body())
            .with_context(|| {
                localized!(
                    "the answer is not one of portrait_get; check --from",
                    "应答不是 portrait_get 的应答；请检查 --from"
                )
            })
            .map_err(CloudError::Permanent)?;
        let described =
            || localized!("the cloud answers {} {}", "云端应答 {} {}", answer.code, foreign(&answer.info));
        match answer.code {
            0 => Ok(answer.profiles.unwrap_or_default()),
            // Too often, too late, failed inside.
            60007 | 60008 | 60011 | 40006 => Err(CloudError::Temporary(described())),
            40009 => Err(CloudError::Permanent(anyhow::anyhow!(localized!(
                "{}: the app in the cloud lacks one of the custom fields; name the fields to move with --tags",
                "{}：云端应用缺少某个自定义资料字段；请用 --tags 指明要迁移的资料字段",
                described()
            )))),
            _ => Err(CloudError::Permanent(anyhow::anyhow!(described()))),
        }
    }

    fn request(&self, usersig: &str, question: &[u8]) -> anyhow::Result<Request<Full<Bytes>>> {
        let url = self.base.join(&PathAndQuery::try_from(format!("{}{usersig}", self.path))?)?;
        Ok(Request::post(url).body(Full::new(Bytes::copy_from_slice(question)))?)
    }

    /// A host that has answered once is tried again; one that never did is most likely misspelt, and is not.
    fn unreachable(&self, error: &CallError) -> CloudError {
        if error.is_connect && !self.has_answered.load(Ordering::Relaxed) {
            return CloudError::Permanent(anyhow::anyhow!(localized!(
                "no connection to {}: {error}; check --from, and whether this machine can reach it",
                "无法连接 {}：{error}；请检查 --from，以及本机能否访问它",
                self.base
            )));
        }
        CloudError::Temporary(localized!("the cloud can't be reached: {error}", "无法连接云端：{error}"))
    }
}

/// The UserID in a row.
fn user_id(text: &str) -> Result<String, String> {
    /// The start of the cloud's own markers, from which such a UserID could not be told.
    const RESERVED: &str = "@TLS#";
    let user = UserId::parse(text).map_err(|error| causes::describe(&error))?.to_string();
    if user.starts_with(RESERVED) {
        return Err(localized!(
            "not imported: a UserID can't begin with {RESERVED}, which is the cloud's own",
            "未导入：UserID 不能以云端保留的 {RESERVED} 开头"
        ));
    }
    Ok(user)
}
