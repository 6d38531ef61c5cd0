//! `portraitd export`: an app's accounts with their profiles, as a file.

mod partial;

use super::transfer::file_names::sibling;
use super::transfer::interrupt::Interrupt;
use super::transfer::progress_bar::counter;
use crate::cli::admin::client::{Operator, Target, segment, with_operator};
use crate::cli::data::export::partial::Origin;
use crate::cli::language::chosen::localized;
use crate::cli::output::{count, note};
use crate::cli::sdk_app_id::sdk_app_id;
use anyhow::Context;
use portraitd_admin::handlers::export::ExportPage;
use portraitd_model::terminal::escape_json_for_terminal;
use portraitd_store::StoreId;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Export an app's accounts with their whole profiles
///
/// Writes one account a line, in the order of the UserIDs, for example
///   {"UserID":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"Alice"}]}
/// Each account is read when it is written; for all accounts at one moment use `portraitd backup`.
/// The export is written to FILE.partial, which is renamed to FILE when it is complete. Until then
/// FILE.partial.progress names its store and app: --resume continues on those only.
#[expect(clippy::doc_markdown, reason = "the help shows a line as it is")]
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The app
    #[arg(value_parser = sdk_app_id)]
    sdkappid: u32,
    /// The file; - for standard output
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Export only this user, with every field of the profile
    #[arg(long, value_name = "ID", conflicts_with = "resume")]
    user: Option<String>,
    /// Continue after the last complete line of FILE.partial
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    target: Target,
}

/// Accounts in one page of the admin API.
pub(crate) const PAGE: usize = 500;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    with_operator(&args.target, async |operator| {
        if args.file == Path::new("-") {
            anyhow::ensure!(!args.resume, localized!("--resume needs a FILE", "--resume 需要 FILE"));
            return to_stdout(operator, args).await;
        }
        to_file(operator, args).await
    })
}

async fn to_stdout(operator: &Operator, args: &Args) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout());
    let store = operator.store().await?;
    match pages((operator, store), args, None, &mut out).await.and_then(|counts| Ok((out.flush()?, counts).1))
    {
        Ok(counts) => counts.fail_if_damaged(),
        // A reader that stops early (`| head`) is no reason to fail.
        Err(error) if is_broken_pipe(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

async fn to_file(operator: &Operator, args: &Args) -> anyhow::Result<()> {
    let (partial, store) = (sibling(&args.file, ".partial"), operator.store().await?);
    let shown = partial.display();
    let origin = Origin::new(store, args.sdkappid, args.user.as_deref());
    let (file, after) = partial::open(&partial, &origin, args.resume)?;
    let mut out = BufWriter::new(file);
    let written = pages((operator, store), args, after, &mut out).await;
    let flushed = out.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
    let unfinished = || {
        localized!(
            "{shown} is not complete; run the same command with --resume to continue",
            "{shown} 尚不完整；请加上 --resume 运行同一命令以继续"
        )
    };
    let counts = written.and_then(|counts| Ok((flushed?, counts).1)).with_context(unfinished)?;
    partial::publish(&partial, &args.file)?;
    let (number, accounts) = (counts.accounts, count(counts.accounts, "account"));
    crate::cli::output::say(localized!(
        "{accounts} exported to {}",
        "{number} 个账号已导出到 {}",
        args.file.display()
    ));
    counts.fail_if_damaged()
}

/// The accounts of this run.
#[derive(Default)]
struct Counts {
    accounts: u64,
    damaged: u64,
}

impl Counts {
    fn fail_if_damaged(&self) -> anyhow::Result<()> {
        let damaged = self.damaged;
        let accounts = count(damaged, "damaged account");
        anyhow::ensure!(
            damaged == 0,
            localized!("{accounts} could not be exported", "{damaged} 个已损坏的账号无法导出")
        );
        Ok(())
    }
}

async fn pages(
    (operator, store): (&Operator, StoreId),
    args: &Args,
    mut after: Option<String>,
    out: &mut impl Write,
) -> anyhow::Result<Counts> {
    // On a terminal, the JSON of the same accounts that does not steer it.
    let is_shown = args.file == Path::new("-") && io::stdout().is_terminal();
    let (bar, interrupt, mut counts) = (counter("accounts"), Interrupt::listen()?, Counts::default());
    loop {
        interrupt.check()?;
        let part = match (&args.user, &after) {
            (Some(user), _) => format!("user={}", segment(user)),
            (None, Some(after)) => format!("limit={PAGE}&after={}", segment(after)),
            (None, None) => format!("limit={PAGE}"),
        };
        let page: ExportPage =
            operator.get(&format!("/apps/{}/export?{part}&store={store}", args.sdkappid)).await?;
        for account in &page.accounts {
            let line = if is_shown { escape_json_for_terminal(account.get()) } else { account.get().into() };
            out.write_all(line.as_bytes())?;
            out.write_all(b"\n")?;
        }
        for user in &page.damaged {
            let notice = localized!(
                "the profile of {user} is damaged and was left out",
                "{user} 的资料已损坏，未予导出"
            );
            bar.suspend(|| note(notice));
        }
        counts.accounts += page.accounts.len() as u64;
        counts.damaged += page.damaged.len() as u64;
        bar.set_position(counts.accounts);
        after = page.next;
        if after.is_none() {
            bar.finish_and_clear();
            return Ok(counts);
        }
    }
}
