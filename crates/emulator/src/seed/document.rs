//! TOML: apps with keys, admins, fields, words and accounts.

use super::app::SeedApp;
use super::position::line_of;
use portraitd_admin::error::AdminError;
use portraitd_admin::handlers::{apps, fields};
use portraitd_admin::jsonl::check;
use portraitd_admin::secret::random_key;
use portraitd_admin::types::{AppPatch, FieldDefinition, permission_names};
use portraitd_model::{
    AccountSeed, AppKey, AppSettings, CustomField, FieldSchema, FieldValue, NewUserId, Profile, RawItem,
    RawNumber, RawValue, SdkAppId, UserId, Webhook, WebhookToken, WebhookUrl,
};
use portraitd_store::Image;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    app: Vec<Spanned<App<Spanned<Field>, Spanned<Account>>>>,
}

#[derive(Serialize)]
struct Written {
    app: Vec<App<Field, Account>>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct App<F, A> {
    sdkappid: u32,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    keys: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    admins: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    words: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    self_service: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    error_detail: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    allow_ips: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    location_bytes_max: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    custom_fields_max: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    screened_tags: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sensitive_code: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    echo_unknown: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    deletion_forbidden: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reimport_after: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limits: Option<BTreeMap<String, u32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    webhook: Option<Receiver>,
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    field: Vec<F>,
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    account: Vec<A>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Receiver {
    url: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    keyword: String,
    #[serde(rename = "type")]
    value_type: String,
    #[serde(default = "everyone")]
    read: Vec<String>,
    #[serde(default = "everyone")]
    write: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    retired: bool,
}

fn everyone() -> Vec<String> {
    vec!["app".into(), "admin".into()]
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Account {
    #[serde(rename = "UserID")]
    user: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    profile: BTreeMap<String, Value>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged, expecting = "a text or a whole number that is not negative")]
enum Value {
    Number(u64),
    Text(String),
    /// What TOML's numbers can't hold.
    Large {
        number: String,
    },
}

pub(super) fn read(text: &str) -> Result<Vec<SeedApp>, String> {
    let document: Document = toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
    if document.app.is_empty() {
        return Err("there is no [[app]] in it".into());
    }
    let mut apps: Vec<SeedApp> = Vec::new();
    for app in document.app {
        let line = line_of(text, app.span().start);
        let read = self::app(text, app.get_ref(), line)?;
        if apps.iter().any(|known| known.settings.id == read.settings.id) {
            return Err(format!("line {line}: app {} is there twice", read.settings.id));
        }
        apps.push(read);
    }
    Ok(apps)
}

fn app(text: &str, app: &App<Spanned<Field>, Spanned<Account>>, line: usize) -> Result<SeedApp, String> {
    let here = |why: String| format!("line {line}: app {}: {why}", app.sdkappid);
    let at = |line: usize| move |why: String| format!("line {line}: {why}");
    if app.sdkappid == 0 {
        return Err(here("an SDKAppID is a number from 1 to 4294967295".into()));
    }
    let mut settings = AppSettings::new(SdkAppId(app.sdkappid));
    set(&mut settings, app).map_err(here)?;
    for field in &app.field {
        let definition = field.get_ref();
        let read = self::field(definition).map_err(at(line_of(text, field.span().start)))?;
        if settings.custom_fields.iter().any(|known| known.keyword == read.keyword) {
            return Err(here(format!("custom field {} is there twice", read.keyword)));
        }
        settings.custom_fields.push(read);
    }
    settings.validate().map_err(|error| here(error.to_string()))?;
    let schema = FieldSchema::of(&settings);
    let accounts = app.account.iter().map(|account| {
        self::account(&schema, account.get_ref()).map_err(at(line_of(text, account.span().start)))
    });
    Ok(SeedApp { accounts: accounts.collect::<Result<_, _>>()?, settings })
}

fn set<F, A>(settings: &mut AppSettings, app: &App<F, A>) -> Result<(), String> {
    let patch = AppPatch {
        name: app.name.clone(),
        enabled: app.enabled,
        self_service: app.self_service,
        error_detail: app.error_detail.map(Some),
        allow_ips: app.allow_ips.clone(),
        location_bytes_max: app.location_bytes_max,
        custom_fields_max: app.custom_fields_max,
        limits: app.limits.clone(),
        screened_tags: app.screened_tags.clone(),
        sensitive_code: app.sensitive_code,
        echo_unknown: app.echo_unknown,
        deletion_forbidden: app.deletion_forbidden,
        reimport_after: app.reimport_after,
    };
    apps::apply(&patch, settings).map_err(|error| error.message)?;
    let random =
        if app.keys.is_empty() { Some(random_key().map_err(|error| error.to_string())?) } else { None };
    let given = app.keys.iter().map(|key| AppKey::parse(key).ok_or("a key is 1 to 256 printable bytes"));
    for key in given.chain(random.map(Ok)) {
        settings.add_key(key?);
    }
    for admin in &app.admins {
        let admin = NewUserId::parse(admin).map_err(|error| format!("admins: {error}"))?.id();
        if !settings.admins.contains(&admin) {
            settings.admins.push(admin);
        }
    }
    settings.words.clone_from(&app.words);
    if let Some(Receiver { url, token }) = &app.webhook {
        let url = WebhookUrl::parse(url).map_err(|error| format!("webhook: {error}"))?;
        let parse = |token: &String| {
            WebhookToken::parse(token).ok_or("webhook: a token is 1 to 128 visible ASCII characters")
        };
        settings.webhook = Some(Webhook { url, token: token.as_ref().map(parse).transpose()? });
    }
    Ok(())
}

fn field(field: &Field) -> Result<CustomField, String> {
    let Field { keyword, value_type, read, write, retired } = field;
    let definition =
        FieldDefinition { value_type: value_type.clone(), read: read.clone(), write: write.clone() };
    let read = fields::parse_field(keyword, &definition).map_err(|AdminError { message, .. }| message)?;
    Ok(CustomField { retired: *retired, ..read })
}

fn account(schema: &FieldSchema, account: &Account) -> Result<AccountSeed, String> {
    let user = NewUserId::parse(&account.user).map_err(|error| error.to_string())?;
    let numbers: Vec<(&str, String)> = account
        .profile
        .iter()
        .filter_map(|(tag, value)| match value {
            Value::Number(number) => Some((tag.as_str(), number.to_string())),
            Value::Large { number } => Some((tag.as_str(), number.clone())),
            Value::Text(_) => None,
        })
        .collect();
    let texts = account.profile.iter().filter_map(|(tag, value)| match value {
        Value::Text(text) => Some(RawItem { tag, value: RawValue::Text(text.into()) }),
        Value::Number(_) | Value::Large { .. } => None,
    });
    let numbers = numbers.iter().map(|(tag, number)| {
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let value = RawValue::Number(RawNumber(number));
        digits
            .then_some(RawItem { tag, value })
            .ok_or_else(|| format!("{tag}: `{number}` is not a whole number"))
    });
    Ok(AccountSeed { user, patch: check(schema, texts.map(Ok).chain(numbers))? })
}

pub(super) fn write(image: &Image) -> anyhow::Result<String> {
    let app = image.apps().map(|settings| written(settings, image.profiles(settings.id))).collect();
    Ok(toml::to_string(&Written { app })?)
}

fn written<'a>(
    settings: &AppSettings,
    profiles: impl Iterator<Item = (UserId, &'a Profile)>,
) -> App<Field, Account> {
    let fresh = AppSettings::new(settings.id);
    let texts = |list: &[UserId]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let field = |field: &CustomField| Field {
        keyword: field.keyword.to_string(),
        value_type: field.value_type.as_str().to_owned(),
        read: permission_names(field.read),
        write: permission_names(field.write),
        retired: field.retired,
    };
    let changed = |changed: bool| changed.then_some(());
    App {
        sdkappid: settings.id.0,
        keys: settings.keys.iter().map(|record| record.key.expose().to_owned()).collect(),
        admins: texts(&settings.admins),
        words: settings.words.clone(),
        name: changed(settings.name != fresh.name).map(|()| settings.name.clone()),
        enabled: changed(!settings.enabled).map(|()| false),
        self_service: changed(settings.self_service).map(|()| true),
        error_detail: settings.error_detail,
        allow_ips: changed(!settings.allow_ips.is_empty())
            .map(|()| settings.allow_ips.iter().map(ToString::to_string).collect()),
        location_bytes_max: changed(settings.location_bytes_max != fresh.location_bytes_max)
            .map(|()| settings.location_bytes_max),
        custom_fields_max: changed(settings.custom_fields_max != fresh.custom_fields_max)
            .map(|()| settings.custom_fields_max),
        screened_tags: changed(settings.screened_tags != fresh.screened_tags)
            .map(|()| settings.screened_tags.iter().map(ToString::to_string).collect()),
        sensitive_code: changed(settings.sensitive_code != fresh.sensitive_code)
            .map(|()| settings.sensitive_code.code().number()),
        echo_unknown: changed(settings.echo_unknown).map(|()| true),
        deletion_forbidden: changed(settings.deletion_forbidden).map(|()| true),
        reimport_after: settings.reimport_after.map(NonZeroU32::get),
        limits: changed(!settings.limits.is_empty()).map(|()| settings.limits.clone()),
        webhook: settings.webhook.as_ref().map(|webhook| Receiver {
            url: webhook.url.to_string(),
            token: webhook.token.as_ref().map(|token| token.expose().to_owned()),
        }),
        field: settings.custom_fields.iter().map(field).collect(),
        account: profiles.map(|(user, profile)| written_account(user, profile)).collect(),
    }
}

fn written_account(user: UserId, profile: &Profile) -> Account {
    let value = |value: &FieldValue| match value {
        FieldValue::Uint(number) if i64::try_from(*number).is_ok() => Value::Number(*number),
        FieldValue::Uint(number) => Value::Large { number: number.to_string() },
        FieldValue::Text(text) => Value::Text(text.to_string()),
    };
    let items = profile.items().iter().map(|item| (item.tag.to_string(), value(&item.value)));
    Account { user: user.to_string(), profile: items.collect() }
}
