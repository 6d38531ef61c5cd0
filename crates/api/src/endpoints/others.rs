//! The rest of the cloud's API, in the emulator: nothing is done, and the success answer has the cloud's shape.

use crate::envelope::{Answer, ApiError};
use crate::json::decode;
use portraitd_model::{OtherCommand, Service};
use serde::de::IgnoredAny;

/// Answers an authenticated call. Some of these commands have no body; one that is there must be JSON.
pub(crate) fn run(command: &OtherCommand, body: &[u8]) -> Result<Answer, ApiError> {
    if !body.trim_ascii().is_empty() {
        decode::<IgnoredAny>(Service::Account, body)?;
    }
    let members = command.success_members();
    if members.is_empty() { Ok(Answer::ok()) } else { Answer::with(&members) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::envelope::{Explained, Style, respond};
    use portraitd_model::Language;
    use serde_json::Value;

    fn success_body(command: &OtherCommand) -> Value {
        let mut body = serde_json::json!({"ActionStatus": "OK", "ErrorInfo": "", "ErrorCode": 0});
        body.as_object_mut().unwrap().extend(command.success_members());
        body
    }

    #[test]
    fn every_answer_is_the_table_s_success_body() {
        let style = Style { language: Language::English, explained: Explained::Everywhere };
        for command in OtherCommand::all() {
            for body in [&b""[..], b"{}", b"\xef\xbb\xbf{\"A\":[1]}"] {
                let answer = respond(&mut run(command, body), None, style).into_body();
                let answer: Value = serde_json::from_slice(&answer).unwrap();
                assert_eq!(answer, success_body(command), "{}", command.path());
            }
            assert_eq!(run(command, b"{").err().map(|error| error.code().number()), Some(60003));
        }
    }
}
