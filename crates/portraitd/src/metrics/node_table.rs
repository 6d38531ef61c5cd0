//! The metrics of a node on a shared database, which other servers do not have.

use super::metric::{Kind, Metric, Number, Snapshot, Values};
use portraitd_store::NodesStatus;
use std::time::Duration;

/// They follow the others.
pub(crate) const NODE_METRICS: &[Metric] = &[
    Metric {
        name: "portraitd_nodes_live",
        kind: Kind::Gauge,
        labels: "",
        english: "On a database: the portraitd that live on it, as this one sees them.",
        chinese: "使用数据库时：本节点所见的存活 portraitd 数。",
        values: |snapshot| of_nodes(snapshot, |nodes| nodes.live as u64),
    },
    Metric {
        name: "portraitd_node_parts",
        kind: Kind::Gauge,
        labels: "",
        english: "On a database: of the 16 parts of the users, those whose events this node delivers. All nodes together have 16.",
        chinese: "使用数据库时：用户分为 16 份，此为由本节点投递其事件的份数；所有节点合计 16。",
        values: |snapshot| of_nodes(snapshot, |nodes| nodes.leases as u64),
    },
    Metric {
        name: "portraitd_database_up",
        kind: Kind::Gauge,
        labels: "host",
        english: "On a database: 1 when it took this node's last beat, each second; the label is the host in use.",
        chinese: "使用数据库时：最近一次每秒心跳写入成功为 1；标签为当前使用的主机。",
        values: |snapshot| {
            let up = |nodes: &NodesStatus| {
                (vec![("host", nodes.host.clone())], u64::from(nodes.problem.is_none()).into())
            };
            snapshot.nodes.iter().map(up).collect()
        },
    },
    Metric {
        name: "portraitd_database_failovers",
        kind: Kind::Counter,
        labels: "",
        english: "On a database: how often this node took another host of it, because the one in use failed.",
        chinese: "使用数据库时：因当前主机故障而改用另一主机的次数。",
        values: |snapshot| of_nodes(snapshot, |nodes| nodes.failovers),
    },
    Metric {
        name: "portraitd_database_transactions",
        kind: Kind::Counter,
        labels: "outcome (retried, divided, found)",
        english: "On a database: transactions that were tried again, that were divided because others were in their way, and that were found committed after their answer was lost.",
        chinese: "使用数据库时：重试的事务（retried）、因冲突而拆分的事务（divided），以及应答丢失后确认已提交的事务（found）。",
        values: |snapshot| {
            let outcomes = |nodes: &NodesStatus| {
                let counts = [
                    ("retried", nodes.retried),
                    ("divided", nodes.divided),
                    ("found", nodes.found_committed),
                ];
                counts.map(|(outcome, count)| (vec![("outcome", outcome.to_owned())], count.into()))
            };
            snapshot.nodes.iter().flat_map(outcomes).collect()
        },
    },
    Metric {
        name: "portraitd_database_clock_difference_seconds",
        kind: Kind::Gauge,
        labels: "",
        english: "On a database: how far this machine's clock and the database's are apart, either way. Beyond 2 the node is not ready.",
        chinese: "使用数据库时：本机与数据库时钟之差（绝对值，秒）；超过 2 则本节点不就绪。",
        values: |snapshot| {
            of_nodes(snapshot, |nodes| {
                Duration::from_millis(nodes.clock_ahead_ms.unsigned_abs()).as_secs_f64()
            })
        },
    },
];

fn of_nodes<N: Into<Number>>(snapshot: &Snapshot, value: impl Fn(&NodesStatus) -> N) -> Values {
    snapshot.nodes.iter().map(|nodes| (Vec::new(), value(nodes).into())).collect()
}
