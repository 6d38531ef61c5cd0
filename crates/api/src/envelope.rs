//! The envelope of the protocol's answers: always HTTP 200, the outcome in the body (269/1640). Architecture invariant: no
//! other code builds a protocol answer.

pub use crate::api_error::ApiError;
use crate::failed_entries::FailedEntries;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::{HeaderMap, Response};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use portraitd_model::Service;
use portraitd_model::{ERROR_CODES, ErrorCode, Language};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::mem;
use std::sync::LazyLock;

/// A successful outcome: the members in addition to the envelope's own.
#[derive(Debug, Default)]
pub struct Answer {
    /// A JSON object, or empty.
    members: Vec<u8>,
    failed: FailedEntries,
}

impl Answer {
    /// Returns OK without members.
    pub fn ok() -> Self {
        Self::default()
    }

    /// Returns OK with members.
    pub(crate) fn with(members: &impl Serialize) -> Result<Self, ApiError> {
        let members = serde_json::to_vec(members).map_err(|_| ApiError::new(ErrorCode::Internal))?;
        Ok(Self::written(members))
    }

    /// Returns OK with members that are written already: a JSON object.
    pub(crate) fn written(members: Vec<u8>) -> Self {
        Self { members, failed: FailedEntries::default() }
    }

    /// The same, with the reasons of the entries in it that failed.
    pub(crate) fn with_failed(self, failed: FailedEntries) -> Self {
        Self { failed, ..self }
    }

    /// Returns the explanation of the entries that failed; `None` when none did.
    pub fn explain(&self, language: Language) -> Option<String> {
        self.failed.explain(language)
    }
}

/// How answers are written.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// The language of explanations.
    pub language: Language,
    /// Which answers explain their error in `ErrorDisplay`.
    pub explained: Explained,
}

/// Which failing answers have the explanation in `ErrorDisplay`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Explained {
    /// None: `ErrorDisplay` is empty where the cloud has it.
    Nowhere,
    /// Those where the cloud has the member: the profile service's.
    WhereTheCloudDoes,
    /// All of them, the gateway's and the account APIs' too. Only in `dev`: there people look at the body first.
    Everywhere,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct FailureBody<'a> {
    action_status: &'static str,
    error_code: u32,
    error_info: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_display: Option<&'a str>,
}

/// The whole response to a request that is not HTTP, in place of hyper's empty 400, for
/// [`ListenerConfig::broken_http`](portraitd_http::config::ListenerConfig::broken_http).
pub const BROKEN_HTTP: &str = concat!(
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\naccess-control-allow-origin: *\r\n",
    "access-control-allow-methods: POST\r\naccess-control-allow-headers: X-Requested-With\r\n",
    "connection: close\r\ncontent-length: 72\r\n\r\n",
    r#"{"ActionStatus":"FAIL","ErrorCode":60002,"ErrorInfo":"HTTP parse Error"}"#,
);

/// [`BROKEN_HTTP`] as `dev` answers it, with the explanation.
pub const BROKEN_HTTP_EXPLAINED: &str = concat!(
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\naccess-control-allow-origin: *\r\n",
    "access-control-allow-methods: POST\r\naccess-control-allow-headers: X-Requested-With\r\n",
    "connection: close\r\ncontent-length: 299\r\n\r\n",
    r#"{"ActionStatus":"FAIL","ErrorCode":60002,"ErrorInfo":"HTTP parse Error","ErrorDisplay":"this is not HTTP/1.1: is the "#,
    r#"URL percent-encoded, and is a space, a line end or another character in the request line or a header? / "#,
    r#"请求行或请求头不符合 HTTP/1.1：URL 是否做了百分号编码？"}"#,
);

/// Returns the answer to a plain HTTP request on a TLS port.
pub fn tls_only(style: Style) -> Response<Full<Bytes>> {
    let error = ApiError::with_detail(
        ErrorCode::HttpParse,
        "this port accepts TLS only: write https:// instead of http://",
        "该端口使用 TLS，请将 http:// 改为 https://",
    );
    let mut response = respond(&mut Err(error), None, style);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response.map(Full::new)
}

/// Answers of the profile service have `ErrorDisplay`; those of account APIs and errors of the gateway (6xxxx, 7xxxx) do
/// not, but for errors in `dev` ([`Explained::Everywhere`]).
const OK_PROFILE: &[u8] = br#""ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}"#;
const OK_OTHER: &[u8] = br#""ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#;

/// Whether the gateway answers this code before a service is called. 80001 is the profile service's.
fn is_of_gateway(code: ErrorCode) -> bool {
    (60_000..80_000).contains(&code.number())
}

/// Returns the response to a call of `service` (`None` when the path names no command). Takes the members out of a success,
/// so that they are not copied.
pub fn respond(
    outcome: &mut Result<Answer, ApiError>,
    service: Option<Service>,
    style: Style,
) -> Response<Bytes> {
    let profile = service == Some(Service::Profile);
    match outcome {
        Ok(answer) => {
            let mut response = response(success(mem::take(&mut answer.members), profile));
            if let Some(explanation) = answer.explain(style.language) {
                add_detail(response.headers_mut(), &explanation);
            }
            response
        }
        Err(error) => {
            let explanation = error.explain(style.language);
            let in_cloud = profile && !is_of_gateway(error.code());
            let display = match style.explained {
                Explained::Everywhere => Some(explanation.as_str()),
                Explained::WhereTheCloudDoes => in_cloud.then_some(explanation.as_str()),
                Explained::Nowhere => in_cloud.then_some(""),
            };
            let info = error.info();
            let failure = FailureBody {
                action_status: "FAIL",
                error_code: error.number(),
                error_info: &info,
                error_display: display,
            };
            // A struct of strings and a number always serializes.
            let mut response = response(serde_json::to_vec(&failure).unwrap_or_default());
            add_detail(response.headers_mut(), &explanation);
            response
        }
    }
}

/// `{members…, "ActionStatus": …}`
fn success(members: Vec<u8>, profile: bool) -> Vec<u8> {
    let mut body = members;
    match body.last_mut() {
        Some(end) => *end = b',',
        None => body.push(b'{'),
    }
    body.extend_from_slice(if profile { OK_PROFILE } else { OK_OTHER });
    body
}

/// Returns the body of an answer without `ActionStatus`, for a fault of the emulator.
pub fn without_status(body: &[u8]) -> Vec<u8> {
    altered(body, |members| {
        members.remove("ActionStatus");
    })
}

/// Returns the body of an answer with `ErrorCode` as a string, for a fault of the emulator.
pub fn with_string_code(body: &[u8]) -> Vec<u8> {
    altered(body, |members| {
        if let Some(code) = members.get_mut("ErrorCode") {
            *code = code.to_string().into();
        }
    })
}

/// Returns a JSON object with altered members; anything else as it is.
fn altered(body: &[u8], alter: impl FnOnce(&mut Map<String, Value>)) -> Vec<u8> {
    let Ok(mut members) = serde_json::from_slice(body) else { return body.to_vec() };
    alter(&mut members);
    serde_json::to_vec(&members).unwrap_or_else(|_| body.to_vec())
}

fn response(body: Vec<u8>) -> Response<Bytes> {
    /// Made once: a copy of a map costs less than its insertions.
    static HEADERS: LazyLock<HeaderMap> = LazyLock::new(|| {
        // A published client fails without `json` in the content type; the CORS headers are the same as the cloud's.
        let headers = [
            (header::CONTENT_TYPE, "application/json"),
            (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
            (header::ACCESS_CONTROL_ALLOW_METHODS, "POST"),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, "X-Requested-With"),
        ];
        headers.map(|(name, value)| (name, HeaderValue::from_static(value))).into_iter().collect()
    });
    let mut response = Response::new(Bytes::from(body));
    response.headers_mut().clone_from(&HEADERS);
    response
}

/// Adds `X-Error-Detail`. Header values are ASCII: everything else, and `%` itself, is percent-encoded.
fn add_detail(headers: &mut HeaderMap, explanation: &str) {
    const UNSAFE: &AsciiSet = &CONTROLS.add(b'%');
    // Truncated before encoding, so that no escape and no character is split.
    const CHARS_MAX: usize = 500;
    let end = explanation.char_indices().nth(CHARS_MAX).map_or(explanation.len(), |(at, _)| at);
    let safe = utf8_percent_encode(explanation.get(..end).unwrap_or_default(), UNSAFE).to_string();
    if let Ok(value) = HeaderValue::from_str(&safe) {
        headers.insert("x-error-detail", value);
    }
}

/// Returns the envelope for the OpenAPI document: schema and example of a success and of a failure.
pub(crate) fn openapi_schemas(service: Service) -> [(Value, Value); 2] {
    let profile = service == Service::Profile;
    let ok = if profile { OK_PROFILE } else { OK_OTHER };
    let example = [b"{", ok].concat();
    let example: Value = serde_json::from_slice(&example).unwrap_or_default();
    let constant = |(name, value): (&String, &Value)| (name.clone(), json!({ "const": value }));
    let members = example.as_object().into_iter().flatten();
    let names: Vec<&String> = members.clone().map(|(name, _)| name).collect();
    let success = json!({
        "type": "object", "required": names, "properties": members.map(constant).collect::<Map<_, _>>(),
    });
    let numbers: Vec<u32> = ERROR_CODES.iter().map(|row| row.number).collect();
    let failure = json!({
        "type": "object", "required": ["ActionStatus", "ErrorCode", "ErrorInfo"], "additionalProperties": false,
        "properties": {
            "ActionStatus": { "const": "FAIL" },
            "ErrorCode": { "type": "integer", "enum": numbers, "description": "docs/ERRORS.md lists all codes." },
            "ErrorInfo": { "type": "string" },
            "ErrorDisplay": { "type": "string", "description": "In errors of the profile service: an explanation for people, if error_detail is on. In `portraitd dev`, errors of every service have it." },
        },
    });
    let code = service.internal();
    let failure_example =
        json!({ "ActionStatus": "FAIL", "ErrorCode": code.number(), "ErrorInfo": code.info() });
    [(success, example), (failure, failure_example)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(outcome: Result<Answer, ApiError>, service: Option<Service>, explained: Explained) -> String {
        let style = Style { language: Language::English, explained };
        let response = respond(&mut { outcome }, service, style);
        String::from_utf8(response.into_body().to_vec()).unwrap()
    }

    #[test]
    fn a_success_is_the_documented_json() {
        let ok = || Ok(Answer::ok());
        assert_eq!(
            body(ok(), Some(Service::Profile), Explained::Nowhere),
            r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}"#
        );
        assert_eq!(
            body(ok(), Some(Service::Account), Explained::Nowhere),
            r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#
        );
        let members = Answer::with(&serde_json::json!({"FailAccounts": []})).unwrap();
        assert_eq!(
            body(Ok(members), Some(Service::Account), Explained::Nowhere),
            r#"{"FailAccounts":[],"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#
        );
    }

    #[test]
    fn only_profile_answers_have_an_error_display() {
        let error = |code| Err(ApiError::new(code));
        insta::assert_snapshot!(body(error(ErrorCode::InvalidTag), Some(Service::Profile), Explained::Nowhere),
            @r#"{"ActionStatus":"FAIL","ErrorCode":40009,"ErrorInfo":"Err_Profile_Invalid_Tag","ErrorDisplay":""}"#);
        insta::assert_snapshot!(body(error(ErrorCode::JsonParse), Some(Service::Profile), Explained::WhereTheCloudDoes),
            @r#"{"ActionStatus":"FAIL","ErrorCode":60003,"ErrorInfo":"HTTP request JSON parse error"}"#);
        insta::assert_snapshot!(body(error(ErrorCode::TooLong), Some(Service::Account), Explained::WhereTheCloudDoes),
            @r#"{"ActionStatus":"FAIL","ErrorCode":40601,"ErrorInfo":"Err_Profile_Size_Limit"}"#);
        insta::assert_snapshot!(body(error(ErrorCode::SensitiveContent), Some(Service::Profile), Explained::Nowhere),
            @r#"{"ActionStatus":"FAIL","ErrorCode":80001,"ErrorInfo":"The text contains sensitive content","ErrorDisplay":""}"#);
        insta::assert_snapshot!(body(error(ErrorCode::SensitiveContent), Some(Service::Account), Explained::WhereTheCloudDoes),
            @r#"{"ActionStatus":"FAIL","ErrorCode":80001,"ErrorInfo":"The text contains sensitive content"}"#);
        assert!(
            body(error(ErrorCode::InvalidTag), Some(Service::Profile), Explained::WhereTheCloudDoes)
                .contains("spelling")
        );
    }

    #[test]
    fn in_dev_every_error_is_explained_and_a_success_is_as_it_was() {
        for (code, service) in [
            (ErrorCode::InvalidTag, Some(Service::Profile)),
            (ErrorCode::JsonParse, Some(Service::Profile)),
            (ErrorCode::LoginBadParameter, Some(Service::Account)),
            (ErrorCode::NoSuchApp, None),
        ] {
            let answer = body(Err(ApiError::new(code)), service, Explained::Everywhere);
            let answer: Value = serde_json::from_str(&answer).unwrap();
            assert_eq!(answer["ErrorDisplay"], code.meaning(Language::English));
        }
        let ok = || Ok(Answer::ok());
        for service in [Some(Service::Profile), Some(Service::Account), None] {
            assert_eq!(body(ok(), service, Explained::Everywhere), body(ok(), service, Explained::Nowhere));
        }
    }

    #[test]
    fn the_broken_http_answer_has_the_right_length() {
        for answer in [BROKEN_HTTP, BROKEN_HTTP_EXPLAINED] {
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            assert!(head.ends_with(&format!("content-length: {}", body.len())), "{}", body.len());
            assert_eq!(serde_json::from_str::<Value>(body).unwrap()["ErrorCode"], 60002);
        }
    }

    #[test]
    fn details_are_percent_encoded_in_the_header() {
        let mut error: Result<Answer, _> =
            Err(ApiError::with_detail(ErrorCode::BadParameter, "100%\n", "中"));
        let style = Style { language: Language::English, explained: Explained::Nowhere };
        let response = respond(&mut error, None, style);
        assert_eq!(response.headers().get("x-error-detail").unwrap(), "100%25%0A");
        let style = Style { language: Language::Chinese, explained: Explained::Nowhere };
        assert_eq!(respond(&mut error, None, style).headers().get("x-error-detail").unwrap(), "%E4%B8%AD");
        let mut long: Result<Answer, _> =
            Err(ApiError::with_detail(ErrorCode::BadParameter, "", "中".repeat(9999)));
        let detail = respond(&mut long, None, style).headers().get("x-error-detail").unwrap().clone();
        assert_eq!(detail.to_str().unwrap(), "%E4%B8%AD".repeat(500), "a whole number of characters");
    }
}
