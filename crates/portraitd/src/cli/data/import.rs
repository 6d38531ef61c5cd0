//! `portraitd import`: accounts with their profiles from a file.

use super::transfer::format::open_accounts;
use super::transfer::{Transfer, TransferArgs, TransferOptions};
use crate::cli::admin::client::{Target, with_operator};
use crate::cli::sdk_app_id::sdk_app_id;
use portraitd_admin::types::AppView;
use std::path::{Path, PathBuf};

/// Import accounts with their profiles from a file
///
/// The file is what `portraitd export` writes, one account a line, for example
///   {"UserID":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"Alice"}]}
/// or a spreadsheet as CSV whose header names the columns, `UserID` and tags, whole or short:
///   UserID,Nick,Level
/// CSV is recognised by such a header, or by a file name that ends in .csv.
///
/// Accounts that do not exist are created. The fields that are given are set, others stay as they
/// are; an empty cell sets nothing. A row that can't be stored is written, with the reason, to
/// FILE.refused (FILE.refused.2 if that file exists); the other rows are stored. After 1000 refused
/// rows in succession the import stops. Types and sizes are checked; write permissions and
/// sensitive words are not. After an interruption the same command continues where it stopped, on
/// the same store only.
#[expect(clippy::doc_markdown, reason = "the help shows a line as it is")]
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The app
    #[arg(value_parser = sdk_app_id)]
    sdkappid: u32,
    /// The file; - for standard input
    file: PathBuf,
    /// Read the file as CSV, whatever its name and header
    #[arg(long)]
    csv: bool,
    /// Send an event to the app's webhook for every account that is changed
    #[arg(long)]
    tell: bool,
    #[command(flatten)]
    transfer: TransferArgs,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    /// Several hundred rows share one request and one sync of the disk.
    const ROWS: usize = 500;
    with_operator(&args.target, async |operator| {
        let app: AppView = operator.get(&format!("/apps/{}", args.sdkappid)).await?;
        let file = (args.file != Path::new("-")).then_some(args.file.as_path());
        let source = open_accounts(&args.file, args.csv, &app)?;
        let options = TransferOptions {
            operator,
            store: operator.store().await?,
            sdkappid: args.sdkappid,
            file,
            batch_rows: ROWS,
            send_events: args.tell,
            args: args.transfer,
        };
        Transfer::prepare(options, source).await?.run(async |rows, _| Ok(rows)).await
    })
}
