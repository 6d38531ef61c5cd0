//! The call log: one entry for each request to `/v4`, for the assertions of tests. It holds no UserSig.

use crate::command_name::name_of;
use crate::fault::FiredRule;
use crate::fault::rule::Effect;
use crate::recorded_body::RecordedBody;
use crate::redact::without_secrets;
use crate::ring_buffer::RingEntry;
use bytes::Bytes;
use portraitd_api::envelope::ApiError;
use portraitd_api::hook::FinishedCall;
use portraitd_model::{Bilingual, Language, OtherCommand, UnixMillis};
use serde::{Deserialize, Serialize};

/// A request and its response. The query is left out because it contains the UserSig.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RecordedCall {
    /// The request's number, counted from 1; `after` takes it.
    pub(crate) number: u64,
    pub(crate) at_ms: u64,
    pub(crate) method: String,
    pub(crate) path: String,
    /// Absent when the path is not that of a command of the cloud's.
    pub(crate) command: Option<String>,
    pub(crate) app: Option<u32>,
    /// `identifier` of the query.
    pub(crate) identifier: Option<String>,
    /// The accounts that the body names.
    pub(crate) users: Vec<String>,
    /// As JSON, or as text when it is not JSON or too long.
    pub(crate) body: Option<RecordedBody>,
    /// `ErrorCode`; absent when a fault closed the connection before the call was executed.
    pub(crate) code: Option<u32>,
    /// The response's body without the fault.
    pub(crate) answer: Option<RecordedBody>,
    /// The explanation of the error, or of the entries that failed, as in `X-Error-Detail`; to a reader that asks for a
    /// language, in that one.
    pub(crate) detail: Option<String>,
    #[serde(skip)]
    explained: Option<Bilingual>,
    pub(crate) fault: Option<InjectedFault>,
    pub(crate) request_id: String,
    pub(crate) micros: u64,
}

/// The fault that was injected into a call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct InjectedFault {
    pub(crate) rule: u32,
    pub(crate) effect: String,
}

impl RingEntry for RecordedCall {
    fn set_number(&mut self, number: u64) {
        self.number = number;
    }

    fn number(&self) -> u64 {
        self.number
    }

    fn size(&self) -> usize {
        /// About the size of all other fields, in bytes.
        const OTHER_FIELDS: usize = 512;
        let users: usize = self.users.iter().map(String::len).sum();
        let bodies = self.body.iter().chain(&self.answer).map(RecordedBody::size).sum::<usize>();
        let explained =
            self.explained.iter().flat_map(|explained| Language::BOTH.map(|it| explained.pick(it).len()));
        OTHER_FIELDS + self.path.len() + users + bodies + explained.sum::<usize>()
    }
}

/// What the hook collects of a call before its response.
#[derive(Default)]
pub(super) struct CallTrace {
    pub(super) body: Bytes,
    pub(super) users: Vec<String>,
    pub(super) fault: Option<FiredRule>,
}

impl RecordedCall {
    /// Returns the call with its explanation in the language that a reader asks for.
    pub(crate) fn for_reader(self, asked: Option<Language>) -> Self {
        match (asked, &self.explained) {
            (Some(language), Some(explained)) => {
                let detail = Some(explained.pick(language).to_owned());
                Self { detail, ..self }
            }
            _ => self,
        }
    }

    pub(super) fn of(
        call: &FinishedCall<'_>,
        trace: &CallTrace,
        at: UnixMillis,
        request_id: &str,
        answer: &[u8],
    ) -> Self {
        /// No path of a command is longer.
        const PATH_CHARS_MAX: usize = 200;
        let FinishedCall { head, outcome, .. } = call;
        let other = || OtherCommand::at_path(head.uri.path()).map(OtherCommand::path);
        let command_path = call.command_path.or_else(other);
        let not_executed = trace.fault.is_some_and(|fired| fired.effect == Effect::CloseBefore);
        let executed = |code: u32| (!not_executed).then_some(code);
        let explain = |language| match outcome {
            Ok(answer) => answer.explain(language),
            Err(error) => Some(error.explain(language)),
        };
        let without_secrets_in =
            |language| without_secrets(&explain(language).unwrap_or_default()).into_owned();
        let explained = explain(call.language).filter(|_| !not_executed);
        let explained = explained.map(|_| Bilingual::of(without_secrets_in));
        Self {
            number: 0,
            at_ms: at.0,
            method: head.method.to_string(),
            path: without_secrets(head.uri.path()).chars().take(PATH_CHARS_MAX).collect(),
            command: command_path.map(|path| name_of(path).to_owned()),
            app: call.app.map(|app| app.0),
            identifier: identifier(head.uri.query().unwrap_or_default()),
            users: trace.users.clone(),
            body: RecordedBody::of(&trace.body),
            code: executed(outcome.as_ref().err().map_or(0, ApiError::number)),
            answer: RecordedBody::of(answer).filter(|_| !not_executed),
            detail: explained.as_ref().map(|explained| explained.pick(call.language).to_owned()),
            explained,
            fault: trace.fault.map(|fired| InjectedFault { rule: fired.rule, effect: fired.effect.label() }),
            request_id: request_id.to_owned(),
            micros: u64::try_from(call.elapsed.as_micros()).unwrap_or(u64::MAX),
        }
    }
}

/// Returns `identifier` of a query, also of one that is refused.
fn identifier(query: &str) -> Option<String> {
    const BYTES_MAX: usize = 200;
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.into_iter().find(|(name, _)| *name == "identifier")?;
    let value = value.replace('+', " ");
    let value = percent_encoding::percent_decode_str(&value).decode_utf8_lossy();
    Some(without_secrets(&value).chars().take(BYTES_MAX).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_identifier_of_a_query_is_recorded() {
        let query = "sdkappid=1&usersig=secret&identifier=a%20b+c&random=1";
        assert_eq!(identifier(query).as_deref(), Some("a b c"));
        assert_eq!(identifier("usersig=secret"), None);
        assert_eq!(identifier("identifier=a?usersig=secret").as_deref(), Some("a?usersig=…"));
    }
}
