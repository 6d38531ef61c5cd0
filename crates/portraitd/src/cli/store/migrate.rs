//! `portraitd store migrate`: the tables of a database.

use crate::cli::language::chosen::localized;
use crate::cli::output::say;
use crate::cli::runtime::runtime;
use crate::cli::serve::config::Layers;
use crate::open_store::database;
use anyhow::Context;
use portraitd_mysql::{FORMAT, MysqlStore};

/// Make the tables of the database, or bring them up to date
///
/// Reads the same settings as `serve`; `store.url` names the database, which must exist. Does nothing
/// when the tables are up to date. Its user needs the right to create tables; `serve` does not.
///
///   PORTRAITD_STORE_URL=mysql://portraitd:PASSWORD@db1,db2,db3/portraitd portraitd store migrate
#[expect(clippy::doc_markdown, reason = "the help shows a line as it is")]
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    #[command(flatten)]
    layers: Layers,
}

pub(crate) fn run(args: &Args, command_line: &clap::Command) -> anyhow::Result<()> {
    let config = args.layers.load(command_line)?.config;
    let url = database(&config)?.with_context(|| {
        localized!(
            "store.url is not set: name the database in the configuration file or in PORTRAITD_STORE_URL",
            "未设置 store.url：请在配置文件或 PORTRAITD_STORE_URL 中指定数据库"
        )
    })?;
    runtime()?.block_on(MysqlStore::migrate(&url))?;
    say(localized!("{} has the tables of format {}", "{} 的表已是格式 {}", url.shown(), FORMAT));
    Ok(())
}
