//! Errors of our other crates and of the system in Chinese. Those crates know one language; the types tell what happened.

use super::chosen::{language, localized};
use crate::cli::command_hint::on_directory;
use crate::cli::output::note;
use portraitd_emulator::seed::SeedError;
use portraitd_http::bind_error::{BindCause, BindError};
use portraitd_http::server_url::ServerUrlError;
use portraitd_model::{IdError, Language, WebhookUrlError};
use portraitd_sqlite::{OpenError, RestoreError};
use std::error::Error;
use std::io::{self, ErrorKind};
use std::path::Path;

/// Writes an error with its causes to standard error.
pub(crate) fn report(error: &anyhow::Error) {
    let text = with_causes(error);
    note(localized!("error: {text}", "错误：{text}"));
}

/// Describes an error with its causes. A cause that the text before it ends with already is left out.
pub(crate) fn with_causes(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(describe) {
        if !text.ends_with(&cause) {
            let separator = if text.is_empty() { "" } else { language().pick(": ", "：") };
            text = [&text, separator, &cause].concat();
        }
    }
    text
}

/// Describes an error in the language of the command line, as far as it is known in Chinese.
pub(crate) fn describe(error: &(dyn Error + 'static)) -> String {
    let chinese = match language() {
        Language::English => None,
        Language::Chinese => in_chinese(error),
    };
    chinese.unwrap_or_else(|| error.to_string())
}

fn in_chinese(error: &(dyn Error + 'static)) -> Option<String> {
    None.or_else(|| error.downcast_ref().and_then(system))
        .or_else(|| error.downcast_ref().map(bind))
        .or_else(|| error.downcast_ref().map(server_url))
        .or_else(|| error.downcast_ref().map(|error: &IdError| error.explain(Language::Chinese)))
        .or_else(|| error.downcast_ref().map(|error: &WebhookUrlError| error.explain(Language::Chinese)))
        .or_else(|| error.downcast_ref().map(open))
        .or_else(|| error.downcast_ref().map(restore))
        .or_else(|| error.downcast_ref().map(seed))
}

fn system(error: &io::Error) -> Option<String> {
    // Errors of ours that travel as one of the system have no number.
    let number = error.raw_os_error()?;
    let sentence = match error.kind() {
        ErrorKind::NotFound => "文件或目录不存在",
        ErrorKind::PermissionDenied => "权限不足",
        ErrorKind::AlreadyExists => "文件已存在",
        ErrorKind::AddrInUse => "地址已被占用",
        ErrorKind::AddrNotAvailable => "本机没有此地址",
        ErrorKind::IsADirectory => "它是目录",
        ErrorKind::NotADirectory => "它不是目录",
        ErrorKind::ReadOnlyFilesystem => "文件系统只读",
        ErrorKind::StorageFull => "磁盘空间不足",
        _ => return None,
    };
    Some(format!("{sentence}（os error {number}）"))
}

fn bind(BindError { address, cause, .. }: &BindError) -> String {
    let remedy = match cause {
        BindCause::InUse { command, free } => {
            let free = match free {
                Some(free) => format!("{free} 空闲，端口 0 表示任选空闲端口"),
                None => "请另选端口，或用 0 任选空闲端口".to_owned(),
            };
            format!("：端口已被占用（`{command}` 可显示占用它的进程）；{free}")
        }
        BindCause::Privileged { program } => format!(
            "：1024 以下的端口需要 root 权限，或执行一次：sudo setcap cap_net_bind_service=+ep {}；--proxy 不需要这样的端口",
            program.display()
        ),
        BindCause::Elsewhere => "：本机没有此地址；0.0.0.0 表示监听本机的全部地址".to_owned(),
        BindCause::Other => String::new(),
    };
    format!("无法监听 {address}{remedy}")
}

fn server_url(error: &ServerUrlError) -> String {
    match error {
        ServerUrlError::NotPlain => {
            "服务的 URL 不含用户名、密码、查询串与片段（@、?、#）；请写作 https://主机、http://主机:端口 或 unix:/路径".to_owned()
        }
        ServerUrlError::Scheme(url) => format!("`{url}` 必须以 http://、https:// 或 unix: 开头"),
        ServerUrlError::Invalid(url) => {
            format!("`{url}` 不是服务的 URL；请写作 https://主机、http://主机:端口 或 unix:/路径")
        }
        ServerUrlError::HasApiPath { url, api, base } => {
            format!("`{url}` 含有 {api}，而每个请求会自行加上它；请写作 {base}")
        }
    }
}

fn open(error: &OpenError) -> String {
    match error {
        OpenError::InUse { dir, pid } => {
            let process = pid.map(|pid| format!("（进程 {pid}）")).unwrap_or_default();
            format!("{} 正被另一个 portraitd 使用{process}；请停止它，或通过其管理 API 操作", dir.display())
        }
        OpenError::UnknownFormat { path, found, known } => format!(
            "{} 的数据格式为 {found}，此 portraitd 只支持到 {known}；请使用写入它的 portraitd。未作任何更改",
            path.display()
        ),
        OpenError::Foreign { path } => {
            format!("{} 不是 portraitd 的数据库；请另选目录。未作任何更改", path.display())
        }
        OpenError::Emptied { path } => format!(
            "{} 为空，或已缺失而其预写日志尚在：这并非 portraitd 所为。请恢复备份；若要放弃已保存的数据重新开始，\
             请删除它与名称以它开头的文件。未作任何更改",
            path.display()
        ),
        OpenError::UnfinishedCopy { path } => format!(
            "{} 是另一份数据尚未完成的副本；再次运行同一条 `portraitd store copy` 命令即可继续。未作任何更改",
            path.display()
        ),
        OpenError::LostWal { path } => format!(
            "{path} 丢失了预写日志（{path}-wal 缺失或为空）：portraitd 曾被强行终止，或这是运行中服务的文件的副本，\
             而最后确认的变更就在该日志中。请将日志放回原处；或恢复备份；或放弃这些变更继续：\
             {repair}。未作任何更改",
            path = path.display(),
            repair = on_directory_of("repair", path)
        ),
        OpenError::ForeignWal { path } => format!(
            "{path}-wal 不属于 {path}，后者在此之后曾被关闭或恢复：该预写日志来自更早的时间或另一份数据，\
             一同打开会撤销已确认的变更。请将它（与 {path}-shm）移走后重新启动；若误放弃了其中的变更，请妥善保留。\
             未作任何更改",
            path = path.display()
        ),
        OpenError::NoStore { dir } => {
            format!("{} 中没有 portraitd 的数据；请指明包含 portraitd.db 的目录", dir.display())
        }
        OpenError::DamagedWal { path, offset } => format!(
            "{} 在第 {offset} 字节处损坏，其后还有已确认的变更。请恢复备份；或放弃这些变更继续：\
             {} 会将损坏的文件保留在该目录中。未作任何更改",
            path.display(),
            on_directory_of("repair", path)
        ),
        OpenError::LostJournal { path } => format!(
            "{} 缺失：portraitd 曾被强行终止，或这是运行中服务的文件的副本，而最后确认的变更就在其重做日志中。\
             请将该文件放回原处；或恢复备份；或放弃这些变更继续：{}。未作任何更改",
            path.display(),
            on_directory_of("repair", path)
        ),
        OpenError::ForeignJournal { path } => format!(
            "{} 与旁边的数据库不衔接：二者之一属于另一份数据或另一时间，一同使用会撤销或遗漏已确认的变更。\
             请将同一时间的文件放在一起；若要放弃重做日志中的变更，请将 portraitd.journal-0 与 portraitd.journal-1 移走，\
             再运行 {}。未作任何更改",
            path.display(),
            on_directory_of("repair", path)
        ),
        OpenError::DamagedJournal { path, offset } => format!(
            "{} 在第 {offset} 字节处损坏，该处及其后有已确认的变更。请恢复备份；或放弃其中无法读出的变更继续：\
             {} 会将损坏的文件保留在该目录中。未作任何更改",
            path.display(),
            on_directory_of("repair", path)
        ),
        OpenError::Io { path, source } => format!("无法使用 {}：{}", path.display(), describe(source)),
        OpenError::Damaged { path, reason } => damaged(path, reason),
        OpenError::Engine { path, reason } => format!("无法打开 {}：{reason}", path.display()),
    }
}

fn damaged(path: &Path, reason: &str) -> String {
    format!(
        "{} 已损坏（{reason}）。请恢复备份：portraitd restore BACKUP --data NEW_DIRECTORY；\
         {} 可列出损坏之处。未作任何更改",
        path.display(),
        on_directory_of("check", path)
    )
}

/// A command to run on the directory that a file of a store is in.
fn on_directory_of(command: &str, file: &Path) -> String {
    let directory = file.parent().filter(|directory| !directory.as_os_str().is_empty());
    on_directory(command, directory.unwrap_or(Path::new(".")))
}

fn restore(error: &RestoreError) -> String {
    match error {
        RestoreError::Open(error) => open(error),
        RestoreError::NotEmpty { dir, found } => {
            format!("{} 不是空目录（其中有 {found}）；请恢复到新目录或空目录", dir.display())
        }
        RestoreError::HasLog { dir } => format!(
            "{} 含有预写日志或重做日志，因此不是备份；请以它启动并停止一次 portraitd，或用 portraitd backup 备份它",
            dir.display()
        ),
        RestoreError::Damaged { dir, checked } => {
            format!("{} 有 {} 处损坏，因此未予恢复；请使用其他备份", dir.display(), checked.damaged)
        }
    }
}

fn seed(error: &SeedError) -> String {
    match error {
        SeedError::Extension { path } => format!(
            "{}：种子的文件名以 .jsonl（portraitd export 导出的一个应用的账号）或 .toml（若干应用及其设置与账号）结尾",
            path.display()
        ),
        SeedError::Unreadable { path, .. } => format!("无法读取 {}", path.display()),
        SeedError::Invalid { path, reason } => {
            let reason = reason.pick(Language::Chinese);
            format!("{}：{reason}；没有加载任何内容", path.display())
        }
    }
}
