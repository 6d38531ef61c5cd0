//! Errors of the admin API. The body of every error response is `{"error": "…"}`, also of those that axum makes.

use axum::Json;
use axum::body::Body;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use portraitd_store::StoreError;

/// An HTTP status and a sentence for people.
#[derive(Debug)]
pub struct AdminError {
    /// The HTTP status that is answered.
    pub status: StatusCode,
    /// The sentence in `error`; it holds no secret.
    pub message: String,
}

impl AdminError {
    /// Returns a 400: something in the request can't be used.
    pub fn bad(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    /// Returns a 404: what was named does not exist.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, message: message.into() }
    }

    /// Returns a 409: the current state does not permit the call.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self { status: StatusCode::CONFLICT, message: message.into() }
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        let status = match error {
            StoreError::NoSuchAccount => StatusCode::NOT_FOUND,
            StoreError::Conflict | StoreError::Refused(_) => StatusCode::CONFLICT,
            StoreError::Unavailable(_) | StoreError::Corrupt(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        Self { status, message: error.to_string() }
    }
}

impl From<portraitd_model::AppError> for AdminError {
    fn from(error: portraitd_model::AppError) -> Self {
        Self::bad(error.to_string())
    }
}

impl IntoResponse for AdminError {
    fn into_response(self) -> Response {
        (self.status, Json(serde_json::json!({ "error": self.message }))).into_response()
    }
}

/// Turns axum's own plain-text errors (an invalid query or path, a method that is not allowed, a body that is too large)
/// into JSON errors.
pub(super) async fn as_json(response: Response) -> Response {
    let (mut head, body) = response.into_parts();
    let is_json = head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if is_json || !(head.status.is_client_error() || head.status.is_server_error()) {
        return Response::from_parts(head, body);
    }
    let text = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let message = match head.status {
        StatusCode::METHOD_NOT_ALLOWED => "this resource has no such method".to_owned(),
        _ => String::from_utf8_lossy(&text).into_owned(),
    };
    let (json, body) = AdminError { status: head.status, message }.into_response().into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    head.headers.extend(json.headers);
    Response::from_parts(head, Body::new(body))
}
