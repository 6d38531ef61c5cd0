//! `portraitd healthcheck`: asks a running server whether it can write; for containers and scripts.

use super::instance::AdminFile;
use crate::cli::http;
use crate::cli::language::localized;
use hyper::{Method, StatusCode};
use std::path::PathBuf;
use std::time::Duration;

/// Ask the server on a data directory whether it can write; exit code 0 = yes
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The data directory
    #[arg(long, value_name = "DIR", env = "PORTRAITD_SERVER_DATA", default_value = "portraitd-data")]
    data: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let file = AdminFile::read(&args.data)?;
    crate::cli::runtime::runtime()?.block_on(ready(file))?;
    crate::cli::output::say("ready");
    Ok(())
}

/// Fails unless the server that wrote this file can write to its store.
pub(super) async fn ready(file: AdminFile) -> anyhow::Result<()> {
    const TIMEOUT: Duration = Duration::from_secs(4);
    let server = http::Server::with_certificate(&file.url, file.certificate.as_deref())?;
    let answer = http::call_within(TIMEOUT, &server, Method::GET, "/readyz", None, Vec::new()).await?;
    let body = String::from_utf8_lossy(answer.body());
    anyhow::ensure!(
        answer.status() == StatusCode::OK,
        localized!("not ready: {}", "未就绪：{}", body.trim_end())
    );
    Ok(())
}
