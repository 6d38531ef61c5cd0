//! `portraitd env`: the environment that leads a program to a running emulator, for a shell to take in.

use super::banner::{DEFAULT_URL, Page};
use super::environment::variables;
use super::shell_syntax::Shell;
use crate::cli::http;
use crate::cli::output::{print_json, say};
use anyhow::Context;
use hyper::Method;
use portraitd_emulator::control::environment::PATH as ENVIRONMENT;
use std::collections::BTreeMap;
use std::time::Duration;

/// An emulator that runs answers at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// Print the environment for a running emulator: eval "$(portraitd env)"
///
/// Asks the emulator where its ports are, and prints the variables that lead programs to it: where
/// it is and who may call it; with --tls or --proxy also whom to trust, for each language, and the
/// proxy. `portraitd run -- COMMAND` starts an emulator and sets the same for one command.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The emulator
    #[arg(long, default_value = DEFAULT_URL, env = "PORTRAITD_URL")]
    url: String,
    /// For which shell; the one in $SHELL unless given
    #[arg(long, value_enum)]
    shell: Option<Shell>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let page: Page = crate::cli::runtime::runtime()?.block_on(ask(&args.url))?;
    let variables = variables(&page, |name| std::env::var(name).ok());
    if args.json {
        return print_json(&variables.into_iter().collect::<BTreeMap<_, _>>());
    }
    let shell = args.shell.unwrap_or_else(|| Shell::of(std::env::var_os("SHELL").as_deref()));
    for (name, value) in variables {
        say(shell.line(name, &value));
    }
    Ok(())
}

async fn ask(url: &str) -> anyhow::Result<Page> {
    let server = http::Server::parse(url)?;
    let answer = http::call_within(PATIENCE, &server, Method::GET, ENVIRONMENT, None, Vec::new()).await;
    let answer = answer.context("no emulator there; start one with portraitd dev, or give its --url")?;
    serde_json::from_slice(answer.body())
        .with_context(|| format!("what runs at {url} is no emulator (portraitd dev) of this version"))
}
