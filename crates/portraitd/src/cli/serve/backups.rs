//! What `portraitd doctor` says of scheduled backups: whether there are any, whether they can be taken, and how old the last one is.

use super::assessment::Assessment;
use super::assessment::Verdict::{Bad, Good, Warning};
use crate::cli::data::backup_list::configured;
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
        let text = "none is scheduled: when this machine dies, everything is lost; set backup.directory or backup.s3.bucket";
        return Some((Warning, text.into()));
    }
    if let Some(directory) = &config.backup.directory {
        let place = directory.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
        if let Err(error) = access(place, Access::WRITE_OK | Access::EXEC_OK) {
            let place = place.display();
            let text = format!(
                "this user can't write to {place} ({error}); chown it to the user that runs the service"
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
                None => (Warning, "there is none yet; serve takes one at its start".into()),
                Some((location, backup)) => {
                    let began = backup.name.time().0;
                    let (location, time) = (foreign(location), when(began));
                    let is_old = SystemClock.now().0.saturating_sub(began) > interval_ms.saturating_mul(2);
                    if is_old {
                        (
                            Warning,
                            format!(
                                "the last is of {time}, in {location}; the server's log says why there is no later one"
                            ),
                        )
                    } else {
                        (Good, format!("the last is of {time}, in {location}"))
                    }
                }
            }
        }
    })
}
