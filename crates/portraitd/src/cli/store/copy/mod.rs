//! `portraitd store copy`: a whole store from a data directory into a database, or back.

mod ends;
mod rows;

use self::ends::{Place, open_source, open_target};
use self::rows::Copy;
use crate::cli::data::transfer::interrupt::Interrupt;
use crate::cli::language::chosen::localized;
use crate::cli::output::{count, note, say};
use crate::cli::runtime::runtime;
use crate::cli::serve::config::Layers;
use anyhow::Context;
use portraitd_store::CopyStart;
use std::time::Instant;

/// Copy a whole store from a data directory into a database, or back
///
/// Copies everything: apps with keys and words, accounts, events that wait, tokens, the audit log. No
/// server may use either side meanwhile. The target must be empty: a database with the tables of
/// `portraitd store migrate`, or a new directory. After an interruption the same command continues; no
/// server starts on the target until the copy is complete and was compared with the source.
///
///   portraitd store copy --from portraitd-data --to store.url --config portraitd.toml
///   portraitd store copy --from store.url --to new-directory --config portraitd.toml
///
/// `store.url` stands for the database of the settings of `serve`, so that no password is on the command
/// line: store.url and store.url_password_file in the file, or PORTRAITD_STORE_URL and
/// PORTRAITD_STORE_URL_PASSWORD_FILE. That file also gives the password of a URL without one, such as
/// --to mysql://portraitd@db1,db2,db3/portraitd.
#[expect(clippy::doc_markdown, reason = "the help shows a line as it is")]
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Args {
    /// The source: a data directory, mysql://…, or store.url
    #[arg(long, value_name = "WHERE")]
    from: String,
    /// The target: a new or empty directory, mysql://…, or store.url
    #[arg(long, value_name = "WHERE")]
    to: String,
    #[command(flatten)]
    layers: Layers,
}

pub(crate) fn run(args: &Args, command_line: &clap::Command) -> anyhow::Result<()> {
    let config = args.layers.load(command_line)?.config;
    let (from, to) = (Place::parse(&args.from, &config)?, Place::parse(&args.to, &config)?);
    anyhow::ensure!(
        from.is_directory() != to.is_directory(),
        localized!(
            "one of --from and --to is a data directory, the other a database (mysql://… or store.url)",
            "--from 与 --to 须一个为数据目录，另一个为数据库（mysql://… 或 store.url）"
        )
    );
    runtime()?.block_on(copy(&from, &to))
}

async fn copy(from: &Place, to: &Place) -> anyhow::Result<()> {
    let interrupt = Interrupt::listen()?;
    let mut source = open_source(from).await?;
    let mut target = open_target(to).await?;
    match target.begin(source.id()).await? {
        CopyStart::New => {}
        CopyStart::Continued => {
            note(localized!("an interrupted copy of this store is continued", "继续先前中断的复制"));
        }
        CopyStart::NotEmpty => anyhow::bail!(localized!(
            "{} holds data of its own; copy into an empty one",
            "{} 中已有数据；请复制到空的目标",
            to.shown()
        )),
        CopyStart::OfAnother(other) => anyhow::bail!(localized!(
            "{} holds part of a copy of the store {other}, and {} is {}; finish that copy, or empty the target",
            "{} 中是数据 {other} 的未完成副本，而 {} 是 {}；请完成那次复制，或清空目标",
            to.shown(),
            from.shown(),
            source.id()
        )),
    }
    let started = Instant::now();
    let copied = Copy::new(&mut *source, &mut *target, &interrupt).run().await.with_context(|| {
        localized!(
            "stopped; the same command continues, and no server starts on {} before it is complete",
            "已停止；再次运行同一命令即可继续，完成之前服务不会以 {} 启动",
            to.shown()
        )
    })?;
    for app in &copied.apps {
        let (accounts, events) = (count(app.accounts, "account"), count(app.events, "event"));
        let (id, checksum, users, waiting) = (app.id, &app.checksum, app.accounts, app.events);
        say(localized!(
            "app {id}: {accounts}, {events}; checksum {checksum}",
            "应用 {id}：{users} 个账号，{waiting} 个事件；校验和 {checksum}"
        ));
    }
    let seconds = started.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = copied.accounts_now as f64 / copied.seconds.max(0.001);
    let (apps, accounts) = (count(copied.apps.len() as u64, "app"), count(copied.accounts(), "account"));
    let (target, now, all_apps, all_accounts) =
        (to.shown(), copied.accounts_now, copied.apps.len(), copied.accounts());
    say(localized!(
        "copied {apps} and {accounts} to {target} ({now} now, {rate:.0} a second), compared with the source; {seconds:.1} s in all",
        "已将 {all_apps} 个应用、{all_accounts} 个账号复制到 {target}（本次 {now} 个，每秒 {rate:.0} 个），并与来源核对；共 {seconds:.1} 秒"
    ));
    Ok(())
}
