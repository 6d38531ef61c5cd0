//! `portraitd console`: a link that signs a browser in to the console once.

use super::client::{Operator, Target, with_operator};
use crate::cli::http;
use crate::cli::language::localized;
use crate::cli::output::say;
use anyhow::Context;
use hyper::{Method, StatusCode};
use portraitd_admin::types::console::CreatedTicket;
use std::process::{Command, Stdio};

/// Print a link that signs a browser in to the console once
///
/// The link works for five minutes and for one browser. The console is part of the admin API's
/// address; `portraitd dev` has it at its own URL too, where no sign-in is needed.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// Open the link in the browser as well
    #[arg(long)]
    open: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let link = with_operator(&args.target, async |operator| {
        let Operator::Remote { server, .. } = operator else {
            anyhow::bail!("no server runs on this data directory; start one with portraitd serve");
        };
        let base = server
            .url()
            .context("a browser can't reach a Unix socket; add a TCP address to server.admin_listen")?;
        let page =
            http::call_within(http::TIMEOUT, server, Method::GET, "/console/", None, Vec::new()).await?;
        anyhow::ensure!(
            page.status() != StatusCode::NOT_FOUND,
            localized!(
                "this server has no console: its setting server.console is false, or it was built without the feature `console`",
                "该服务没有控制台：其配置项 server.console 为 false，或构建时未启用 `console` 特性"
            )
        );
        let CreatedTicket { ticket, .. } = operator.json(Method::POST, "/login-link", &()).await?;
        Ok(format!("{base}/console/#login={ticket}"))
    })?;
    say(&link);
    if args.open {
        let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
        let started = Command::new(opener).arg(&link).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        started.with_context(|| format!("can't start {opener}; open the link by hand"))?;
    }
    Ok(())
}
