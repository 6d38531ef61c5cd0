//! Bodies and queries of the control API, read strictly: what does not exist is named.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use portraitd_admin::error::AdminError;
use portraitd_admin::state::parse_body;
use serde::de::DeserializeOwned;

/// A body of JSON; an empty one counts as `{}`.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = AdminError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AdminError> {
        parse_body(&bytes(request, state).await?).map(Self)
    }
}

/// A body, whatever it is.
pub(super) async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, AdminError> {
    let read = Bytes::from_request(request, state).await;
    read.map_err(|refused| match refused.status() {
        status @ StatusCode::PAYLOAD_TOO_LARGE => {
            AdminError { status, message: "the body is larger than 1 MiB".into() }
        }
        status => AdminError { status, message: "the body can't be read to its end".into() },
    })
}

/// The query.
pub(super) struct StrictQuery<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for StrictQuery<T> {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AdminError> {
        let asked = Query::<T>::from_request_parts(parts, state).await;
        let Query(asked) = asked.map_err(|refused| {
            let text = refused.body_text();
            let why = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
            AdminError::bad(format!("the query can't be used: {why}"))
        })?;
        Ok(Self(asked))
    }
}
