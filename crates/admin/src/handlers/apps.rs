//! Handlers of apps: settings, keys, App admins.

use crate::audit_log::AuditContext;
use crate::error::AdminError;
use crate::secret::random_key;
use crate::state::{AdminResult, State, parse_body};
use crate::types::{AppPatch, AppView, CreatedKey, NewApp, NewKey};
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use axum::{Extension, Json};
use portraitd_model::{
    AppKey, AppSettings, Command, KeyId, Language, NewUserId, SdkAppId, SensitiveCode, Tag,
};
use portraitd_store::StoreError;
use std::num::NonZeroU32;

pub(crate) async fn list(Extract(state): Extract<State>) -> Json<Vec<AppView>> {
    Json(state.registry.all().iter().map(|app| AppView::from(&app.settings)).collect())
}

pub(crate) async fn show(Extract(state): Extract<State>, Path(app): Path<String>) -> AdminResult<AppView> {
    Ok(Json(AppView::from(&state.app(&app)?.settings)))
}

pub(crate) async fn create(
    Extract(state): Extract<State>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> Result<(StatusCode, Json<AppView>), AdminError> {
    let new: NewApp = parse_body(&body)?;
    if new.sdkappid == 0 {
        return Err(AdminError::bad(
            "sdkappid: 0 is not an SDKAppID, which is a number from 1 to 4294967295",
        ));
    }
    let mut settings = AppSettings::new(SdkAppId(new.sdkappid));
    settings.name = new.name.unwrap_or_default();
    let key = parse_or_create_key(new.key)?;
    settings.add_key(key.clone(), Some(state.clock.now()));
    settings.validate()?;
    let view = AppView { key: Some(key.expose().to_owned()), ..AppView::from(&settings) };
    match state.create_app(settings, &context).await {
        Ok(()) => Ok((StatusCode::CREATED, Json(view))),
        Err(StoreError::Conflict) => {
            Err(AdminError::conflict(format!("app {} exists already", new.sdkappid)))
        }
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn patch(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> AdminResult<AppView> {
    let patch: AppPatch = parse_body(&body)?;
    let change = move |settings: &mut AppSettings| {
        apply(&patch, settings)?;
        Ok(AppView::from(&*settings))
    };
    state.change_settings(&app, &context, change).await.map(Json)
}

/// Applies a patch to settings. Absent members stay unchanged, limits are merged by name, lists are replaced.
///
/// An error names the invalid member. The settings are then changed in part, and must be discarded.
pub fn apply(patch: &AppPatch, settings: &mut AppSettings) -> Result<(), AdminError> {
    if let Some(name) = &patch.name {
        settings.name.clone_from(name);
    }
    settings.enabled = patch.enabled.unwrap_or(settings.enabled);
    settings.self_service = patch.self_service.unwrap_or(settings.self_service);
    settings.error_detail = patch.error_detail.unwrap_or(settings.error_detail);
    settings.location_bytes_max = patch.location_bytes_max.unwrap_or(settings.location_bytes_max);
    settings.custom_fields_max = patch.custom_fields_max.unwrap_or(settings.custom_fields_max);
    settings.echo_unknown = patch.echo_unknown.unwrap_or(settings.echo_unknown);
    settings.deletion_forbidden = patch.deletion_forbidden.unwrap_or(settings.deletion_forbidden);
    if let Some(seconds) = patch.reimport_after {
        settings.reimport_after = NonZeroU32::new(seconds);
    }
    if let Some(code) = patch.sensitive_code {
        let choice = SensitiveCode::from_number(code);
        let bad = || AdminError::bad(format!("sensitive_code: {code} is neither 40005 nor 80001"));
        settings.sensitive_code = choice.ok_or_else(bad)?;
    }
    if let Some(networks) = &patch.allow_ips {
        settings.allow_ips = networks.iter().map(|text| parse_network(text)).collect::<Result<_, _>>()?;
    }
    if let Some(tags) = &patch.screened_tags {
        let tag = |text: &String| {
            Tag::parse(text, settings.id)
                .ok_or_else(|| AdminError::bad(format!("screened_tags: `{text}` is not a tag of this app")))
        };
        settings.screened_tags = tags.iter().map(tag).collect::<Result<_, _>>()?;
    }
    for (command, per_second) in patch.limits.iter().flatten() {
        if command != "total" && Command::named(command).is_none() {
            let names: Vec<_> = Command::all().map(Command::name).collect();
            let known = names.join(", ");
            return Err(AdminError::bad(format!(
                "limits: no limit is named `{command}`; there are {known} and total"
            )));
        }
        settings.limits.insert(command.clone(), *per_second);
    }
    Ok(())
}

/// Parses a network such as `10.0.0.0/8`, or one address.
fn parse_network(text: &str) -> Result<ipnet::IpNet, AdminError> {
    let address = || text.parse::<std::net::IpAddr>().map(ipnet::IpNet::from).ok();
    let bad = || {
        AdminError::bad(format!("allow_ips: `{text}` is neither an address nor a network such as 10.0.0.0/8"))
    };
    text.parse().ok().or_else(address).ok_or_else(bad)
}

pub(crate) async fn add_key(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> Result<(StatusCode, Json<CreatedKey>), AdminError> {
    let key = parse_or_create_key(parse_body::<NewKey>(&body)?.key)?;
    let created = state.clock.now();
    let change = move |settings: &mut AppSettings| {
        let id = settings.add_key(key.clone(), Some(created));
        Ok(CreatedKey { id: id.0, key: key.expose().to_owned() })
    };
    Ok((StatusCode::CREATED, Json(state.change_settings(&app, &context, change).await?)))
}

pub(crate) async fn revoke_key(
    Extract(state): Extract<State>,
    Path((app, key)): Path<(String, String)>,
    Extension(context): Extension<AuditContext>,
) -> AdminResult<AppView> {
    let change = move |settings: &mut AppSettings| {
        let id = key.parse().map(KeyId).ok();
        let Some(index) = settings.keys.iter().position(|record| Some(record.id) == id) else {
            return Err(AdminError::not_found(format!("app {} has no key {key}", settings.id)));
        };
        settings.keys.remove(index);
        Ok(AppView::from(&*settings))
    };
    state.change_settings(&app, &context, change).await.map(Json)
}

pub(crate) async fn add_admin(
    Extract(state): Extract<State>,
    Path((app, user)): Path<(String, String)>,
    Extension(context): Extension<AuditContext>,
) -> AdminResult<AppView> {
    let user = NewUserId::parse(&user).map_err(|error| AdminError::bad(error.to_string()))?.id();
    let change = move |settings: &mut AppSettings| {
        if !settings.admins.contains(&user) {
            settings.admins.push(user);
        }
        Ok(AppView::from(&*settings))
    };
    state.change_settings(&app, &context, change).await.map(Json)
}

pub(crate) async fn remove_admin(
    Extract(state): Extract<State>,
    Path((app, user)): Path<(String, String)>,
    Extension(context): Extension<AuditContext>,
) -> AdminResult<AppView> {
    let change = move |settings: &mut AppSettings| {
        let Some(index) = settings.admins.iter().position(|admin| admin.as_str() == user) else {
            return Err(AdminError::not_found(format!(
                "`{user}` is not an App admin of app {}",
                settings.id
            )));
        };
        settings.admins.remove(index);
        Ok(AppView::from(&*settings))
    };
    state.change_settings(&app, &context, change).await.map(Json)
}

/// Parses a key that was sent, or generates a random one.
fn parse_or_create_key(key: Option<String>) -> Result<AppKey, AdminError> {
    let Some(key) = key else {
        return random_key().map_err(|error| AdminError::from(StoreError::Unavailable(error.to_string())));
    };
    if let Some(problem) = AppKey::problem(&key) {
        return Err(AdminError::bad(problem.explain(Language::English)));
    }
    AppKey::parse(&key).ok_or_else(|| AdminError::bad("a key is 1 to 256 printable bytes"))
}
