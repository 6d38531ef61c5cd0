//! Parses and checks a seed in TOML. An error names the line.

use super::tables::{AccountTable, AppTable, FieldTable, ProfileValue, ReadDocument, WebhookTable};
use crate::line_number::line_number;
use crate::seed::app::SeedApp;
use crate::toml_problem;
use portraitd_admin::handlers::{apps, fields};
use portraitd_admin::jsonl::check;
use portraitd_admin::secret::random_key;
use portraitd_admin::types::{AppPatch, FieldDefinition};
use portraitd_admin::word_list::WordList;
use portraitd_model::{
    AccountSeed, AppError, AppKey, AppSettings, Bilingual, CustomField, FieldSchema, IdError, NewUserId,
    NumberText, SdkAppId, UncheckedItem, UncheckedValue, Webhook, WebhookToken, WebhookUrl, bilingual,
};
use toml::Spanned;

/// Reads every app of a seed.
pub(in crate::seed) fn read(text: &str) -> Result<Vec<SeedApp>, Bilingual> {
    let document: ReadDocument = toml::from_str(text).map_err(|error| toml_problem::explain(text, &error))?;
    if document.app.is_empty() {
        return Err(bilingual!("there is no [[app]] in the file", "文件中没有 [[app]]"));
    }
    let mut apps: Vec<SeedApp> = Vec::new();
    for app in document.app {
        let line = line_number(text, app.span().start);
        let parsed = parse_app(text, app.get_ref(), line)?;
        if apps.iter().any(|known| known.settings.id == parsed.settings.id) {
            return Err(bilingual!(
                "line {line}: app {} is there twice",
                "第 {line} 行：应用 {} 重复",
                parsed.settings.id
            ));
        }
        apps.push(parsed);
    }
    Ok(apps)
}

fn parse_app(
    text: &str,
    app: &AppTable<Spanned<FieldTable>, Spanned<AccountTable>>,
    line: usize,
) -> Result<SeedApp, Bilingual> {
    let number = app.sdkappid;
    let at = |line: usize| {
        move |reason: Bilingual| reason.after(&format!("line {line}: "), &format!("第 {line} 行："))
    };
    let in_app =
        |reason: Bilingual| at(line)(reason.after(&format!("app {number}: "), &format!("应用 {number}：")));
    if app.sdkappid == 0 {
        return Err(in_app(bilingual!(
            "an SDKAppID is a number from 1 to 4294967295",
            "SDKAppID 为 1 到 4294967295 的数字"
        )));
    }
    let mut settings = AppSettings::new(SdkAppId(app.sdkappid));
    apply_settings(&mut settings, app).map_err(in_app)?;
    for field in &app.field {
        let definition = field.get_ref();
        let parsed = parse_field(definition).map_err(at(line_number(text, field.span().start)))?;
        if settings.custom_fields.iter().any(|known| known.keyword == parsed.keyword) {
            return Err(in_app(bilingual!(
                "custom field {} is there twice",
                "自定义字段 {} 重复",
                parsed.keyword
            )));
        }
        settings.add_field(parsed).map_err(|error| in_app(explained(&error)))?;
    }
    settings.validate().map_err(|error| in_app(explained(&error)))?;
    let schema = FieldSchema::of(&settings);
    let accounts = app.account.iter().map(|account| {
        parse_account(&schema, account.get_ref()).map_err(at(line_number(text, account.span().start)))
    });
    let has_own_keys = !app.keys.is_empty();
    Ok(SeedApp { has_own_keys, accounts: accounts.collect::<Result<_, _>>()?, settings })
}

fn explained(error: &AppError) -> Bilingual {
    Bilingual::of(|language| error.explain(language))
}

fn apply_settings<F, A>(settings: &mut AppSettings, app: &AppTable<F, A>) -> Result<(), Bilingual> {
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
    apps::apply(&patch, settings).map_err(|error| error.sentence)?;
    let generated = if app.keys.is_empty() { Some(random_key().map_err(Bilingual::quoted)?) } else { None };
    let given = app.keys.iter().map(|key| app_key(key));
    for key in given.chain(generated.map(Ok)) {
        settings.add_key(key?, None);
    }
    for admin in &app.admins {
        let admin = NewUserId::parse(admin).map_err(|error| of_id(error).of_member("admins"))?.id();
        if !settings.admins.contains(&admin) {
            settings.admins.push(admin);
        }
    }
    settings.words = WordList::of_members(&[], &app.words)
        .map_err(|error| Bilingual::of(|language| error.explain(language)).of_member("words"))?
        .words;
    if let Some(WebhookTable { url, token }) = &app.webhook {
        let url = WebhookUrl::parse(url)
            .map_err(|error| Bilingual::of(|language| error.explain(language)).of_member("webhook"))?;
        let parse = |token: &String| {
            WebhookToken::parse(token).ok_or_else(|| {
                bilingual!(
                    "webhook: a token is 1 to 128 visible ASCII characters",
                    "webhook：令牌（token）应为 1 到 128 个可见的 ASCII 字符"
                )
            })
        };
        settings.webhook = Some(Webhook { url, token: token.as_ref().map(parse).transpose()? });
    }
    Ok(())
}

fn parse_field(field: &FieldTable) -> Result<CustomField, Bilingual> {
    let FieldTable { keyword, value_type, read, write, retired } = field;
    let definition =
        FieldDefinition { value_type: value_type.clone(), read: read.clone(), write: write.clone() };
    let read = fields::parse_field(keyword, &definition).map_err(|error| error.sentence)?;
    Ok(CustomField { retired: *retired, ..read })
}

fn parse_account(schema: &FieldSchema, account: &AccountTable) -> Result<AccountSeed, Bilingual> {
    let user = NewUserId::parse(&account.user).map_err(of_id)?;
    let numbers: Vec<(&str, String)> = account
        .profile
        .iter()
        .filter_map(|(tag, value)| match value {
            ProfileValue::Number(number) => Some((tag.as_str(), number.to_string())),
            ProfileValue::Large { number } => Some((tag.as_str(), number.clone())),
            ProfileValue::Text(_) => None,
        })
        .collect();
    let texts = account.profile.iter().filter_map(|(tag, value)| match value {
        ProfileValue::Text(text) => Some(UncheckedItem { tag, value: UncheckedValue::Text(text.into()) }),
        ProfileValue::Number(_) | ProfileValue::Large { .. } => None,
    });
    let numbers = numbers.iter().map(|(tag, number)| {
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let value = UncheckedValue::Number(NumberText(number));
        digits.then_some(UncheckedItem { tag, value }).ok_or_else(|| {
            bilingual!("`{number}` is not a whole number", "`{number}` 不是整数").of_member(tag)
        })
    });
    Ok(AccountSeed { user, patch: check(schema, texts.map(Ok).chain(numbers))? })
}

fn of_id(error: IdError) -> Bilingual {
    Bilingual::of(|language| error.explain(language))
}

fn app_key(text: &str) -> Result<AppKey, Bilingual> {
    match AppKey::problem(text) {
        Some(problem) => Err(Bilingual::of(|language| problem.explain(language)).of_member("keys")),
        None => AppKey::parse(text).ok_or_else(|| {
            bilingual!("keys: a key is 1 to 256 printable bytes", "keys：密钥为 1 到 256 字节的可打印字符")
        }),
    }
}
