//! `CLOUD_CODES`: codes of the cloud that portraitd never answers.
//!
//! They are not in [`ErrorCode`](crate::ErrorCode), so that no endpoint can answer them; only a fault rule for a command that
//! portraitd does not have can. Each has a row and a page for readers who meet it in the cloud's answers or in old documents.

/// Where the meaning of a [`CloudCode`] comes from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CloudSource {
    /// The cloud's page of error codes, as it was in 2025 (1047/34348, 269/1671).
    Current,
    /// Older editions of that page and the headers of Tencent's client SDKs; the page of 2025 no longer lists it.
    Older,
    /// A table of the account system in the documents of another product of Tencent's (real-time audio and video).
    OtherProduct,
}

/// One row of [`CLOUD_CODES`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CloudCode {
    /// `ErrorCode` on the wire.
    pub number: u32,
    /// Where its meaning comes from.
    pub source: CloudSource,
    /// What it means in the cloud, in English.
    pub english: &'static str,
    /// The same in Chinese.
    pub chinese: &'static str,
}

const fn row(number: u32, source: CloudSource, english: &'static str, chinese: &'static str) -> CloudCode {
    CloudCode { number, source, english, chinese }
}

use CloudSource::{Current, Older, OtherProduct};

/// Every code that is explained although portraitd never answers it, in the order of their numbers.
pub const CLOUD_CODES: &[CloudCode] = &[
    row(
        60004,
        Current,
        "The check of the account failed; in pages before 2025: account or signature in the URL or body is wrong.",
        "账号校验失败；2025 年以前的文档：请求 URL 或包体中的账号或签名错误。",
    ),
    row(
        60005,
        Current,
        "The check of the account failed; in pages before 2025: account or signature in the URL or body is wrong.",
        "账号校验失败；2025 年以前的文档：请求 URL 或包体中的账号或签名错误。",
    ),
    row(60006, Older, "The SDKAppID is invalid.", "SDKAppID 无效。"),
    row(
        60013,
        Current,
        "The cloud could not parse the JSON of one of its internal answers.",
        "云端解析其内部应答的 JSON 时出错。",
    ),
    row(
        60014,
        Current,
        "The check of the account timed out; in pages before 2025: the exchange of the account timed out.",
        "账号校验超时；2025 年以前的文档：置换账号超时。",
    ),
    row(60017, Current, "The request is disabled for this app.", "请求被禁用。"),
    row(60018, Current, "Too many requests.", "请求过于频繁。"),
    row(60019, Older, "Too many requests; the same as 60018.", "请求过于频繁，与 60018 含义相同。"),
    row(
        60020,
        Current,
        "The service is not available to this app: no plan was bought, it has run out, or the bill is unpaid.",
        "服务不可用：未购买套餐包、套餐包已到期或账户欠费。",
    ),
    row(
        60026,
        Current,
        "The domain name called, or the SDKAppID, does not belong to the app's site.",
        "调用的域名或 SDKAppID 与应用所属站点不匹配。",
    ),
    row(
        60027,
        Current,
        "The app belongs to the push product, whose apps may not call this API.",
        "该应用属于推送产品，不允许访问其他产品的资源。",
    ),
    row(
        60028,
        Current,
        "A trial app has made more REST calls within 24 hours than its edition allows.",
        "体验版应用在 24 小时内的 REST API 请求量超过限制。",
    ),
    row(70002, Older, "The UserSig is empty.", "UserSig 长度为 0。"),
    row(70005, Older, "The UserSig does not pass its check.", "UserSig 校验失败。"),
    row(
        70016,
        Current,
        "The key of the SDKAppID, or its public key, did not exist when the UserSig was checked.",
        "校验 UserSig 时，该 SDKAppID 的密钥或公钥不存在。",
    ),
    row(70051, Current, "The account is on a blocklist.", "账号被列入黑名单。"),
    row(70169, Current, "A timeout inside the cloud.", "云端内部超时。"),
    row(70202, OtherProduct, "An internal error of the account system.", "账号系统内部错误。"),
    row(
        70398,
        Current,
        "The app has reached the most accounts that its edition allows.",
        "应用的账号数量达到其版本的上限。",
    ),
    row(70404, Current, "The client SDK is too old.", "客户端 SDK 版本过低。"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ERROR_CODES;

    #[test]
    fn numbers_ascend_and_none_can_be_answered() {
        assert!(CLOUD_CODES.is_sorted_by(|a, b| a.number < b.number));
        for row in CLOUD_CODES {
            let answered = ERROR_CODES.iter().any(|known| known.number == row.number);
            assert!(!answered, "{} is one of portraitd's own", row.number);
            assert!(row.english.is_ascii() && row.english.ends_with('.'), "{}", row.number);
            assert!(!row.chinese.is_ascii() && row.chinese.ends_with('。'), "{}", row.number);
        }
    }
}
