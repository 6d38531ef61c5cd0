//! `portraitd healthcheck`: asks a running server whether it can write; for containers and scripts.

use super::instance::AdminFile;
use crate::cli::http;
use crate::cli::language::chosen::localized;
use crate::cli::output::note;
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
    let problem = crate::cli::runtime::runtime()?.block_on(ready(file))?;
    crate::cli::output::say(localized!("ready", "就绪"));
    if let Some(problem) = problem {
        note(localized!("warning: {problem}", "警告：{problem}"));
    }
    Ok(())
}

/// Fails unless the server that wrote this file can write to its store. Returns what it says needs an operator all the same.
pub(super) async fn ready(file: AdminFile) -> anyhow::Result<Option<String>> {
    let (status, body) = get(file, "/readyz").await?;
    anyhow::ensure!(status == StatusCode::OK, localized!("not ready: {}", "未就绪：{}", body.trim_end()));
    Ok(body
        .split_once('\n')
        .map(|(_, problem)| problem.trim_end().to_owned())
        .filter(|said| !said.is_empty()))
}

/// Reads a path that needs no token.
pub(super) async fn get(file: AdminFile, path: &str) -> anyhow::Result<(StatusCode, String)> {
    const TIMEOUT: Duration = Duration::from_secs(4);
    let server = http::Server::with_certificate(&file.url, file.certificate.as_deref())?;
    let answer = http::call_within(TIMEOUT, &server, Method::GET, path, None, Vec::new()).await?;
    Ok((answer.status(), String::from_utf8_lossy(answer.body()).into_owned()))
}
