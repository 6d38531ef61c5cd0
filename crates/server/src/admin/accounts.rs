//! Accounts: listed page by page, and shown with their profiles.

use super::view::{self, AccountView, AccountsView};
use super::{AdminError, Answer, State};
use axum::Json;
use axum::extract::{Path, Query, State as Extract};
use portrait_model::UserId;
use portrait_store::Found;
use serde::Deserialize;

/// The most accounts of a page.
const PAGE_MAX: usize = 1000;

#[derive(Deserialize)]
pub(super) struct PageQuery {
    #[serde(default)]
    prefix: String,
    after: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn page(
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

pub(super) async fn show(
    Extract(state): Extract<State>,
    Path((app, user)): Path<(String, String)>,
) -> Answer<AccountView> {
    let app = state.app(&app)?.settings.id;
    let id = UserId::parse(&user).map_err(|error| AdminError::bad(error.to_string()))?;
    let missing = || AdminError::not_found(format!("app {app} has no account {user}"));
    let states = state.store.states(app, vec![id]).await?;
    let account = states.first().copied().flatten().ok_or_else(missing)?;
    let found = state.store.profiles(app, vec![id]).await?;
    match found.first() {
        Some(Found::Profile(profile)) => Ok(Json(AccountView {
            user,
            kicked_at: account.kicked_at.map(|at| at.0),
            profile: view::profile(profile),
        })),
        Some(Found::Damaged) => {
            Err(portrait_store::StoreError::Corrupt(format!("the profile of {user}")).into())
        }
        Some(Found::Missing) | None => Err(missing()),
    }
}
