//! URLs of servers as arguments.

use anyhow::Context;
use portraitd_admin::routes::PREFIX as ADMIN;
use portraitd_emulator::control::state::PREFIX as CONTROL;
use portraitd_http::server_url::ServerUrl;

/// What people paste with a URL, and calls add by themselves: the paths of the APIs, and that of the console.
const PATHS: [&str; 4] = ["/v4", ADMIN, CONTROL, "/console"];

/// Reads the URL of a server. No parser of clap's: its errors repeat the value, which may hold a password.
pub(super) fn server_url(text: &str) -> anyhow::Result<ServerUrl> {
    let url = ServerUrl::parse(text)?;
    PATHS.into_iter().try_for_each(|path| url.ensure_without(path))?;
    Ok(url)
}

/// Reads the URL that is the value of this option, which errors name.
pub(super) fn option_url(option: &'static str, text: &str) -> anyhow::Result<ServerUrl> {
    server_url(text).context(option)
}
