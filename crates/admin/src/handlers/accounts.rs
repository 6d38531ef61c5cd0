//! Accounts: listed page by page, shown with their profiles, created, changed and deleted.

use crate::audit_log::{AuditContext, Changed};
use crate::error::AdminError;
use crate::jsonl;
use crate::state::{Answer, State};
use crate::types::{self, AccountView, AccountsView};
use axum::body::Bytes;
use axum::extract::{Path, Query, State as Extract};
use axum::http::StatusCode;
use axum::{Extension, Json};
use portraitd_model::{AccountSeed, NewUserId, ProfilePatch, SdkAppId, UserId};
use portraitd_store::{Change, Delete, Found, Import, StoreError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The most accounts of a page.
const PAGE_MAX: usize = 1000;

/// Which accounts.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// Those that start with this.
    #[serde(default)]
    prefix: String,
    /// Those after this one.
    after: Option<String>,
    /// At most so many; 100 unless given, at most 1000.
    limit: Option<usize>,
}

pub(crate) async fn page(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Query(query): Query<PageQuery>,
) -> Answer<AccountsView> {
    let app = state.app(&app)?;
    let after = query.after.as_deref().map(UserId::parse).transpose();
    let after = after.map_err(|error| AdminError::bad(format!("after: {error}")))?;
    let limit = query.limit.unwrap_or(100).clamp(1, PAGE_MAX);
    // One more than asked for tells whether there is a next page.
    let found = state.store.accounts_page(app.settings.id, query.prefix, after, limit + 1).await?;
    let accounts: Vec<String> = found.iter().take(limit).map(ToString::to_string).collect();
    let next = (found.len() > limit).then(|| accounts.last().cloned()).flatten();
    Ok(Json(AccountsView { accounts, next }))
}

pub(crate) async fn show(
    Extract(state): Extract<State>,
    Path((app, user)): Path<(String, String)>,
) -> Answer<AccountView> {
    let app = state.app(&app)?.settings.id;
    Ok(Json(view(&state, app, parse(&user)?).await?))
}

/// Creates an account; one that exists stays as it is.
pub(crate) async fn create(
    Extract(state): Extract<State>,
    Path((app, user)): Path<(String, String)>,
    Extension(context): Extension<AuditContext>,
) -> Result<(StatusCode, Json<AccountView>), AdminError> {
    let app = state.app(&app)?.settings.id;
    let user = parse(&user)?;
    let known = state.store.states(app, vec![user]).await?.first().copied().flatten().is_some();
    if !known {
        let new = NewUserId::new(user).map_err(|error| AdminError::bad(error.to_string()))?;
        let (seeds, at) =
            (vec![AccountSeed { user: new, patch: ProfilePatch::default() }], state.clock.now());
        let write = Import { app, seeds, at, origin: None, deleted_after: None };
        state.write_audited(&context, Some(app), write, Changed::to(json!({ "exists": true }))).await?;
    }
    let status = if known { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(view(&state, app, user).await?)))
}

/// Deletes an account with its profile.
pub(crate) async fn delete(
    Extract(state): Extract<State>,
    Path((app, user)): Path<(String, String)>,
    Extension(context): Extension<AuditContext>,
) -> Result<StatusCode, AdminError> {
    let app = state.app(&app)?;
    let id = app.settings.id;
    if app.settings.is_admin(&user) {
        return Err(AdminError::conflict(format!(
            "{user} is an admin of app {id} and can't be deleted; remove it from the admins first"
        )));
    }
    let user = parse(&user)?;
    // However it was deleted, the app's term begins; only an operator can end it early.
    let noted_at = app.settings.reimport_after.map(|_| state.clock.now());
    let write = Delete { app: id, users: vec![user], noted_at };
    let changed = Changed { before: json!({ "exists": true }), after: json!({ "exists": false }) };
    if state.write_audited(&context, Some(id), write, changed).await? != [true] {
        return Err(missing(id, user));
    }
    tracing::info!(sdkappid = id.0, "an account was deleted by the operator");
    Ok(StatusCode::NO_CONTENT)
}

/// Sets fields as operator: any field that is defined, whoever may write it.
pub(crate) async fn set(
    Extract(state): Extract<State>,
    Path((app, user)): Path<(String, String)>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> Answer<AccountView> {
    let app = state.app(&app)?;
    let (id, user) = (app.settings.id, parse(&user)?);
    let fields: BTreeMap<String, &RawValue> = serde_json::from_slice(&body)
        .map_err(|error| AdminError::bad(format!("send an object of tags and values: {error}")))?;
    let items = fields.iter().map(|(tag, value)| jsonl::raw_item(tag, value));
    let patch = jsonl::check(&app.schema, items).map_err(AdminError::bad)?;
    if patch.is_empty() {
        return Err(AdminError::bad("name at least one field to set"));
    }
    let (at, origin) = (state.clock.now(), state.origin(&app, &context, 1));
    let write = Change { app: id, user, patch, at, origin };
    // The values are the user's: they are not kept a second time, where an erasure would not find them.
    let tags: Vec<&String> = fields.keys().collect();
    match state.write_audited(&context, Some(id), write, Changed::to(json!({ "tags": tags }))).await {
        Err(StoreError::NoSuchAccount) => Err(missing(id, user)),
        stored => {
            stored?;
            app.delivery.wake.notify_one();
            Ok(Json(view(&state, id, user).await?))
        }
    }
}

fn parse(user: &str) -> Result<UserId, AdminError> {
    UserId::parse(user).map_err(|error| AdminError::bad(error.to_string()))
}

fn missing(app: SdkAppId, user: UserId) -> AdminError {
    AdminError::not_found(format!("app {app} has no account {user}"))
}

async fn view(state: &State, app: SdkAppId, user: UserId) -> Result<AccountView, AdminError> {
    let states = state.store.states(app, vec![user]).await?;
    let account = states.first().copied().flatten().ok_or_else(|| missing(app, user))?;
    let found = state.store.profiles(app, vec![user]).await?;
    match found.first() {
        Some(Found::Profile(profile)) => Ok(AccountView {
            user: user.to_string(),
            kicked_at: account.kicked_at.map(|at| at.0),
            profile: types::profile(profile),
        }),
        Some(Found::Damaged) => Err(StoreError::Corrupt(format!("the profile of {user}")).into()),
        Some(Found::Missing) | None => Err(missing(app, user)),
    }
}
