//! `portraitd env`: prints the environment variables for a running emulator, in the syntax of a shell.

use super::emulator_info::{DEFAULT_URL, EmulatorInfo};
use super::shell_syntax::Shell;
use super::variables::{Way, variables};
use crate::cli::http;
use crate::cli::language::chosen::localized;
use crate::cli::output::{print_json, say};
use anyhow::Context;
use hyper::Method;
use portraitd_emulator::control::environment::PATH as ENVIRONMENT;
use std::collections::BTreeMap;
use std::time::Duration;

/// The time limit of the request; a running emulator answers at once.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Print the environment for a running emulator: eval "$(portraitd env)"
///
/// Asks the emulator for its addresses and credentials, and prints them as variables. With --tls or
/// --proxy, the variables that make each language trust the certificate and use the proxy are
/// printed as well. `portraitd run -- COMMAND` starts an emulator and sets the same for one command.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The emulator's URL
    #[arg(long, default_value = DEFAULT_URL, env = "PORTRAITD_URL")]
    url: String,
    /// The shell to print for [default: the one in $SHELL]
    #[arg(long, value_enum)]
    shell: Option<Shell>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let info: EmulatorInfo = crate::cli::runtime::runtime()?.block_on(ask(&args.url))?;
    let variables = variables(&info, Way::Proxy, |name| std::env::var(name).ok());
    if args.json {
        return print_json(&variables.into_iter().collect::<BTreeMap<_, _>>());
    }
    let shell = args.shell.unwrap_or_else(|| Shell::of(std::env::var_os("SHELL").as_deref()));
    for (name, value) in variables {
        say(shell.line(name, &value));
    }
    Ok(())
}

async fn ask(url: &str) -> anyhow::Result<EmulatorInfo> {
    let server = http::Server::named("--url", url)?;
    let answer = http::call_within(TIMEOUT, &server, Method::GET, ENVIRONMENT, None, Vec::new()).await;
    let answer = answer.with_context(|| {
        localized!(
            "no emulator answers; start one with portraitd dev, or set --url",
            "没有模拟器应答；请用 portraitd dev 启动，或设置 --url"
        )
    })?;
    serde_json::from_slice(answer.body()).with_context(|| {
        localized!(
            "the server at {url} is not an emulator (portraitd dev) of this version",
            "{url} 处的服务不是此版本的模拟器（portraitd dev）"
        )
    })
}
