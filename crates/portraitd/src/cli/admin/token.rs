//! `portraitd token`: named tokens for the admin API.

use super::client::{Operator, Target, segment, with_operator};
use crate::cli::language::chosen::{language, localized};
use crate::cli::new_secret::say_secret;
use crate::cli::output::{last_use, print_json, say, say_row, when};
use clap::Subcommand;
use hyper::Method;
use portraitd_admin::types::{CreatedToken, NewToken, TokenView};

/// Create, list and revoke tokens for the admin API
///
/// Create one for each person and program that calls the admin API: the audit log names them, and
/// each can be revoked alone. The token `local` is the file admin.token in the data directory,
/// which this command line uses.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Create a token; it is shown once
    Create {
        /// A name for the person or program that will use it: 1 to 64 letters, digits, dots, hyphens and
        /// underscores, the first a letter or a digit
        name: String,
        /// What it may do: read (viewer); change accounts, profiles and words too (operator); everything (admin)
        #[arg(long, default_value = "admin", value_parser = ["viewer", "operator", "admin"])]
        role: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// List the names and roles of the tokens; the tokens themselves are not stored
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token; it stops working at once
    Revoke { name: String },
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    with_operator(&args.target, async |operator| execute(operator, args.action).await)
}

async fn execute(operator: &Operator, action: Action) -> anyhow::Result<()> {
    match action {
        Action::Create { name, role, json } => {
            let token = NewToken { name, role: Some(role) };
            let created: CreatedToken = operator.json(Method::POST, "/tokens", &token).await?;
            if json {
                return print_json(&created);
            }
            say_secret(localized!("token {}", "令牌 {}", created.name), created.token);
        }
        Action::List { json } => {
            let tokens: Vec<TokenView> = operator.get("/tokens").await?;
            if json {
                return print_json(&tokens);
            }
            let pick = |english, chinese| language().pick(english, chinese);
            let titles =
                [(pick("NAME", "名称"), 24), (pick("ROLE", "角色"), 8), (pick("CREATED", "创建时间"), 24)];
            say_row(titles, pick("LAST USED", "最近使用"));
            for token in tokens {
                let in_file = || localized!("in the file admin.token", "在文件 admin.token 中");
                let created = token.created_ms.map_or_else(in_file, when);
                let used = last_use(token.last_used_ms, token.since_ms);
                say_row([(&token.name, 24), (&token.role, 8), (&created, 24)], &used);
            }
        }
        Action::Revoke { name } => {
            operator.bytes(Method::DELETE, &format!("/tokens/{}", segment(&name)), Vec::new()).await?;
            say(localized!("token {name} is revoked", "令牌 {name} 已吊销"));
        }
    }
    Ok(())
}
