//! The handler that removes an app with everything of it.

use crate::audit_log::AuditContext;
use crate::drain::drain_in_flight;
use crate::error::AdminError;
use crate::settings_diff;
use crate::state::{AdminResult, State};
use crate::types::RemovedApp;
use axum::extract::{Path, State as Extract};
use axum::{Extension, Json};
use portraitd_model::{AppSettings, SdkAppId, UserId};
use portraitd_store::{
    Delete, Discard, EVENTS_UNIT_MAX, EventState, ForgetDeletions, RemoveApp, Selection, Store,
};

/// Accounts that are listed before they are deleted: with fewer, the list would be made again too often.
const LISTED_MAX: usize = 100_000;
/// Accounts in one page, and in one deletion.
const UNIT: usize = 1000;

/// Refuses the app's calls first and waits for those in flight, so that nothing new arrives; then removes what it has, in units; and at
/// last the app. A removal that was interrupted can be repeated.
pub(crate) async fn remove(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Extension(context): Extension<AuditContext>,
) -> AdminResult<RemovedApp> {
    let close = |settings: &mut AppSettings| {
        settings.enabled = false;
        settings.webhook = None;
        Ok(settings.id)
    };
    let id = state.change_settings(&app, &context, close).await?;
    drain_in_flight(&state, id).await?;
    let accounts = erase(&state, id).await?;
    let settings = state.app(&app)?.settings.clone();
    let change = settings_diff::removed(&settings);
    state.write_audited(&context, Some(id), RemoveApp(id), change).await?;
    state.registry.reload().await?;
    // Operators' calls are refused only now, here and on other nodes.
    if drain_in_flight(&state, id).await.is_err() {
        tracing::warn!(
            sdkappid = id.0,
            "calls that began before the app was removed have not ended after 20 seconds"
        );
    }
    let late = erase(&state, id).await?;
    tracing::info!(sdkappid = id.0, accounts = accounts + late, "app removed");
    Ok(Json(RemovedApp { accounts: accounts + late }))
}

/// Removes an app's accounts, events and notes of deletions; returns the number of accounts.
async fn erase(state: &State, app: SdkAppId) -> Result<u64, AdminError> {
    let store = &*state.store;
    let mut accounts = 0;
    loop {
        let users = list(store, app).await?;
        if users.is_empty() {
            break;
        }
        accounts += users.len() as u64;
        for unit in users.chunks(UNIT) {
            store.perform(Delete { app, users: unit.to_vec(), noted_at: None }, None).await?;
        }
    }
    for state in [EventState::Waiting, EventState::Parked] {
        let selection = || Selection::Oldest(EVENTS_UNIT_MAX);
        while store.perform(Discard { app, state, selection: selection() }, None).await? > 0 {}
    }
    let until = state.clock.now();
    while store.perform(ForgetDeletions { app, until }, None).await? > 0 {}
    Ok(accounts)
}

async fn list(store: &dyn Store, app: SdkAppId) -> Result<Vec<UserId>, AdminError> {
    let mut users: Vec<UserId> = Vec::new();
    while users.len() < LISTED_MAX {
        let page = store.accounts_page(app, String::new(), users.last().copied(), UNIT).await?;
        let is_last = page.len() < UNIT;
        users.extend(page);
        if is_last {
            break;
        }
    }
    Ok(users)
}
