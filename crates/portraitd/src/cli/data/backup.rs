//! `portraitd backup`: a copy now, and the list of those that stand.

use super::backup_list::{self, ListArgs};
use super::transfer::progress_bar::counter;
use crate::cli::admin::client::{Target, with_operator};
use crate::cli::language::chosen::localized;
use crate::cli::output::say;
use crate::open_store::ensure_files_of_store;
use anyhow::Context;
use clap::Subcommand;
use hyper::Method;
use portraitd_admin::handlers::backup::Backup;
use std::path::PathBuf;
use std::time::Duration;

/// Copy the whole store (apps, keys, accounts) while it serves
///
/// The copy is the store at one moment, with every change acknowledged before. The server writes it
/// to its own disk. It holds keys and personal data: keep it safe. The backup pauses often, to
/// leave the disk to other writes. Until it is complete, the write-ahead log grows with every
/// change. What does not fit on the disk is not begun. A server takes backups by itself, and removes
/// old ones, with the settings `[backup]` (portraitd config --example).
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct BackupArgs {
    /// A new or empty directory
    #[arg(required = true)]
    directory: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(ListArgs),
}

pub(crate) fn backup(args: &BackupArgs, command_line: &clap::Command) -> anyhow::Result<()> {
    /// A large store on a slow disk takes hours.
    const TIMEOUT: Duration = Duration::from_hours(24);
    let given = match (&args.command, &args.directory) {
        (Some(Command::List(list)), _) => return backup_list::run(list, command_line),
        // clap wants one of the two.
        (None, None) => return Ok(()),
        (None, Some(directory)) => directory,
    };
    args.target.data().map_or(Ok(()), ensure_files_of_store)?;
    let directory = std::path::absolute(given).with_context(|| {
        localized!("{} can't be made absolute", "无法取得 {} 的绝对路径", given.display())
    })?;
    let bar = counter("s");
    bar.set_message(localized!("writing the backup", "正在写入备份"));
    bar.enable_steady_tick(Duration::from_millis(200));
    let body = serde_json::to_vec(&Backup { directory: directory.clone() })?;
    with_operator(&args.target, async |operator| {
        operator.bytes_within(TIMEOUT, Method::POST, "/backup", body).await
    })?;
    bar.finish_and_clear();
    say(localized!("the backup is in {}", "备份在 {}", directory.display()));
    Ok(())
}
