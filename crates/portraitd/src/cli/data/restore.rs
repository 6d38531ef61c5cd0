//! `portraitd restore`: a data directory from a backup, in a directory or in an S3-compatible storage.

use super::backup_place::{BackupPlace, FetchedBackup};
use super::transfer::progress_bar::of_steps;
use crate::backup::directory::BackupDirectory;
use crate::backup::manifest::{DATABASE, MANIFEST, Manifest};
use crate::cli::command_hint::on_directory;
use crate::cli::language::chosen::localized;
use crate::cli::output::{count, note, say};
use crate::cli::serve::config::Layers;
use crate::open_store::ensure_files_of_store;
use portraitd_sqlite::Finding;
use std::path::{Path, PathBuf};

/// Make a data directory from a backup
///
/// The backup is checked first, and compared with what was backed up, if a server took it by its
/// schedule. The data directory must be new or empty. `portraitd backup list` shows the backups that a
/// server has taken.
///
///   portraitd restore /backup/portraitd/portraitd-20261130T033000Z --data new-directory
///   portraitd restore s3://portraitd-backups/portraitd/portraitd-20261130T033000Z --data new-directory \
///     --config portraitd.toml
///
/// From s3://BUCKET/PREFIX/NAME it is first copied beside the data directory, which takes its size twice
/// for a moment. The address, the region and the credentials are those of `[backup.s3]` in the file, or in
/// the variables PORTRAITD_BACKUP_S3_ENDPOINT, AWS_ACCESS_KEY_ID and so on.
#[expect(clippy::doc_markdown, reason = "the help shows a line as it is")]
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct RestoreArgs {
    /// The backup's directory, or s3://BUCKET/PREFIX/NAME
    backup: PathBuf,
    /// The data directory to make
    #[arg(long, value_name = "DIR", env = "PORTRAITD_SERVER_DATA")]
    data: PathBuf,
    /// The configuration file (TOML)
    #[arg(long, value_name = "FILE", env = "PORTRAITD_CONFIG")]
    config: Option<PathBuf>,
}

pub(crate) fn restore(args: &RestoreArgs, command_line: &clap::Command) -> anyhow::Result<()> {
    ensure_files_of_store(&args.data)?;
    let Some(place) = BackupPlace::of_url(&args.backup)? else {
        return from_directory(&args.backup, &args.data);
    };
    let config = Layers::of_file(args.config.clone()).load(command_line)?.config;
    let fetched = FetchedBackup::fetch(&place, &config, &args.data)?;
    from_directory(fetched.dir(), &args.data)
}

/// Refuses the directory of all backups in place of one of them.
fn ensure_is_one(backup: &Path) -> anyhow::Result<()> {
    let all = BackupDirectory::new(backup.to_owned());
    let newest =
        if backup.join(DATABASE).exists() { None } else { all.list().ok().and_then(|mut all| all.pop()) };
    let Some(newest) = newest else { return Ok(()) };
    let (backup, newest) = (backup.display(), all.path(newest.name));
    anyhow::bail!(localized!(
        "{backup} holds backups, and is none itself: name one of them, for example {}; `portraitd backup list {backup}` shows them",
        "{backup} 是存放备份的目录，本身不是备份：请指明其中之一，例如 {}；`portraitd backup list {backup}` 可列出备份",
        newest.display()
    ))
}

fn from_directory(backup: &Path, data: &Path) -> anyhow::Result<()> {
    ensure_is_one(backup)?;
    // Only what a schedule has taken has one.
    if backup.join(MANIFEST).exists() {
        Manifest::read(backup)?.ensure_is_of(&backup.join(DATABASE))?;
    }
    let bar = of_steps();
    let checked = portraitd_sqlite::restore(backup, data, &mut |finding| match finding {
        Finding::Progress { done, total } => {
            bar.set_length(total);
            bar.set_position(done);
        }
        Finding::Damage(damage) => bar.suspend(|| note(format_args!("{damage}"))),
        Finding::Warning(found) => bar.suspend(|| note(localized!("warning: {found}", "警告：{found}"))),
    })?;
    bar.finish_and_clear();
    let (apps, accounts) = (count(checked.apps, "app"), count(checked.accounts, "account"));
    let serve = on_directory("serve", data);
    let (apps_restored, accounts_restored) = (checked.apps, checked.accounts);
    say(localized!(
        "restored {apps} and {accounts}; start with: {serve}",
        "已恢复 {apps_restored} 个应用、{accounts_restored} 个账号；启动服务：{serve}"
    ));
    Ok(())
}
