//! What an answer says of its call: done, refused, not even tried, or not known.

use crate::upstream::{NoReply, Reply};
use hyper::StatusCode;
use serde_json::{Map, Value};

/// Codes after which it is not known whether the call was executed: timeouts and failures inside the service.
const UNKNOWN_CODES: [u64; 7] = [40006, 60008, 60013, 60014, 70169, 70202, 70500];

/// Codes of calls that were not executed for a reason outside the data: frequency limits (also that of failed UserSigs), the
/// source address, the plan and the site of the app. The cloud and portraitd have these limits each on its own.
const LIMIT_CODES: [u64; 12] =
    [60007, 60011, 60016, 60017, 60018, 60019, 60020, 60021, 60026, 60027, 60028, 70050];

/// What became of a call on one side.
pub(crate) enum Verdict {
    /// It was executed (`ErrorCode` 0), or refused with a code that the other side must have too.
    Definite(ProtocolAnswer),
    /// It was not executed, for a reason outside the data.
    Limited(ProtocolAnswer),
    /// There is no answer of the protocol, or one that leaves open whether the call was executed.
    Unknown,
}

/// An answer of the protocol.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct ProtocolAnswer {
    pub(crate) code: u64,
    /// The media type in `Content-Type`.
    pub(crate) content_type: Option<String>,
    pub(crate) members: Map<String, Value>,
}

impl ProtocolAnswer {
    /// Whether the call was executed.
    pub(crate) fn is_done(&self) -> bool {
        self.code == 0
    }
}

impl Verdict {
    pub(crate) fn of(reply: &Result<Reply, NoReply>) -> Self {
        let Ok(reply) = reply else { return Self::Unknown };
        if reply.head.status != StatusCode::OK {
            return Self::Unknown;
        }
        let content_type = reply.head.headers.get(hyper::header::CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        Self::of_body(content_type, &reply.body.bytes)
    }

    pub(crate) fn of_body(content_type: Option<&str>, body: &[u8]) -> Self {
        let Ok(Value::Object(members)) = serde_json::from_slice(body) else { return Self::Unknown };
        let has_status = members.get(STATUS).is_some_and(Value::is_string);
        let Some(code) = members.get(CODE).and_then(Value::as_u64).filter(|_| has_status) else {
            return Self::Unknown;
        };
        if UNKNOWN_CODES.contains(&code) {
            return Self::Unknown;
        }
        let media_type = |text: &str| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let answer = ProtocolAnswer { code, content_type: content_type.map(media_type), members };
        if LIMIT_CODES.contains(&code) { Self::Limited(answer) } else { Self::Definite(answer) }
    }
}

/// The member that says OK or FAIL.
pub(crate) const STATUS: &str = "ActionStatus";
/// The member with the code of the whole call.
pub(crate) const CODE: &str = "ErrorCode";

#[cfg(test)]
pub(crate) fn definite(body: &Value) -> ProtocolAnswer {
    match Verdict::of_body(Some("application/json"), body.to_string().as_bytes()) {
        Verdict::Definite(answer) => answer,
        Verdict::Limited(_) | Verdict::Unknown => panic!("{body}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_whether_the_call_was_executed() {
        let verdict = |body: &str| match Verdict::of_body(None, body.as_bytes()) {
            Verdict::Definite(answer) => format!("{}", answer.code),
            Verdict::Limited(_) => "limited".to_owned(),
            Verdict::Unknown => "unknown".to_owned(),
        };
        let with =
            |code: &str| verdict(&format!(r#"{{"ActionStatus":"FAIL","ErrorCode":{code},"ErrorInfo":""}}"#));
        assert_eq!((with("0"), with("40003")), ("0".into(), "40003".into()));
        for code in ["40006", "60008", "70169", "70500", "\"0\"", "-1", "1.5", "null"] {
            assert_eq!(with(code), "unknown", "{code}");
        }
        for code in ["60007", "60011", "60020", "70050"] {
            assert_eq!(with(code), "limited", "{code}");
        }
        for broken in
            ["", "<html>502</html>", "[]", "{\"ErrorCode\":0}", "{\"ActionStatus\":\"OK\",\"Err", "null"]
        {
            assert_eq!(verdict(broken), "unknown", "{broken}");
        }
    }

    #[test]
    fn of_the_content_type_the_media_type_counts() {
        let body = br#"{"ActionStatus":"OK","ErrorCode":0}"#;
        let Verdict::Definite(answer) = Verdict::of_body(Some("Application/JSON; charset=utf-8"), body)
        else {
            panic!("it is an answer");
        };
        assert_eq!(answer.content_type.as_deref(), Some("application/json"));
    }
}
