//! `portraitd words`: sensitive words.

use super::client::{Operator, Target, with_operator};
use crate::cli::language::chosen::{language, localized};
use crate::cli::output::{count, foreign, note, print_json, say};
use crate::cli::sdk_app_id::sdk_app_id;
use anyhow::Context;
use clap::Subcommand;
use hyper::Method;
use portraitd_admin::types::{WordsChanged, WordsPatch, WordsView};
use portraitd_admin::word_list::WordList;
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
    ///
    /// Words are compared with values without their case and width: `bad` also finds BAD.
    #[command(verbatim_doc_comment)]
    Add {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        #[command(flatten)]
        words: GivenWords,
    },
    /// Remove words from the list, in whatever case they are written
    Remove {
        #[arg(value_parser = sdk_app_id)]
        sdkappid: u32,
        #[command(flatten)]
        words: GivenWords,
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

#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
struct GivenWords {
    /// The words
    words: Vec<String>,
    /// Take the words of this file too, one a line; - for standard input
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

impl GivenWords {
    fn read(self) -> anyhow::Result<Vec<String>> {
        let Self { mut words, file } = self;
        // As the file of a key is written; here it would become a word.
        if let Some(path) =
            words.iter().find_map(|word| word.strip_prefix('@').filter(|path| Path::new(path).exists()))
        {
            anyhow::bail!(localized!(
                "`@{path}` would be a word itself; for the words of the file: --file {path}",
                "`@{path}` 会被当作一个敏感词；如需使用该文件中的词：--file {path}"
            ));
        }
        if let Some(file) = file {
            let list = WordList::parse(&read(&file)?).map_err(|error| {
                let (file, why) = (file.display(), error.explain(language()));
                anyhow::Error::msg(localized!("{file}: {why}", "{file}：{why}"))
            })?;
            words.extend(list.words.iter().map(str::to_owned));
        }
        Ok(words)
    }
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
            let (counted, screened) = (count(words as u64, "sensitive word"), screened_tags.join(", "));
            say(localized!(
                "app {sdkappid} has {counted}, screened for in {screened}",
                "应用 {sdkappid} 有 {words} 个敏感词，检查 {screened}"
            ));
            if blank + duplicate > 0 {
                let lines = count(blank as u64, "blank line");
                let repeated = count(duplicate as u64, "repeated word");
                say(localized!(
                    "ignored: {lines}, {repeated}",
                    "已忽略：{blank} 个空行，{duplicate} 个重复的词"
                ));
            }
        }
        Action::Add { sdkappid, words } => {
            change(operator, sdkappid, WordsPatch { add: words.read()?, remove: Vec::new() }).await?;
        }
        Action::Remove { sdkappid, words } => {
            change(operator, sdkappid, WordsPatch { add: Vec::new(), remove: words.read()? }).await?;
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
    let WordsChanged { words, added, removed, not_found, .. } = changed;
    let all = count(words as u64, "sensitive word");
    say(localized!(
        "{added} added, {removed} removed; app {sdkappid} has {all}",
        "添加 {added} 个，移除 {removed} 个；应用 {sdkappid} 有 {words} 个敏感词"
    ));
    if !not_found.is_empty() {
        let shown: Vec<_> = not_found.iter().map(|word| format!("`{}`", foreign(word))).collect();
        let shown = shown.join(language().pick(", ", "、"));
        note(localized!("not in the list: {shown}", "列表中没有：{shown}"));
    }
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
