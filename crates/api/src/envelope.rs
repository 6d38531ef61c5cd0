//! The only place that builds a protocol answer: always HTTP 200, the outcome in the body (269/1640).

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderValue};
use hyper::{HeaderMap, Response};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use portraitd_model::Service;
use portraitd_model::{ERROR_CODES, ErrorCode, FieldError, IdError, Language, SigError};
use portraitd_store::StoreError;
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::borrow::Cow;

/// A successful outcome: the members that stand beside the envelope's own.
#[derive(Debug, Default)]
pub struct Answer {
    /// A JSON object, or nothing.
    members: Vec<u8>,
}

impl Answer {
    /// OK and nothing more.
    pub fn ok() -> Self {
        Self::default()
    }

    /// OK with members.
    pub(crate) fn with(members: &impl Serialize) -> Result<Self, ApiError> {
        let members = serde_json::to_vec(members).map_err(|_| ApiError::new(ErrorCode::Internal))?;
        Ok(Self { members })
    }
}

/// Why a call failed: what the caller is told, and what only the log is told.
#[derive(Clone, PartialEq, Debug)]
pub struct ApiError {
    code: ErrorCode,
    cause: Cause,
}

/// What is known beyond the code.
#[derive(Clone, PartialEq, Debug)]
enum Cause {
    None,
    Field(FieldError),
    Sig(SigError),
    Id(IdError),
    Store(StoreError),
    Said { english: String, chinese: String },
}

impl ApiError {
    /// A code that says it all.
    pub const fn new(code: ErrorCode) -> Self {
        Self { code, cause: Cause::None }
    }

    /// A code with a sentence in both languages.
    pub(crate) fn with_detail(
        code: ErrorCode,
        english: impl Into<String>,
        chinese: impl Into<String>,
    ) -> Self {
        Self { code, cause: Cause::Said { english: english.into(), chinese: chinese.into() } }
    }

    /// An id that is none, under the code of the service that was called.
    pub(crate) fn bad_id(service: Service, error: IdError) -> Self {
        Self { code: service.bad_parameter(), cause: Cause::Id(error) }
    }

    /// A failure of the store, under the code of the service that was called.
    pub(crate) fn store(code: ErrorCode, error: StoreError) -> Self {
        Self { code, cause: Cause::Store(error) }
    }

    /// The protocol's code.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// What went wrong inside, for the log.
    pub(crate) fn inside(&self) -> Option<&StoreError> {
        if let Cause::Store(error) = &self.cause { Some(error) } else { None }
    }

    fn info(&self) -> Cow<'static, str> {
        if let Cause::Sig(error) = &self.cause { error.info() } else { self.code.info().into() }
    }

    /// The sentence for people.
    pub fn explain(&self, language: Language) -> String {
        match &self.cause {
            // What broke inside is for the log alone.
            Cause::None | Cause::Store(_) => self.code.meaning(language).to_owned(),
            Cause::Field(error) => error.explain(language),
            Cause::Sig(error) => error.explain(language),
            Cause::Id(error) => match language {
                Language::English => error.to_string(),
                Language::Chinese => match error {
                    IdError::Empty => "UserID 为空".to_owned(),
                    IdError::TooLong(bytes) => {
                        format!("UserID 长度为 {bytes} 字节，最多允许 32 字节（UTF-8）")
                    }
                    IdError::Unprintable => "UserID 含有控制字符，只允许可打印字符".to_owned(),
                    IdError::Reserved => "以 @TLS# 开头的 UserID 是云端自用标记，不能用于创建账号".to_owned(),
                },
            },
            Cause::Said { english, chinese } => language.pick(english, chinese).clone(),
        }
    }
}

impl From<FieldError> for ApiError {
    fn from(error: FieldError) -> Self {
        Self { code: error.code(), cause: Cause::Field(error) }
    }
}

impl From<SigError> for ApiError {
    fn from(error: SigError) -> Self {
        Self { code: error.code(), cause: Cause::Sig(error) }
    }
}

/// How answers are written.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// The language of the sentences for people.
    pub language: Language,
    /// Put the sentence for people into `ErrorDisplay`, where an answer has one.
    pub error_detail: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Failure<'a> {
    action_status: &'static str,
    error_code: u32,
    error_info: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_display: Option<&'a str>,
}

/// A whole answer for a broken HTTP request that hyper would answer with a bare 400, for
/// [`ListenerConfig::broken_http`](portraitd_http::config::ListenerConfig::broken_http).
pub const BROKEN_HTTP: &str = concat!(
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\naccess-control-allow-origin: *\r\n",
    "access-control-allow-methods: POST\r\naccess-control-allow-headers: X-Requested-With\r\n",
    "connection: close\r\ncontent-length: 72\r\n\r\n",
    r#"{"ActionStatus":"FAIL","ErrorCode":60002,"ErrorInfo":"HTTP parse Error"}"#,
);

/// The answer to a request that came without TLS to a port where TLS is spoken.
pub fn tls_only() -> Response<Full<Bytes>> {
    let error = ApiError::with_detail(
        ErrorCode::HttpParse,
        "this port speaks TLS: write https:// instead of http://",
        "该端口使用 TLS，请将 http:// 改为 https://",
    );
    let mut response = respond(&Err(error), None, Style { language: Language::English, error_detail: false });
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response.map(Full::new)
}

/// Profile answers carry `ErrorDisplay`; the gateway's own (6xxxx, 7xxxx) and those of account APIs do not.
const OK_PROFILE: &[u8] = br#""ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}"#;
const OK_OTHER: &[u8] = br#""ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#;

/// Whether a code is one that the gateway answers before a service is asked. 80001 is the profile service's own.
fn is_of_gateway(code: ErrorCode) -> bool {
    (60_000..80_000).contains(&code.number())
}

/// Writes the answer to a call of `service` (`None` when no endpoint was found).
pub fn respond(
    outcome: &Result<Answer, ApiError>,
    service: Option<Service>,
    style: Style,
) -> Response<Bytes> {
    let profile = service == Some(Service::Profile);
    match outcome {
        Ok(answer) => response(success(&answer.members, profile)),
        Err(error) => {
            let sentence = error.explain(style.language);
            let shown = if style.error_detail { sentence.as_str() } else { "" };
            let info = error.info();
            let failure = Failure {
                action_status: "FAIL",
                error_code: error.code.number(),
                error_info: &info,
                error_display: (profile && !is_of_gateway(error.code)).then_some(shown),
            };
            // A struct of texts and a number always serialises.
            let mut response = response(serde_json::to_vec(&failure).unwrap_or_default());
            add_detail(response.headers_mut(), &sentence);
            response
        }
    }
}

/// `{members…, "ActionStatus": …}`
fn success(members: &[u8], profile: bool) -> Vec<u8> {
    let envelope = if profile { OK_PROFILE } else { OK_OTHER };
    let mut body = Vec::with_capacity(members.len() + envelope.len() + 1);
    match members.strip_suffix(b"}") {
        Some(open) => {
            body.extend_from_slice(open);
            body.push(b',');
        }
        None => body.push(b'{'),
    }
    body.extend_from_slice(envelope);
    body
}

fn response(body: Vec<u8>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    let headers = response.headers_mut();
    headers.reserve(8);
    // A published client fails without `json` in the content type; the CORS headers are the cloud's.
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("X-Requested-With"));
    response
}

/// Headers are ASCII: everything else, and `%` itself, is percent-encoded.
fn add_detail(headers: &mut HeaderMap, sentence: &str) {
    const UNSAFE: &AsciiSet = &CONTROLS.add(b'%');
    // Cut before it is encoded, so that no escape and no character is cut in two.
    const LETTERS_MAX: usize = 500;
    let end = sentence.char_indices().nth(LETTERS_MAX).map_or(sentence.len(), |(at, _)| at);
    let safe = utf8_percent_encode(sentence.get(..end).unwrap_or_default(), UNSAFE).to_string();
    if let Ok(value) = HeaderValue::from_str(&safe) {
        headers.insert("x-error-detail", value);
    }
}

/// The envelope as the OpenAPI document tells it: schema and example of a success and of a failure.
pub(crate) fn told(service: Service) -> [(Value, Value); 2] {
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
            "ErrorCode": { "type": "integer", "enum": numbers, "description": "docs/ERRORS.md has them all." },
            "ErrorInfo": { "type": "string" },
            "ErrorDisplay": { "type": "string", "description": "Of the profile service's own codes: a sentence for people, where error_detail is on." },
        },
    });
    let code = service.internal();
    let failed = json!({ "ActionStatus": "FAIL", "ErrorCode": code.number(), "ErrorInfo": code.info() });
    [(success, example), (failure, failed)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(outcome: &Result<Answer, ApiError>, service: Option<Service>, error_detail: bool) -> String {
        let style = Style { language: Language::English, error_detail };
        let response = respond(outcome, service, style);
        String::from_utf8(response.into_body().to_vec()).unwrap()
    }

    #[test]
    fn success_is_the_documented_text() {
        let ok = Ok(Answer::ok());
        assert_eq!(
            body(&ok, Some(Service::Profile), false),
            r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ErrorDisplay":""}"#
        );
        assert_eq!(
            body(&ok, Some(Service::Account), false),
            r#"{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#
        );
        let members = Answer::with(&serde_json::json!({"FailAccounts": []})).unwrap();
        assert_eq!(
            body(&Ok(members), Some(Service::Account), false),
            r#"{"FailAccounts":[],"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}"#
        );
    }

    #[test]
    fn only_profile_answers_have_an_error_display() {
        let error = |code| Err(ApiError::new(code));
        insta::assert_snapshot!(body(&error(ErrorCode::InvalidTag), Some(Service::Profile), false),
            @r#"{"ActionStatus":"FAIL","ErrorCode":40009,"ErrorInfo":"Err_Profile_Invalid_Tag","ErrorDisplay":""}"#);
        insta::assert_snapshot!(body(&error(ErrorCode::JsonParse), Some(Service::Profile), true),
            @r#"{"ActionStatus":"FAIL","ErrorCode":60003,"ErrorInfo":"HTTP request JSON parse error"}"#);
        insta::assert_snapshot!(body(&error(ErrorCode::TooLong), Some(Service::Account), true),
            @r#"{"ActionStatus":"FAIL","ErrorCode":40601,"ErrorInfo":"Err_Profile_Size_Limit"}"#);
        insta::assert_snapshot!(body(&error(ErrorCode::SensitiveContent), Some(Service::Profile), false),
            @r#"{"ActionStatus":"FAIL","ErrorCode":80001,"ErrorInfo":"The text contains sensitive content","ErrorDisplay":""}"#);
        insta::assert_snapshot!(body(&error(ErrorCode::SensitiveContent), Some(Service::Account), true),
            @r#"{"ActionStatus":"FAIL","ErrorCode":80001,"ErrorInfo":"The text contains sensitive content"}"#);
        assert!(body(&error(ErrorCode::InvalidTag), Some(Service::Profile), true).contains("spelling"));
    }

    #[test]
    fn the_broken_http_answer_has_its_length() {
        let (head, body) = BROKEN_HTTP.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("content-length: {}", body.len())), "{}", body.len());
    }

    #[test]
    fn details_are_ascii_in_the_header() {
        let error: Result<Answer, _> = Err(ApiError::with_detail(ErrorCode::BadParameter, "100%\n", "中"));
        let style = Style { language: Language::English, error_detail: false };
        let response = respond(&error, None, style);
        assert_eq!(response.headers().get("x-error-detail").unwrap(), "100%25%0A");
        let style = Style { language: Language::Chinese, error_detail: false };
        assert_eq!(respond(&error, None, style).headers().get("x-error-detail").unwrap(), "%E4%B8%AD");
        let long: Result<Answer, _> =
            Err(ApiError::with_detail(ErrorCode::BadParameter, "", "中".repeat(9999)));
        let detail = respond(&long, None, style).headers().get("x-error-detail").unwrap().clone();
        assert_eq!(detail.to_str().unwrap(), "%E4%B8%AD".repeat(500), "a whole number of characters");
    }
}
