//! What the control API answers, in lines for people.

use super::types::{ClockView, CreatedApp, ExtentView};
use crate::fault::RuleView;
use portraitd_model::{UnixMillis, rfc3339};
use serde_json::Value;

impl ExtentView {
    /// `before-test: app 1600000000, 4 accounts`
    pub fn line(&self) -> String {
        let Self { name, app, apps, accounts } = self;
        let name = name.as_ref().map_or_else(String::new, |name| format!("{name}: "));
        match app {
            Some(app) => format!("{name}app {app}, {accounts} accounts"),
            None => format!("{name}{apps} apps, {accounts} accounts"),
        }
    }
}

impl CreatedApp {
    /// All that a test needs.
    pub fn lines(&self) -> Vec<String> {
        let Self { url, sdkappid, key, admin, usersig, webhook, .. } = self;
        let mut lines = vec![
            format!("URL       {url}"),
            format!("SDKAppID  {sdkappid}"),
            format!("Key       {key}"),
            format!("Admin     {admin}"),
            format!("UserSig   {usersig}"),
        ];
        lines.extend(webhook.iter().map(|webhook| format!("Webhook   {webhook}")));
        lines
    }
}

impl ClockView {
    /// `2027-01-31T08:00:00.000Z (frozen, 90 d 0 h ahead of this machine)`
    pub fn line(&self) -> String {
        let hours = self.ahead_ms / 3_600_000;
        let (days, rest) = (hours.abs() / 24, hours.abs() % 24);
        let mut notes = Vec::new();
        if self.frozen {
            notes.push("frozen".to_owned());
        }
        if self.ahead_ms != 0 {
            let side = if self.ahead_ms > 0 { "ahead of" } else { "behind" };
            notes.push(format!("{days} d {rest} h {side} the machine"));
        }
        let notes = if notes.is_empty() { "the machine's time".to_owned() } else { notes.join(", ") };
        format!("{} ({notes})", self.now)
    }
}

impl RuleView {
    /// `3  closed after, answer lost  {…}  matched 5, fired 1, 0 left`
    pub fn line(&self) -> String {
        let Self { id, rule, effect, matched, fired, left, warning, .. } = self;
        let left = left.map_or_else(String::new, |left| format!(", {left} left"));
        let warning = warning.as_ref().map_or_else(String::new, |warning| format!("  ({warning})"));
        format!("{id}  {effect}  {rule}  matched {matched}, fired {fired}{left}{warning}")
    }
}

/// `17  08:00:00.123  portrait_set  1600000000  alice  40003  why`
pub fn call(call: &Value) -> String {
    let code =
        call.get("code").filter(|code| !code.is_null()).map_or_else(|| "-".to_owned(), Value::to_string);
    let what = text(call, "command").or_else(|| text(call, "path")).unwrap_or_default();
    let fault = call.get("fault").and_then(|fault| text(fault, "effect"));
    let fault = fault.map_or_else(String::new, |effect| format!("  [{effect}]"));
    let users = call.get("users").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let users = users.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",");
    let detail = text(call, "detail").unwrap_or_default();
    format!("{}  {what}  {}  {users}  {code}{fault}  {detail}", start(call), app(call)).trim_end().to_owned()
}

/// `2  08:00:00.123  Profile.CallbackPortraitSet  1600000000  alice  {…}`
pub fn told(told: &Value) -> String {
    let what = text(told, "command").unwrap_or("-");
    let user = text(told, "user").unwrap_or("-");
    let body = told.get("body").map_or_else(String::new, Value::to_string);
    format!("{}  {what}  {}  {user}  {body}", start(told), app(told))
}

fn text<'a>(value: &'a Value, member: &str) -> Option<&'a str> {
    value.get(member)?.as_str()
}

fn app(value: &Value) -> String {
    value.get("app").filter(|app| !app.is_null()).map_or_else(|| "-".to_owned(), Value::to_string)
}

/// The number and the time of day.
fn start(value: &Value) -> String {
    let at = value
        .get("at_ms")
        .and_then(Value::as_u64)
        .map(|ms| rfc3339::write(UnixMillis(ms)))
        .unwrap_or_default();
    let time = at.split_once('T').map(|(_, time)| time.trim_end_matches('Z')).unwrap_or_default();
    let number = value.get("number").map_or_else(String::new, Value::to_string);
    format!("{number}  {time}")
}
