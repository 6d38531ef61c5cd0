//! What the kernel tells of this process, in `/proc`.

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::sync::LazyLock;
use std::time::Duration;

/// When this machine started, in seconds since 1970. Not of `/proc/stat`: a service that sees its own process alone
/// (`ProcSubset=pid`) has none.
static BOOT: LazyLock<f64> = LazyLock::new(|| {
    let [now, since] = [ClockId::Realtime, ClockId::Boottime].map(|clock| {
        let time = clock_gettime(clock);
        Duration::try_from(time).unwrap_or_default().as_secs_f64()
    });
    now - since
});

/// What the process uses.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct ProcessStats {
    /// Of all threads, in their own code and in the kernel.
    pub(super) cpu_seconds: f64,
    pub(super) virtual_bytes: u64,
    pub(super) resident_bytes: u64,
    pub(super) open_fds: u64,
    /// `None` without a limit.
    pub(super) max_fds: Option<u64>,
    /// In seconds since 1970.
    pub(super) started: f64,
}

impl ProcessStats {
    /// Reads the numbers of this process; `None` where there is no `/proc` of Linux.
    pub(super) fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        Self::of(&stat, *BOOT, clock_ticks_per_second(), page_size() as u64, open_fds()?)
    }

    /// Reads a line of `/proc/PID/stat` (`proc_pid_stat(5)`). `ticks` are in a second.
    #[expect(clippy::cast_precision_loss, reason = "2^53 ticks are more than a million years")]
    fn of(stat: &str, boot: f64, ticks: u64, page_bytes: u64, open_fds: u64) -> Option<Self> {
        // The second field is a name, which may hold spaces and parentheses; the third one follows it.
        let (_, fields) = stat.rsplit_once(')')?;
        let fields: Vec<&str> = fields.split_ascii_whitespace().collect();
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        let seconds = |count: u64| count as f64 / ticks as f64;
        Some(Self {
            cpu_seconds: seconds(field(14)? + field(15)?),
            started: boot + seconds(field(22)?),
            virtual_bytes: field(23)?,
            resident_bytes: field(24)?.saturating_mul(page_bytes),
            open_fds,
            max_fds: getrlimit(Resource::Nofile).current,
        })
    }
}

/// The number of open files. Linux 6.2 and later have it as the directory's size.
fn open_fds() -> Option<u64> {
    let directory = "/proc/self/fd";
    match fs::metadata(directory).ok()?.len() {
        0 => Some(fs::read_dir(directory).ok()?.count() as u64),
        files => Some(files),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_moves_no_field() {
        let stat = "7 (a) b (c)) S 1 7 7 0 -1 4194560 1 2 3 4 150 50 5 6 20 0 9 0 2500 1048576 256 18446744073709551615 1 1";
        let stats = ProcessStats::of(stat, 1_000.0, 100, 4096, 12).unwrap();
        let (cpu, started) = (stats.cpu_seconds, stats.started);
        assert!((cpu - 2.0).abs() < 1e-9 && (started - 1025.0).abs() < 1e-9, "{stats:?}");
        assert_eq!((stats.virtual_bytes, stats.resident_bytes, stats.open_fds), (1 << 20, 1 << 20, 12));
        assert_eq!(ProcessStats::of("7 (a) S 1", 1_000.0, 100, 4096, 12), None);
    }

    #[test]
    fn this_process_is_read() {
        let before = ProcessStats::read().unwrap();
        let files: Vec<_> = (0..10).map(|_| fs::File::open("/proc/self/stat").unwrap()).collect();
        let with_files = ProcessStats::read().unwrap();
        assert!(
            before.resident_bytes > 1 << 20 && before.virtual_bytes > before.resident_bytes,
            "{before:?}"
        );
        assert!(with_files.open_fds >= 3 + files.len() as u64, "{with_files:?}");
        assert!(with_files.open_fds <= with_files.max_fds.unwrap(), "{with_files:?}");
    }
}
