//! What `portraitd doctor` says of scheduled backups: whether there are any, whether they can be taken, and how old the last one is.

use super::assessment::Assessment;
use super::assessment::Verdict::{Bad, Good, Warning};
use crate::cli::data::backup_list::configured;
use crate::cli::language::chosen::localized;
use crate::cli::output::{foreign, when};
use crate::config::Config;
use portraitd_api::clock::SystemClock;
use portraitd_model::Clock;
use rustix::fs::{Access, access};
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
    if let Some(directory) = &config.backup.directory {
        let place = directory.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
        if let Err(error) = access(place, Access::WRITE_OK | Access::EXEC_OK) {
            let place = place.display();
            let text = localized!(
                "this user can't write to {place} ({error}); chown it to the user that runs the service",
                "当前用户无法写入 {place}（{error}）；请用 chown 将其交给运行服务的用户"
            );
            return Some((Bad, text));
        }
    }
    Some(match configured(config) {
        Err(error) => (Bad, format!("{error:#}")),
        Ok(found) => {
            let newest = found.iter().max_by_key(|(_, backup)| backup.name);
            let interval_ms =
                config.backup.schedule().map_or(0, |schedule| schedule.interval_seconds() * 1000);
            match newest {
                None => {
                    let text = localized!(
                        "there is none yet; serve takes one at its start",
                        "尚无备份；serve 启动时会备份一次"
                    );
                    (Warning, text)
                }
                Some((location, backup)) => {
                    let began = backup.name.time().0;
                    let (location, time) = (foreign(location), when(began));
                    let is_old = SystemClock.now().0.saturating_sub(began) > interval_ms.saturating_mul(2);
                    if is_old {
                        let text = localized!(
                            "the last is of {time}, in {location}; the server's log says why there is no later one",
                            "最近一次备份为 {time}，位于 {location}；服务日志说明了此后没有备份的原因"
                        );
                        (Warning, text)
                    } else {
                        let text = localized!(
                            "the last is of {time}, in {location}",
                            "最近一次备份为 {time}，位于 {location}"
                        );
                        (Good, text)
                    }
                }
            }
        }
    })
}
