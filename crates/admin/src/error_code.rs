//! The codes of errors: stable names for programs, each with its HTTP status.

use axum::http::StatusCode;
use portraitd_model::Language;

/// One row of [`AdminCode::ALL`]: declares the variant, its name on the wire, its status, and what it means.
macro_rules! codes {
    ($($variant:ident = $name:literal, $status:ident, $english:literal, $chinese:literal;)*) => {
        /// What went wrong, as `code` in the body of an error response. A name keeps its meaning; new ones may be added.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum AdminCode {
            $(#[doc = $english] $variant,)*
        }

        impl AdminCode {
            /// Every code, by HTTP status.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// Returns the name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            /// Returns the HTTP status of the response.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status,)* }
            }

            /// Says when it is answered.
            pub const fn meaning(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Self::$variant, Language::English) => $english,
                      (Self::$variant, Language::Chinese) => $chinese,)*
                }
            }
        }
    };
}

codes! {
    InvalidRequest = "invalid_request", BAD_REQUEST,
        "A member, parameter or path segment can't be used; the sentence names it.",
        "某个成员、参数或路径段无法使用，`error` 会指明。";
    TlsOnly = "tls_only", BAD_REQUEST,
        "The port speaks TLS, and the request came without it.",
        "端口使用 TLS，而请求未使用。";
    Unauthenticated = "unauthenticated", UNAUTHORIZED,
        "The token is missing or not valid.",
        "缺少令牌，或令牌无效。";
    RoleTooLow = "role_too_low", FORBIDDEN,
        "The token's role does not permit the call.",
        "令牌的角色不允许此调用。";
    OtherOrigin = "other_origin", FORBIDDEN,
        "The request is for another host name, or a web page of another origin made it.",
        "请求的主机名不是服务的，或请求来自其他来源的网页。";
    NoSuchResource = "no_such_resource", NOT_FOUND,
        "There is no such path.",
        "路径不存在。";
    NoSuchApp = "no_such_app", NOT_FOUND,
        "There is no app of this SDKAppID.",
        "没有此 SDKAppID 的应用。";
    NoSuchAccount = "no_such_account", NOT_FOUND,
        "The app has no account of this UserID.",
        "应用中没有此 UserID 的账号。";
    NoSuchItem = "no_such_item", NOT_FOUND,
        "What the path names does not exist: a key, an App admin, a field, a token, a webhook, a page, a snapshot, a fault rule.",
        "路径所指的密钥、App 管理员、字段、令牌、回调、页面、快照或故障规则不存在。";
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED,
        "The resource has no such method.",
        "该资源不支持此方法。";
    AlreadyExists = "already_exists", CONFLICT,
        "There is one of this name or number already.",
        "同名或同编号者已存在。";
    ChangedMeanwhile = "changed_meanwhile", CONFLICT,
        "Another call changed the same at the same time; repeat the call.",
        "其他请求同时修改了同一内容，请重试。";
    InUse = "in_use", CONFLICT,
        "What the call would remove or change is in use.",
        "要移除或更改的内容正在使用中。";
    LimitReached = "limit_reached", CONFLICT,
        "There are as many as there can be; remove one first.",
        "数量已达上限，请先移除一个。";
    OtherStore = "other_store", CONFLICT,
        "The call names another store than the server's.",
        "请求指明的存储不是此服务的存储。";
    NotRunning = "not_running", CONFLICT,
        "The call needs a running server, and the command line works on a stopped one's data; or the emulator is still starting.",
        "此调用需要运行中的服务，而命令行操作的是已停止的服务的数据；或模拟器仍在启动。";
    NotPossible = "not_possible", CONFLICT,
        "The current state or this kind of server does not permit the call; the sentence says what to do.",
        "当前状态或此类服务不允许此调用，`error` 会说明如何处理。";
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE,
        "The body is too large.",
        "包体过大。";
    TooManyFailures = "too_many_failures", TOO_MANY_REQUESTS,
        "The caller's address sent too many wrong tokens; wait as many seconds as `Retry-After` says.",
        "调用方的地址发送了过多错误的令牌，请等待 `Retry-After` 指明的秒数。";
    InternalError = "internal_error", INTERNAL_SERVER_ERROR,
        "A bug in portraitd; the server's log says where.",
        "portraitd 自身的错误，服务日志中有详情。";
    StoreUnavailable = "store_unavailable", SERVICE_UNAVAILABLE,
        "The store can't be read or written.",
        "存储无法读写。";
    StoreDamaged = "store_damaged", SERVICE_UNAVAILABLE,
        "Stored data does not read back.",
        "存储的数据已损坏。";
    Busy = "busy", SERVICE_UNAVAILABLE,
        "The server is busy with other calls; repeat the call later.",
        "服务正忙于其他请求，请稍后重试。";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_words_and_meanings_have_both_languages() {
        let names: BTreeSet<&str> = AdminCode::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), AdminCode::ALL.len());
        assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')));
        assert!(AdminCode::ALL.is_sorted_by_key(|code| code.status().as_u16()));
        for code in AdminCode::ALL {
            assert!(
                code.meaning(Language::English).is_ascii() && !code.meaning(Language::Chinese).is_ascii(),
                "{code:?}"
            );
        }
    }
}
