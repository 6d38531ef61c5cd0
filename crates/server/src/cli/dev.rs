//! `portraitd dev`: a working emulator with one command.

use super::hosting;
use super::page;
use super::running::{AdminFile, StopSignals, admin_token, url_here};
use super::secret_argument::secret;
use crate::clock::SystemClock;
use crate::config::{Config, LanguageName, LogFormat};
use crate::observe::start_log;
use crate::secret::{AdminToken, random_key, random_token};
use crate::server::Server;
use anyhow::Context;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use portrait_model::{
    AccountSeed, AppKey, AppSettings, Clock, CustomField, CustomKeyword, FieldSchema, Lexicon, Permission,
    RawItem, RawNumber, RawValue, Role, SdkAppId, SignRequest, UserId, ValueType, Webhook, WebhookToken,
    WebhookUrl, sign,
};
use portrait_store::{Store, StoreUrl};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

/// Start an emulator for development and CI
///
/// Creates an app with a key, an admin, three sample accounts (alice, bob, carol) and the custom
/// field `Tag_Profile_Custom_Test`, then prints what to paste. Without --data nothing is kept after exit.
///
/// UserSigs are checked as in production. Frequency limits are off, and ErrorDisplay explains errors.
/// Only requests to local names are let in, since any web page could send one to your machine.
#[derive(Debug, clap::Args)]
// Flattened into `run`, which has a group of the same name.
#[command(verbatim_doc_comment)]
#[group(skip)]
pub(super) struct Args {
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080", env = "PORTRAITD_SERVER_LISTEN")]
    listen: SocketAddr,
    /// Where the admin API listens
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "127.0.0.1:0",
        env = "PORTRAITD_SERVER_ADMIN_LISTEN"
    )]
    admin_listen: SocketAddr,
    /// Keep everything in this directory instead of in memory
    #[arg(long, value_name = "DIR", env = "PORTRAITD_SERVER_DATA")]
    data: Option<PathBuf>,
    /// The app's number
    #[arg(long, value_name = "N", default_value_t = 1_400_000_000, value_parser = clap::value_parser!(u32).range(1..))]
    sdkappid: u32,
    /// The app's secret key; a random one unless given. @FILE reads it from a file, - from standard input
    #[arg(long, value_name = "KEY", hide_env_values = true, env = "PORTRAITD_KEY", value_parser = secret)]
    key: Option<String>,
    /// The App admin that the printed UserSig is for
    #[arg(long, value_name = "NAME", default_value = AppSettings::ADMINISTRATOR)]
    admin: String,
    /// Switch the cloud's frequency limits on (60007, 60011, 70050)
    #[arg(long)]
    limits: bool,
    /// Answer ErrorDisplay empty, as the cloud does
    #[arg(long)]
    no_error_detail: bool,
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
    /// Also let in requests for this Host or Origin (repeatable)
    #[arg(long, value_name = "HOST")]
    allow_host: Vec<String>,
    #[command(flatten)]
    hosting: hosting::Args,
    /// The language of what is printed and of error details
    #[arg(long, value_enum, default_value_t, env = "PORTRAITD_SERVER_LANGUAGE")]
    language: LanguageName,
    /// How log lines are written
    #[arg(long, value_enum, default_value_t, env = "PORTRAITD_LOG_FORMAT")]
    log_format: LogFormat,
    /// What is logged: error, warn, info, debug (one line a request) or trace
    #[arg(long, value_name = "LEVEL", default_value = "warn", env = "PORTRAITD_LOG_FILTER")]
    log: String,
    /// Print one line of JSON instead of the page
    #[arg(long)]
    json: bool,
}

impl Args {
    pub(super) fn config(&self) -> Config {
        let mut config = Config::default();
        config.server.listen = self.hosting.listen(self.listen);
        config.server.admin_listen = self.admin_listen.into();
        config.server.language = self.language;
        config.server.error_detail = !self.no_error_detail;
        config.server.allow_hosts = Some(self.allow_host.clone());
        config.limits.enabled = self.limits;
        if !self.limits {
            config.limits.usersig_failures_per_ip = 0;
        }
        // A receiver under development is on this machine or near it.
        config.webhook.allow_networks =
            vec![IpNet::from(Ipv4Net::default()), IpNet::from(Ipv6Net::default())];
        config.log.format = self.log_format;
        config.log.filter.clone_from(&self.log);
        config
    }
}

pub(super) fn run(args: Args) -> anyhow::Result<()> {
    start_log(&args.config().log)?;
    super::runtime()?.block_on(dev(args))
}

async fn dev(args: Args) -> anyhow::Result<()> {
    let signals = StopSignals::new()?;
    let running = Running::start(&args).await?;
    running.page.print(args.json, args.language.language(), args.data.as_deref())?;
    signals.asked_to_stop().await;
    running.stop(&args).await;
    Ok(())
}

/// An emulator that serves, and what there is to know of it.
pub(super) struct Running {
    pub(super) page: page::Page,
    server: Server,
    proxy: Option<hosting::Proxy>,
}

impl Running {
    pub(super) async fn start(args: &Args) -> anyhow::Result<Self> {
        let prepared = args.hosting.prepare(&args.allow_host)?;
        let url = args.data.clone().map_or(StoreUrl::Memory, StoreUrl::Directory);
        let store = portrait_store::open(&url)?;
        let token = args.data.as_deref().map_or_else(random_token, admin_token)?;
        let (app, key, admin) = prepare(store.as_ref(), args).await?;
        let server = Server::start(
            &args.config(),
            args.data.as_deref(),
            store,
            Arc::new(SystemClock),
            AdminToken::new(&token),
            prepared.server_tls()?,
        )
        .await?;
        let proxy = args.hosting.open_proxy(&prepared, &server, args.language.language()).await?;
        if let Some(data) = &args.data {
            AdminFile::write(data, &server.admin_urls, None)?;
        }
        let (time, expire) = (SystemClock.now().seconds(), page::USERSIG_SECONDS);
        let usersig =
            sign(&key, SignRequest { app, identifier: admin.as_str(), time, expire, userbuf: None });
        let page = page::Page {
            url: url_here(&server.urls),
            tls_url: server.socket("https").map(|address| format!("https://{}", hosting::here(address))),
            proxy_url: proxy.as_ref().map(hosting::Proxy::url),
            certificates: prepared.directory(),
            admin_url: url_here(&server.admin_urls),
            admin_token: token,
            sdkappid: app.0,
            key: key.expose().to_owned(),
            admin: admin.to_string(),
            usersig,
        };
        Ok(Self { page, server, proxy })
    }

    /// Lets what is in flight finish, and ends everything.
    pub(super) async fn stop(self, args: &Args) {
        self.server.stop().await;
        if let Some(proxy) = self.proxy {
            proxy.stop().await;
        }
        if let Some(data) = &args.data {
            AdminFile::remove(data);
        }
    }
}

/// Sees to it that the app exists with the key and the admin that were asked for.
async fn prepare(store: &dyn Store, args: &Args) -> anyhow::Result<(SdkAppId, AppKey, UserId)> {
    let app = SdkAppId(args.sdkappid);
    let given = match &args.key {
        Some(key) => Some(AppKey::parse(key).context("--key: a key is 1 to 256 printable bytes")?),
        None => None,
    };
    let admin = UserId::parse(&args.admin).context("--admin")?;
    let known = store.catalog().await?.into_iter().find(|record| record.settings.id == app);
    let fresh = known.is_none();
    let (mut settings, revision) = match known {
        Some(record) => (record.settings, Some(record.revision)),
        None => (sample_app(app)?, None),
    };
    let before = settings.clone();
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
    if fresh || settings != before {
        settings.validate()?;
        store.put_app(settings.clone(), revision).await?;
    }
    if fresh {
        store.import(app, sample_accounts(&settings)?, SystemClock.now(), None).await?;
    }
    Ok((app, key, admin))
}

fn webhook(args: &Args) -> anyhow::Result<Option<Webhook>> {
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
            patch.map_err(|error| anyhow::anyhow!(error.explain(portrait_model::Language::English)))?;
        Ok(AccountSeed { user: UserId::parse(user)?, patch })
    };
    [
        seed("alice", "Alice", "Gender_Type_Female", "19900101"),
        seed("bob", "Bob", "Gender_Type_Male", "19910202"),
        seed("carol", "卡萝", "Gender_Type_Unknown", "19920303"),
    ]
    .into_iter()
    .collect()
}
