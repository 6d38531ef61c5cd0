//! `portraitd migrate`: moves accounts with their profiles from the cloud.

use super::cloud_client::{ACCOUNTS_MAX, Cloud};
use super::transfer::interrupt::Interrupt;
use super::transfer::json_lines::{JsonLines, open};
use super::transfer::row::Row;
use super::transfer::{Transfer, TransferArgs, TransferOptions};
use crate::cli::admin::client::{Target, with_operator};
use crate::cli::app_key::app_key;
use crate::cli::sdk_app_id::sdk_app_id;
use crate::cli::secret_argument;
use futures_util::future::try_join_all;
use portraitd_admin::types::AppView;
use portraitd_model::{AppSettings, STANDARD_FIELDS, SdkAppId, UserId, whole_tag};
use std::path::PathBuf;

/// Move accounts with their profiles from the cloud to this server
///
/// Reads the profiles of the users in a file, one UserID a line, with the cloud's own REST API, and
/// imports them as `portraitd import` does. Create the app and its custom fields here first. After an
/// interruption the same command continues where it stopped, on the same store only. Users that can't
/// be moved are written, with the reason, to FILE.refused; after 1000 in succession it stops.
///
///   portraitd migrate --from URL --sdkappid 1400000001 --key @key.txt \
///     --accounts users.txt --data portraitd-data
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The base URL of the cloud's REST API, with `https://` or `http://`
    #[arg(long, value_name = "URL")]
    from: String,
    /// The app in the cloud
    #[arg(long, value_name = "N", env = "PORTRAITD_SDKAPPID", value_parser = sdk_app_id)]
    sdkappid: u32,
    /// The app's secret key in the cloud; @FILE reads it from a file, - from standard input
    #[arg(long, env = "PORTRAITD_KEY", hide_env_values = true, allow_hyphen_values = true, value_parser = secret_argument::key)]
    key: String,
    /// An App admin in the cloud
    #[arg(long, value_name = "NAME", default_value = AppSettings::ADMINISTRATOR, value_parser = UserId::parse)]
    admin: UserId,
    /// The users to move, one UserID a line
    #[arg(long, value_name = "FILE")]
    accounts: PathBuf,
    /// The app on this server, if it has another SDKAppID
    #[arg(long, value_name = "N", value_parser = sdk_app_id)]
    into: Option<u32>,
    /// The fields to move; by default all standard fields and the custom fields of the app on this server
    #[arg(long, value_name = "TAG", value_delimiter = ',')]
    tags: Vec<String>,
    /// The most calls a second
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    rate: u32,
    #[command(flatten)]
    transfer: TransferArgs,
    #[command(flatten)]
    target: Target,
}

/// Calls that are made at the same time.
pub(crate) const CALLS: usize = 8;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    with_operator(&args.target, async |operator| {
        let sdkappid = args.into.unwrap_or(args.sdkappid);
        let app: AppView = operator.get(&format!("/apps/{sdkappid}")).await?;
        let key = app_key(&args.key)?;
        let caller = (SdkAppId(args.sdkappid), key, args.admin);
        let cloud = Cloud::new(&args.from, caller, tags(args, &app), args.rate)?;
        let source = Box::new(JsonLines::new(open(&args.accounts)?));
        let options = TransferOptions {
            operator,
            store: operator.store().await?,
            sdkappid,
            file: Some(&args.accounts),
            batch_rows: CALLS * ACCOUNTS_MAX,
            send_events: false,
            args: args.transfer,
        };
        Transfer::prepare(options, source)
            .await?
            .run(async |rows, interrupt| look_up(&cloud, rows, interrupt).await)
            .await
    })
}

fn tags(args: &Args, app: &AppView) -> Vec<String> {
    if !args.tags.is_empty() {
        return args.tags.iter().map(|name| whole_tag(name)).collect();
    }
    let standard = STANDARD_FIELDS.iter().map(|field| field.name.to_owned());
    let custom = app.fields.iter().filter(|field| !field.retired).map(|field| whole_tag(&field.keyword));
    standard.chain(custom).collect()
}

async fn look_up(cloud: &Cloud, rows: Vec<Row>, interrupt: &Interrupt) -> anyhow::Result<Vec<Row>> {
    let calls = rows.chunks(ACCOUNTS_MAX).map(|rows| cloud.look_up(rows.to_vec(), interrupt));
    Ok(try_join_all(calls).await?.into_iter().flatten().collect())
}
