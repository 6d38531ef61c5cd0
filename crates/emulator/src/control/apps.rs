//! Handlers of throw-away apps. With one app for each test, tests can run in parallel.

use super::extract::JsonBody;
use super::state::{ControlState, PREFIX};
use super::types::{CreateApp, CreatedApp};
use axum::Json;
use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use portraitd_admin::error::AdminError;
use portraitd_admin::error_code::AdminCode;
use portraitd_admin::secret::random_key;
use portraitd_admin::state::AdminResult;
use portraitd_model::{
    AppSettings, Clock, SdkAppId, SignRequest, UserId, Webhook, WebhookUrl, bilingual, sign,
};
use portraitd_store::Image;
use serde_json::{Value, json};

/// For how long the UserSig of a throw-away app is valid: 180 days.
const USERSIG_SECONDS: u64 = 180 * 24 * 3600;

pub(super) async fn list(Extract(state): Extract<ControlState>) -> AdminResult<Value> {
    let apps = state.sandbox()?.throw_away_apps();
    Ok(Json(json!(apps.iter().map(|app| app.0).collect::<Vec<_>>())))
}

pub(super) async fn create(
    Extract(state): Extract<ControlState>,
    JsonBody(request): JsonBody<CreateApp>,
) -> Result<(StatusCode, Json<CreatedApp>), AdminError> {
    let sandbox = state.sandbox()?;
    let template = request.like.map_or(state.emulator.app, SdkAppId);
    let key = random_key().map_err(AdminError::system)?;
    let webhook = |app: SdkAppId| {
        let url = format!("{}{PREFIX}/webhooks/{app}", state.url);
        let url = request.webhook.then(|| WebhookUrl::parse(&url).ok()).flatten()?;
        Some(Webhook { url, token: None })
    };
    let image =
        sandbox.create_app(template, key, state.emulator.clock.now(), !request.empty, webhook).await?;
    state.registry.reload().await?;
    let created = created_app(&state, &image);
    let created = created.ok_or_else(|| {
        AdminError::new(
            AdminCode::ChangedMeanwhile,
            bilingual!("another call has deleted the app already", "其他请求已删除该应用"),
        )
    })?;
    Ok((StatusCode::CREATED, Json(created)))
}

/// Returns the credentials that a test needs to call the app.
fn created_app(state: &ControlState, image: &Image) -> Option<CreatedApp> {
    let settings = image.apps().next()?;
    let key = &settings.keys.first()?.key;
    let (app, admin) = (settings.id, UserId::parse(AppSettings::ADMINISTRATOR).ok()?);
    let time = state.emulator.clock.now().seconds();
    let to_sign = SignRequest { app, identifier: admin, time, expire: USERSIG_SECONDS, userbuf: None };
    Some(CreatedApp {
        url: state.url.to_string(),
        sdkappid: app.0,
        key: key.expose().to_owned(),
        admin: admin.to_string(),
        usersig: sign(key, to_sign),
        accounts: image.accounts(),
        webhook: settings.webhook.as_ref().map(|webhook| webhook.url.to_string()),
    })
}

pub(super) async fn delete(
    Extract(state): Extract<ControlState>,
    Path(app): Path<String>,
) -> Result<StatusCode, AdminError> {
    let app = app.parse().map(SdkAppId).map_err(|_| AdminError::no_sdkappid(&app))?;
    state.sandbox()?.delete_app(app).await?;
    state.registry.reload().await?;
    state.clear_records(Some(app));
    state.emulator.faults.clear(Some(app));
    Ok(StatusCode::NO_CONTENT)
}
