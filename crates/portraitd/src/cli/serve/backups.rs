//! What `portraitd doctor` says of scheduled backups: whether there are any, whether they can be taken, and how old the last one in
//! each place is.

use super::assessment::Assessment;
use super::assessment::Verdict::{Bad, Good, Warning};
use crate::cli::data::backup_list::{Found, by_place};
use crate::cli::language::chosen::{language, localized};
use crate::cli::output::{foreign, when};
use crate::config::Config;
use portraitd_api::clock::SystemClock;
use portraitd_model::Clock;
use rustix::fs::{Access, access};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Assesses the backups of the settings; `None` for a store in a database. Asks the storage on other machines.
pub(super) fn assess(config: &Config) -> Option<Assessment> {
    if config.store.url.is_some() {
        return None;
    }
    if !config.has_backups() {
        let text = localized!(
            "none is scheduled: when this machine dies, everything is lost; set backup.directory or backup.s3.bucket",
            "未设置定时备份：本机一旦损坏，数据将全部丢失；请设置 backup.directory 或 backup.s3.bucket"
        );
        return Some((Warning, text));
    }
    let directory = config.backup.directory.as_deref();
    let places = by_place(config).into_iter().map(|(place, found)| of_place(config, &place, found));
    let mut all: Vec<Assessment> = directory.and_then(unwritable).into_iter().chain(places).collect();
    let alone = directory.filter(|_| config.s3.bucket.is_none());
    all.extend(alone.and_then(|directory| beside(directory, &config.server.data)));
    let worst = all.iter().map(|(verdict, _)| *verdict).max()?;
    let sentences: Vec<String> = all.into_iter().map(|(_, sentence)| sentence).collect();
    Some((worst, sentences.join(language().pick("; ", "；"))))
}

/// Assesses the backups in one place.
fn of_place(config: &Config, place: &str, found: anyhow::Result<Found>) -> Assessment {
    let found = match found {
        Err(error) => return (Bad, format!("{error:#}")),
        Ok(found) => found,
    };
    let (now, place) = (SystemClock.now(), foreign(place));
    // A clock that was wrong has left those of the future: they count for nothing, here as in the schedule.
    let newest = found.iter().filter(|(_, backup)| backup.name.time() <= now);
    let Some((location, backup)) = newest.max_by_key(|(_, backup)| backup.name) else {
        let text = localized!(
            "there is none in {place} yet; serve takes one at its start",
            "{place} 中尚无备份；serve 启动时会备份一次"
        );
        return (Warning, text);
    };
    let (began, interval_ms) = (
        backup.name.time().0,
        config.backup.schedule().map_or(0, |schedule| schedule.interval_seconds() * 1000),
    );
    let (location, time) = (foreign(location), when(began));
    if now.0 - began > interval_ms.saturating_mul(2) {
        let text = localized!(
            "the last is of {time}, in {location}; the server's log says why there is no later one",
            "最近一次备份为 {time}，位于 {location}；服务日志说明了此后没有备份的原因"
        );
        return (Warning, text);
    }
    (Good, localized!("the last is of {time}, in {location}", "最近一次备份为 {time}，位于 {location}"))
}

/// Says that a directory, or the one that it is to be made in, can't be written.
fn unwritable(directory: &Path) -> Option<Assessment> {
    let place = existing(directory);
    let error = access(place, Access::WRITE_OK | Access::EXEC_OK).err()?;
    let place = place.display();
    let text = localized!(
        "this user can't write to {place} ({error}); chown it to the user that runs the service",
        "当前用户无法写入 {place}（{error}）；请用 chown 将其交给运行服务的用户"
    );
    Some((Bad, text))
}

/// Says that the backups are on the disk of the data, perhaps because theirs is not mounted.
fn beside(directory: &Path, data: &Path) -> Option<Assessment> {
    let device = |path: &Path| fs::metadata(existing(path)).map(|found| found.dev());
    let data = std::path::absolute(data).ok()?;
    let is_beside = device(directory).ok()? == device(&data).ok()?;
    is_beside.then(|| {
        let (directory, data) = (directory.display(), data.display());
        let text = localized!(
            "{directory} is on the same disk as {data}, and is lost with it: mount another disk there, or set backup.s3.bucket",
            "{directory} 与 {data} 在同一磁盘上，会一同丢失：请在此挂载另一磁盘，或设置 backup.s3.bucket"
        );
        (Warning, text)
    })
}

/// The path, or the nearest one above that exists.
fn existing(path: &Path) -> &Path {
    path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"))
}
