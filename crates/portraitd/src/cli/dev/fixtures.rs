//! What `portraitd dev` starts with: an app with a key, an admin and accounts, from samples or from a file.

use crate::cli::secret_argument::secret;
use anyhow::Context;
use portraitd_admin::secret::random_key;
use portraitd_emulator::seed;
use portraitd_emulator::seed::app::SeedApp;
use portraitd_model::{
    AccountSeed, AppKey, AppSettings, CustomField, CustomKeyword, FieldSchema, Lexicon, NewUserId,
    Permission, RawItem, RawNumber, RawValue, Role, SdkAppId, UnixMillis, UserId, ValueType, Webhook,
    WebhookToken, WebhookUrl,
};
use portraitd_store::Store;
use std::path::PathBuf;

/// The app's number, when nothing says otherwise.
const SDKAPPID: u32 = 1_400_000_000;

/// What to start with.
#[derive(Debug, clap::Args)]
pub(super) struct StartArgs {
    /// The app's number [default: 1400000000, or the seed's first app]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    sdkappid: Option<u32>,
    /// The app's secret key; a random one unless given. @FILE reads it from a file, - from standard input
    #[arg(long, value_name = "KEY", hide_env_values = true, env = "PORTRAITD_KEY", value_parser = secret)]
    key: Option<String>,
    /// The App admin that the printed UserSig is for
    #[arg(long, value_name = "NAME", default_value = AppSettings::ADMINISTRATOR)]
    admin: String,
    /// Start with this file's data instead of the samples: accounts, one a line as portraitd export
    /// writes them (.jsonl), or apps with all that belongs to them (.toml; docs/EMULATOR.md)
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    seed: Option<PathBuf>,
    /// Tell this URL of every profile change (portraitd webhook listen is a receiver)
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// Sign what is told with this token
    #[arg(
        long,
        value_name = "TOKEN",
        env = "PORTRAITD_WEBHOOK_TOKEN",
        hide_env_values = true,
        value_parser = secret,
        requires = "webhook"
    )]
    webhook_token: Option<String>,
}

/// An app that is ready to be called.
pub(super) struct Start {
    pub(super) app: SdkAppId,
    pub(super) key: AppKey,
    pub(super) admin: UserId,
}

/// Sees to it that the app exists with the key and the admin that were asked for.
pub(super) async fn prepare(store: &dyn Store, args: &StartArgs, now: UnixMillis) -> anyhow::Result<Start> {
    let app = SdkAppId(args.sdkappid.unwrap_or(SDKAPPID));
    let Some(file) = &args.seed else {
        return prepare_samples(store, args, app, now).await;
    };
    let mut apps = seed::read(file, &sample_app(app)?)?;
    let chosen = match args.sdkappid {
        None => apps.iter().position(|known| known.settings.id == app).or(Some(0)),
        Some(_) => apps.iter().position(|known| known.settings.id == app),
    };
    let chosen = chosen.and_then(|place| apps.get_mut(place));
    let chosen = chosen.with_context(|| format!("--sdkappid: {app} is not in {}", file.display()))?;
    let start = complete(&mut chosen.settings, args)?;
    for SeedApp { settings, accounts } in apps {
        let id = settings.id;
        store.put_app(settings, None).await?;
        store.import(id, accounts, now, None).await?;
    }
    Ok(start)
}

async fn prepare_samples(
    store: &dyn Store,
    args: &StartArgs,
    app: SdkAppId,
    now: UnixMillis,
) -> anyhow::Result<Start> {
    let known = store.catalog().await?.into_iter().find(|record| record.settings.id == app);
    let fresh = known.is_none();
    let (mut settings, revision) = match known {
        Some(record) => (record.settings, Some(record.revision)),
        None => (sample_app(app)?, None),
    };
    let before = settings.clone();
    let start = complete(&mut settings, args)?;
    if fresh || settings != before {
        store.put_app(settings.clone(), revision).await?;
    }
    if fresh {
        store.import(app, sample_accounts(&settings)?, now, None).await?;
    }
    Ok(start)
}

/// Adds the key, the admin and the webhook that were asked for.
fn complete(settings: &mut AppSettings, args: &StartArgs) -> anyhow::Result<Start> {
    let given = match &args.key {
        Some(key) => Some(AppKey::parse(key).context("--key: a key is 1 to 256 printable bytes")?),
        None => None,
    };
    let admin = NewUserId::parse(&args.admin).context("--admin")?.id();
    let newest = settings.keys.last().map(|record| record.key.clone());
    let key = match given.or(newest) {
        Some(key) => key,
        None => random_key()?,
    };
    if !settings.keys.iter().any(|record| record.key == key) {
        settings.add_key(key.clone());
    }
    if !settings.admins.contains(&admin) {
        settings.admins.push(admin);
    }
    if let Some(webhook) = webhook(args)? {
        settings.webhook = Some(webhook);
    }
    settings.validate()?;
    Ok(Start { app: settings.id, key, admin })
}

/// A token that was given.
pub(super) fn admin_token(token: &str) -> anyhow::Result<String> {
    let fits = (16..=256).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
    anyhow::ensure!(fits, "--admin-token: 16 to 256 visible ASCII characters, without spaces");
    Ok(token.to_owned())
}

fn webhook(args: &StartArgs) -> anyhow::Result<Option<Webhook>> {
    let Some(url) = &args.webhook else { return Ok(None) };
    let url = WebhookUrl::parse(url).context("--webhook")?;
    let token = args.webhook_token.as_deref().map(|token| {
        WebhookToken::parse(token)
            .context("--webhook-token: 1 to 128 visible ASCII characters, without spaces")
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
        let text = |tag, text: &'static str| RawItem { tag, value: RawValue::Text(text.into()) };
        let birthday = RawValue::Number(RawNumber(birthday));
        let items = [
            text("Tag_Profile_IM_Nick", nick),
            text("Tag_Profile_IM_Gender", gender),
            RawItem { tag: "Tag_Profile_IM_BirthDay", value: birthday },
            text("Tag_Profile_Custom_Test", "hello"),
        ];
        let patch = schema.check(&Lexicon::default(), Role::Admin, &items);
        let patch =
            patch.map_err(|error| anyhow::anyhow!(error.explain(portraitd_model::Language::English)))?;
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
