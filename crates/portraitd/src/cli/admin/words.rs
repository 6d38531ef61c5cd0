//! `portraitd words`: sensitive words.

use super::client::{Operator, Target, with_operator};
use crate::cli::language::localized;
use crate::cli::output::{count, foreign, print_json, say};
use crate::cli::sdk_app_id::sdk_app_id;
use anyhow::Context;
use clap::Subcommand;
use hyper::Method;
use portraitd_admin::types::{WordsChanged, WordsPatch, WordsView};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Set, change and list an app's sensitive words (40005)
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Replace the list with the words of a file, one a line
    Set {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        /// The file; - for standard input
        file: PathBuf,
    },
    /// Add words to the list
    Add {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        #[arg(required = true)]
        words: Vec<String>,
    },
    /// Remove words from the list
    Remove {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        #[arg(required = true)]
        words: Vec<String>,
    },
    /// Print the list, one word a line
    List {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

pub(crate) fn run(args: Args) -> anyhow::Result<()> {
    with_operator(&args.target, async |operator| execute(operator, args.action).await)
}

async fn execute(operator: &Operator, action: Action) -> anyhow::Result<()> {
    match action {
        Action::Set { sdkappid, file } => {
            let text = read(&file)?;
            let answer = operator.bytes(Method::PUT, &format!("/apps/{sdkappid}/words"), text).await?;
            let WordsView { words, blank, duplicate, screened_tags } = serde_json::from_slice(&answer)?;
            let screened = screened_tags.join(", ");
            say(format_args!(
                "app {sdkappid} has {}, screened for in {screened}",
                count(words as u64, "sensitive word")
            ));
            if blank + duplicate > 0 {
                say(format_args!(
                    "ignored: {}, {}",
                    count(blank as u64, "blank line"),
                    count(duplicate as u64, "repeated word")
                ));
            }
        }
        Action::Add { sdkappid, words } => {
            change(operator, sdkappid, WordsPatch { add: words, remove: Vec::new() }).await?;
        }
        Action::Remove { sdkappid, words } => {
            change(operator, sdkappid, WordsPatch { add: Vec::new(), remove: words }).await?;
        }
        Action::List { sdkappid, json } => {
            let answer = operator.bytes(Method::GET, &format!("/apps/{sdkappid}/words"), Vec::new()).await?;
            let text = String::from_utf8(answer)?;
            let words: Vec<&str> = text.lines().collect();
            if json {
                return print_json(&words);
            }
            for word in words {
                say(foreign(word));
            }
        }
    }
    Ok(())
}

async fn change(operator: &Operator, sdkappid: u32, patch: WordsPatch) -> anyhow::Result<()> {
    let path = format!("/apps/{sdkappid}/words");
    let changed: WordsChanged = operator.json(Method::PATCH, &path, &patch).await?;
    let WordsChanged { words, added, removed, .. } = changed;
    let all = count(words as u64, "sensitive word");
    say(format_args!("{added} added, {removed} removed; app {sdkappid} has {all}"));
    Ok(())
}

fn read(file: &Path) -> anyhow::Result<Vec<u8>> {
    let mut text = Vec::new();
    if file == Path::new("-") {
        std::io::stdin()
            .lock()
            .read_to_end(&mut text)
            .with_context(|| localized!("can't read standard input", "无法读取标准输入"))?;
    } else {
        text = std::fs::read(file)
            .with_context(|| localized!("can't read {}", "无法读取 {}", file.display()))?;
    }
    Ok(text)
}
