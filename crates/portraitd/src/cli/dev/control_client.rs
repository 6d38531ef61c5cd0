//! The client of an emulator's control API: its command line options and its calls.

use crate::cli::http;
use crate::cli::language::chosen::localized;
use crate::cli::output::{foreign, print_json, print_json_line, say};
use crate::cli::secret_argument::secret;
use anyhow::Context;
use hyper::{Method, StatusCode};
use portraitd_emulator::control::state::PREFIX;
use portraitd_emulator::control::types::Removed;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The emulator to call.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Emulator")]
pub(super) struct ControlClient {
    /// The emulator's address
    #[arg(long, default_value = "http://127.0.0.1:8080", env = "PORTRAITD_URL", global = true)]
    url: String,
    /// Its admin token; callers on the emulator's machine need none
    #[arg(
        long,
        value_name = "TOKEN",
        env = "PORTRAITD_ADMIN_TOKEN",
        hide_env_values = true,
        value_parser = secret,
        global = true
    )]
    admin_token: Option<String>,
    /// Print the response as JSON
    #[arg(long, global = true)]
    json: bool,
}

impl ControlClient {
    async fn call(&self, method: Method, path: &str, body: &impl Serialize) -> anyhow::Result<bytes::Bytes> {
        #[derive(Deserialize)]
        struct Refusal {
            error: String,
        }
        let base = self.url.trim_end_matches('/');
        let body = if method == Method::GET { Vec::new() } else { serde_json::to_vec(body)? };
        // `null` stands for no body.
        let body = if body == b"null" { Vec::new() } else { body };
        let (server, path) = (http::Server::named("--url", base)?, format!("{PREFIX}{path}"));
        let response = http::call(&server, method, &path, self.admin_token.as_deref(), body).await;
        let response = response.with_context(|| {
            localized!(
                "no emulator answers at {base}; start one with portraitd dev, or name its address with --url or PORTRAITD_URL",
                "{base} 没有模拟器应答；请用 portraitd dev 启动，或用 --url 或 PORTRAITD_URL 指明其地址"
            )
        })?;
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        let refusal: Option<Refusal> = serde_json::from_slice(response.body()).ok();
        match (refusal, response.status()) {
            (Some(_), StatusCode::UNAUTHORIZED) if self.admin_token.is_some() => anyhow::bail!(localized!(
                "--admin-token (PORTRAITD_ADMIN_TOKEN) is not the admin token of the emulator at {base}; \
                 portraitd dev prints it when it starts",
                "--admin-token（PORTRAITD_ADMIN_TOKEN）不是 {base} 处模拟器的管理 token；\
                 portraitd dev 启动时会输出它"
            )),
            (Some(refusal), _) => anyhow::bail!("{}", foreign(&refusal.error)),
            (None, StatusCode::NOT_FOUND | StatusCode::OK) => {
                anyhow::bail!(self.not_an_emulator())
            }
            (None, status) => anyhow::bail!(localized!("{base} answered {status}", "{base} 应答了 {status}")),
        }
    }

    /// Reads from the control API.
    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        let response = self.call(Method::GET, path, &()).await?;
        serde_json::from_slice(&response).with_context(|| self.not_an_emulator())
    }

    /// Prints one entry of a list, in one line of JSON or of text.
    pub(super) fn print(&self, entry: &Value, line: impl FnOnce(&Value) -> String) {
        if self.json {
            // JSON can be written.
            let _ = print_json_line(entry);
        } else {
            say(foreign(&line(entry)));
        }
    }

    fn not_an_emulator(&self) -> String {
        localized!(
            "{} has no control API: it is not a portraitd dev",
            "{} 没有控制 API：它不是 portraitd dev",
            self.url
        )
    }

    /// Calls the control API, and prints the response as JSON or as lines of text.
    pub(super) async fn show<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: &impl Serialize,
        lines: impl FnOnce(T) -> Vec<String>,
    ) -> anyhow::Result<()> {
        let response = self.call(method, path, body).await?;
        let not_an_emulator = || self.not_an_emulator();
        if self.json {
            let value: Value = serde_json::from_slice(&response).with_context(not_an_emulator)?;
            return print_json(&value);
        }
        for line in lines(serde_json::from_slice(&response).with_context(not_an_emulator)?) {
            say(foreign(&line));
        }
        Ok(())
    }

    pub(super) async fn clear(&self, path: &str, app: Option<u32>) -> anyhow::Result<()> {
        let path = app.map_or_else(|| path.to_owned(), |app| format!("{path}?app={app}"));
        let line = |Removed { removed }| vec![localized!("{removed} removed", "已移除 {removed} 条")];
        self.show(Method::DELETE, &path, &(), line).await
    }

    pub(super) async fn call_without_output(&self, method: Method, path: &str) -> anyhow::Result<()> {
        self.call(method, path, &()).await.map(drop)
    }
}
