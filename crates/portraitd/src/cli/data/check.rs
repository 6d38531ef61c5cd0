//! `portraitd check`, `repair` and `compact`: the data directory of a stopped server.

use super::transfer::progress_bar::of_steps;
use crate::cli::language::chosen::localized;
use crate::cli::output::{count, print_json, say};
use crate::open_store::ensure_files_of_store;
use portraitd_sqlite::{Checked, Damage, Finding, Repaired};
use serde::Serialize;
use std::path::PathBuf;

/// Check everything in a stopped server's data directory, or in a backup
///
/// Reads every profile's checksum and every app's settings, and has the engine check itself.
/// Changes nothing of what is stored; what a crash left in the journal is brought into the database
/// before. Exit code 1 when something is damaged. Warns of accounts whose UserID starts with @TLS#:
/// such accounts can no longer be created.
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

/// Give up the changes in a stopped server's damaged or lost log or journal, so that it starts again
///
/// For a server that refuses to start because its write-ahead log or its journal is damaged, missing
/// or empty, when no better backup exists. What reads back is kept, and a damaged file stays beside
/// the data under another name. Gives up nothing when both are intact.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct RepairArgs {
    /// The directory
    #[arg(long, value_name = "DIR", env = "PORTRAITD_SERVER_DATA")]
    data: PathBuf,
}

/// Rewrite a stopped server's database without free space and without traces of deleted data
///
/// Needs as much free disk space as the database is large. After a crash either the old or the new
/// database is there.
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
    /// The first of them, at most 10,000.
    damage: Vec<Damaged>,
    /// What reads back, but could not be created any more.
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
    ensure_files_of_store(&args.data)?;
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
        Finding::Warning(found) if !args.json => {
            bar.suspend(|| say(localized!("warning: {found}", "警告：{found}")));
        }
        Finding::Warning(found) => note(&mut warnings, found),
    })?;
    bar.finish_and_clear();
    let Checked { apps, accounts, damaged } = checked;
    if args.json {
        print_json(&Report { apps, accounts, damaged, damage, warnings })?;
    } else {
        let (counted_apps, counted_accounts) = (count(apps, "app"), count(accounts, "account"));
        say(localized!(
            "{counted_apps} and {counted_accounts} checked, {damaged} damaged",
            "已检查 {apps} 个应用、{accounts} 个账号，损坏 {damaged} 处"
        ));
    }
    anyhow::ensure!(
        damaged == 0,
        localized!("{} is damaged; restore a backup", "{} 已损坏；请恢复备份", args.data.display())
    );
    Ok(())
}

pub(crate) fn repair(args: &RepairArgs) -> anyhow::Result<()> {
    ensure_files_of_store(&args.data)?;
    let mut is_whole = true;
    portraitd_sqlite::repair(&args.data, &mut |repaired| {
        is_whole = false;
        say(outcome(&repaired));
    })?;
    if is_whole {
        say(localized!(
            "the write-ahead log and the journal are intact; nothing was given up",
            "预写日志与重做日志完好；没有放弃任何变更"
        ));
    }
    Ok(())
}

/// What a repair has given up, and what is kept.
fn outcome(repaired: &Repaired) -> String {
    match repaired {
        Repaired::LostWal => localized!(
            "the store can be opened again, without the changes in the lost write-ahead log",
            "数据可以重新打开，但不含所丢失预写日志中的变更"
        ),
        Repaired::DamagedWal { offset, kept } => localized!(
            "the changes before byte {offset} of the write-ahead log are kept; the damaged one is in {}",
            "已保留预写日志第 {offset} 字节之前的变更；损坏的日志在 {} 中",
            kept.display()
        ),
        Repaired::LostJournal => localized!(
            "the store can be opened again, without the changes in the lost journal",
            "数据可以重新打开，但不含所丢失重做日志中的变更"
        ),
        Repaired::DamagedJournal { offset, kept } => localized!(
            "the changes that read back are kept; the journal was damaged at byte {offset}, and the damaged file is in {}",
            "已保留可读出的变更；重做日志在第 {offset} 字节处损坏，损坏的文件在 {} 中",
            kept.display()
        ),
    }
}

pub(crate) fn compact(args: &CompactArgs) -> anyhow::Result<()> {
    ensure_files_of_store(&args.data)?;
    let sizes = portraitd_sqlite::compact(&args.data)?;
    say(localized!(
        "{} was rewritten: {} bytes, before {}",
        "{} 已重写：现为 {} 字节，此前 {} 字节",
        args.data.display(),
        sizes.after,
        sizes.before
    ));
    Ok(())
}
