//! `portraitd account`: accounts, from the shell.

use super::client::{Target, segment, with_operator};
use crate::cli::call::client::Client;
use crate::cli::call::profile::item;
use crate::cli::language::chosen::localized;
use crate::cli::output::{foreign, note, print_json, say};
use crate::cli::sdk_app_id::sdk_app_id;
use clap::Subcommand;
use hyper::Method;
use portraitd_admin::shell_word::shell_word;
use portraitd_admin::types::{AccountView, AccountsView};
use portraitd_model::TagValue;
use serde_json::{Map, Value, json};

/// List, show, create, change and delete accounts
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List an app's accounts
    List {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        /// List only UserIDs that start with this
        #[arg(long, default_value = "")]
        prefix: String,
        /// List only UserIDs that come after this one
        #[arg(long, value_name = "USER")]
        after: Option<String>,
        /// List at most this many; a last line says when there are more
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
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        user: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        target: Target,
    },
    /// Create an account; one that exists stays as it is
    Create {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        user: String,
        #[command(flatten)]
        target: Target,
    },
    /// Set fields of a profile as the operator; write permissions and sensitive words do not apply
    ///
    /// Fields are written as in `portraitd set`: TAG=VALUE or TAG:=NUMBER.
    #[command(verbatim_doc_comment)]
    Set {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        user: String,
        /// TAG=VALUE or TAG:=NUMBER
        #[arg(required = true)]
        fields: Vec<String>,
        #[command(flatten)]
        target: Target,
    },
    /// Delete an account with its profile
    Delete {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        user: String,
        #[command(flatten)]
        target: Target,
    },
    /// Create an account (calls `account_import`)
    Import {
        user: String,
        /// The nickname
        #[arg(long)]
        nick: Option<String>,
        /// The URL of the avatar
        #[arg(long, value_name = "URL")]
        face_url: Option<String>,
        #[command(flatten)]
        client: Client,
    },
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    match args.action {
        Action::List { sdkappid, prefix, after, limit, json, target } => {
            let (users, more) = list(sdkappid, &prefix, after, limit, &target)?;
            if json {
                print_json(&users)?;
            } else {
                for user in &users {
                    say(foreign(user));
                }
            }
            // On standard error, since the result is for programs, too.
            if let Some(more) = more {
                note(localized!("more: {more}", "还有更多：{more}"));
            }
        }
        Action::Get { sdkappid, user, json, target } => {
            let path = path(sdkappid, &user);
            let account: AccountView = with_operator(&target, async |operator| operator.get(&path).await)?;
            if json {
                return print_json(&account);
            }
            say(foreign(&account.user));
            account.profile.iter().for_each(|(tag, value)| say(foreign(&format!("  {tag:<32} {value}"))));
        }
        Action::Create { sdkappid, user, target } => {
            let path = path(sdkappid, &user);
            let _: AccountView =
                with_operator(&target, async |operator| operator.json(Method::PUT, &path, &()).await)?;
            say(localized!("{user} is an account of app {sdkappid}", "{user} 是应用 {sdkappid} 的账号"));
        }
        Action::Set { sdkappid, user, fields, target } => {
            let path = format!("{}/profile", path(sdkappid, &user));
            let body = fields.iter().map(|field| member(field)).collect::<anyhow::Result<Map<_, _>>>()?;
            let _: AccountView =
                with_operator(&target, async |operator| operator.json(Method::PATCH, &path, &body).await)?;
            say("OK");
        }
        Action::Delete { sdkappid, user, target } => {
            let path = path(sdkappid, &user);
            with_operator(&target, async |operator| operator.bytes(Method::DELETE, &path, Vec::new()).await)?;
            say(localized!(
                "{user} is deleted from app {sdkappid}, with the profile",
                "已从应用 {sdkappid} 删除 {user} 及其资料"
            ));
        }
        Action::Import { user, nick, face_url, client } => {
            let body = json!({ "UserID": user, "Nick": nick, "FaceUrl": face_url });
            crate::cli::runtime::runtime()?
                .block_on(client.call("/v4/im_open_login_svc/account_import", &body))?;
            say("OK");
        }
    }
    Ok(())
}

fn path(sdkappid: u32, user: &str) -> String {
    format!("/apps/{sdkappid}/accounts/{}", segment(user))
}

/// A field as a member of the body.
fn member(field: &str) -> anyhow::Result<(String, Value)> {
    let TagValue { tag, value } = item(field)?;
    Ok((tag, value))
}

/// Returns the users, and the command that lists more when there are.
fn list(
    sdkappid: u32,
    prefix: &str,
    mut after: Option<String>,
    limit: u64,
    target: &Target,
) -> anyhow::Result<(Vec<String>, Option<String>)> {
    with_operator(target, async |operator| {
        let mut users = Vec::<String>::new();
        loop {
            let left = limit.saturating_sub(users.len() as u64);
            let after_part =
                after.as_deref().map(|after| format!("&after={}", segment(after))).unwrap_or_default();
            let path =
                format!("/apps/{sdkappid}/accounts?limit={left}&prefix={}{after_part}", segment(prefix));
            let page: AccountsView = operator.get(&path).await?;
            users.extend(page.accounts);
            after = page.next;
            if after.is_none() || users.len() as u64 >= limit {
                let more = after.map(|after| {
                    let after = shell_word(&after);
                    let option = |prefix| format!(" --prefix {}", shell_word(prefix));
                    let prefix = Some(prefix).filter(|prefix| !prefix.is_empty()).map(option);
                    let prefix = prefix.unwrap_or_default();
                    operator.command(format_args!(
                        "account list {sdkappid}{prefix} --after {after} --limit {limit}"
                    ))
                });
                return Ok((users, more));
            }
        }
    })
}
