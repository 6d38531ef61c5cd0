//! `portraitd console`: a link that signs a browser in to the console once.

use super::client::{Target, with_operator};
use crate::cli::http;
use crate::cli::language::chosen::localized;
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
        let server = operator.server().with_context(|| {
            let serve = operator.command("serve");
            localized!(
                "no server runs on this data directory; start one: {serve}",
                "此数据目录上没有运行中的服务；请启动：{serve}"
            )
        })?;
        let base = server.url();
        anyhow::ensure!(
            base.host_and_port().is_some(),
            localized!(
                "a browser can't reach the Unix socket {base}; add a TCP address to server.admin_listen",
                "浏览器无法访问 Unix 套接字 {base}；请在 server.admin_listen 中添加一个 TCP 地址"
            )
        );
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
        started.with_context(|| {
            localized!("can't start {opener}; open the link by hand", "无法启动 {opener}；请手动打开该链接")
        })?;
    }
    Ok(())
}
