//! `portraitd export`: an app's accounts with their profiles, as a file.

use super::operator::{Operator, Target, segment, with_operator};
use super::transfer::{Stop, beside, counter};
use crate::admin::transfer::ExportPage;
use anyhow::Context;
use serde::Deserialize;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Export an app's accounts with their whole profiles
///
/// One account a line, in the order of the UserIDs, for example
///   {"UserID":"alice","ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"Alice"}]}
/// Each account is exported as it is when its turn comes; for one view of everything at one moment
/// use `portraitd backup`. A file is written as FILE.partial and renamed when it is complete.
#[expect(clippy::doc_markdown, reason = "the help shows a line as it is")]
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Args {
    sdkappid: u32,
    /// The file; - for standard output
    #[arg(default_value = "-")]
    file: PathBuf,
    /// Export this user alone: all that is kept in the profile
    #[arg(long, value_name = "ID", conflicts_with = "resume")]
    user: Option<String>,
    /// Continue after the last complete line of FILE.partial
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    target: Target,
}

/// Accounts to a page.
const PAGE: usize = 500;

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    with_operator(&args.target, async |operator| {
        if args.file == Path::new("-") {
            anyhow::ensure!(!args.resume, "--resume needs a FILE");
            return to_stdout(operator, args).await;
        }
        to_file(operator, args).await
    })
}

async fn to_stdout(operator: &Operator, args: &Args) -> anyhow::Result<()> {
    let mut out = BufWriter::new(io::stdout());
    match pages(operator, args, None, &mut out).await.and_then(|counts| Ok((out.flush()?, counts).1)) {
        Ok(counts) => counts.verdict(),
        // Whoever reads may stop reading (`| head`): no reason to fail.
        Err(error) if is_broken_pipe(&error) => Ok(()),
        Err(error) => Err(error),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == ErrorKind::BrokenPipe)
}

async fn to_file(operator: &Operator, args: &Args) -> anyhow::Result<()> {
    let partial = beside(&args.file, ".partial");
    let shown = partial.display();
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).create_new(!args.resume).mode(0o600);
    let mut file = options.open(&partial).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => {
            anyhow::anyhow!(
                "{shown} is there from an earlier export; continue it with --resume, or delete it"
            )
        }
        _ => anyhow::Error::new(error).context(format!("can't create {shown}")),
    })?;
    let after = last_user(&mut file).with_context(|| format!("can't continue {shown}; delete it"))?;
    let mut out = BufWriter::new(file);
    let written = pages(operator, args, after, &mut out).await;
    let flushed = out.into_inner().map_err(io::IntoInnerError::into_error).and_then(|file| file.sync_all());
    let unfinished = || format!("{shown} is not complete; run the same command with --resume to continue");
    let counts = written.and_then(|counts| Ok((flushed?, counts).1)).with_context(unfinished)?;
    fs::rename(&partial, &args.file).with_context(|| format!("can't rename {shown}"))?;
    let dir = args.file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .with_context(|| format!("can't sync {}", dir.display()))?;
    super::say(format_args!("{} accounts exported to {}", counts.accounts, args.file.display()));
    counts.verdict()
}

/// What was exported in this run.
#[derive(Default)]
struct Counts {
    accounts: u64,
    damaged: u64,
}

impl Counts {
    fn verdict(&self) -> anyhow::Result<()> {
        let damaged = self.damaged;
        anyhow::ensure!(damaged == 0, "{damaged} accounts are damaged and could not be exported");
        Ok(())
    }
}

async fn pages(
    operator: &Operator,
    args: &Args,
    mut after: Option<String>,
    out: &mut impl Write,
) -> anyhow::Result<Counts> {
    let (bar, stop, mut counts) = (counter("accounts"), Stop::listen()?, Counts::default());
    loop {
        stop.check()?;
        let part = match (&args.user, &after) {
            (Some(user), _) => format!("user={}", segment(user)),
            (None, Some(after)) => format!("limit={PAGE}&after={}", segment(after)),
            (None, None) => format!("limit={PAGE}"),
        };
        let page: ExportPage = operator.get(&format!("/apps/{}/export?{part}", args.sdkappid)).await?;
        for account in &page.accounts {
            out.write_all(account.get().as_bytes())?;
            out.write_all(b"\n")?;
        }
        for user in &page.damaged {
            bar.suspend(|| eprintln!("the profile of {user} is damaged and is left out"));
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

/// Cuts off a line that was not finished, and gives the user of the last one that was.
fn last_user(file: &mut File) -> anyhow::Result<Option<String>> {
    #[derive(Deserialize)]
    struct Line {
        #[serde(rename = "UserID")]
        user: String,
    }
    let end = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte == b'\n');
    let (mut tail, mut start) = (Vec::new(), file.metadata()?.len());
    loop {
        // Two ends make a whole line between them; so does one when the file begins there.
        let last = end(&tail);
        let before = last.and_then(|last| end(tail.get(..last)?));
        let line = match (last, before) {
            (Some(last), Some(before)) => tail.get(before + 1..last).map(|line| (line, last)),
            (Some(last), None) if start == 0 => tail.get(..last).map(|line| (line, last)),
            (None, _) if start == 0 => {
                file.set_len(0)?;
                file.rewind()?;
                return Ok(None);
            }
            _ => None,
        };
        if let Some((line, last)) = line {
            let line: Line = serde_json::from_slice(line)?;
            let length = start + last as u64 + 1;
            file.set_len(length)?;
            file.seek(SeekFrom::Start(length))?;
            return Ok(Some(line.user));
        }
        let step = start.min(1 << 16);
        start -= step;
        let mut chunk = vec![0; usize::try_from(step)?];
        file.seek(SeekFrom::Start(start))?;
        file.read_exact(&mut chunk)?;
        chunk.append(&mut tail);
        tail = chunk;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_continues_after_its_last_whole_line() {
        let check = |text: &str, user: Option<&str>, kept: usize| {
            let mut file = tempfile::tempfile().unwrap();
            file.write_all(text.as_bytes()).unwrap();
            assert_eq!(last_user(&mut file).unwrap().as_deref(), user, "{text}");
            assert_eq!(
                (file.metadata().unwrap().len(), file.stream_position().unwrap()),
                (kept as u64, kept as u64)
            );
        };
        let long = format!("{{\"UserID\":\"long\",\"x\":\"{}\"}}\n", "x".repeat(100_000));
        check("", None, 0);
        check("{\"UserID\":\"a\"", None, 0);
        check("{\"UserID\":\"a\"}\n", Some("a"), 15);
        check("{\"UserID\":\"a\"}\n{\"UserID\":\"b\"}\n{\"Us", Some("b"), 30);
        check(&format!("{{\"UserID\":\"a\"}}\n{long}half"), Some("long"), 15 + long.len());
    }
}
