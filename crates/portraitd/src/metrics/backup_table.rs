//! The metrics of scheduled backups, which a server without them does not have.

use super::metric::{Kind, Metric, Number, Snapshot, Values};
use crate::backup::counters::PlaceCounters;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const PLACES: &str = "place (directory, s3)";

/// They follow those of nodes.
pub(crate) const BACKUP_METRICS: &[Metric] = &[
    Metric {
        name: "portraitd_backup_successes",
        kind: Kind::Counter,
        labels: PLACES,
        english: "Scheduled backups (`[backup]`) that were taken and checked; in `s3`, also read back.",
        chinese: "已完成并通过校验的计划备份数（`[backup]`）；`s3` 另经读回比对。",
        values: |snapshot| of_places(snapshot, |place| read(&place.successes)),
    },
    Metric {
        name: "portraitd_backup_failures",
        kind: Kind::Counter,
        labels: PLACES,
        english: "Attempts at a scheduled backup that failed. The server's log has the reason, and the next attempt follows within an hour.",
        chinese: "失败的计划备份次数；原因见服务日志，一小时之内重试。",
        values: |snapshot| of_places(snapshot, |place| read(&place.failures)),
    },
    Metric {
        name: "portraitd_backup_last_success_timestamp_seconds",
        kind: Kind::Gauge,
        labels: PLACES,
        english: "When the newest scheduled backup that stands began, also one from before the start; 0 without one.",
        chinese: "最近一个有效的计划备份的开始时间（含启动之前的）；没有则为 0。",
        values: |snapshot| of_places(snapshot, |place| seconds(&place.last_ms)),
    },
    Metric {
        name: "portraitd_backup_last_bytes",
        kind: Kind::Gauge,
        labels: PLACES,
        english: "The size of that backup.",
        chinese: "该备份的大小（字节）。",
        values: |snapshot| of_places(snapshot, |place| read(&place.last_bytes)),
    },
    Metric {
        name: "portraitd_backup_last_duration_seconds",
        kind: Kind::Gauge,
        labels: PLACES,
        english: "How long it took to take and check that backup, and in `s3` to send it and read it back; 0 for one from before the start.",
        chinese: "该备份的耗时：备份与校验，`s3` 另含上传与读回；启动之前的备份为 0。",
        values: |snapshot| of_places(snapshot, |place| seconds(&place.last_duration_ms)),
    },
    Metric {
        name: "portraitd_backup_interval_seconds",
        kind: Kind::Gauge,
        labels: PLACES,
        english: "The time between two scheduled backups (`backup.every`).",
        chinese: "计划备份的间隔（`backup.every`）。",
        values: |snapshot| of_places(snapshot, |_| Number::Whole(snapshot.backups.interval_seconds)),
    },
];

fn of_places(snapshot: &Snapshot, value: impl Fn(&PlaceCounters) -> Number) -> Values {
    let places = snapshot.backups.places.iter();
    places.map(|place| (vec![("place", place.name.to_owned())], value(place))).collect()
}

fn read(number: &AtomicU64) -> Number {
    Number::Whole(number.load(Ordering::Relaxed))
}

fn seconds(milliseconds: &AtomicU64) -> Number {
    Number::Fraction(Duration::from_millis(milliseconds.load(Ordering::Relaxed)).as_secs_f64())
}
