//! The stored form of an app's settings: versioned JSON, and the words as a separate text, one a line: there may be 100,000.

use portraitd_model::{
    AppKey, AppSettings, CustomField, CustomKeyword, KeyId, KeyRecord, Permission, SdkAppId, SensitiveCode,
    Tag, UnixMillis, UserId, ValueType, Webhook, WebhookToken, WebhookUrl, Words,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::num::NonZeroU32;
use zeroize::Zeroizing;

/// Version 1, of portraitd 0.1, has no `webhook`; version 2 has none of the members after it.
const VERSION: u32 = 3;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
struct Stored {
    v: u32,
    name: String,
    enabled: bool,
    keys: Vec<StoredKey>,
    next_key_id: u32,
    admins: Vec<String>,
    limits: BTreeMap<String, u32>,
    self_service: bool,
    error_detail: Option<bool>,
    allow_ips: Vec<String>,
    location_bytes_max: usize,
    custom_fields_max: usize,
    custom_fields: Vec<StoredField>,
    screened_tags: Vec<String>,
    #[serde(default)]
    webhook: Option<StoredWebhook>,
    #[serde(default)]
    sensitive_code: StoredSensitiveCode,
    #[serde(default)]
    echo_unknown: bool,
    #[serde(default)]
    deletion_forbidden: bool,
    #[serde(default)]
    reimport_after: Option<NonZeroU32>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(rename_all = "lowercase")]
enum StoredSensitiveCode {
    #[default]
    Profile,
    Content,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredWebhook {
    url: String,
    token: Option<Zeroizing<String>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredKey {
    id: u32,
    key: Zeroizing<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_ms: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredField {
    keyword: String,
    #[serde(rename = "type")]
    value_type: String,
    read: StoredPermission,
    write: StoredPermission,
    retired: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredPermission {
    user: bool,
    admin: bool,
}

/// Writes settings: the JSON, and the words.
pub fn encode_settings(settings: &AppSettings) -> Result<(Zeroizing<String>, String), serde_json::Error> {
    let permission =
        |permission: Permission| StoredPermission { user: permission.user, admin: permission.admin };
    let field = |field: &CustomField| StoredField {
        keyword: field.keyword.to_string(),
        value_type: field.value_type.as_str().to_owned(),
        read: permission(field.read),
        write: permission(field.write),
        retired: field.retired,
    };
    let key = |record: &KeyRecord| StoredKey {
        id: record.id.0,
        key: Zeroizing::new(record.key.expose().to_owned()),
        created_ms: record.created.map(|at| at.0),
    };
    let webhook = |webhook: &Webhook| StoredWebhook {
        url: webhook.url.to_string(),
        token: webhook.token.as_ref().map(|token| Zeroizing::new(token.expose().to_owned())),
    };
    let stored = Stored {
        v: VERSION,
        name: settings.name.clone(),
        enabled: settings.enabled,
        keys: settings.keys.iter().map(key).collect(),
        next_key_id: settings.next_key_id,
        admins: settings.admins.iter().map(ToString::to_string).collect(),
        limits: settings.limits.clone(),
        self_service: settings.self_service,
        error_detail: settings.error_detail,
        allow_ips: settings.allow_ips.iter().map(ToString::to_string).collect(),
        location_bytes_max: settings.location_bytes_max,
        custom_fields_max: settings.custom_fields_max,
        custom_fields: settings.custom_fields.iter().map(field).collect(),
        screened_tags: settings.screened_tags.iter().map(ToString::to_string).collect(),
        webhook: settings.webhook.as_ref().map(webhook),
        sensitive_code: match settings.sensitive_code {
            SensitiveCode::Profile => StoredSensitiveCode::Profile,
            SensitiveCode::Content => StoredSensitiveCode::Content,
        },
        echo_unknown: settings.echo_unknown,
        deletion_forbidden: settings.deletion_forbidden,
        reimport_after: settings.reimport_after,
    };
    Ok((wiped_json(&stored)?, settings.words.lines().trim_end().to_owned()))
}

/// JSON in a buffer that is wiped when dropped. It is made once, in its full size: one that grows leaves copies of the
/// keys behind in freed memory.
fn wiped_json(stored: &Stored) -> Result<Zeroizing<String>, serde_json::Error> {
    let mut size = Counter(0);
    serde_json::to_writer(&mut size, stored)?;
    let mut json = Zeroizing::new(Vec::with_capacity(size.0));
    serde_json::to_writer(&mut *json, stored)?;
    // serde_json writes UTF-8.
    Ok(Zeroizing::new(String::from_utf8(std::mem::take(&mut *json)).unwrap_or_default()))
}

/// Counts what is written to it.
struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads settings back; the error describes what is wrong.
pub fn decode_settings(id: SdkAppId, json: &str, words: &str) -> Result<AppSettings, String> {
    let stored: Stored = serde_json::from_str(json).map_err(|error| error.to_string())?;
    if !(1..=VERSION).contains(&stored.v) {
        return Err(format!(
            "version {} of the settings is not known; this portraitd knows 1 to {VERSION}",
            stored.v
        ));
    }
    let user = |text: &String| UserId::parse(text).map_err(|error| error.to_string());
    let tag = |text: &String| Tag::parse(text, id).ok_or_else(|| format!("`{text}` is not a tag"));
    let network = |text: &String| text.parse().map_err(|_| format!("`{text}` is not a network"));
    Ok(AppSettings {
        id,
        name: stored.name,
        enabled: stored.enabled,
        keys: stored.keys.iter().map(key).collect::<Result<_, _>>()?,
        next_key_id: stored.next_key_id,
        admins: stored.admins.iter().map(user).collect::<Result<_, _>>()?,
        limits: stored.limits,
        self_service: stored.self_service,
        error_detail: stored.error_detail,
        allow_ips: stored.allow_ips.iter().map(network).collect::<Result<_, _>>()?,
        location_bytes_max: stored.location_bytes_max,
        custom_fields_max: stored.custom_fields_max,
        custom_fields: stored.custom_fields.iter().map(field).collect::<Result<_, _>>()?,
        words: Words::from_lines(words),
        screened_tags: stored.screened_tags.iter().map(tag).collect::<Result<_, _>>()?,
        webhook: stored.webhook.as_ref().map(webhook).transpose()?,
        sensitive_code: match stored.sensitive_code {
            StoredSensitiveCode::Profile => SensitiveCode::Profile,
            StoredSensitiveCode::Content => SensitiveCode::Content,
        },
        echo_unknown: stored.echo_unknown,
        deletion_forbidden: stored.deletion_forbidden,
        reimport_after: stored.reimport_after,
    })
}

/// The message must not repeat the secret.
fn key(stored: &StoredKey) -> Result<KeyRecord, String> {
    let key = AppKey::parse(&stored.key).ok_or_else(|| format!("key {} is not a key", stored.id))?;
    Ok(KeyRecord { id: KeyId(stored.id), key, created: stored.created_ms.map(UnixMillis) })
}

/// The message must not repeat the URL or the secret.
fn webhook(stored: &StoredWebhook) -> Result<Webhook, String> {
    let url = WebhookUrl::parse(&stored.url).map_err(|error| format!("webhook: {error}"))?;
    let token =
        |text: &Zeroizing<String>| WebhookToken::parse(text).ok_or("webhook: the token can't be used");
    Ok(Webhook { url, token: stored.token.as_ref().map(token).transpose()? })
}

fn field(stored: &StoredField) -> Result<CustomField, String> {
    let permission =
        |permission: &StoredPermission| Permission { user: permission.user, admin: permission.admin };
    let bad = |what: &str| format!("custom field `{}`: bad {what}", stored.keyword);
    Ok(CustomField {
        keyword: CustomKeyword::parse(&stored.keyword).ok_or_else(|| bad("keyword"))?,
        value_type: ValueType::parse_custom(&stored.value_type).ok_or_else(|| bad("type"))?,
        read: permission(&stored.read),
        write: permission(&stored.write),
        retired: stored.retired,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_read_back() {
        let mut settings = AppSettings::new(SdkAppId(1_400_000_000));
        settings.name = "名".into();
        settings.add_key(AppKey::parse("k\"ey").unwrap(), None);
        settings.add_key(AppKey::parse("later").unwrap(), Some(UnixMillis(1_764_000_000_000)));
        settings.limits.insert("portrait_set".into(), 7);
        settings.error_detail = Some(false);
        settings.allow_ips = vec!["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()];
        settings.words = ["one", "二"].iter().collect();
        settings.webhook = Some(Webhook {
            url: WebhookUrl::parse("https://example.com/hook?a=b").unwrap(),
            token: WebhookToken::parse("xxxxyyyy"),
        });
        settings.sensitive_code = SensitiveCode::Content;
        settings.reimport_after = NonZeroU32::new(7_776_000);
        (settings.echo_unknown, settings.deletion_forbidden) = (true, true);
        settings.custom_fields.push(CustomField {
            keyword: CustomKeyword::parse("Test").unwrap(),
            value_type: ValueType::Uint64,
            read: Permission::ADMINS,
            write: Permission::EVERYONE,
            retired: true,
        });
        let (json, words) = encode_settings(&settings).unwrap();
        assert!(
            json.contains(r#"{"id":1,"key":"k\"ey"}"#),
            "a key without a time is stored as before: {}",
            *json
        );
        assert_eq!(decode_settings(settings.id, &json, &words), Ok(settings));
    }

    #[test]
    fn unknown_settings_are_refused_without_showing_keys() {
        let (json, _) = encode_settings(&AppSettings::new(SdkAppId(1))).unwrap();
        let newer = json.replace("\"v\":3", "\"v\":4");
        assert!(decode_settings(SdkAppId(1), &newer, "").unwrap_err().contains("version 4"));
        assert!(decode_settings(SdkAppId(1), "{}", "").is_err());
        let odd = json.replace("\"sensitive_code\":\"profile\"", "\"sensitive_code\":\"other\"");
        assert!(decode_settings(SdkAppId(1), &odd, "").unwrap_err().contains("unknown variant"));
        let bad = json.replace("\"keys\":[]", "\"keys\":[{\"id\":3,\"key\":\"se\\u0000cret\"}]");
        assert_eq!(decode_settings(SdkAppId(1), &bad, ""), Err("key 3 is not a key".into()));
    }
}
