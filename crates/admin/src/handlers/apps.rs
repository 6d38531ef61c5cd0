//! Handlers of apps: settings, keys, App admins.

use crate::audit_log::AuditContext;
use crate::error::AdminError;
use crate::error_code::AdminCode;
use crate::secret::random_key;
use crate::state::{AdminResult, State, parse_body};
use crate::types::{AppPatch, AppView, CreatedKey, NewApp, NewKey};
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use axum::{Extension, Json};
use portraitd_model::{
    AppKey, AppSettings, Bilingual, Command, KeyId, NewUserId, SdkAppId, SensitiveCode, Tag, bilingual,
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
        return Err(AdminError::invalid(bilingual!(
            "sdkappid: 0 is not an SDKAppID, which is a number from 1 to 4294967295",
            "sdkappid：0 不是 SDKAppID，SDKAppID 为 1 到 4294967295 的数字"
        )));
    }
    let mut settings = AppSettings::new(SdkAppId(new.sdkappid));
    settings.rename(&new.name.unwrap_or_default())?;
    let key = parse_or_create_key(&state, new.key)?;
    settings.add_key(key.clone(), Some(state.clock.now()));
    settings.validate()?;
    let view = AppView { key: Some(key.expose().to_owned()), ..AppView::from(&settings) };
    match state.create_app(settings, &context).await {
        Ok(()) => Ok((StatusCode::CREATED, Json(view))),
        Err(StoreError::Conflict) => Err(AdminError::new(
            AdminCode::AlreadyExists,
            bilingual!("app {} exists already", "应用 {} 已存在", new.sdkappid),
        )),
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
        settings.rename(name)?;
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
        let bad = || {
            AdminError::invalid(bilingual!(
                "sensitive_code: {code} is neither 40005 nor 80001",
                "sensitive_code：{code} 既不是 40005 也不是 80001"
            ))
        };
        settings.sensitive_code = choice.ok_or_else(bad)?;
    }
    if let Some(networks) = &patch.allow_ips {
        settings.allow_ips = networks.iter().map(|text| parse_network(text)).collect::<Result<_, _>>()?;
    }
    if let Some(tags) = &patch.screened_tags {
        let tag = |text: &String| {
            Tag::parse(text, settings.id).ok_or_else(|| {
                AdminError::invalid(bilingual!(
                    "screened_tags: `{text}` is not a tag of this app",
                    "screened_tags：`{text}` 不是此应用的字段"
                ))
            })
        };
        settings.screened_tags = tags.iter().map(tag).collect::<Result<_, _>>()?;
    }
    for (command, per_second) in patch.limits.iter().flatten() {
        if command != "total" && Command::named(command).is_none() {
            let names: Vec<_> = Command::all().map(Command::name).collect();
            let known = names.join(", ");
            return Err(AdminError::invalid(bilingual!(
                "limits: no limit is named `{command}`; there are {known} and total",
                "limits：没有名为 `{command}` 的频率限制；可用的有 {known} 与 total"
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
        AdminError::invalid(bilingual!(
            "allow_ips: `{text}` is neither an address nor a network such as 10.0.0.0/8",
            "allow_ips：`{text}` 既不是 IP 地址，也不是 10.0.0.0/8 这样的网段"
        ))
    };
    text.parse().ok().or_else(address).ok_or_else(bad)
}

pub(crate) async fn add_key(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> Result<(StatusCode, Json<CreatedKey>), AdminError> {
    let key = parse_or_create_key(&state, parse_body::<NewKey>(&body)?.key)?;
    let created = state.clock.now();
    let change = move |settings: &mut AppSettings| {
        // Revoked under one number, it would still be in force under the other.
        if let Some(known) = settings.keys.iter().find(|record| record.key == key) {
            return Err(AdminError::new(
                AdminCode::NotPossible,
                bilingual!(
                    "app {} has this key already: it is key {}",
                    "应用 {} 已有此密钥，编号 {}",
                    settings.id,
                    known.id.0
                ),
            ));
        }
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
            return Err(AdminError::new(
                AdminCode::NoSuchItem,
                bilingual!("app {} has no key {key}", "应用 {} 没有密钥 {key}", settings.id),
            ));
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
    let user = NewUserId::parse(&user).map_err(AdminError::invalid_id)?.id();
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
            return Err(AdminError::new(
                AdminCode::NoSuchItem,
                bilingual!(
                    "`{user}` is not an App admin of app {}",
                    "`{user}` 不是应用 {} 的 App 管理员",
                    settings.id
                ),
            ));
        };
        settings.admins.remove(index);
        Ok(AppView::from(&*settings))
    };
    state.change_settings(&app, &context, change).await.map(Json)
}

/// Parses a key that was sent, or generates a random one.
fn parse_or_create_key(state: &State, key: Option<String>) -> Result<AppKey, AdminError> {
    let Some(key) = key else {
        return random_key().map_err(AdminError::system);
    };
    let weakness = || AppKey::weakness(&key).filter(|_| !state.takes_weak_keys);
    if let Some(problem) = AppKey::problem(&key).or_else(weakness) {
        return Err(AdminError::invalid(Bilingual::of(|language| problem.explain(language))));
    }
    AppKey::parse(&key).ok_or_else(|| {
        AdminError::invalid(bilingual!(
            "a key is 1 to 256 printable bytes",
            "密钥为 1 到 256 字节的可打印字符"
        ))
    })
}
