//! `portraitd migrate`: accounts with their profiles from the cloud itself.

use super::cloud_client::{ACCOUNTS_MAX, Cloud};
use super::transfer::interrupt::Stop;
use super::transfer::jsonl::{JsonLines, open};
use super::transfer::row::Row;
use super::transfer::{Plan, Transfer, TransferArgs};
use crate::cli::admin::client::{Target, with_operator};
use crate::cli::call::profile::tag;
use crate::cli::secret_argument::secret;
use anyhow::Context;
use futures_util::future::try_join_all;
use portraitd_admin::types::AppView;
use portraitd_model::{AppKey, AppSettings, STANDARD_FIELDS, SdkAppId, UserId};
use std::path::PathBuf;

/// Move accounts with their profiles from the cloud to this server
///
/// Reads the profiles of the users in a file, one UserID a line, with the cloud's own REST API, and
/// imports them as `portraitd import` does. Create the app and its custom fields here first. When
/// it is interrupted, the same command continues where it stopped, on the same store only. Users who
/// can't be moved are written, with the reason, to FILE.refused; after 1000 in a row it stops.
///
///   portraitd migrate --from URL --sdkappid 1400000001 --key @key.txt \
///     --accounts users.txt --data portraitd-data
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// Where the cloud's REST API is, with `https://` in front (or `http://`)
    #[arg(long, value_name = "URL")]
    from: String,
    /// The app there
    #[arg(long, value_name = "N", env = "PORTRAITD_SDKAPPID")]
    sdkappid: u32,
    /// The app's secret key there; @FILE reads it from a file, - from standard input
    #[arg(long, env = "PORTRAITD_KEY", hide_env_values = true, value_parser = secret)]
    key: String,
    /// An App admin there
    #[arg(long, value_name = "NAME", default_value = AppSettings::ADMINISTRATOR, value_parser = UserId::parse)]
    admin: UserId,
    /// The users to move, one UserID a line
    #[arg(long, value_name = "FILE")]
    accounts: PathBuf,
    /// The app here, if it has another number
    #[arg(long, value_name = "N")]
    into: Option<u32>,
    /// Which fields; all standard ones and the custom ones of the app here unless given
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    tags: Vec<String>,
    /// Calls a second at most
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    #[command(flatten)]
    transfer: TransferArgs,
    #[command(flatten)]
    target: Target,
}

/// Calls at a time: one waits for the answer, the others are on their way.
pub(crate) const CALLS: usize = 8;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    with_operator(&args.target, async |operator| {
        let sdkappid = args.into.unwrap_or(args.sdkappid);
        let app: AppView = operator.get(&format!("/apps/{sdkappid}")).await?;
        let key = AppKey::parse(&args.key).context("--key: a key is 1 to 256 printable bytes")?;
        let caller = (SdkAppId(args.sdkappid), key, args.admin);
        let cloud = Cloud::new(&args.from, caller, tags(args, &app), args.rate)?;
        let source = Box::new(JsonLines::new(open(&args.accounts)?));
        let rows = CALLS * ACCOUNTS_MAX;
        let plan = Plan {
            operator,
            store: operator.store().await?,
            sdkappid,
            file: Some(&args.accounts),
            rows,
            tell: false,
            args: args.transfer,
        };
        Transfer::prepare(plan, source).await?.run(async |rows, stop| look_up(&cloud, rows, stop).await).await
    })
}

fn tags(args: &Args, app: &AppView) -> Vec<String> {
    if !args.tags.is_empty() {
        return args.tags.iter().map(|name| tag(name)).collect();
    }
    let standard = STANDARD_FIELDS.iter().map(|field| field.name.to_owned());
    let custom = app.fields.iter().filter(|field| !field.retired).map(|field| tag(&field.keyword));
    standard.chain(custom).collect()
}

async fn look_up(cloud: &Cloud, rows: Vec<Row>, stop: &Stop) -> anyhow::Result<Vec<Row>> {
    let calls = rows.chunks(ACCOUNTS_MAX).map(|rows| cloud.look_up(rows.to_vec(), stop));
    Ok(try_join_all(calls).await?.into_iter().flatten().collect())
}
