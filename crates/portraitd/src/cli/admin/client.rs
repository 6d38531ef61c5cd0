//! A client of the admin API: over HTTP when a server uses the data directory, in this process when none does.

use crate::cli::http;
use crate::cli::language::localized;
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
use portraitd_admin::state::State;
use portraitd_admin::types::StoreView;
use portraitd_api::clock::SystemClock;
use portraitd_api::registry::Registry;
use portraitd_sqlite::{SqliteSettings, is_in_use};
use portraitd_store::{Store, StoreId};
use portraitd_webhook::event_ids::EventIds;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tower::ServiceExt;

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
    #[arg(long, value_name = "TOKEN", env = "PORTRAITD_ADMIN_TOKEN", hide_env_values = true, value_parser = secret, global = true)]
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

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&foreign(&self.sentence))
    }
}

impl std::error::Error for Refusal {}

/// The admin API, as commands reach it.
pub(crate) enum Operator {
    /// The API of a running server.
    Remote { server: http::Server, token: String },
    /// The API on a stopped server's data, in this process.
    Local { router: Router, store: Arc<dyn Store> },
}

impl Operator {
    /// Finds the admin API. `creates`: a data directory that does not exist is created, with an empty store.
    pub(super) async fn connect(target: &Target, creates: bool) -> anyhow::Result<Self> {
        if let Some(url) = &target.admin_url {
            let token = target.admin_token.clone().with_context(|| {
                localized!("--admin-url needs --admin-token", "--admin-url 需要 --admin-token")
            })?;
            return Ok(Self::Remote { server: http::Server::parse(url)?, token });
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
                "there is no data directory {0}; check --data. For a new one: portraitd app create SDKAPPID --data {0}",
                "没有数据目录 {0}，请检查 --data。如需新建：portraitd app create SDKAPPID --data {0}",
                data.display()
            )
        );
        if is_in_use(data) {
            let (file, token) = (AdminFile::read(data)?, admin_token(data)?);
            let server = http::Server::with_certificate(&file.url, file.certificate.as_deref())?;
            return Ok(Self::Remote { server, token });
        }
        ensure_no_node(data)?;
        let is_new = !data.exists();
        let store = open_directory(data, SqliteSettings::default())?;
        if is_new {
            note(localized!(
                "the data directory {0} is new; the server on it: portraitd serve --data {0}",
                "已新建数据目录 {0}；启动服务：portraitd serve --data {0}",
                data.display()
            ));
        }
        let registry = Arc::new(Registry::load(Arc::clone(&store)).await?);
        let event_ids = Arc::new(EventIds::new(portraitd_admin::secret::random_u64()?));
        let authenticator = Authenticator::InProcess(operating_user().into());
        let state =
            State::new(Arc::clone(&store), registry, Arc::new(SystemClock), event_ids, None, authenticator);
        let listener = AdminListener { local_without_token: false, hosts: AdminHosts::Any, console: false };
        let router = router::router(state, listener);
        Ok(Self::Local { router, store })
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
        let path = format!("/admin/v1{path}");
        let (status, answer) = match self {
            Self::Remote { server, token } => {
                let response = http::call_within(timeout, server, method, &path, Some(token), body).await?;
                (response.status(), response.into_body().to_vec())
            }
            Self::Local { router, .. } => in_process(router.clone(), method, &path, body).await?,
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
        match self {
            Self::Remote { .. } => {}
            Self::Local { store, .. } => store.close().await,
        }
    }
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
pub(crate) fn segment(name: &str) -> impl std::fmt::Display + '_ {
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
