//! Refused requests as people read them: one line each, with the explanation in both languages. No text in them contains a
//! UserSig or a key. What clients sent is not escaped here; a command that prints it does that.

mod connection;
pub mod lines;
pub mod log;

use crate::call_log::RecordedCall;
use crate::control::display::time_of_day;
use crate::redact::without_secrets;
use portraitd_api::envelope::ApiError;
use portraitd_http::unreadable::Unreadable;
use portraitd_model::{ErrorCode, Language, SdkAppId, UnixMillis};
use std::net::IpAddr;

/// The most characters of an explanation.
const EXPLANATION_CHARS_MAX: usize = 600;

/// A request that was not answered with success, or a UserSig that was taken although it is odd.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RefusedRequest {
    at: UnixMillis,
    /// The command, or what came instead of one.
    subject: String,
    app: Option<u32>,
    /// The accounts that the body names, or an empty text.
    users: String,
    /// The protocol's code, or the HTTP status of an answer without one; `None` when the connection was closed without an
    /// answer.
    code: Option<u32>,
    /// The effect of the fault that was injected.
    fault: Option<String>,
    english: String,
    chinese: String,
}

impl RefusedRequest {
    /// Returns a recorded call as a refused one; `None` when it succeeded.
    pub(crate) fn of_call(call: &RecordedCall, error: Option<&ApiError>) -> Option<Self> {
        if call.code == Some(0) {
            return None;
        }
        let closed_by_fault = || {
            let rule = call.fault.as_ref().map_or(0, |fault| fault.rule);
            (
                format!("fault rule {rule} closed the connection before the call was executed"),
                format!("故障规则 {rule} 在执行之前关闭了连接"),
            )
        };
        let explained = error
            .filter(|_| call.code.is_some())
            .map(|error| explanations(|language| error.explain(language)));
        let (english, chinese) = explained.unwrap_or_else(closed_by_fault);
        Some(Self {
            at: UnixMillis(call.at_ms),
            subject: call.command.clone().unwrap_or_else(|| call.path.clone()),
            app: call.app,
            users: users(&call.users),
            code: call.code,
            fault: call.fault.as_ref().map(|fault| fault.effect.clone()),
            english,
            chinese,
        })
    }

    /// Returns a request to the control API whose `Host` or `Origin` is not allowed.
    pub(crate) fn of_host(at: UnixMillis, path: &str, error: &ApiError) -> Self {
        let (english, chinese) = explanations(|language| error.explain(language));
        Self {
            code: Some(error.code().number()),
            ..Self::without_call(at, shown_path(path), english, chinese)
        }
    }

    /// Returns a request that was answered with this HTTP status. `subject` is its path, or what came in place of one.
    pub(crate) fn of_status(
        at: UnixMillis,
        subject: &str,
        status: u16,
        sentence: impl Fn(Language) -> String,
    ) -> Self {
        let (english, chinese) = explanations(sentence);
        Self { code: Some(status.into()), ..Self::without_call(at, shown_path(subject), english, chinese) }
    }

    /// Returns a warning of a UserSig that was taken.
    pub(crate) fn of_usersig(
        at: UnixMillis,
        app: Option<SdkAppId>,
        identifier: &str,
        sentence: impl Fn(Language) -> String,
    ) -> Self {
        let (english, chinese) = explanations(sentence);
        Self {
            app: app.map(|app| app.0),
            users: users(&[identifier.to_owned()]),
            ..Self::without_call(at, "(usersig)".into(), english, chinese)
        }
    }

    /// Returns what a connection brought instead of a request.
    pub(crate) fn of_connection(at: UnixMillis, reason: &Unreadable, peer: IpAddr) -> Self {
        let (english, chinese) = connection::explain(reason, peer);
        let is_answered = !matches!(reason, Unreadable::Handshake(_));
        let code = is_answered.then_some(ErrorCode::HttpParse.number());
        Self { code, ..Self::without_call(at, "(connection)".into(), english, chinese) }
    }

    fn without_call(at: UnixMillis, subject: String, english: String, chinese: String) -> Self {
        Self { at, subject, app: None, users: String::new(), code: None, fault: None, english, chinese }
    }

    /// Returns a line such as `08:00:00.123  portrait_set  1600000000  alice  40003  EXPLANATION`.
    pub fn line(&self, language: Language) -> String {
        let Self { at, app, users, .. } = self;
        let app = app.map_or_else(|| "-".to_owned(), |app| app.to_string());
        let users = if users.is_empty() { "-" } else { users };
        let (time, subject, code) = (time_of_day(*at), &self.subject, self.code_and_fault());
        format!("{time}  {subject}  {app}  {users}  {code}  {}", language.pick(&self.english, &self.chinese))
    }

    /// Returns its subject and its code, such as `portrait_set  40003`. Where no command was named, the start of the
    /// explanation tells more.
    fn brief(&self, language: Language) -> String {
        const CHARS_MAX: usize = 60;
        let brief = format!("{}  {}", self.subject, self.code_and_fault());
        if !self.subject.starts_with('(') {
            return brief;
        }
        let start: String = language.pick(&self.english, &self.chinese).chars().take(CHARS_MAX).collect();
        format!("{brief}  {start}…")
    }

    fn code_and_fault(&self) -> String {
        let code = self.code.map_or_else(|| "-".to_owned(), |code| code.to_string());
        let fault = self.fault.as_ref().map_or_else(String::new, |effect| format!("  [{effect}]"));
        code + &fault
    }

    /// Returns whether the other one has the same subject, code and explanation.
    fn is_like(&self, other: &Self) -> bool {
        self.subject == other.subject
            && self.code == other.code
            && self.fault == other.fault
            && self.english == other.english
    }
}

/// Returns the start of a path, without secrets.
fn shown_path(path: &str) -> String {
    const PATH_CHARS_MAX: usize = 200;
    without_secrets(path).chars().take(PATH_CHARS_MAX).collect()
}

/// Returns an explanation in English and in Chinese, without secrets and of bounded length.
fn explanations(explanation: impl Fn(Language) -> String) -> (String, String) {
    let explain = |language| {
        let text = explanation(language);
        without_secrets(&text).chars().take(EXPLANATION_CHARS_MAX).collect()
    };
    (explain(Language::English), explain(Language::Chinese))
}

/// Returns the first accounts, and how many there are when some are left out.
fn users(users: &[String]) -> String {
    const SHOWN_MAX: usize = 3;
    const CHARS_MAX: usize = 40;
    let shown: Vec<String> = users
        .iter()
        .take(SHOWN_MAX)
        .map(|user| without_secrets(user).chars().take(CHARS_MAX).collect())
        .collect();
    let rest = users.len().saturating_sub(SHOWN_MAX);
    if rest == 0 { shown.join(",") } else { format!("{},… (+{rest})", shown.join(",")) }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn refused(subject: &str, english: &str) -> RefusedRequest {
        let (subject, english) = (subject.to_owned(), english.to_owned());
        let chinese = format!("中文 {english}");
        RefusedRequest {
            app: Some(1_400_000_000),
            users: "alice".into(),
            code: Some(40003),
            ..RefusedRequest::without_call(UnixMillis(28_800_123), subject, english, chinese)
        }
    }

    #[test]
    fn a_line_has_every_column() {
        let call = refused("portrait_set", "no such account");
        assert_eq!(
            call.line(Language::English),
            "08:00:00.123  portrait_set  1400000000  alice  40003  no such account"
        );
        assert!(call.line(Language::Chinese).ends_with("40003  中文 no such account"));
        let peer = IpAddr::from([127, 0, 0, 1]);
        let connection = RefusedRequest::of_connection(UnixMillis(0), &Unreadable::TlsOnPlainPort, peer);
        let line = connection.line(Language::English);
        assert!(line.starts_with("00:00:00.000  (connection)  -  -  60002  127.0.0.1 sent a TLS"), "{line}");
    }

    #[test]
    fn many_accounts_are_counted() {
        let ids: Vec<String> = ["a", "b", "c", "d", "e"].map(str::to_owned).into();
        assert_eq!(users(&ids), "a,b,c,… (+2)");
        assert_eq!(users(&ids[..2]), "a,b");
        assert_eq!(users(&["爱".repeat(500)]).chars().count(), 40);
    }
}
