//! `portraitd check`, `repair` and `compact`: the data directory of a stopped server.

use super::transfer::progress_bar::of_steps;
use crate::cli::output::{print_json, say};
use portraitd_sqlite::{Checked, Damage, Finding, Repaired};
use serde::Serialize;
use std::path::PathBuf;

/// Check everything in a stopped server's data directory, or in a backup
///
/// Reads every profile's checksum and every app's settings, and has the engine check itself.
/// Changes nothing. Exit code 1 when something does not read back. Warns of accounts whose id starts
/// with @TLS#, which no account can be created with any more.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct CheckArgs {
    /// The directory
    #[arg(long, value_name = "DIR", env = "PORTRAITD_SERVER_DATA")]
    data: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Go on without the changes that a stopped server's damaged or lost log held
///
/// For a server that refuses to start because its log is damaged, missing or empty, when there is no backup that
/// is better. Keeps a damaged log beside the data. Does nothing when the log is there and whole.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct RepairArgs {
    /// The directory
    #[arg(long, value_name = "DIR", env = "PORTRAITD_SERVER_DATA")]
    data: PathBuf,
}

/// Write a stopped server's database anew, without free space and without a trace of what was deleted
///
/// Needs as much free space as the database is large. A crash leaves the old database or the new.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct CompactArgs {
    /// The directory
    #[arg(long, value_name = "DIR", env = "PORTRAITD_SERVER_DATA")]
    data: PathBuf,
}

#[derive(Serialize)]
struct Report {
    apps: u64,
    accounts: u64,
    damaged: u64,
    /// The first of them.
    damage: Vec<Damaged>,
    /// What reads back, but could not be stored any more.
    warnings: Vec<Damaged>,
}

#[derive(Serialize)]
struct Damaged {
    app: Option<u32>,
    user: Option<String>,
    what: String,
}

pub(crate) fn check(args: &CheckArgs) -> anyhow::Result<()> {
    /// The most that a report in JSON lists.
    const LISTED_MAX: usize = 10_000;
    let (bar, mut damage, mut warnings) = (of_steps(), Vec::new(), Vec::new());
    let note = |list: &mut Vec<Damaged>, Damage { app, user, what }| {
        if list.len() < LISTED_MAX {
            list.push(Damaged { app: app.map(|app| app.0), user, what });
        }
    };
    let checked = portraitd_sqlite::check(&args.data, &mut |finding| match finding {
        Finding::Progress { done, total } => {
            bar.set_length(total);
            bar.set_position(done);
        }
        Finding::Damage(found) if !args.json => bar.suspend(|| say(found)),
        Finding::Damage(found) => note(&mut damage, found),
        Finding::Warning(found) if !args.json => bar.suspend(|| say(format_args!("warning: {found}"))),
        Finding::Warning(found) => note(&mut warnings, found),
    })?;
    bar.finish_and_clear();
    let Checked { apps, accounts, damaged } = checked;
    if args.json {
        print_json(&Report { apps, accounts, damaged, damage, warnings })?;
    } else {
        say(format_args!("{apps} apps and {accounts} accounts checked, {damaged} damaged"));
    }
    anyhow::ensure!(damaged == 0, "{} is damaged; restore a backup", args.data.display());
    Ok(())
}

pub(crate) fn repair(args: &RepairArgs) -> anyhow::Result<()> {
    match portraitd_sqlite::repair(&args.data)? {
        Some(Repaired::LostWal) => say("the store opens again, without what was in the lost log"),
        Some(Repaired::DamagedWal { offset, kept }) => say(format_args!(
            "what the log holds before byte {offset} is kept; the damaged log is {}",
            kept.display()
        )),
        None => say("the log is there and whole; nothing was changed"),
    }
    Ok(())
}

pub(crate) fn compact(args: &CompactArgs) -> anyhow::Result<()> {
    let sizes = portraitd_sqlite::compact(&args.data)?;
    say(format_args!(
        "{} is written anew: {} bytes, before {}",
        args.data.display(),
        sizes.after,
        sizes.before
    ));
    Ok(())
}
