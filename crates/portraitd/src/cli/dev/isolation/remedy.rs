//! What people read when a command can't be isolated.

use super::args::Isolate;
use portraitd_model::Language;

/// Why nothing works, and the one line that helps most.
pub(super) fn refusal(reasons: &[(String, String)], wish: Isolate, language: Language) -> String {
    let listed =
        reasons.iter().fold(String::new(), |text, (method, why)| format!("{text}\n  {method}: {why}"));
    let says = |part: &str| reasons.iter().any(|(_, why)| why.contains(part));
    let (english, chinese) = if wish == Isolate::Offline {
        (
            "install pasta (package passt) and run as a user who may open /dev/net/tun, on a machine with a network",
            "安装 pasta（软件包 passt），并以可打开 /dev/net/tun 的普通用户在有网络的机器上运行",
        )
    } else if says("another process listens on port 443 or 80") {
        (
            "have that process listen on one address, such as 127.0.0.1:443, instead of all",
            "让该进程只监听一个地址，例如 127.0.0.1:443",
        )
    } else if says("may not bind port 443") {
        (
            "sudo sysctl -w net.ipv4.ip_unprivileged_port_start=53",
            "sudo sysctl -w net.ipv4.ip_unprivileged_port_start=53",
        )
    } else if wish == Isolate::Require {
        ("--isolate=auto, where a hosts file alone is enough", "若仅 hosts 文件即可，请使用 --isolate=auto")
    } else {
        ("--sudo, where sudo asks for no password", "若 sudo 无需密码，请使用 --sudo")
    };
    match language {
        Language::English => format!(
            "the command was not started: its calls could reach the real cloud, since no isolation works here{listed}\n\
             remedy: {english}; or --isolate=proxy, which accepts that programs that ignore HTTPS_PROXY reach the cloud"
        ),
        Language::Chinese => format!(
            "未启动该命令：此处无法隔离，其请求可能到达真实的云服务{listed}\n\
             解决办法：{chinese}；或使用 --isolate=proxy，即接受不遵守 HTTPS_PROXY 的程序仍会访问云服务"
        ),
    }
}

/// The one line that says how a command is isolated.
pub(super) fn announcement(address: Option<&str>, method: &str, has_dns: bool, language: Language) -> String {
    match (address, language) {
        (Some(address), Language::English) => {
            let layers = if has_dns { "hosts file and DNS" } else { "hosts file alone: names that it does not list are not led" };
            format!("the cloud's names are {address} for this command only ({method}; {layers})")
        }
        (Some(address), Language::Chinese) => {
            let layers = if has_dns { "hosts 文件与 DNS" } else { "仅 hosts 文件：未列出的域名不受影响" };
            format!("仅对此命令，云服务的域名指向 {address}（{method}；{layers}）")
        }
        (None, Language::English) => "no isolation works here: programs that ignore HTTPS_PROXY will fail with \
             \"permission denied\" on the ports 443 and 80 instead of reaching the cloud (Landlock)"
            .to_owned(),
        (None, Language::Chinese) => {
            "此处无法隔离：不遵守 HTTPS_PROXY 的程序在连接 443 与 80 端口时会得到 \"permission denied\"，而不会访问云服务（Landlock）".to_owned()
        }
    }
}

/// Said at the end of a command from which no call came.
pub(in crate::cli::dev) fn no_calls(language: Language) -> &'static str {
    match language {
        Language::English => {
            "WARNING: no call reached the emulator. Either the command makes none, or its calls went elsewhere, to the \
             real cloud perhaps: does it use PORTRAITD_URL, or one of the cloud's names through HTTPS_PROXY?"
        }
        Language::Chinese => {
            "警告：没有任何请求到达模拟器。该命令可能没有发出请求，也可能请求发往了别处（例如真实的云服务）：\
             请确认它使用 PORTRAITD_URL，或通过 HTTPS_PROXY 访问云服务的域名。"
        }
    }
}

/// Said when a private file is not seen by the command any more.
pub(super) fn lost(file: &str, holds: bool, language: Language) -> String {
    let rest = match (holds, language) {
        (true, Language::English) => "the other layer still leads the cloud's names here",
        (true, Language::Chinese) => "另一层仍将云服务的域名指向此处",
        (false, Language::English) => "the command is ended, since its calls could reach the cloud",
        (false, Language::Chinese) => "命令已被终止，否则其请求可能到达云服务",
    };
    match language {
        Language::English => {
            format!("{file} was replaced outside, and the command sees that file now: {rest}")
        }
        Language::Chinese => format!("{file} 在外部被替换，该命令现在看到的是替换后的文件：{rest}"),
    }
}

/// Said where there is no isolation at all.
#[cfg(not(target_os = "linux"))]
pub(super) fn not_supported(language: Language) -> &'static str {
    match language {
        Language::English => {
            "no isolation on this system: programs that ignore HTTPS_PROXY reach the real cloud under its names"
        }
        Language::Chinese => "此系统无法隔离：不遵守 HTTPS_PROXY 的程序仍会以云服务的域名访问真实的云服务",
    }
}
