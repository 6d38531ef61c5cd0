//! `portraitd import`: accounts with their profiles from a file.

use super::transfer::format::open_accounts;
use super::transfer::{Plan, Transfer, TransferArgs};
use crate::cli::admin::client::{Target, with_operator};
use portraitd_admin::types::AppView;
use std::path::{Path, PathBuf};

/// Import accounts with their profiles from a file
///
/// The file is what `portraitd export` writes: one account a line, for example
///   {"UserID":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"Alice"}]}
/// or a spreadsheet as CSV whose header names the columns, `UserID` and tags, whole or short:
///   UserID,Nick,Level
/// CSV is recognised by that header, or by a name that ends in .csv.
///
/// An account that is missing is created; the fields given are set, others stay as they are; an
/// empty cell sets nothing. Rows that can't be taken are refused one by one and written, with the
/// reason, to FILE.refused (FILE.refused.2 when that is there already); the others are stored. After
/// 1000 refused rows in a row it stops. Permissions and sensitive words do not count, types and sizes
/// do. When it is interrupted, the same command continues where it stopped, on the same store only.
#[expect(clippy::doc_markdown, reason = "the help shows a line as it is")]
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    sdkappid: u32,
    /// The file; - for standard input
    file: PathBuf,
    /// The file is CSV, whatever it is called and begins with
    #[arg(long)]
    csv: bool,
    /// Tell the app's webhook of every account that is changed
    #[arg(long)]
    tell: bool,
    #[command(flatten)]
    transfer: TransferArgs,
    #[command(flatten)]
    target: Target,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    /// A few hundred share a request and a sync of the disk.
    const ROWS: usize = 500;
    with_operator(&args.target, async |operator| {
        let app: AppView = operator.get(&format!("/apps/{}", args.sdkappid)).await?;
        let file = (args.file != Path::new("-")).then_some(args.file.as_path());
        let source = open_accounts(&args.file, args.csv, &app)?;
        let plan = Plan {
            operator,
            store: operator.store().await?,
            sdkappid: args.sdkappid,
            file,
            rows: ROWS,
            tell: args.tell,
            args: args.transfer,
        };
        Transfer::prepare(plan, source).await?.run(async |rows, _| Ok(rows)).await
    })
}
