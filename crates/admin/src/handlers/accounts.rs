//! Handlers of accounts: list, show, create, set fields, delete.

use crate::audit_log::{AuditChange, AuditContext};
use crate::error::AdminError;
use crate::error_code::AdminCode;
use crate::jsonl;
use crate::parse_problem;
use crate::state::{AdminResult, State};
use crate::types::{self, AccountView, AccountsView, ProfileJson};
use axum::body::Bytes;
use axum::extract::{Path, Query, State as Extract};
use axum::http::StatusCode;
use axum::{Extension, Json};
use portraitd_model::{
    AccountSeed, Bilingual, NewUserId, ProfilePatch, SdkAppId, StandardTag, UserId, bilingual,
};
use portraitd_store::{Change, Delete, Found, Import, StoreError};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The most accounts in a page.
const PAGE_MAX: usize = 1000;
/// The most accounts in a page with their profiles.
const PROFILES_MAX: usize = 100;
/// The most accounts that one search by nickname reads.
const SCANNED_MAX: usize = 2000;

/// The query of a list of accounts.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PageQuery {
    /// Only accounts whose UserID starts with this.
    #[serde(default)]
    prefix: String,
    /// Only accounts whose UserID is greater than this.
    after: Option<String>,
    /// The most accounts in the page; default 100, at most 1000, with `profile` or `nick` 100.
    limit: Option<usize>,
    /// Only accounts whose nickname contains this, in any case. At most 2000 accounts are read for it: with fewer found and a
    /// `next`, the search goes on there.
    nick: Option<String>,
    /// Whether the profiles are wanted too.
    #[serde(default)]
    profile: bool,
}

pub(crate) async fn page(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Query(query): Query<PageQuery>,
) -> AdminResult<AccountsView> {
    let app = state.app(&app)?;
    let after = query.after.as_deref().map(UserId::parse).transpose();
    let after = after.map_err(|error| {
        AdminError::invalid(Bilingual::of(|language| error.explain(language)).of_member("after"))
    })?;
    let limit = query.limit.unwrap_or(100);
    let (id, prefix) = (app.settings.id, query.prefix);
    let view = match (query.nick, query.profile) {
        (Some(nick), profile) => {
            let limit = limit.clamp(1, PROFILES_MAX);
            let mut view = with_nick(&state, id, prefix, after, limit, &nick.to_lowercase()).await?;
            view.profiles = view.profiles.filter(|_| profile);
            view
        }
        (None, true) => {
            let (users, next) = ids(&state, id, prefix, after, limit.clamp(1, PROFILES_MAX)).await?;
            let profiles = profiles(&state, id, &users).await?;
            AccountsView { accounts: names(&users), next, profiles: Some(profiles.into_iter().collect()) }
        }
        (None, false) => {
            let (users, next) = ids(&state, id, prefix, after, limit.clamp(1, PAGE_MAX)).await?;
            AccountsView { accounts: names(&users), next, profiles: None }
        }
    };
    Ok(Json(view))
}

/// Returns a page of ids, and the `after` of the next page.
async fn ids(
    state: &State,
    app: SdkAppId,
    prefix: String,
    after: Option<UserId>,
    limit: usize,
) -> Result<(Vec<UserId>, Option<String>), AdminError> {
    // One account more than asked for shows whether there is a next page.
    let mut users = state.store.accounts_page(app, prefix, after, limit + 1).await?;
    let more = users.len() > limit;
    users.truncate(limit);
    let next = users.last().filter(|_| more).map(ToString::to_string);
    Ok((users, next))
}

fn names(users: &[UserId]) -> Vec<String> {
    users.iter().map(ToString::to_string).collect()
}

/// Returns the profiles of those that have a readable one, in the order of the ids.
async fn profiles(
    state: &State,
    app: SdkAppId,
    users: &[UserId],
) -> Result<Vec<(String, ProfileJson)>, AdminError> {
    let found = state.store.profiles(app, users.to_vec()).await?;
    let readable = |(user, found): (&UserId, Found)| match found {
        Found::Profile(profile) => Some((user.to_string(), types::profile_json(&profile))),
        Found::Missing | Found::Damaged => None,
    };
    Ok(users.iter().zip(found).filter_map(readable).collect())
}

/// Looks for a nickname, through a bounded number of accounts.
async fn with_nick(
    state: &State,
    app: SdkAppId,
    prefix: String,
    mut after: Option<UserId>,
    limit: usize,
    nick: &str,
) -> Result<AccountsView, AdminError> {
    let (mut hits, mut next) = (Vec::new(), None);
    for _ in 0..SCANNED_MAX / PROFILES_MAX {
        let (users, more) = ids(state, app, prefix.clone(), after, PROFILES_MAX).await?;
        for (user, profile) in profiles(state, app, &users).await? {
            let own = profile.get(StandardTag::Nick.as_str()).and_then(|value| value.as_str());
            if own.is_some_and(|own| own.to_lowercase().contains(nick)) {
                hits.push((user, profile));
            }
        }
        after = users.last().copied();
        next = more;
        if next.is_none() || hits.len() >= limit {
            break;
        }
    }
    if hits.len() > limit {
        hits.truncate(limit);
        next = hits.last().map(|(user, _)| user.clone());
    }
    let accounts = hits.iter().map(|(user, _)| user.clone()).collect();
    Ok(AccountsView { accounts, next, profiles: Some(hits.into_iter().collect()) })
}

pub(crate) async fn show(
    Extract(state): Extract<State>,
    Path((app, user)): Path<(String, String)>,
) -> AdminResult<AccountView> {
    let app = state.app(&app)?.settings.id;
    Ok(Json(view(&state, app, parse_user(&user)?).await?))
}

/// Creates an account; one that exists stays unchanged.
pub(crate) async fn create(
    Extract(state): Extract<State>,
    Path((app, user)): Path<(String, String)>,
    Extension(context): Extension<AuditContext>,
) -> Result<(StatusCode, Json<AccountView>), AdminError> {
    let app = state.app(&app)?.settings.id;
    let user = parse_user(&user)?;
    let exists = state.store.states(app, vec![user]).await?.first().copied().flatten().is_some();
    if !exists {
        let new = NewUserId::new(user).map_err(AdminError::invalid_id)?;
        let (seeds, at) =
            (vec![AccountSeed { user: new, patch: ProfilePatch::default() }], state.clock.now());
        let write = Import { app, seeds, at, origin: None, deleted_after: None };
        state
            .write_audited(&context, Some(app), write, AuditChange::without_before(json!({ "exists": true })))
            .await?;
    }
    let status = if exists { StatusCode::OK } else { StatusCode::CREATED };
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
        return Err(AdminError::new(
            AdminCode::InUse,
            bilingual!(
                "{user} is an admin of app {id} and can't be deleted; remove it from the admins first",
                "{user} 是应用 {id} 的 App 管理员，不能删除；请先移除其管理员身份"
            ),
        ));
    }
    let user = parse_user(&user)?;
    // An operator's deletion is noted like any other, so the app's `reimport_after` applies to it.
    let noted_at = app.settings.reimport_after.map(|_| state.clock.now());
    let write = Delete { app: id, users: vec![user], noted_at };
    let changed = AuditChange { before: json!({ "exists": true }), after: json!({ "exists": false }) };
    if state.write_audited(&context, Some(id), write, changed).await? != [true] {
        return Err(account_not_found(id, user));
    }
    tracing::info!(sdkappid = id.0, "an operator deleted an account");
    Ok(StatusCode::NO_CONTENT)
}

/// Sets fields as operator: permissions to write do not apply.
pub(crate) async fn set(
    Extract(state): Extract<State>,
    Path((app, user)): Path<(String, String)>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> AdminResult<AccountView> {
    let app = state.app(&app)?;
    let (id, user) = (app.settings.id, parse_user(&user)?);
    let fields: BTreeMap<String, &RawValue> = serde_json::from_slice(&body).map_err(|error| {
        AdminError::invalid(
            parse_problem::of_json(&error)
                .after("the body is not an object of tags and values: ", "包体不是由字段与值组成的对象："),
        )
    })?;
    let items = fields.iter().map(|(tag, value)| jsonl::unchecked_item(tag, value));
    let patch = jsonl::check(&app.schema, items).map_err(AdminError::invalid)?;
    if patch.is_empty() {
        return Err(AdminError::invalid(bilingual!(
            "the body names no field; send at least one tag with its value",
            "包体中没有字段，请至少填写一个字段及其值"
        )));
    }
    let (at, origin) = (state.clock.now(), state.origin(&app, &context, 1));
    let write = Change { app: id, user, patch, at, origin };
    // The values are personal data. The audit log records their tags only, since deleting an account does not change it.
    let tags: Vec<&String> = fields.keys().collect();
    match state
        .write_audited(&context, Some(id), write, AuditChange::without_before(json!({ "tags": tags })))
        .await
    {
        Err(StoreError::NoSuchAccount) => Err(account_not_found(id, user)),
        stored => {
            stored?;
            app.delivery.wake.notify_one();
            Ok(Json(view(&state, id, user).await?))
        }
    }
}

fn parse_user(user: &str) -> Result<UserId, AdminError> {
    UserId::parse(user).map_err(AdminError::invalid_id)
}

pub(super) fn account_not_found(app: SdkAppId, user: UserId) -> AdminError {
    AdminError::new(
        AdminCode::NoSuchAccount,
        bilingual!("app {app} has no account {user}", "应用 {app} 没有账号 {user}"),
    )
}

async fn view(state: &State, app: SdkAppId, user: UserId) -> Result<AccountView, AdminError> {
    let states = state.store.states(app, vec![user]).await?;
    let account = states.first().copied().flatten().ok_or_else(|| account_not_found(app, user))?;
    let found = state.store.profiles(app, vec![user]).await?;
    match found.first() {
        Some(Found::Profile(profile)) => Ok(AccountView {
            user: user.to_string(),
            kicked_at: account.kicked_at.map(|at| at.0),
            profile: types::profile_json(profile),
        }),
        Some(Found::Damaged) => {
            Err(StoreError::Corrupt(bilingual!("the profile of {user}", "{user} 的资料")).into())
        }
        Some(Found::Missing) | None => Err(account_not_found(app, user)),
    }
}
