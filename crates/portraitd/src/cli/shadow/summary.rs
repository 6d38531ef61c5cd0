//! What `portraitd shadow` prints: its addresses, first differences, and the summary at the end.

use crate::cli::output::count;
use portraitd_http::server_url::ServerUrl;
use portraitd_model::Language;
use portraitd_shadow::compare::Kind;
use portraitd_shadow::report_view::{DifferenceView, NotCompared, ReportView};
use portraitd_shadow::service::Shadow;
use portraitd_shadow::side::{Side, Sides};
use serde_json::json;
use std::fmt::Write;

/// The rows of differences that a summary shows.
const ROWS_MAX: usize = 40;

/// What is printed once both listeners are open.
pub(super) fn started(
    shadow: &Shadow,
    Sides { cloud, here }: &Sides<ServerUrl>,
    [url, control_url]: [&str; 2],
    language: Language,
    json: bool,
) -> String {
    let from = shadow.answers_from();
    if json {
        return json!({ "url": url, "control_url": control_url, "answers_from": from }).to_string();
    }
    let side = side(from, language);
    match language {
        Language::English => format!(
            "portraitd shadow listens on {url}; callers get the answers of {side}. Ctrl-C stops it.\n\n  \
             Cloud   {cloud}\n  Here    {here}\n  Report  curl {control_url}/report\n  \
             Switch  curl -X PUT {control_url}/answer -d '{{\"from\":\"here\"}}'\n"
        ),
        Language::Chinese => format!(
            "portraitd shadow 监听 {url}，调用方得到的是{side}的应答。按 Ctrl-C 停止。\n\n  \
             云端  {cloud}\n  本地  {here}\n  报告  curl {control_url}/report\n  \
             切换  curl -X PUT {control_url}/answer -d '{{\"from\":\"here\"}}'\n"
        ),
    }
}

/// What is printed at the first difference of a kind, command and member.
pub(super) fn first_difference(row: &DifferenceView, language: Language, json: bool) -> String {
    if json {
        return json!({ "first_difference": row }).to_string();
    }
    let DifferenceView { kind, command, path, .. } = row;
    let kind = kind_name(*kind, language);
    match language {
        Language::English => format!("first difference: {command}, {kind} of {path}"),
        Language::Chinese => format!("首次出现差异：{command}，{path} 的{kind}"),
    }
}

/// The summary at the end. `listen`: the URL that back ends call.
pub(super) fn of(report: &ReportView, listen: &str, language: Language) -> String {
    let total = &report.total;
    let (calls, compared, different) = (total.calls, total.compared, total.different);
    let mut text = match language {
        Language::English => {
            let calls = count(calls, "call");
            format!("{calls}, {compared} compared, {different} of them different\n")
        }
        Language::Chinese => format!("共 {calls} 次调用，比较了 {compared} 次，其中 {different} 次有差异\n"),
    };
    for (reason, count) in &total.not_compared {
        let reason = reason_text(*reason, language);
        let line = language.pick("not compared", "未比较");
        // Writing to a `String` can't fail.
        let _ = writeln!(text, "  {count:>8}  {line}: {reason}");
    }
    let forwarded: u64 = report.forwarded.values().sum();
    if forwarded > 0 {
        let line = language.pick(
            "of commands that portraitd does not have, forwarded to the cloud",
            "portraitd 不提供的命令，已转发至云端",
        );
        let _ = writeln!(text, "  {forwarded:>8}  {line}");
    }
    add_rows(&mut text, &report.differences, language.pick("Differences:", "差异："), language);
    let unsettled = language.pick(
        "Differences of accounts whose state was not known to be the same:",
        "状态尚未确定一致的账号的差异：",
    );
    add_rows(&mut text, &report.unsettled_differences, unsettled, language);
    if report.unsettled_accounts > 0 {
        let number = report.unsettled_accounts;
        let _ = match language {
            Language::English => writeln!(text, "\nunsettled: {}", count(number as u64, "account")),
            Language::Chinese => writeln!(text, "\n{number} 个账号状态未定"),
        };
    }
    if total.compared == 0 && total.calls == 0 {
        let _ = match language {
            Language::English => writeln!(
                text,
                "\nNothing was compared: no call of a command that portraitd has came to {listen}. Lead a back end to it, by its \
                 base URL or a hosts line"
            ),
            Language::Chinese => writeln!(
                text,
                "\n没有比较任何调用：{listen} 没有收到 portraitd 所提供命令的请求。请让后台经由它调用（修改请求地址，或 hosts）"
            ),
        };
    } else if total.compared == 0 {
        let line =
            language.pick("Nothing was compared; the lines above say why.", "没有比较任何调用，原因见上。");
        let _ = writeln!(text, "\n{line}");
    } else if report.is_clean {
        let line = language.pick("No differences.", "没有差异。");
        let _ = writeln!(text, "\n{line}");
    }
    text.trim_end().to_owned()
}

fn add_rows(text: &mut String, rows: &[DifferenceView], heading: &str, language: Language) {
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{heading}");
    for DifferenceView { kind, command, path, count, .. } in rows.iter().take(ROWS_MAX) {
        let kind = kind_name(*kind, language);
        let _ = writeln!(text, "  {count:>8}  {kind}  {command}  {path}");
    }
    if let Some(more) = rows.len().checked_sub(ROWS_MAX).filter(|more| *more > 0) {
        let _ = match language {
            Language::English => writeln!(text, "  … and {more} more; --report writes all"),
            Language::Chinese => writeln!(text, "  … 另有 {more} 行；--report 可写出全部"),
        };
    }
}

fn side(side: Side, language: Language) -> &'static str {
    match side {
        Side::Cloud => language.pick("the cloud", "云端"),
        Side::Here => language.pick("portraitd", "portraitd"),
    }
}

fn kind_name(kind: Kind, language: Language) -> &'static str {
    match kind {
        Kind::Code => language.pick("code", "错误码"),
        Kind::Shape => language.pick("shape", "结构"),
        Kind::Value => language.pick("value", "值"),
        Kind::Text => language.pick("text", "文字"),
    }
}

fn reason_text(reason: NotCompared, language: Language) -> &'static str {
    match reason {
        NotCompared::CloudUnknown => {
            language.pick("the cloud's answer leaves the outcome open", "云端的应答未说明结果")
        }
        NotCompared::CloudLimit => {
            language.pick("the cloud refused it for a limit of its own", "云端因自身限制拒绝")
        }
        NotCompared::HereUnknown => {
            language.pick("portraitd's answer leaves the outcome open", "portraitd 的应答未说明结果")
        }
        NotCompared::HereLimit => language.pick("portraitd refused it for a limit", "portraitd 因限制拒绝"),
        NotCompared::HereRefused => language.pick(
            "portraitd refused the write, so the cloud is not told",
            "portraitd 拒绝了写入，故不告知云端",
        ),
        NotCompared::Busy => {
            language.pick("other calls held its accounts for too long", "其账号被其他请求占用过久")
        }
    }
}
