//! `[server]`: where portraitd listens, and the limits and timeouts of calls.

use super::setting::{is_path, section};
use crate::cli::language::chosen::localized;
use ipnet::IpNet;
use portraitd_http::address::Addresses;
use portraitd_model::Language;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;

section! {
    /// `[server]`
    [server] ServerSection {
        /// The public API (`/v4`) listens on this address, or on this list of addresses. Port 0 takes a free port. With a
        /// certificate in `[tls]` an address speaks HTTPS, unless it begins with `http://`. `unix:/path` is a Unix socket.
        /// Several addresses are written as `["https://[::]:443", "unix:/run/portraitd/portraitd.sock"]`.
        #[zh = "公共 API（`/v4`）的监听地址，可以是一个地址或地址列表。端口 0 表示任选空闲端口。`[tls]` 中设有证书时使用 HTTPS，以 `http://` 开头的地址除外；`unix:/path` 为 Unix 套接字。多个地址写作 `[\"https://[::]:443\", \"unix:/run/portraitd/portraitd.sock\"]`。"]
        listen: Addresses = SocketAddr::from(([127, 0, 0, 1], 8080)).into();

        /// The admin API listens on this address, or on this list. It can change everything: keep it on this machine, or give
        /// it a certificate in `[tls]`.
        #[zh = "管理 API 的监听地址。管理 API 权限最高：请只在本机监听，或在 `[tls]` 中为其设置证书。"]
        admin_listen: Addresses = SocketAddr::from(([127, 0, 0, 1], 8081)).into();

        /// `/metrics`, `/healthz` and `/readyz` alone listen on this address, or on this list, for Prometheus and for probes that
        /// must not reach the admin API. They need no token. With `tls.admin_certificate` an address speaks HTTPS, unless it
        /// begins with `http://`.
        #[zh = "仅提供 `/metrics`、`/healthz` 与 `/readyz` 的监听地址，可以是一个地址或地址列表，供不应访问管理 API 的 Prometheus 与探针使用，无需令牌。设有 `tls.admin_certificate` 时使用 HTTPS，以 `http://` 开头的地址除外。"]
        metrics_listen: Option<Addresses> = None, example r#""http://0.0.0.0:9464""#;

        /// Files of Unix sockets get this mode, in octal. Callers on a Unix socket count as 127.0.0.1.
        #[zh = "Unix 套接字文件的权限，八进制。经 Unix 套接字的调用方地址视为 127.0.0.1。"]
        unix_mode: UnixMode = UnixMode(0o660);

        /// This is the data directory. Only one portraitd can use it at a time.
        #[zh = "数据目录，同一时间只能由一个 portraitd 使用。"]
        data: PathBuf = PathBuf::from("portraitd-data"), check is_path;

        /// Sentences in the header `X-Error-Detail` and in `ErrorDisplay` are in this language: "en" or "zh".
        #[zh = "应答头 `X-Error-Detail` 与 `ErrorDisplay` 中说明文字的语言：\"en\" 或 \"zh\"。"]
        language: LanguageName = LanguageName::En;

        /// If true, `ErrorDisplay` explains errors, for apps that have no setting of their own. Tencent Cloud leaves it empty.
        #[zh = "是否在 `ErrorDisplay` 中说明错误，适用于自身未设置此项的应用。腾讯云的应答中该字段为空。"]
        error_detail: bool = false;

        /// At most this many connections to the public API are open at the same time; a further one is closed at once. The
        /// admin API has 256 of its own, and `metrics_listen` 64. If the system's limit of open files is too low, portraitd accepts fewer connections
        /// and logs a warning.
        #[zh = "公共 API 的最大并发连接数，超出的连接立即关闭；管理 API 另有 256 个，`metrics_listen` 另有 64 个。若系统的打开文件数上限不足，则自动减少并写入警告日志。"]
        connections_max: usize = 10_240, in 1..=10_000_000;

        /// At most this many connections from one address are open at the same time; an IPv6 /64 network counts as one
        /// address. The addresses in `trusted_proxies` may open more.
        #[zh = "来自同一地址的最大并发连接数；IPv6 以 /64 网段计为一个地址。`trusted_proxies` 中的地址不受此限。"]
        connections_per_address_max: usize = 5_120, in 1..=10_000_000;

        /// At most this many authenticated requests are in progress at the same time; a further one is answered with error
        /// 60008.
        #[zh = "已通过鉴权、同时处理的最大请求数，超出的请求返回 60008。"]
        requests_max: usize = 2_048, in 1..=1_000_000;

        /// The bodies of these requests use at most this memory, and their answers as much again. A request that does not fit
        /// is answered with error 60008. It must be at least 4 times `body_bytes_max`.
        #[zh = "上述请求的请求体可用的内存，应答另可使用同样多；容纳不下的请求返回 60008。至少为 `body_bytes_max` 的 4 倍。"]
        request_memory_bytes_max: usize = 64 << 20, in 4_194_304..=1 << 40;

        /// A request body may have at most this size; a larger one is answered with error 60002.
        #[zh = "请求体的最大长度，超出时返回 60002。"]
        body_bytes_max: usize = 1 << 20, in 1_024..=64 << 20;

        /// The headers of a request must arrive within this time from its first byte; otherwise the connection is closed.
        #[zh = "从请求的首字节到头部接收完毕的最长时间，超时则关闭连接。"]
        header_timeout_ms: u64 = 10_000, in 1..=86_400_000;

        /// The body of a request must arrive within this time; otherwise the request is answered with error 60008.
        #[zh = "接收请求体的最长时间，超时返回 60008。"]
        body_timeout_ms: u64 = 10_000, in 1..=86_400_000;

        /// A connection that is idle for this time between two requests is closed.
        #[zh = "连接在两次请求之间的最长空闲时间，超时则关闭连接。"]
        idle_timeout_ms: u64 = 75_000, in 1..=86_400_000;

        /// A connection to which no byte of an answer could be sent for this time is closed.
        #[zh = "发送应答时允许没有进展的最长时间，超时则关闭连接。"]
        write_timeout_ms: u64 = 10_000, in 1..=86_400_000;

        /// A request must be answered within this time after its body has arrived; otherwise it is answered with error 60008.
        #[zh = "收齐请求体之后给出应答的最长时间，超时返回 60008。"]
        answer_timeout_ms: u64 = 3_000, in 1..=86_400_000;

        /// When the server stops, requests in progress have this time to finish.
        #[zh = "服务停止时，等待处理中的请求完成的最长时间。"]
        shutdown_timeout_ms: u64 = 10_000, in 0..=86_400_000;

        /// `X-Forwarded-For` is believed from proxies in these networks (with prefix length). Apps' allow lists and the limit
        /// of failed UserSigs then use the caller's address; otherwise all callers behind a proxy count as one.
        #[zh = "可信代理的网段（须写前缀长度），其 `X-Forwarded-For` 表示真实调用方，用于应用的 IP 白名单与 UserSig 失败次数限制。不设置时，同一代理之后的所有调用方视为同一地址。"]
        trusted_proxies: Vec<IpNet> = Vec::new(), example r#"["127.0.0.1/32", "10.0.0.0/8"]"#;

        /// `Host` and `Origin` may have only these names, those of this machine and those of the cloud. If it is not set, every
        /// name is accepted.
        #[zh = "除本机名称与云端域名之外，`Host` 与 `Origin` 允许的名称。不设置则不限制。"]
        allow_hosts: Option<Vec<String>> = None, example r#"["im.example.com"]"#;

        /// Over plain HTTP the admin API and the console answer under IP addresses, under names that nobody can register in
        /// public (without a dot, or below `.internal`, `.local`, `.lan`, `.home.arpa`), and under these names.
        #[zh = "管理 API 与控制台在明文 HTTP 下只响应发往以下名称的请求：IP 地址、无法公开注册的名称（不含点，或以 `.internal`、`.local`、`.lan`、`.home.arpa` 结尾），以及此处列出的名称。"]
        admin_hosts: Vec<String> = Vec::new(), example r#"["console.example.com"]"#;

        /// If false, there is no console: its paths are answered like any unknown path, and the admin API stays. A portraitd
        /// built without the feature `console` has none in any case.
        #[zh = "是否提供控制台。设为 false 时，控制台路径按未知路径应答，管理 API 不受影响。构建时未启用 `console` 特性的 portraitd 始终没有控制台。"]
        console: bool = true;

        /// The operator accepts these risks, and `serve` starts in spite of them: "readable-files" (every user of this machine
        /// can read the data directory), "published-keys" (an app has a key that is printed in public documents),
        /// "plain-admin" (other machines can reach the admin API over plain HTTP).
        #[zh = "存在以下风险时 `serve` 仍然启动：\"readable-files\"（本机所有用户都能读取数据目录）、\"published-keys\"（应用使用了公开文档中的密钥）、\"plain-admin\"（其他机器可通过明文 HTTP 访问管理 API）。"]
        accept: Vec<Risk> = Vec::new(), example r#"["plain-admin"]"#;
    }
}

/// A risk that an operator may accept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Risk {
    /// Every user of the machine can read the data.
    ReadableFiles,
    /// An app has a key that is printed in public documents.
    PublishedKeys,
    /// The admin API speaks plain HTTP with other machines.
    PlainAdmin,
}

/// The mode of a Unix socket's file, written in octal: `"0660"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct UnixMode(pub(crate) u32);

impl TryFrom<String> for UnixMode {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mode = u32::from_str_radix(&text, 8).ok().filter(|mode| *mode <= 0o777);
        mode.map(Self).ok_or_else(|| {
            localized!(
                "must be a file mode in octal, from \"0000\" to \"0777\"",
                "应为八进制的文件权限，\"0000\" 至 \"0777\""
            )
        })
    }
}

impl From<UnixMode> for String {
    fn from(UnixMode(mode): UnixMode) -> Self {
        format!("{mode:04o}")
    }
}

/// A language as it is written in settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LanguageName {
    /// English
    #[default]
    En,
    /// 简体中文
    Zh,
}

impl From<Language> for LanguageName {
    fn from(language: Language) -> Self {
        language.pick(Self::En, Self::Zh)
    }
}

impl LanguageName {
    pub(crate) fn language(self) -> Language {
        match self {
            Self::En => Language::English,
            Self::Zh => Language::Chinese,
        }
    }
}
