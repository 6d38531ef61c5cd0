//! The language that a caller asks for with `Accept-Language`; English without one.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use portraitd_model::Language;
use std::convert::Infallible;

/// The language of the sentences in an answer.
pub struct AcceptLanguage(pub Language);

/// The language that a caller asks for; `None` when it asks for neither.
pub struct AskedLanguage(pub Option<Language>);

impl AcceptLanguage {
    /// Returns the language that the headers of a request ask for.
    pub(crate) fn of(headers: &HeaderMap) -> Language {
        asked(headers).unwrap_or_default()
    }
}

fn asked(headers: &HeaderMap) -> Option<Language> {
    Language::accepted(headers.get(header::ACCEPT_LANGUAGE)?.to_str().ok()?)
}

impl<S: Sync> FromRequestParts<S> for AcceptLanguage {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(Self::of(&parts.headers)))
    }
}

impl<S: Sync> FromRequestParts<S> for AskedLanguage {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(asked(&parts.headers)))
    }
}
