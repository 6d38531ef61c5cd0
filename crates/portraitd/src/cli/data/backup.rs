//! `portraitd backup` and `portraitd restore`.

use super::transfer::progress_bar::{counter, of_steps};
use crate::cli::admin::client::{Target, with_operator};
use crate::cli::output::say;
use anyhow::Context;
use hyper::Method;
use portraitd_admin::handlers::transfer::Backup;
use portraitd_sqlite::Finding;
use std::path::PathBuf;
use std::time::Duration;

/// Copy the whole store (apps, keys, accounts) while it serves
///
/// The copy is the store at one moment, with every change acknowledged before. It is written by the
/// server, on the server's own disk, and holds keys and personal data: keep it safe. While others
/// write it rests often, to leave them the disk. Until it is taken, the write-ahead log can't start
/// anew and grows with every change.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct BackupArgs {
    /// A new or empty directory
    directory: PathBuf,
    #[command(flatten)]
    target: Target,
}

/// Make a data directory of a backup
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
    const PATIENCE: Duration = Duration::from_hours(24);
    let directory = std::path::absolute(&args.directory).context("the directory")?;
    let bar = counter("s");
    bar.set_message("writing the backup");
    bar.enable_steady_tick(Duration::from_millis(200));
    let body = serde_json::to_vec(&Backup { directory: directory.clone() })?;
    with_operator(&args.target, async |operator| {
        operator.bytes_within(PATIENCE, Method::POST, "/backup", body).await
    })?;
    bar.finish_and_clear();
    say(format_args!("the backup is in {}", directory.display()));
    Ok(())
}

pub(crate) fn restore(args: &RestoreArgs) -> anyhow::Result<()> {
    let bar = of_steps();
    let checked = portraitd_sqlite::restore(&args.backup, &args.data, &mut |finding| match finding {
        Finding::Progress { done, total } => {
            bar.set_length(total);
            bar.set_position(done);
        }
        Finding::Damage(damage) => bar.suspend(|| eprintln!("{damage}")),
        Finding::Warning(found) => bar.suspend(|| eprintln!("warning: {found}")),
    })?;
    bar.finish_and_clear();
    let (apps, accounts, data) = (checked.apps, checked.accounts, args.data.display());
    say(format_args!(
        "restored {apps} apps and {accounts} accounts; start with: portraitd serve --data {data}"
    ));
    Ok(())
}
