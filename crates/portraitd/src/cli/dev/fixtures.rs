//! The initial data of `portraitd dev`: an app with a key, an admin and accounts, from samples or from a seed.

use super::app_additions::{AdditionArgs, AppAdditions};
use crate::cli::app_key::app_key;
use crate::cli::language::chosen::{language, localized};
use crate::cli::secret_argument;
use anyhow::Context;
use portraitd_admin::secret::random_key;
use portraitd_api::clock::SystemClock;
use portraitd_emulator::seed::app::SeedApp;
use portraitd_emulator::seed::{self, SeedFormat};
use portraitd_model::{
    AccountSeed, AppKey, AppSettings, Clock, CustomField, CustomKeyword, FieldSchema, Language, NewUserId,
    NumberText, Permission, Role, SdkAppId, UncheckedItem, UncheckedValue, UnixMillis, UserId, ValueType,
    Webhook, WebhookToken, WebhookUrl, WordFilter,
};
use portraitd_store::Store;
use std::path::PathBuf;

/// The default SDKAppID.
const SDKAPPID: u32 = 1_400_000_000;

/// The options for the initial data.
#[derive(Debug, clap::Args)]
pub(super) struct FixtureArgs {
    /// The SDKAppID of the app [default: 1400000000, or the seed's first app]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    sdkappid: Option<u32>,
    /// The app's secret key [default: random]. @FILE reads it from a file, - from standard input
    #[arg(long, value_name = "KEY", hide_env_values = true, env = "PORTRAITD_KEY", allow_hyphen_values = true, value_parser = secret_argument::key)]
    key: Option<String>,
    /// The App admin that the printed UserSig is for
    #[arg(long, value_name = "NAME", default_value = AppSettings::ADMINISTRATOR)]
    admin: String,
    /// Start with this file's data instead of the samples: the accounts of one app, as portraitd export
    /// writes them (.jsonl), or apps with their settings and accounts (.toml; docs/EMULATOR.md)
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    seed: Option<PathBuf>,
    #[command(flatten)]
    additions: AdditionArgs,
    /// Send every profile change to this URL (portraitd webhook listen is a receiver)
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// Sign webhook requests with this token
    #[arg(
        long,
        value_name = "TOKEN",
        env = "PORTRAITD_WEBHOOK_TOKEN",
        hide_env_values = true,
        value_parser = secret_argument::secret,
        requires = "webhook"
    )]
    webhook_token: Option<String>,
}

/// An app with the credentials to call it.
pub(super) struct PreparedApp {
    pub(super) app: SdkAppId,
    pub(super) key: AppKey,
    pub(super) admin: UserId,
}

/// Creates the app and its data, or adds the requested key and admin to an app that exists.
pub(super) async fn prepare(
    store: &dyn Store,
    args: &FixtureArgs,
    now: UnixMillis,
) -> anyhow::Result<PreparedApp> {
    let app = SdkAppId(args.sdkappid.unwrap_or(SDKAPPID));
    let additions = AppAdditions::read(&args.additions, app, language())?;
    let Some(file) = &args.seed else {
        return prepare_samples(store, args, &additions, app, now).await;
    };
    let mut app_of_lines = sample_app(app)?;
    if SeedFormat::from_path(file)? == SeedFormat::Lines {
        // So that the accounts can have values in the fields of the options.
        additions.apply(&mut app_of_lines, language())?;
    }
    let mut apps = seed::read(file, &app_of_lines)?;
    let chosen = match args.sdkappid {
        None => apps.iter().position(|known| known.settings.id == app).or(Some(0)),
        Some(_) => apps.iter().position(|known| known.settings.id == app),
    };
    let chosen_app = chosen.and_then(|index| apps.get_mut(index));
    let chosen_app = chosen_app.with_context(|| {
        localized!("--sdkappid: {app} is not in {}", "--sdkappid：没有应用 {app}，文件为 {}", file.display())
    })?;
    let start = apply_args(&mut chosen_app.settings, args, &additions)?;
    for SeedApp { settings, accounts, .. } in apps {
        let id = settings.id;
        store.put_app(settings, None).await?;
        store.import(id, accounts, now, None).await?;
    }
    Ok(start)
}

async fn prepare_samples(
    store: &dyn Store,
    args: &FixtureArgs,
    additions: &AppAdditions,
    app: SdkAppId,
    now: UnixMillis,
) -> anyhow::Result<PreparedApp> {
    let known = store.catalog().await?.into_iter().find(|record| record.settings.id == app);
    let is_new = known.is_none();
    let (mut settings, revision) = match known {
        Some(record) => (record.settings, Some(record.revision)),
        None => (sample_app(app)?, None),
    };
    let before = settings.clone();
    let start = apply_args(&mut settings, args, additions)?;
    if is_new || settings != before {
        store.put_app(settings.clone(), revision).await?;
    }
    if is_new {
        store.import(app, sample_accounts(&settings)?, now, None).await?;
    }
    Ok(start)
}

/// Adds the key, the admin, the webhook, the fields and the words of the options to an app's settings.
fn apply_args(
    settings: &mut AppSettings,
    args: &FixtureArgs,
    additions: &AppAdditions,
) -> anyhow::Result<PreparedApp> {
    let given = match &args.key {
        Some(key) => Some(app_key(key)?),
        None => None,
    };
    let admin = NewUserId::parse(&args.admin).context("--admin")?.id();
    let newest = settings.keys.last().map(|record| record.key.clone());
    let key = match given.or(newest) {
        Some(key) => key,
        None => random_key()?,
    };
    if !settings.keys.iter().any(|record| record.key == key) {
        settings.add_key(key.clone(), Some(SystemClock.now()));
    }
    if !settings.admins.contains(&admin) {
        settings.admins.push(admin);
    }
    if let Some(webhook) = webhook(args)? {
        settings.webhook = Some(webhook);
    }
    additions.apply(settings, language())?;
    additions.check_limit(settings, language())?;
    settings.validate()?;
    Ok(PreparedApp { app: settings.id, key, admin })
}

/// Checks a token of `--admin-token`.
pub(super) fn admin_token(token: &str) -> anyhow::Result<String> {
    let is_valid = (16..=256).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
    anyhow::ensure!(
        is_valid,
        localized!(
            "--admin-token: a token has 16 to 256 visible ASCII characters, without spaces",
            "--admin-token：token 为 16 至 256 个可见 ASCII 字符，不含空格"
        )
    );
    Ok(token.to_owned())
}

fn webhook(args: &FixtureArgs) -> anyhow::Result<Option<Webhook>> {
    let Some(url) = &args.webhook else { return Ok(None) };
    let url = WebhookUrl::parse(url).context("--webhook")?;
    let token = args.webhook_token.as_deref().map(|token| {
        WebhookToken::parse(token).with_context(|| {
            localized!(
                "--webhook-token: a token has 1 to 128 visible ASCII characters, without spaces",
                "--webhook-token：token 为 1 至 128 个可见 ASCII 字符，不含空格"
            )
        })
    });
    Ok(Some(Webhook { url, token: token.transpose()? }))
}

fn sample_app(app: SdkAppId) -> anyhow::Result<AppSettings> {
    let mut settings = AppSettings::new(app);
    "portraitd dev".clone_into(&mut settings.name);
    settings.custom_fields.push(CustomField {
        keyword: CustomKeyword::parse("Test").context("the sample field's keyword")?,
        value_type: ValueType::String,
        read: Permission::EVERYONE,
        write: Permission::EVERYONE,
        retired: false,
    });
    Ok(settings)
}

fn sample_accounts(settings: &AppSettings) -> anyhow::Result<Vec<AccountSeed>> {
    let schema = FieldSchema::of(settings);
    let seed = |user: &str, nick: &'static str, gender: &'static str, birthday: &'static str| {
        let text = |tag, text: &'static str| UncheckedItem { tag, value: UncheckedValue::Text(text.into()) };
        let birthday = UncheckedValue::Number(NumberText(birthday));
        let items = [
            text("Tag_Profile_IM_Nick", nick),
            text("Tag_Profile_IM_Gender", gender),
            UncheckedItem { tag: "Tag_Profile_IM_BirthDay", value: birthday },
            text("Tag_Profile_Custom_Test", "hello"),
        ];
        let patch = schema.check(&WordFilter::default(), Role::Admin, &items);
        let patch = patch.map_err(|error| anyhow::anyhow!(error.explain(Language::English)))?;
        Ok(AccountSeed { user: NewUserId::parse(user)?, patch })
    };
    [
        seed("alice", "Alice", "Gender_Type_Female", "19900101"),
        seed("bob", "Bob", "Gender_Type_Male", "19910202"),
        seed("carol", "卡萝", "Gender_Type_Unknown", "19920303"),
    ]
    .into_iter()
    .collect()
}
