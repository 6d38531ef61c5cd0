//! The responses of the control API as lines of text, for the command line.

use super::types::{ClockView, CreatedApp, DataSummaryView};
use crate::fault::FaultRuleView;
use portraitd_admin::counted::counted;
use portraitd_model::{Language, UnixMillis, rfc3339};
use serde_json::Value;

impl DataSummaryView {
    /// Returns a line such as `before-test: app 1600000000, 4 accounts`.
    pub fn line(&self, language: Language) -> String {
        let Self { name, app, apps, accounts } = self;
        let colon = language.pick(": ", "：");
        let name = name.as_ref().map_or_else(String::new, |name| format!("{name}{colon}"));
        match (app, language) {
            (Some(app), Language::English) => format!("{name}app {app}, {}", counted(*accounts, "account")),
            (None, Language::English) => {
                format!("{name}{}, {}", counted(*apps, "app"), counted(*accounts, "account"))
            }
            (Some(app), Language::Chinese) => format!("{name}应用 {app}，{accounts} 个账号"),
            (None, Language::Chinese) => format!("{name}{apps} 个应用，{accounts} 个账号"),
        }
    }
}

impl CreatedApp {
    /// Returns the app's credentials, one a line.
    pub fn lines(&self, language: Language) -> Vec<String> {
        let Self { url, sdkappid, key, admin, usersig, webhook, .. } = self;
        let name = |english, chinese| language.pick(english, chinese);
        let mut lines = vec![
            format!("URL       {url}"),
            format!("SDKAppID  {sdkappid}"),
            format!("{}{key}", name("Key       ", "密钥      ")),
            format!("{}{admin}", name("Admin     ", "管理员    ")),
            format!("UserSig   {usersig}"),
        ];
        let webhook_name = name("Webhook   ", "回调      ");
        lines.extend(webhook.iter().map(|webhook| format!("{webhook_name}{webhook}")));
        lines
    }
}

impl ClockView {
    /// Returns a line such as `2027-01-31T08:00:00.000Z (frozen, 90 d 0 h ahead of the machine)`.
    pub fn line(&self, language: Language) -> String {
        let hours = self.ahead_ms / 3_600_000;
        let (days, rest) = (hours.abs() / 24, hours.abs() % 24);
        let mut notes = Vec::new();
        if self.frozen {
            notes.push(language.pick("frozen", "已停走").to_owned());
        }
        if self.ahead_ms != 0 {
            let is_ahead = self.ahead_ms > 0;
            notes.push(match language {
                Language::English => {
                    let direction = if is_ahead { "ahead of" } else { "behind" };
                    format!("{days} d {rest} h {direction} the machine")
                }
                Language::Chinese => {
                    format!("比本机{} {days} 天 {rest} 小时", if is_ahead { "快" } else { "慢" })
                }
            });
        }
        if notes.is_empty() {
            notes.push(language.pick("the machine's time", "与本机一致").to_owned());
        }
        let notes = notes.join(language.pick(", ", "，"));
        match language {
            Language::English => format!("{} ({notes})", self.now),
            Language::Chinese => format!("{}（{notes}）", self.now),
        }
    }
}

impl FaultRuleView {
    /// Returns a line such as `3  closed after, answer lost  {…}  matched 5, fired 1, 0 left`.
    pub fn line(&self, language: Language) -> String {
        let Self { id, rule, effect, matched, fired, left, warning, .. } = self;
        match language {
            Language::English => {
                let left = left.map_or_else(String::new, |left| format!(", {left} left"));
                let warning = warning.as_ref().map_or_else(String::new, |warning| format!("  ({warning})"));
                format!("{id}  {effect}  {rule}  matched {matched}, fired {fired}{left}{warning}")
            }
            Language::Chinese => {
                let left = left.map_or_else(String::new, |left| format!("，剩余 {left} 次"));
                // The warning itself is for programs, in English; it tells which of the two numbers is 0.
                let warning = match (warning, matched) {
                    (None, _) => "",
                    (Some(_), 0) => "（没有调用匹配此规则）",
                    (Some(_), _) => "（有调用匹配，但未触发）",
                };
                format!("{id}  {effect}  {rule}  匹配 {matched} 次，触发 {fired} 次{left}{warning}")
            }
        }
    }
}

/// Returns the line of a recorded call: `17  08:00:00.123  portrait_set  1600000000  alice  40003  EXPLANATION`.
pub fn call_line(call: &Value) -> String {
    let code =
        call.get("code").filter(|code| !code.is_null()).map_or_else(|| "-".to_owned(), Value::to_string);
    let subject = text(call, "command").or_else(|| text(call, "path")).unwrap_or_default();
    let fault = call.get("fault").and_then(|fault| text(fault, "effect"));
    let fault = fault.map_or_else(String::new, |effect| format!("  [{effect}]"));
    let users = call.get("users").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let users = users.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",");
    let detail = text(call, "detail").unwrap_or_default();
    format!("{}  {subject}  {}  {users}  {code}{fault}  {detail}", number_and_time(call), app(call))
        .trim_end()
        .to_owned()
}

/// Returns the line of a webhook call: `2  08:00:00.123  Profile.CallbackPortraitSet  1600000000  alice  {…}`.
pub fn inbox_line(entry: &Value) -> String {
    let subject = text(entry, "command").unwrap_or("-");
    let user = text(entry, "user").unwrap_or("-");
    let body = entry.get("body").map_or_else(String::new, Value::to_string);
    format!("{}  {subject}  {}  {user}  {body}", number_and_time(entry), app(entry))
}

fn text<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member)?.as_str()
}

fn app(value: &Value) -> String {
    value.get("app").filter(|app| !app.is_null()).map_or_else(|| "-".to_owned(), Value::to_string)
}

/// Returns the time of day, such as `08:00:00.123`.
pub(crate) fn time_of_day(at: UnixMillis) -> String {
    let written = rfc3339::write(at);
    written.split_once('T').map(|(_, time)| time.trim_end_matches('Z')).unwrap_or_default().to_owned()
}

/// Returns an entry's number and time of day.
fn number_and_time(value: &Value) -> String {
    let at = value.get("at_ms").and_then(Value::as_u64);
    let time = at.map(|ms| time_of_day(UnixMillis(ms))).unwrap_or_default();
    let number = value.get("number").map_or_else(String::new, Value::to_string);
    format!("{number}  {time}")
}
