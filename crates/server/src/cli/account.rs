//! `portraitd account`: accounts, from the shell.

use super::client::Client;
use super::operator::{Target, segment, with_operator};
use super::{print_json, say};
use crate::admin::view::{AccountView, AccountsView};
use clap::Subcommand;
use serde_json::json;

/// List accounts, show one with its whole profile, and import one
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List an app's accounts
    List {
        sdkappid: u32,
        /// Only those that start with this
        #[arg(long, default_value = "")]
        prefix: String,
        /// At most so many
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
        limit: u64,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Show an account and every field of its profile
    Get {
        sdkappid: u32,
        user: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Create an account (calls `account_import`)
    Import {
        user: String,
        /// Its nickname
        #[arg(long)]
        nick: Option<String>,
        /// Its avatar
        #[arg(long, value_name = "URL")]
        face_url: Option<String>,
        #[command(flatten)]
        client: Client,
    },
}

pub(super) fn run(args: Args) -> anyhow::Result<()> {
    match args.action {
        Action::List { sdkappid, prefix, limit, json, target } => {
            let users = list(sdkappid, &prefix, limit, &target)?;
            if json {
                return print_json(&users);
            }
            users.into_iter().for_each(say);
        }
        Action::Get { sdkappid, user, json, target } => {
            let path = format!("/apps/{sdkappid}/accounts/{}", segment(&user));
            let account: AccountView = with_operator(&target, async |operator| operator.get(&path).await)?;
            if json {
                return print_json(&account);
            }
            say(&account.user);
            account.profile.iter().for_each(|(tag, value)| say(format_args!("  {tag:<32} {value}")));
        }
        Action::Import { user, nick, face_url, client } => {
            let body = json!({ "UserID": user, "Nick": nick, "FaceUrl": face_url });
            super::runtime()?.block_on(client.call("/v4/im_open_login_svc/account_import", &body))?;
            say("OK");
        }
    }
    Ok(())
}

fn list(sdkappid: u32, prefix: &str, limit: u64, target: &Target) -> anyhow::Result<Vec<String>> {
    with_operator(target, async |operator| {
        let (mut users, mut after) = (Vec::<String>::new(), None::<String>);
        loop {
            let left = limit.saturating_sub(users.len() as u64);
            let after_part =
                after.as_deref().map(|after| format!("&after={}", segment(after))).unwrap_or_default();
            let prefix = segment(prefix);
            let path = format!("/apps/{sdkappid}/accounts?limit={left}&prefix={prefix}{after_part}");
            let page: AccountsView = operator.get(&path).await?;
            users.extend(page.accounts);
            after = page.next;
            if after.is_none() || users.len() as u64 >= limit {
                return Ok(users);
            }
        }
    })
}
