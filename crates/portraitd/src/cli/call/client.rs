//! A client of the public API for the shell: signs a call, sends it, and turns an error answer into a sentence.

use crate::cli::app_key::app_key;
use crate::cli::http;
use crate::cli::language::chosen::localized;
use crate::cli::output::foreign;
use crate::cli::sdk_app_id::sdk_app_id;
use crate::cli::secret_argument;
use anyhow::Context;
use hyper::Method;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use portraitd_api::clock::SystemClock;
use portraitd_model::{AppSettings, Clock, SdkAppId, SignRequest, UserId, sign};
use serde_json::Value;

/// The server to call, and the App admin in whose name.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct Client {
    /// The server's address
    #[arg(long, default_value = "http://127.0.0.1:8080", env = "PORTRAITD_URL")]
    url: String,
    /// The app
    #[arg(long, value_name = "N", default_value_t = 1_400_000_000, env = "PORTRAITD_SDKAPPID", value_parser = sdk_app_id)]
    sdkappid: u32,
    /// The app's secret key (portraitd dev prints it); @FILE reads it from a file, - from standard input
    #[arg(long, env = "PORTRAITD_KEY", hide_env_values = true, allow_hyphen_values = true, value_parser = secret_argument::key)]
    key: String,
    /// The App admin that signs the call
    #[arg(long, value_name = "NAME", default_value = AppSettings::ADMINISTRATOR, value_parser = UserId::parse)]
    admin: UserId,
}

impl Client {
    /// Calls one API. Returns its answer, or the error code with its sentence.
    pub(crate) async fn call(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        const MINUTE: u64 = 60;
        let key = app_key(&self.key)?;
        let (app, time) = (SdkAppId(self.sdkappid), SystemClock.now().seconds());
        let request = SignRequest { app, identifier: self.admin, time, expire: MINUTE, userbuf: None };
        let admin = utf8_percent_encode(self.admin.as_str(), NON_ALPHANUMERIC);
        let usersig = sign(&key, request);
        let server = http::Server::named("--url", &self.url)?;
        let path =
            format!("{path}?sdkappid={app}&identifier={admin}&usersig={usersig}&random=1&contenttype=json");
        let response = http::call(&server, Method::POST, &path, None, serde_json::to_vec(body)?).await?;
        let answer: Value = serde_json::from_slice(response.body())
            .with_context(|| localized!("the answer is not JSON", "应答不是 JSON"))?;
        let code = answer.get("ErrorCode").and_then(Value::as_u64).with_context(|| {
            let url = server.url();
            localized!(
                "the answer of {url} has no ErrorCode; --url is the address of the public API (server.listen, by default \
                 http://127.0.0.1:8080)",
                "{url} 的应答中没有 ErrorCode；--url 应为公共 API 的地址（server.listen，默认为 http://127.0.0.1:8080）"
            )
        })?;
        if code == 0 {
            return Ok(answer);
        }
        let info = answer.get("ErrorInfo").and_then(Value::as_str).unwrap_or_default();
        let detail = response.headers().get("x-error-detail").and_then(|value| value.to_str().ok());
        let detail = percent_decode_str(detail.unwrap_or_default()).decode_utf8_lossy();
        anyhow::bail!("{code} {}\n{}", foreign(info), foreign(&detail))
    }
}
