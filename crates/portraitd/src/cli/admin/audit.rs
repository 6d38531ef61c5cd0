//! `portraitd audit`: the changes that operators made, from the audit log.

use super::client::{Target, segment, with_operator};
use crate::cli::language::chosen::localized;
use crate::cli::output::{foreign, print_json_line, say, when};
use crate::cli::sdk_app_id::sdk_app_id;
use portraitd_admin::types::{AuditEntryView, AuditPage};
use serde_json::Value;

/// Show who changed what through the admin API and this command line, newest first
///
/// Each entry is written in the same commit as its change. Secrets and personal data are left out:
/// an entry holds the names of a profile's fields, and a fingerprint of the UserID, by which --user
/// finds the entries of that user. The newest 100,000 entries are kept.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// Show only changes of this app
    #[arg(long, value_name = "SDKAPPID", value_parser = sdk_app_id)]
    app: Option<u32>,
    /// Show only changes of this user's account
    #[arg(long, value_name = "ID")]
    user: Option<String>,
    /// Show only changes by this token, or by a user of this system, such as os:alice
    #[arg(long, value_name = "NAME")]
    who: Option<String>,
    /// Show at most this many entries
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// Print JSON, one entry a line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    target: Target,
}

/// The most entries to a page.
const PAGE: u64 = 500;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    with_operator(&args.target, async |operator| {
        let parameter = |name: &str, value: &Option<String>| {
            value.as_ref().map(|value| format!("&{name}={}", segment(value))).unwrap_or_default()
        };
        let app = parameter("app", &args.app.map(|app| app.to_string()));
        let (user, who) = (parameter("user", &args.user), parameter("who", &args.who));
        let (mut left, mut before) = (args.limit, None::<u64>);
        while left > 0 {
            let (limit, place) =
                (left.min(PAGE), parameter("before", &before.map(|before| before.to_string())));
            let page: AuditPage =
                operator.get(&format!("/audit?limit={limit}{app}{user}{who}{place}")).await?;
            for entry in &page.entries {
                left -= 1;
                if args.json { print_json_line(entry)? } else { show(entry) }
            }
            match page.next {
                Some(next) => before = Some(next),
                None => break,
            }
        }
        Ok(())
    })
}

fn show(entry: &AuditEntryView) {
    let AuditEntryView { who, method, resource, outcome, .. } = entry;
    let from = entry.from.as_ref().map(|from| localized!(" from {from}", " 来自 {from}")).unwrap_or_default();
    let outcome = match outcome.strip_prefix("refused: ") {
        Some(status) => localized!("  (refused: {status})", "  （已拒绝：{status}）"),
        None if outcome == "done" => String::new(),
        None => format!("  ({outcome})"),
    };
    let line = format!("{}  {who}{from}  {method} {resource}{outcome}", when(entry.at_ms));
    say(foreign(&line));
    for (sign, value) in [("-", &entry.before), ("+", &entry.after)] {
        if let Value::Object(members) = value {
            members.iter().for_each(|(name, value)| say(foreign(&format!("    {sign} {name}: {value}"))));
        }
    }
}
