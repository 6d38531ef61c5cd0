//! Writes the data of an emulator as a seed in TOML. Settings with their default are left out.

use super::tables::{AccountTable, AppTable, FieldTable, ProfileValue, WebhookTable, WrittenDocument};
use portraitd_admin::types::permission_names;
use portraitd_model::{AppSettings, CustomField, FieldValue, Profile, UserId};
use portraitd_store::Image;
use std::num::NonZeroU32;

/// Writes every app of an image.
pub(in crate::seed) fn write(image: &Image) -> anyhow::Result<String> {
    let app = image.apps().map(|settings| app_table(settings, image.profiles(settings.id))).collect();
    Ok(toml::to_string(&WrittenDocument { app })?)
}

fn app_table<'a>(
    settings: &AppSettings,
    profiles: impl Iterator<Item = (UserId, &'a Profile)>,
) -> AppTable<FieldTable, AccountTable> {
    let defaults = AppSettings::new(settings.id);
    let texts = |list: &[UserId]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let field = |field: &CustomField| FieldTable {
        keyword: field.keyword.to_string(),
        value_type: field.value_type.as_str().to_owned(),
        read: permission_names(field.read),
        write: permission_names(field.write),
        retired: field.retired,
    };
    let changed = |changed: bool| changed.then_some(());
    AppTable {
        sdkappid: settings.id.0,
        keys: settings.keys.iter().map(|record| record.key.expose().to_owned()).collect(),
        admins: texts(&settings.admins),
        words: settings.words.iter().map(str::to_owned).collect(),
        name: changed(settings.name != defaults.name).map(|()| settings.name.clone()),
        enabled: changed(!settings.enabled).map(|()| false),
        self_service: changed(settings.self_service).map(|()| true),
        error_detail: settings.error_detail,
        allow_ips: changed(!settings.allow_ips.is_empty())
            .map(|()| settings.allow_ips.iter().map(ToString::to_string).collect()),
        location_bytes_max: changed(settings.location_bytes_max != defaults.location_bytes_max)
            .map(|()| settings.location_bytes_max),
        custom_fields_max: changed(settings.custom_fields_max != defaults.custom_fields_max)
            .map(|()| settings.custom_fields_max),
        screened_tags: changed(settings.screened_tags != defaults.screened_tags)
            .map(|()| settings.screened_tags.iter().map(ToString::to_string).collect()),
        sensitive_code: changed(settings.sensitive_code != defaults.sensitive_code)
            .map(|()| settings.sensitive_code.code().number()),
        echo_unknown: changed(settings.echo_unknown).map(|()| true),
        deletion_forbidden: changed(settings.deletion_forbidden).map(|()| true),
        reimport_after: settings.reimport_after.map(NonZeroU32::get),
        limits: changed(!settings.limits.is_empty()).map(|()| settings.limits.clone()),
        webhook: settings.webhook.as_ref().map(|webhook| WebhookTable {
            url: webhook.url.to_string(),
            token: webhook.token.as_ref().map(|token| token.expose().to_owned()),
        }),
        field: settings.custom_fields.iter().map(field).collect(),
        account: profiles.map(|(user, profile)| account_table(user, profile)).collect(),
    }
}

fn account_table(user: UserId, profile: &Profile) -> AccountTable {
    let value = |value: &FieldValue| match value {
        FieldValue::Uint(number) if i64::try_from(*number).is_ok() => ProfileValue::Number(*number),
        FieldValue::Uint(number) => ProfileValue::Large { number: number.to_string() },
        FieldValue::Text(text) => ProfileValue::Text(text.to_string()),
    };
    let items = profile.items().iter().map(|item| (item.tag.to_string(), value(&item.value)));
    AccountTable { user: user.to_string(), profile: items.collect() }
}
