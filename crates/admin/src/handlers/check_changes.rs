//! The handler that tries changes of apps, one after the other, and makes none: each is done by the handler that would make it,
//! on a copy of the apps in memory. A field's values are looked for in the real store.

use super::{apps, fields, webhook, words};
use crate::audit_log::AuditContext;
use crate::error::AdminError;
use crate::language::AcceptLanguage;
use crate::state::{AdminResult, State, parse_body};
use crate::types::check::{ChangeToCheck, ChangesToCheck, CheckedChanges, RefusedChange};
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::{Extension, Json};
use percent_encoding::percent_decode_str;
use portraitd_model::bilingual;

/// The most changes of a call.
const CHANGES_MAX: usize = 10_000;

pub(crate) async fn check(
    Extract(state): Extract<State>,
    AcceptLanguage(language): AcceptLanguage,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> AdminResult<CheckedChanges> {
    let ChangesToCheck { changes } = parse_body(&body)?;
    if changes.len() > CHANGES_MAX {
        return Err(AdminError::invalid(bilingual!(
            "changes: {} are too many; at most {CHANGES_MAX} are allowed",
            "changes：共 {} 个，最多允许 {CHANGES_MAX} 个",
            changes.len()
        )));
    }
    let trial = state.trial().await?;
    let total = changes.len();
    for (place, change) in changes.into_iter().enumerate() {
        if let Err(error) = make(&trial, &context, AcceptLanguage(language), change).await {
            let refused = RefusedChange {
                change: place + 1,
                code: error.code.name().to_owned(),
                error: error.sentence.pick(language).to_owned(),
            };
            return Ok(Json(CheckedChanges { accepted: place, refused: Some(refused) }));
        }
    }
    Ok(Json(CheckedChanges { accepted: total, refused: None }))
}

/// Makes one change, by the handler of its route.
async fn make(
    state: &State,
    context: &AuditContext,
    language: AcceptLanguage,
    change: ChangeToCheck,
) -> Result<(), AdminError> {
    let ChangeToCheck { method, path, body } = change;
    let parts: Vec<String> = path
        .split('/')
        .skip(1)
        .map(|part| percent_decode_str(part).decode_utf8_lossy().into_owned())
        .collect();
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let (state, context, body) = (Extract(state.clone()), Extension(context.clone()), Bytes::from(body));
    let one = |part: &str| Path(part.to_owned());
    let two = |part: &str, other: &str| Path((part.to_owned(), other.to_owned()));
    match (method.as_str(), parts.as_slice()) {
        ("POST", ["apps"]) => apps::create(state, context, body).await.map(drop),
        ("PATCH", ["apps", app]) => apps::patch(state, one(app), context, body).await.map(drop),
        ("POST", ["apps", app, "keys"]) => apps::add_key(state, one(app), context, body).await.map(drop),
        ("DELETE", ["apps", app, "keys", key]) => {
            apps::revoke_key(state, two(app, key), context).await.map(drop)
        }
        ("PUT", ["apps", app, "admins", user]) => {
            apps::add_admin(state, two(app, user), context).await.map(drop)
        }
        ("DELETE", ["apps", app, "admins", user]) => {
            apps::remove_admin(state, two(app, user), context).await.map(drop)
        }
        ("PUT", ["apps", app, "fields", field]) => {
            fields::define(state, two(app, field), context, body).await.map(drop)
        }
        ("DELETE", ["apps", app, "fields", field]) => {
            fields::retire(state, two(app, field), context).await.map(drop)
        }
        ("PUT", ["apps", app, "words"]) => words::set(state, one(app), context, body).await.map(drop),
        ("PATCH", ["apps", app, "words"]) => words::change(state, one(app), context, body).await.map(drop),
        ("PUT", ["apps", app, "webhook"]) => {
            webhook::set(state, one(app), language, context, body).await.map(drop)
        }
        ("DELETE", ["apps", app, "webhook"]) => {
            webhook::remove(state, one(app), language, context).await.map(drop)
        }
        _ => Err(AdminError::invalid(bilingual!(
            "`{method} {path}` can't be checked: the changes of an app's settings can, such as `PATCH /apps/1400000000`",
            "无法检查 `{method} {path}`：只能检查应用设置的变更，例如 `PATCH /apps/1400000000`"
        ))),
    }
}
