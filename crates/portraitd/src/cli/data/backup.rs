//! `portraitd backup` and `portraitd restore`.

use super::transfer::progress_bar::{counter, of_steps};
use crate::cli::admin::client::{Target, with_operator};
use crate::cli::command_hint::on_directory;
use crate::cli::language::localized;
use crate::cli::output::{count, note, say};
use crate::open_store::ensure_files_of_store;
use anyhow::Context;
use hyper::Method;
use portraitd_admin::handlers::backup::Backup;
use portraitd_sqlite::Finding;
use std::path::PathBuf;
use std::time::Duration;

/// Copy the whole store (apps, keys, accounts) while it serves
///
/// The copy is the store at one moment, with every change acknowledged before. The server writes it
/// to its own disk. It holds keys and personal data: keep it safe. The backup pauses often, to
/// leave the disk to other writes. Until it is complete, the write-ahead log grows with every
/// change.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct BackupArgs {
    /// A new or empty directory
    directory: PathBuf,
    #[command(flatten)]
    target: Target,
}

/// Make a data directory from a backup
///
/// The backup is checked first. The data directory must be new or empty.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct RestoreArgs {
    /// The backup's directory
    backup: PathBuf,
    /// The data directory to make
    #[arg(long, value_name = "DIR", env = "PORTRAITD_SERVER_DATA")]
    data: PathBuf,
}

pub(crate) fn backup(args: &BackupArgs) -> anyhow::Result<()> {
    /// A large store on a slow disk takes hours.
    const TIMEOUT: Duration = Duration::from_hours(24);
    args.target.data().map_or(Ok(()), ensure_files_of_store)?;
    let directory = std::path::absolute(&args.directory).with_context(|| {
        localized!("{} can't be made absolute", "无法取得 {} 的绝对路径", args.directory.display())
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

pub(crate) fn restore(args: &RestoreArgs) -> anyhow::Result<()> {
    ensure_files_of_store(&args.data)?;
    let bar = of_steps();
    let checked = portraitd_sqlite::restore(&args.backup, &args.data, &mut |finding| match finding {
        Finding::Progress { done, total } => {
            bar.set_length(total);
            bar.set_position(done);
        }
        Finding::Damage(damage) => bar.suspend(|| note(format_args!("{damage}"))),
        Finding::Warning(found) => bar.suspend(|| note(localized!("warning: {found}", "警告：{found}"))),
    })?;
    bar.finish_and_clear();
    let (apps, accounts) = (count(checked.apps, "app"), count(checked.accounts, "account"));
    let serve = on_directory("serve", &args.data);
    let (apps_restored, accounts_restored) = (checked.apps, checked.accounts);
    say(localized!(
        "restored {apps} and {accounts}; start with: {serve}",
        "已恢复 {apps_restored} 个应用、{accounts_restored} 个账号；启动服务：{serve}"
    ));
    Ok(())
}
