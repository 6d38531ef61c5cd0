//! `portraitd backup list`: the backups that servers have taken by their schedule.

use super::backup_place::BackupPlace;
use crate::backup::directory::{BackupDirectory, Standing};
use crate::cli::language::chosen::localized;
use crate::cli::output::{foreign, print_json, say, when};
use crate::cli::serve::config::Layers;
use crate::config::Config;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Show the backups that a server has taken by its schedule
///
/// Without PLACE those of the settings `[backup]` are shown. Each was checked after it was taken. STORE
/// tells which store it was taken of: a restored store is another one, and a server removes backups of
/// its own store only.
#[expect(clippy::doc_markdown, reason = "the help shows a line as it is")]
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(super) struct ListArgs {
    /// A directory of backups, or s3://BUCKET/PREFIX
    place: Option<PathBuf>,
    /// The configuration file (TOML)
    #[arg(long, value_name = "FILE", env = "PORTRAITD_CONFIG")]
    config: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// A backup, for programs.
#[derive(Serialize)]
struct Listed {
    /// What `portraitd restore` takes.
    backup: String,
    /// When it began, in Unix milliseconds.
    began_ms: u64,
    bytes: u64,
    apps: u64,
    accounts: u64,
    /// The id of the store that it was taken of.
    store: String,
    sha256: String,
    /// The portraitd that took it.
    version: String,
}

impl Listed {
    fn new((backup, Standing { name, manifest }): (String, Standing)) -> Self {
        Self {
            backup,
            began_ms: name.time().0,
            bytes: manifest.bytes,
            apps: manifest.apps,
            accounts: manifest.accounts,
            store: manifest.store,
            sha256: manifest.sha256,
            version: manifest.version,
        }
    }
}

pub(super) fn run(args: &ListArgs, command_line: &clap::Command) -> anyhow::Result<()> {
    let config = || anyhow::Ok(Layers::of_file(args.config.clone()).load(command_line)?.config);
    let found = match &args.place {
        None => configured(&config()?)?,
        Some(place) => match BackupPlace::of_url(place)? {
            Some(place) => place.list(&config()?)?,
            None => in_directory(place)?,
        },
    };
    let listed: Vec<Listed> = found.into_iter().map(Listed::new).collect();
    if args.json {
        return print_json(&listed);
    }
    if listed.is_empty() {
        say(localized!("there is no backup", "没有备份"));
        return Ok(());
    }
    say(format_args!("{:<20}  {:>14}  {:>12}  {:<8}  BACKUP", "TIME", "BYTES", "ACCOUNTS", "STORE"));
    for Listed { backup, began_ms, bytes, accounts, store, .. } in &listed {
        let store = store.get(..8).unwrap_or(store);
        let (time, store, backup) = (when(*began_ms), foreign(store), foreign(backup));
        say(format_args!("{time}  {bytes:>14}  {accounts:>12}  {store:<8}  {backup}"));
    }
    Ok(())
}

/// The backups in each place of the settings, with what names each.
pub(crate) type Found = Vec<(String, Standing)>;

/// The backups in each place of the settings.
fn configured(config: &Config) -> anyhow::Result<Found> {
    anyhow::ensure!(
        config.has_backups(),
        localized!(
            "neither backup.directory nor backup.s3.bucket is set: name a place, or the configuration file (--config)",
            "未设置 backup.directory 与 backup.s3.bucket：请指明位置或配置文件（--config）"
        )
    );
    by_place(config).into_iter().try_fold(Vec::new(), |mut all, (_, found)| {
        all.extend(found?);
        Ok(all)
    })
}

/// The places of the settings, and the backups in each.
pub(crate) fn by_place(config: &Config) -> Vec<(String, anyhow::Result<Found>)> {
    let directory = config.backup.directory.as_deref();
    let directory = directory.map(|directory| (directory.display().to_string(), in_directory(directory)));
    let bucket = config.s3.bucket.as_ref().map(|bucket| {
        let url = format!("s3://{bucket}/{}", config.s3.prefix);
        let place = BackupPlace::of_url(Path::new(&url));
        let found = place.and_then(|place| place.map_or(Ok(Vec::new()), |place| place.list(config)));
        (url, found)
    });
    directory.into_iter().chain(bucket).collect()
}

fn in_directory(dir: &Path) -> anyhow::Result<Found> {
    let directory = BackupDirectory::new(dir.to_owned());
    let located = |backup: Standing| (directory.path(backup.name).display().to_string(), backup);
    Ok(directory.list()?.into_iter().map(located).collect())
}
