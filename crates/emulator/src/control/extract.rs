//! Extractors of the control API's bodies and queries. An unknown member or parameter is an error that names it.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use portraitd_admin::error::AdminError;
use portraitd_admin::state::parse_body;
use portraitd_model::bilingual;
use serde::de::DeserializeOwned;

/// Larger than any request of the API.
pub(super) const BODY_BYTES_MAX: usize = 1 << 20;

/// A body of JSON; an empty one counts as `{}`.
pub(super) struct JsonBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for JsonBody<T> {
    type Rejection = AdminError;

    async fn from_request(request: Request, state: &S) -> Result<Self, AdminError> {
        parse_body(&read_bytes(request, state).await?).map(Self)
    }
}

/// Reads a body; 413 when it is larger than the limit.
pub(super) async fn read_bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, AdminError> {
    let result = Bytes::from_request(request, state).await;
    result.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => AdminError::too_large(BODY_BYTES_MAX),
        _ => AdminError::invalid(bilingual!("the body could not be read to its end", "包体未能读取完整")),
    })
}

/// A query; an unknown parameter is an error.
pub(super) struct StrictQuery<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for StrictQuery<T> {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, AdminError> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        let Query(query) = query.map_err(|rejection| AdminError::invalid_query(&rejection.body_text()))?;
        Ok(Self(query))
    }
}
