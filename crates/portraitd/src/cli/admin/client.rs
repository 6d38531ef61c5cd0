//! A client of the admin API: over HTTP when a server uses the data directory, in this process when none does.

use crate::cli::command_hint::{on_directory, on_server};
use crate::cli::http;
use crate::cli::language::chosen::localized;
use crate::cli::output::{foreign, note};
use crate::cli::secret_argument::secret;
use crate::cli::serve::instance::{AdminFile, admin_token};
use crate::open_store::{ensure_no_node, open_directory};
use anyhow::Context;
use axum::Router;
use axum::body::Body;
use http_body_util::BodyExt;
use hyper::{Method, Request, StatusCode, header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use portraitd_admin::auth::Authenticator;
use portraitd_admin::origin::AdminHosts;
use portraitd_admin::router::{self, AdminListener};
use portraitd_admin::routes::PREFIX;
use portraitd_admin::state::State;
use portraitd_admin::types::StoreView;
use portraitd_api::clock::SystemClock;
use portraitd_api::registry::Registry;
use portraitd_http::server_url::ServerUrl;
use portraitd_sqlite::{SqliteSettings, is_in_use};
use portraitd_store::{Store, StoreId};
use portraitd_webhook::event_ids::EventIds;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

const TOKEN_VARIABLE: &str = "PORTRAITD_ADMIN_TOKEN";

/// The store that a command works on.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Where")]
pub(crate) struct Target {
    /// The data directory, whether its server runs or not
    #[arg(long, value_name = "DIR", env = "PORTRAITD_SERVER_DATA", global = true)]
    data: Option<PathBuf>,
    /// The admin API of a running server, `http://127.0.0.1:8081` or `unix:/path`
    #[arg(long, value_name = "URL", env = "PORTRAITD_ADMIN_URL", conflicts_with = "data", global = true)]
    admin_url: Option<String>,
    /// The admin API's token: @FILE reads it from a file such as admin.token in the data directory
    #[arg(long, value_name = "TOKEN", env = TOKEN_VARIABLE, hide_env_values = true, value_parser = secret, global = true)]
    admin_token: Option<String>,
}

impl Target {
    /// The data directory, if it is named.
    pub(crate) fn data(&self) -> Option<&Path> {
        self.data.as_deref()
    }
}

/// An error answer of the admin API.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    sentence: String,
}

impl Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&foreign(&self.sentence))
    }
}

impl std::error::Error for Refusal {}

/// The admin API, as commands reach it.
pub(crate) struct Operator {
    api: Api,
    place: Place,
}

enum Api {
    /// That of a running server.
    Remote { server: http::Server, token: String },
    /// That on a stopped server's data, in this process.
    Local { router: Router, store: Arc<dyn Store> },
}

/// The store, as the operator named it.
enum Place {
    Directory(PathBuf),
    Url(String),
}

impl Operator {
    /// Returns a command to run on the same store.
    pub(crate) fn command(&self, command: impl Display) -> String {
        match &self.place {
            Place::Directory(data) => on_directory(command, data),
            Place::Url(url) => on_server(command, url, std::env::var_os(TOKEN_VARIABLE).is_some()),
        }
    }

    /// Returns the running server; `None` when none runs.
    pub(super) fn server(&self) -> Option<&http::Server> {
        if let Api::Remote { server, .. } = &self.api { Some(server) } else { None }
    }

    /// Finds the admin API. `creates`: a data directory that does not exist is created, with an empty store.
    pub(super) async fn connect(target: &Target, creates: bool) -> anyhow::Result<Self> {
        if let Some(url) = &target.admin_url {
            let token = target.admin_token.clone().with_context(|| {
                localized!("--admin-url needs --admin-token", "--admin-url 需要 --admin-token")
            })?;
            let api = Api::Remote { server: http::Server::named("--admin-url", url)?, token };
            return Ok(Self { api, place: Place::Url(url.clone()) });
        }
        let data = target.data.as_deref().with_context(|| {
            localized!(
                "name the store with --data DIR, or with --admin-url URL and --admin-token TOKEN (portraitd dev prints both)",
                "请用 --data DIR 指明数据，或用 --admin-url URL 与 --admin-token TOKEN（portraitd dev 会输出两者）"
            )
        })?;
        anyhow::ensure!(
            creates || data.is_dir(),
            localized!(
                "there is no data directory {}; check --data. For a new one: {}",
                "没有数据目录 {}，请检查 --data。如需新建：{}",
                data.display(),
                on_directory("app create SDKAPPID", data)
            )
        );
        let place = Place::Directory(data.to_owned());
        if is_in_use(data) {
            let (file, token) = (AdminFile::read(data)?, admin_token(data)?);
            let server = http::Server::with_certificate(&file.url, file.certificate.as_deref())?;
            return Ok(Self { api: Api::Remote { server, token }, place });
        }
        ensure_no_node(data)?;
        let is_new = !data.exists();
        let store = open_directory(data, SqliteSettings::default())?;
        if is_new {
            note(localized!(
                "the data directory {} is new; the server on it: {}",
                "已新建数据目录 {}；启动服务：{}",
                data.display(),
                on_directory("serve", data)
            ));
        }
        let registry = Arc::new(Registry::load(Arc::clone(&store)).await?);
        let event_ids = Arc::new(EventIds::new(portraitd_admin::secret::random_u64()?));
        let authenticator = Authenticator::InProcess(operating_user().into());
        let state =
            State::new(Arc::clone(&store), registry, Arc::new(SystemClock), event_ids, None, authenticator);
        let listener = AdminListener { local_without_token: false, hosts: AdminHosts::Any, console: false };
        let router = router::router(state, listener);
        Ok(Self { api: Api::Local { router, store }, place })
    }

    /// Calls the admin API with a JSON body and reads a JSON answer.
    pub(super) async fn json<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
    ) -> anyhow::Result<T> {
        let answer = self.bytes(method, path, serde_json::to_vec(body)?).await?;
        serde_json::from_slice(&answer).with_context(unreadable_answer)
    }

    /// The identity of the store.
    pub(crate) async fn store(&self) -> anyhow::Result<StoreId> {
        let view: StoreView = self.get("/store").await?;
        view.id.parse().with_context(unreadable_answer)
    }

    /// Reads a JSON answer.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let answer = self.bytes(Method::GET, path, Vec::new()).await?;
        serde_json::from_slice(&answer).with_context(unreadable_answer)
    }

    /// Calls the admin API and returns the body of its answer. An error answer is a [`Refusal`].
    pub(crate) async fn bytes(&self, method: Method, path: &str, body: Vec<u8>) -> anyhow::Result<Vec<u8>> {
        self.bytes_within(http::TIMEOUT, method, path, body).await
    }

    /// Like [`Self::bytes`], with another timeout.
    pub(crate) async fn bytes_within(
        &self,
        timeout: Duration,
        method: Method,
        path: &str,
        body: Vec<u8>,
    ) -> anyhow::Result<Vec<u8>> {
        let path = format!("{PREFIX}{path}");
        let (status, answer) = match &self.api {
            Api::Remote { server, token } => {
                let response = http::call_within(timeout, server, method, &path, Some(token), body).await?;
                let answer = response.body().to_vec();
                anyhow::ensure!(!is_of_public_api(&answer), public_api(server.url()));
                (response.status(), answer)
            }
            Api::Local { router, .. } => in_process(router.clone(), method, &path, body).await?,
        };
        if status.is_success() {
            return Ok(answer);
        }
        let error = serde_json::from_slice::<serde_json::Value>(&answer).ok();
        let error = error.as_ref().and_then(|json| json.get("error")?.as_str());
        let sentence = error.unwrap_or(status.as_str()).to_owned();
        Err(Refusal { status, sentence }.into())
    }

    /// Closes the store, if it was opened here.
    pub(super) async fn close(self) {
        match self.api {
            Api::Remote { .. } => {}
            Api::Local { store, .. } => store.close().await,
        }
    }
}

fn public_api(url: &ServerUrl) -> String {
    localized!(
        "{url} is the public API, which back ends call; --admin-url is the address of the admin API (server.admin_listen, by \
         default http://127.0.0.1:8081)",
        "{url} 是供后台调用的公共 API；--admin-url 应为管理 API 的地址（server.admin_listen，默认为 http://127.0.0.1:8081）"
    )
}

/// Whether an answer is one of `/v4`, which answers every path.
fn is_of_public_api(answer: &[u8]) -> bool {
    /// Longer ones are what the admin API was asked for.
    const BYTES_MAX: usize = 1 << 10;
    let json = Some(answer).filter(|answer| answer.len() <= BYTES_MAX);
    let json = json.and_then(|answer| serde_json::from_slice::<serde_json::Value>(answer).ok());
    json.is_some_and(|json| ["ErrorInfo", "ErrorCode"].iter().all(|member| json.get(member).is_some()))
}

/// The operating system's user, as the audit log names the person at a command line: `os:alice`, or `os:1000` for a user
/// without a name. The system is asked, since `$USER` can be set to anything.
fn operating_user() -> String {
    let id = rustix::process::geteuid().as_raw();
    let user = uzers::get_user_by_uid(id);
    format!("os:{}", user.map_or_else(|| id.to_string(), |user| user.name().to_string_lossy().into_owned()))
}

async fn in_process(
    router: Router,
    method: Method,
    path: &str,
    body: Vec<u8>,
) -> anyhow::Result<(StatusCode, Vec<u8>)> {
    let request = Request::builder().method(method).uri(path);
    let request =
        request.header(header::ACCEPT_LANGUAGE, http::accepted_language()).body(Body::from(body))?;
    let response = match router.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let status = response.status();
    Ok((status, response.into_body().collect().await?.to_bytes().to_vec()))
}

/// Says that an answer of the admin API is not one that this version knows.
pub(crate) fn unreadable_answer() -> String {
    localized!(
        "the answer of the admin API can't be read; is the server another version?",
        "无法读取管理 API 的应答；服务是否为另一版本？"
    )
}

/// A name, percent-encoded as one segment of a path.
pub(crate) fn segment(name: &str) -> impl Display + '_ {
    utf8_percent_encode(name, NON_ALPHANUMERIC)
}

/// Runs `work` on the admin API, and closes the store also when it fails.
pub(crate) fn with_operator<T>(
    target: &Target,
    work: impl AsyncFnOnce(&Operator) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    run(target, false, work)
}

/// Like [`with_operator`], for work that may be the first on a data directory: it is created when it does not exist.
pub(super) fn with_new_store<T>(
    target: &Target,
    work: impl AsyncFnOnce(&Operator) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    run(target, true, work)
}

fn run<T>(
    target: &Target,
    creates: bool,
    work: impl AsyncFnOnce(&Operator) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    crate::cli::runtime::runtime()?.block_on(async {
        let operator = Operator::connect(target, creates).await?;
        let outcome = work(&operator).await;
        operator.close().await;
        outcome
    })
}
