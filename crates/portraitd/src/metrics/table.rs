//! Every metric: one row each (its columns: `metric.rs`), from which `/metrics` and `docs/METRICS.md` are made.

use super::histogram::HistogramValues;
use super::metric::{Kind, Metric, Number, Snapshot, Values};
use portraitd_api::telemetry::Telemetry;
use portraitd_http::certificate::Certificate;
use portraitd_http::stats::Counts;
use portraitd_store::{Backlog, EventState};
use portraitd_webhook::status::WebhookStatus;

/// Every metric but those of a shared database (`node_table.rs`).
pub(crate) const METRICS: &[Metric] = &[
    Metric {
        name: "portraitd_build",
        kind: Kind::Gauge,
        labels: "version",
        english: "Always 1; the label is the running version.",
        chinese: "恒为 1；标签为正在运行的版本。",
        values: |_| vec![(vec![("version", env!("CARGO_PKG_VERSION").to_owned())], 1.into())],
    },
    Metric {
        name: "portraitd_store_changes",
        kind: Kind::Counter,
        labels: "",
        english: "Changes that are on the disk.",
        chinese: "已落盘的写入单元数。",
        values: |snapshot| one(snapshot.store.changes),
    },
    Metric {
        name: "portraitd_store_commits",
        kind: Kind::Counter,
        labels: "",
        english: "Commits, each with one sync of the disk. Changes divided by commits is how many share a sync.",
        chinese: "提交次数，每次一次磁盘同步；写入数除以提交数即为平均合并数。",
        values: |snapshot| one(snapshot.store.commits),
    },
    Metric {
        name: "portraitd_requests",
        kind: Kind::Counter,
        labels: "command, code",
        english: "Answered calls by their command and ErrorCode, 0 = OK. Limits: 60007, 60011, 70050; UserSigs: 70001, 70003, \
                  70009, 70013, 70014, 70052; the store: 40006, 60008 (docs/ERRORS.md).",
        chinese: "按命令与 ErrorCode 统计的应答数（0 为成功）。限频：60007、60011、70050；UserSig：70001、70003、70009、70013、70014、\
                  70052；存储：40006、60008（见 docs/ERRORS.md）。",
        values: |snapshot| {
            let label = |(command, code): &(&'static str, u32)| {
                vec![("command", (*command).to_owned()), ("code", code.to_string())]
            };
            snapshot.calls.iter().map(|(key, count)| (label(key), Number::from(*count))).collect()
        },
    },
    Metric {
        name: "portraitd_accounts",
        kind: Kind::Gauge,
        labels: "sdkappid",
        english: "The accounts of each app. On a database, those of all nodes together; left out while it can't be read.",
        chinese: "各应用的账号数。使用数据库时为所有节点共有的账号数；数据库无法读取期间不提供。",
        values: |snapshot| {
            let accounts = snapshot.accounts.iter();
            accounts
                .map(|(app, accounts)| (vec![("sdkappid", app.to_string())], Number::from(*accounts)))
                .collect()
        },
    },
    Metric {
        name: "portraitd_request_seconds",
        kind: Kind::Histogram(|snapshot| {
            let latencies = snapshot.telemetry.iter().flat_map(|telemetry| telemetry.latencies());
            latencies
                .map(|(command, latency)| {
                    (vec![("command", command.to_owned())], HistogramValues::seconds(latency))
                })
                .collect()
        }),
        labels: "command",
        english: "The time from the end of a request's head to its answer, including reading the body but not sending.",
        chinese: "从请求头读完到生成应答的耗时：含读取包体，不含发送。",
        values: no_values,
    },
    Metric {
        name: "portraitd_slow_requests",
        kind: Kind::Counter,
        labels: "",
        english: "Requests that took longer than [log] slow_request_ms; each is in the log with the time of each step.",
        chinese: "耗时超过 [log] slow_request_ms 的请求数；日志中逐条列出时间去向。",
        values: |snapshot| of_server(snapshot, |telemetry| one(telemetry.slow_requests())),
    },
    Metric {
        name: "portraitd_usersig_lookups",
        kind: Kind::Counter,
        labels: "result (hit, miss)",
        english: "UserSigs found in the cache of verified ones (hit), or verified (miss).",
        chinese: "UserSig 缓存命中（hit）与重新校验（miss）的次数。",
        values: |snapshot| {
            of_server(snapshot, |telemetry| {
                telemetry
                    .usersig_lookups()
                    .map(|(result, count)| (vec![("result", result.to_owned())], Number::from(count)))
                    .to_vec()
            })
        },
    },
    Metric {
        name: "portraitd_connections",
        kind: Kind::Gauge,
        labels: "listener (public, admin, metrics)",
        english: "Open connections.",
        chinese: "当前打开的连接数。",
        values: |snapshot| of_listeners(snapshot, Counts::open),
    },
    Metric {
        name: "portraitd_connections_accepted",
        kind: Kind::Counter,
        labels: "listener (public, admin, metrics)",
        english: "Accepted connections. Many connections for few requests mean that callers do not keep them alive.",
        chinese: "已接受的连接数；若远多于请求数的合理比例，说明调用方未复用连接。",
        values: |snapshot| of_listeners(snapshot, Counts::accepted),
    },
    Metric {
        name: "portraitd_connections_refused",
        kind: Kind::Counter,
        labels: "listener (public, admin, metrics)",
        english: "Connections that were closed at once, because there were too many in all or from one address.",
        chinese: "因总数或单一地址连接过多而被立即关闭的连接数。",
        values: |snapshot| of_listeners(snapshot, Counts::refused),
    },
    Metric {
        name: "portraitd_tls_handshake_failures",
        kind: Kind::Counter,
        labels: "listener (public, admin, metrics)",
        english: "TLS handshakes that failed or took too long, and plain HTTP on a TLS port.",
        chinese: "失败或超时的 TLS 握手，以及误发到 TLS 端口的明文 HTTP。",
        values: |snapshot| of_listeners(snapshot, Counts::handshake_failures),
    },
    Metric {
        name: "portraitd_tls_certificate_ends_timestamp_seconds",
        kind: Kind::Gauge,
        labels: "listener (public, admin)",
        english: "When the certificate in use expires, in seconds since 1970.",
        chinese: "正在使用的证书的到期时间（自 1970 年起的秒数）。",
        values: |snapshot| {
            of_certificates(snapshot, |certificate| u64::try_from(certificate.not_after()).unwrap_or(0))
        },
    },
    Metric {
        name: "portraitd_admin_wrong_tokens",
        kind: Kind::Counter,
        labels: "",
        english: "Wrong tokens and ended sessions that callers of the admin API sent. After ten in a minute, their address is refused for the rest of it.",
        chinese: "管理 API 收到的错误令牌与已失效会话次数；同一地址一分钟内达到十次后，该分钟内其余请求均被拒绝。",
        values: |snapshot| one(snapshot.wrong_tokens),
    },
    Metric {
        name: "portraitd_tls_reload_errors",
        kind: Kind::Counter,
        labels: "listener (public, admin)",
        english: "Reloads of a changed certificate or key that failed; the earlier pair stays in use.",
        chinese: "变更后无法使用的证书或私钥次数；仍使用之前的一对。",
        values: |snapshot| of_certificates(snapshot, Certificate::reload_errors),
    },
    Metric {
        name: "portraitd_store_commit_seconds",
        kind: Kind::Histogram(|snapshot| vec![(Vec::new(), snapshot.commit.clone())]),
        labels: "",
        english: "The time of a commit, from its beginning to the end of its sync. It shows the speed of the disk.",
        chinese: "一次提交的耗时，从开始到同步完成：反映磁盘快慢。",
        values: no_values,
    },
    Metric {
        name: "portraitd_store_batch_changes",
        kind: Kind::Histogram(|snapshot| vec![(Vec::new(), snapshot.batch.clone())]),
        labels: "",
        english: "Changes in one commit. At 256 the writer is at its limit.",
        chinese: "单次提交合并的写入数；达到 256 即写入已满载。",
        values: no_values,
    },
    Metric {
        name: "portraitd_store_wait_seconds",
        kind: Kind::Histogram(|snapshot| vec![(Vec::new(), snapshot.wait.clone())]),
        labels: "",
        english: "The time that a change waited for the writer. After 2 s it is refused (40006).",
        chinese: "写入排队等待的时长；超过 2 秒即拒绝（40006）。",
        values: no_values,
    },
    Metric {
        name: "portraitd_store_waiting",
        kind: Kind::Gauge,
        labels: "",
        english: "Changes that wait for the writer, at most 4096.",
        chinese: "当前排队的写入数；最多 4096。",
        values: |snapshot| one(snapshot.status.waiting),
    },
    Metric {
        name: "portraitd_store_failed_commits",
        kind: Kind::Counter,
        labels: "",
        english: "Commits that failed, because of a full disk or an I/O error. None of their changes was acknowledged.",
        chinese: "失败的提交数（磁盘满或 I/O 错误）；其中没有任何写入被确认。",
        values: |snapshot| one(snapshot.failed_commits),
    },
    Metric {
        name: "portraitd_store_database_bytes",
        kind: Kind::Gauge,
        labels: "",
        english: "The size of the database file.",
        chinese: "数据库文件大小（字节）。",
        values: |snapshot| one(snapshot.status.database_bytes),
    },
    Metric {
        name: "portraitd_store_log_bytes",
        kind: Kind::Gauge,
        labels: "",
        english: "The size of SQLite's write-ahead log. It stays as short as what the journal is applied in, except while a backup reads, or after a failed sync of the database.",
        chinese: "SQLite 预写日志大小（字节）；只与每次写入数据库的批量相当，备份期间或数据库同步失败之后除外。",
        values: |snapshot| one(snapshot.status.log_bytes),
    },
    Metric {
        name: "portraitd_store_journal_bytes",
        kind: Kind::Gauge,
        labels: "",
        english: "The part of the journal that is not applied to the database yet; when its two files are full changes are refused (40006).",
        chinese: "重做日志中尚未写入数据库的部分（字节）；两个文件都写满时拒绝修改（40006）。",
        values: |snapshot| one(snapshot.status.journal_bytes),
    },
    Metric {
        name: "portraitd_store_journal_bytes_max",
        kind: Kind::Gauge,
        labels: "",
        english: "What the journal's two files may hold together, [store] journal_mib.",
        chinese: "重做日志两个文件合计的上限（[store] journal_mib，字节）。",
        values: |snapshot| one(snapshot.status.journal_bytes_max),
    },
    Metric {
        name: "portraitd_store_journal_age_seconds",
        kind: Kind::Gauge,
        labels: "",
        english: "How long the oldest change that is not applied to the database has waited in the journal; 0 when there is none.",
        chinese: "重做日志中最早一项尚未写入数据库的修改已等待的时间（秒）；没有则为 0。",
        values: |snapshot| one(snapshot.status.journal_age.as_secs()),
    },
    Metric {
        name: "portraitd_store_disk_free_bytes",
        kind: Kind::Gauge,
        labels: "",
        english: "The free space on the file system of the data.",
        chinese: "数据所在文件系统的可用空间（字节）。",
        values: |snapshot| one(snapshot.status.disk_free_bytes),
    },
    Metric {
        name: "portraitd_store_disk_kept_bytes",
        kind: Kind::Gauge,
        labels: "",
        english: "The space that is kept free, [store] keep_free_mib. With less, changes are refused (40006); reads and deletions still work.",
        chinese: "保留的可用空间（[store] keep_free_mib）；低于此值时拒绝修改（40006），读取与删除不受影响。",
        values: |snapshot| one(snapshot.status.disk_kept_bytes),
    },
    Metric {
        name: "portraitd_store_files_changed",
        kind: Kind::Gauge,
        labels: "",
        english: "1 while the database, its write-ahead log, the journal or the lock is not the file that the server opened, because it was removed, moved, replaced or hard-linked. Changes are refused (40006); reads still work.",
        chinese: "数据库、预写日志、重做日志或锁文件在运行期间被删除、移动、替换或建立硬链接时为 1；此时拒绝修改（40006），读取照常。",
        values: |snapshot| one(u64::from(snapshot.status.files_changed)),
    },
    Metric {
        name: "portraitd_webhook_events",
        kind: Kind::Gauge,
        labels: "sdkappid, state (waiting, parked)",
        english: "Webhook events in the outbox: waiting for delivery, or parked until they are replayed or dropped.",
        chinese: "发件箱中的回调事件数：待投递（waiting），或已搁置待重放或丢弃（parked）。",
        values: |snapshot| of_states(snapshot, |backlog, state| backlog.amount(state).events),
    },
    Metric {
        name: "portraitd_webhook_backlog_bytes",
        kind: Kind::Gauge,
        labels: "sdkappid, state (waiting, parked)",
        english: "The stored size of these events.",
        chinese: "上述事件占用的字节数。",
        values: |snapshot| of_states(snapshot, |backlog, state| backlog.amount(state).bytes),
    },
    Metric {
        name: "portraitd_webhook_backlog_bytes_max",
        kind: Kind::Gauge,
        labels: "",
        english: "The limit of the backlog, [webhook] backlog_max. Beyond it the oldest parked events are dropped.",
        chinese: "积压上限（[webhook] backlog_max）；超过后最早的搁置事件先被丢弃。",
        values: |snapshot| one(snapshot.backlog_bytes_max),
    },
    Metric {
        name: "portraitd_webhook_oldest_waiting_seconds",
        kind: Kind::Gauge,
        labels: "sdkappid",
        english: "The age of the oldest waiting event; 0 when there is none.",
        chinese: "最早一条待投递事件的年龄（秒）；没有则为 0。",
        values: |snapshot| of_apps(snapshot, |webhook| webhook.oldest_waiting_ms / 1_000),
    },
    Metric {
        name: "portraitd_webhook_receiver_down_seconds",
        kind: Kind::Gauge,
        labels: "sdkappid",
        english: "The time for which the receiver has failed every call; 0 when it is up.",
        chinese: "接收方连续失败的时长（秒）；正常时为 0。",
        values: |snapshot| of_apps(snapshot, |webhook| webhook.counts.down_ms.unwrap_or(0).div_ceil(1_000)),
    },
    Metric {
        name: "portraitd_webhook_delivered",
        kind: Kind::Counter,
        labels: "sdkappid",
        english: "Events that a receiver acknowledged.",
        chinese: "接收方已确认的事件数。",
        values: |snapshot| of_apps(snapshot, |webhook| webhook.counts.delivered),
    },
    Metric {
        name: "portraitd_webhook_failed_attempts",
        kind: Kind::Counter,
        labels: "sdkappid",
        english: "Attempts that failed; the event is tried again or parked.",
        chinese: "失败的投递尝试次数；事件会重试或被搁置。",
        values: |snapshot| of_apps(snapshot, |webhook| webhook.counts.failed),
    },
    Metric {
        name: "portraitd_webhook_parked",
        kind: Kind::Counter,
        labels: "sdkappid",
        english: "Events that were parked after their last attempt.",
        chinese: "用尽重试计划后被搁置的事件数。",
        values: |snapshot| of_apps(snapshot, |webhook| webhook.counts.parked),
    },
    Metric {
        name: "portraitd_webhook_dropped",
        kind: Kind::Counter,
        labels: "sdkappid",
        english: "Events that were dropped because the backlog had reached its limit. Their profile changes are stored; only the receiver is not notified.",
        chinese: "因积压达到上限而丢弃的事件数；资料变更本身已保存，只是不再通知。",
        values: |snapshot| of_apps(snapshot, |webhook| webhook.counts.dropped),
    },
];

fn of_apps(snapshot: &Snapshot, value: impl Fn(&WebhookStatus) -> u64) -> Values {
    let webhooks = snapshot.webhooks.iter();
    webhooks.map(|webhook| (vec![("sdkappid", webhook.app.to_string())], value(webhook).into())).collect()
}

fn of_states(snapshot: &Snapshot, value: impl Fn(&Backlog, EventState) -> u64) -> Values {
    let states = [("waiting", EventState::Waiting), ("parked", EventState::Parked)];
    let of_app = |webhook: &WebhookStatus| {
        states.map(|(name, state)| {
            let labels = vec![("sdkappid", webhook.app.to_string()), ("state", name.to_owned())];
            (labels, value(&webhook.backlog, state).into())
        })
    };
    snapshot.webhooks.iter().flat_map(of_app).collect()
}

/// One value without labels.
pub(super) fn one(value: impl Into<Number>) -> Values {
    vec![(Vec::new(), value.into())]
}

fn no_values(_: &Snapshot) -> Values {
    Values::new()
}

fn of_server(snapshot: &Snapshot, values: impl Fn(&Telemetry) -> Values) -> Values {
    snapshot.telemetry.as_deref().map(values).unwrap_or_default()
}

fn of_listeners(snapshot: &Snapshot, value: impl Fn(&Counts) -> u64) -> Values {
    of_server(snapshot, |telemetry| {
        let Telemetry { public, admin, metrics, .. } = telemetry;
        let listeners = [("public", public), ("admin", admin), ("metrics", metrics)];
        listeners.map(|(name, counts)| (vec![("listener", name.to_owned())], value(counts).into())).to_vec()
    })
}

fn of_certificates(snapshot: &Snapshot, value: impl Fn(&Certificate) -> u64) -> Values {
    of_server(snapshot, |telemetry| {
        let certificates = telemetry.certificates.iter();
        certificates
            .map(|(name, shown)| (vec![("listener", (*name).to_owned())], value(shown).into()))
            .collect()
    })
}
