//! The metrics of the process, under the names that Prometheus' own clients give them.

use super::metric::{Kind, Metric, Number, Snapshot, Values};
use super::process::ProcessStats;

/// They follow the others. Absent where there is no `/proc`.
pub(crate) const PROCESS_METRICS: &[Metric] = &[
    Metric {
        name: "process_cpu_seconds",
        kind: Kind::Counter,
        labels: "",
        english: "The processor time that the process has used, in its own code and in the kernel.",
        chinese: "进程使用的处理器时间（用户态与内核态之和，秒）。",
        values: |snapshot| of_process(snapshot, |process| Some(process.cpu_seconds)),
    },
    Metric {
        name: "process_resident_memory_bytes",
        kind: Kind::Gauge,
        labels: "",
        english: "The memory of the process that is in RAM.",
        chinese: "进程占用的物理内存（字节）。",
        values: |snapshot| of_process(snapshot, |process| Some(process.resident_bytes)),
    },
    Metric {
        name: "process_virtual_memory_bytes",
        kind: Kind::Gauge,
        labels: "",
        english: "The address space of the process.",
        chinese: "进程的虚拟内存（字节）。",
        values: |snapshot| of_process(snapshot, |process| Some(process.virtual_bytes)),
    },
    Metric {
        name: "process_open_fds",
        kind: Kind::Gauge,
        labels: "",
        english: "Open files and connections.",
        chinese: "已打开的文件与连接数。",
        values: |snapshot| of_process(snapshot, |process| Some(process.open_fds)),
    },
    Metric {
        name: "process_max_fds",
        kind: Kind::Gauge,
        labels: "",
        english: "The limit of open files and connections; absent without one.",
        chinese: "文件与连接数的上限；没有上限时不提供。",
        values: |snapshot| of_process(snapshot, |process| process.max_fds),
    },
    Metric {
        name: "process_start_time_seconds",
        kind: Kind::Gauge,
        labels: "",
        english: "When the process started, in seconds since 1970.",
        chinese: "进程的启动时间（自 1970 年起的秒数）。",
        values: |snapshot| of_process(snapshot, |process| Some(process.started)),
    },
];

fn of_process<N: Into<Number>>(snapshot: &Snapshot, value: impl Fn(&ProcessStats) -> Option<N>) -> Values {
    let value = snapshot.process.as_ref().and_then(value);
    value.map(|value| (Vec::new(), value.into())).into_iter().collect()
}
