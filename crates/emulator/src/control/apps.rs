//! Apps to be thrown away: one for each test, so that parallel tests do not meet.

use super::extract::Body;
use super::state::{PREFIX, State};
use super::types::{CreateApp, CreatedApp};
use axum::Json;
use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use portraitd_admin::error::AdminError;
use portraitd_admin::secret::random_key;
use portraitd_admin::state::AdminResult;
use portraitd_model::{AppSettings, Clock, SdkAppId, SignRequest, UserId, Webhook, WebhookUrl, sign};
use portraitd_store::{Image, StoreError};
use serde_json::{Value, json};

/// For how long a throw-away app's UserSig works: 180 days.
const USERSIG_SECONDS: u64 = 180 * 24 * 3600;

pub(super) async fn list(Extract(state): Extract<State>) -> AdminResult<Value> {
    let made = state.sandbox()?.made();
    Ok(Json(json!(made.iter().map(|app| app.0).collect::<Vec<_>>())))
}

pub(super) async fn make(
    Extract(state): Extract<State>,
    Body(make): Body<CreateApp>,
) -> Result<(StatusCode, Json<CreatedApp>), AdminError> {
    let sandbox = state.sandbox()?;
    let like = make.like.map_or(state.emulator.app, SdkAppId);
    let key = random_key().map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let webhook = |app: SdkAppId| {
        let url = format!("{}{PREFIX}/webhooks/{app}", state.url);
        let url = make.webhook.then(|| WebhookUrl::parse(&url).ok()).flatten()?;
        Some(Webhook { url, token: None })
    };
    let image = sandbox.make(like, key, !make.empty, webhook).await?;
    state.registry.reload().await?;
    let made = made(&state, &image).ok_or_else(|| AdminError::conflict("the app is gone again"))?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// What a test needs to call the app.
fn made(state: &State, image: &Image) -> Option<CreatedApp> {
    let settings = image.apps().next()?;
    let key = &settings.keys.first()?.key;
    let (app, admin) = (settings.id, UserId::parse(AppSettings::ADMINISTRATOR).ok()?);
    let time = state.emulator.clock.now().seconds();
    let request = SignRequest { app, identifier: admin, time, expire: USERSIG_SECONDS, userbuf: None };
    Some(CreatedApp {
        url: state.url.to_string(),
        sdkappid: app.0,
        key: key.expose().to_owned(),
        admin: admin.to_string(),
        usersig: sign(key, request),
        accounts: image.accounts(),
        webhook: settings.webhook.as_ref().map(|webhook| webhook.url.to_string()),
    })
}

pub(super) async fn throw_away(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
) -> Result<StatusCode, AdminError> {
    let app =
        app.parse().map(SdkAppId).map_err(|_| AdminError::bad(format!("`{app}` is not an SDKAppID")))?;
    state.sandbox()?.throw_away(app).await?;
    state.registry.reload().await?;
    state.forget(Some(app));
    state.emulator.faults.clear(Some(app));
    Ok(StatusCode::NO_CONTENT)
}
