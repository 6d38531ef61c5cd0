//! `portraitd log`: what a running server logs.

use super::client::{Target, with_operator};
use super::switch::Switch;
use crate::cli::output::{foreign, print_json, say};
use hyper::Method;
use portraitd_admin::types::log::{LogPatch, LogView};

/// Show or change what a running server logs, without a restart
///
/// A change is in force at once, until the next start or SIGHUP: then the settings log.filter and
/// log.access count again. Of several nodes on one database, only the named one changes.
///
///   portraitd log --data DIR                        # what is logged now
///   portraitd log debug --data DIR                  # one line a request
///   portraitd log info --access on --data DIR
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// What is logged from now on: off, error, warn, info, debug or trace, or levels for parts of the program between commas
    filter: Option<String>,
    /// Whether each request to the public API is a line of the log
    #[arg(long, value_name = "on|off")]
    access: Option<Switch>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    let Args { filter, access, json, target } = args;
    let patch = LogPatch { filter, access: access.map(Switch::is_on) };
    let log: LogView = with_operator(&target, async |operator| {
        if patch == LogPatch::default() {
            return operator.get("/log").await;
        }
        operator.json(Method::PATCH, "/log", &patch).await
    })?;
    if json {
        return print_json(&log);
    }
    say(format_args!("filter = \"{}\"", foreign(&log.filter)));
    say(format_args!("access = {}", log.access));
    Ok(())
}
