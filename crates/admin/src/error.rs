//! Errors of the admin API and of the control API. The body of every error response is `{"error": "…", "code": "…"}`, also of
//! those that axum makes; the sentence is in the language of `Accept-Language`.

use crate::error_code::AdminCode;
use crate::language::AcceptLanguage;
use crate::parse_problem;
use axum::Json;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use portraitd_model::{AppError, Bilingual, IdError, Language, bilingual};
use portraitd_store::StoreError;
use serde::Serialize;

/// The body of an error response.
#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    code: &'a str,
}

/// A code for programs and a sentence for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AdminError {
    /// What went wrong; it decides the HTTP status.
    pub code: AdminCode,
    /// The sentence in `error`; it holds no secret.
    pub sentence: Bilingual,
}

impl AdminError {
    /// Returns an error.
    pub fn new(code: AdminCode, sentence: Bilingual) -> Self {
        Self { code, sentence }
    }

    /// Returns a 400: something in the request can't be used.
    pub fn invalid(sentence: Bilingual) -> Self {
        Self::new(AdminCode::InvalidRequest, sentence)
    }

    /// Returns the 400 of a text that is no UserID.
    pub fn invalid_id(error: IdError) -> Self {
        Self::invalid(Bilingual::of(|language| error.explain(language)))
    }

    /// Returns the 404 of an app that does not exist.
    pub fn no_such_app(id: impl std::fmt::Display) -> Self {
        Self::new(AdminCode::NoSuchApp, bilingual!("there is no app {id}", "没有应用 {id}"))
    }

    /// Returns the 400 of a text that is no SDKAppID.
    pub fn no_sdkappid(text: &str) -> Self {
        Self::invalid(bilingual!(
            "`{text}` is not an SDKAppID: it must be a number",
            "`{text}` 不是 SDKAppID：SDKAppID 应为数字"
        ))
    }

    /// Returns the 409 of a call that only a running server can answer.
    pub(crate) fn not_running(sentence: Bilingual) -> Self {
        Self::new(AdminCode::NotRunning, sentence)
    }

    /// Returns the 400 of a query that axum can't read; `text` is what axum says.
    pub fn invalid_query(text: &str) -> Self {
        let reason = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(text);
        Self::invalid(parse_problem::of(reason).after("the query can't be used: ", "查询参数无法使用："))
    }

    /// Returns the 500 of a panic.
    pub(crate) fn internal() -> Self {
        Self::new(
            AdminCode::InternalError,
            bilingual!(
                "internal error (a bug in portraitd): the server's log says where",
                "内部错误（portraitd 的缺陷）：详情见服务日志"
            ),
        )
    }

    /// Returns the 413 of a body that is larger than a limit in bytes.
    pub fn too_large(limit: usize) -> Self {
        let sentence = match limit {
            0x0010_0000 => bilingual!("the body is larger than 1 MiB", "包体超过 1 MiB"),
            _ => bilingual!("the body is larger than {limit} bytes", "包体超过 {limit} 字节"),
        };
        Self::new(AdminCode::BodyTooLarge, sentence)
    }

    /// Returns the 503 of an error that the operating system makes.
    pub fn system(error: impl std::fmt::Display) -> Self {
        StoreError::Unavailable(Bilingual::quoted(error)).into()
    }

    /// Writes the response in this language.
    pub fn in_language(&self, language: Language) -> Response {
        let body = ErrorBody { error: self.sentence.pick(language), code: self.code.name() };
        (self.code.status(), Json(body)).into_response()
    }

    /// Writes the response in the language that these headers of the request ask for.
    pub fn answer_to(&self, headers: &HeaderMap) -> Response {
        self.in_language(AcceptLanguage::of(headers))
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        let code = match error {
            StoreError::NoSuchAccount => AdminCode::NoSuchAccount,
            StoreError::Conflict => AdminCode::ChangedMeanwhile,
            StoreError::Refused(_) => AdminCode::NotPossible,
            StoreError::Unavailable(_) => AdminCode::StoreUnavailable,
            StoreError::Corrupt(_) => AdminCode::StoreDamaged,
        };
        Self::new(code, error.explain())
    }
}

impl From<AppError> for AdminError {
    fn from(error: AppError) -> Self {
        Self::invalid(Bilingual::of(|language| error.explain(language)))
    }
}

impl IntoResponse for AdminError {
    /// Writes it in English. [`in_accepted_language`] finds the error in the extensions and writes it again.
    fn into_response(self) -> Response {
        let mut response = self.in_language(Language::English);
        response.extensions_mut().insert(self);
        response
    }
}

/// A middleware around a router: writes each error in the language of `Accept-Language`, and turns axum's own plain-text errors
/// (an invalid query or path, a method that is not allowed, a body that is too large) into JSON errors.
pub async fn in_accepted_language(
    AcceptLanguage(language): AcceptLanguage,
    request: Request,
    next: Next,
) -> Response {
    let mut response = next.run(request).await;
    if let Some(error) = response.extensions_mut().remove::<AdminError>() {
        return with_body_of(response, &error, language);
    }
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if is_json || !(response.status().is_client_error() || response.status().is_server_error()) {
        return response;
    }
    let (head, body) = response.into_parts();
    let text = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let error = of_axum(head.status, &String::from_utf8_lossy(&text));
    with_body_of(Response::from_parts(head, Body::empty()), &error, language)
}

/// Keeps a response's status and headers, and gives it the body of an error.
fn with_body_of(response: Response, error: &AdminError, language: Language) -> Response {
    let (mut head, _) = response.into_parts();
    let (json, body) = error.in_language(language).into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.extend(json.headers);
    Response::from_parts(head, body)
}

/// Returns the error that axum answered with a status and a text.
fn of_axum(status: StatusCode, text: &str) -> AdminError {
    match status {
        StatusCode::METHOD_NOT_ALLOWED => AdminError::new(
            AdminCode::MethodNotAllowed,
            bilingual!("this resource has no such method", "该资源不支持此方法"),
        ),
        StatusCode::PAYLOAD_TOO_LARGE => {
            AdminError::new(AdminCode::BodyTooLarge, Bilingual::new(text, "包体过大"))
        }
        _ => AdminError::invalid(parse_problem::of_axum(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axum_s_errors_have_both_languages() {
        let cases = [
            (405, "", "method_not_allowed", "this resource has no such method", "该资源不支持此方法"),
            (413, "length limit exceeded", "body_too_large", "length limit exceeded", "包体过大"),
            (
                400,
                "Failed to deserialize query string: unknown field `a`, expected `b`",
                "invalid_request",
                "Failed to deserialize query string: unknown field `a`, expected `b`",
                "查询参数无法使用：未知的成员 `a`，应为 `b`",
            ),
            (
                400,
                "Invalid UTF-8 in `user`",
                "invalid_request",
                "Invalid UTF-8 in `user`",
                "路径无法使用：`user` 不是 UTF-8 编码",
            ),
        ];
        for (status, text, code, english, chinese) in cases {
            let error = of_axum(StatusCode::from_u16(status).unwrap(), text);
            assert_eq!((error.code.name(), error.code.status().as_u16()), (code, status));
            assert_eq!(Language::BOTH.map(|language| error.sentence.pick(language)), [english, chinese]);
        }
    }
}
