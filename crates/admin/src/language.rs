//! The language that a caller asks for with `Accept-Language`; English without one.

use axum::extract::FromRequestParts;
use axum::http::header;
use axum::http::request::Parts;
use portraitd_model::Language;
use std::convert::Infallible;

/// The language of the sentences in an answer.
pub(crate) struct AcceptLanguage(pub(crate) Language);

impl<S: Sync> FromRequestParts<S> for AcceptLanguage {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let asked = parts.headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        Ok(Self(asked.and_then(Language::parse).unwrap_or_default()))
    }
}
