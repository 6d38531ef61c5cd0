//! `ERROR_CODES`: every code of the protocol, declared once (contract, section 9).
//!
//! From this table come the enum, `docs/ERRORS.md` and the metric label. Each row must have a conformance case.

/// Where a code and its text come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Evidence {
    /// Code and `ErrorInfo` were seen in the cloud's answers.
    Seen,
    /// The code is in the public documents; the text is ours.
    Documented,
    /// portraitd's own, where the sources say nothing.
    Ours,
}

impl Evidence {
    /// The word used in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Documented => "documented",
            Self::Ours => "ours",
        }
    }
}

/// One row of [`ERROR_CODES`].
#[derive(Debug)]
pub struct ErrorRow {
    /// The variant.
    pub code: ErrorCode,
    /// `ErrorCode` on the wire.
    pub number: u32,
    /// `ErrorInfo` on the wire: a stable name or sentence, the same in every language.
    pub info: &'static str,
    /// Where code and text come from.
    pub evidence: Evidence,
    /// What it means and what to do, in English.
    pub english: &'static str,
    /// The same in Chinese.
    pub chinese: &'static str,
}

macro_rules! error_codes {
    ($($variant:ident = $number:literal, $info:literal, $evidence:ident,
       $english:literal, $chinese:literal;)*) => {
        /// A code of the protocol. `as u32` is not offered: use [`ErrorCode::number`].
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum ErrorCode {
            $(#[doc = $english] $variant,)*
        }

        /// Every error code that portraitd answers, in the order of their numbers.
        pub const ERROR_CODES: &[ErrorRow] = &[
            $(ErrorRow {
                code: ErrorCode::$variant, number: $number, info: $info, evidence: Evidence::$evidence,
                english: $english, chinese: $chinese,
            },)*
        ];

        impl ErrorCode {
            /// `ErrorCode` on the wire.
            pub const fn number(self) -> u32 {
                match self { $(Self::$variant => $number,)* }
            }

            /// The code's place in [`ERROR_CODES`].
            pub const fn place(self) -> usize {
                self as usize
            }

            /// `ErrorInfo` on the wire, where the answer does not carry its own.
            pub const fn info(self) -> &'static str {
                match self { $(Self::$variant => $info,)* }
            }

            /// Explains the code: what it means and what to do.
            pub const fn meaning(self, language: crate::Language) -> &'static str {
                match (self, language) {
                    $((Self::$variant, crate::Language::English) => $english,
                      (Self::$variant, crate::Language::Chinese) => $chinese,)*
                }
            }
        }
    };
}

error_codes! {
    BadParameter = 40001, "Err_Profile_Comm_Decode_Fail", Seen,
        "A member of the request is missing, empty, too long or of the wrong type. Compare the request with the API page.",
        "请求参数缺失、为空、过长或类型错误，请对照接口文档检查请求。";
    NoAccount = 40002, "Err_Profile_Account_Miss", Documented,
        "No account was given: put at least one UserID into To_Account.",
        "未指定用户账号：请在 To_Account 中至少填写一个 UserID。";
    AccountNotFound = 40003, "Err_Profile_Invalid_Account", Seen,
        "The account does not exist in this app: import it with account_import first.",
        "该账号未导入此应用：请先调用 account_import 导入。";
    ProfileAdminRequired = 40004, "Err_Profile_Need_App_Admin", Documented,
        "The identifier in the URL is not an App admin: sign the request as an admin of this app.",
        "URL 中的 identifier 不是 App 管理员：请使用 App 管理员账号签名并发起请求。";
    SensitiveText = 40005, "Err_Profile_Sensitive_Text", Documented,
        "The value contains a sensitive word of this app.",
        "资料字段的值包含敏感词。";
    Internal = 40006, "Err_Profile_Internal", Documented,
        "The store failed or timed out; nothing was acknowledged. Send the request again.",
        "服务内部错误，写入未被确认，请重试。";
    NoReadPermission = 40007, "Err_Profile_No_Read_Permission", Documented,
        "The caller may not read this field: call with an identifier that may, or change the field's read permission.",
        "没有资料字段的读权限：请使用有读权限的账号，或修改该字段的读权限。";
    NoWritePermission = 40008, "Err_Profile_No_Write_Permission", Documented,
        "The caller may not write this field: call with an identifier that may, or change the field's write permission.",
        "没有资料字段的写权限：请使用有写权限的账号，或修改该字段的写权限。";
    InvalidTag = 40009, "Err_Profile_Invalid_Tag", Seen,
        "No such field in this app: check the tag's spelling, or define the custom field first.",
        "资料字段的 Tag 不存在：请检查拼写，或先定义该自定义字段。";
    TooLong = 40601, "Err_Profile_Size_Limit", Documented,
        "The value is longer than the field's limit in bytes of UTF-8.",
        "资料字段的值超过长度限制（按 UTF-8 字节计）。";
    BadValue = 40605, "Err_Profile_Value_Error", Documented,
        "The value has the right type but is not one of the field's values.",
        "标配资料字段的值不合法，请使用该字段允许的取值。";
    WrongType = 40610, "Err_Profile_Invalid_Value_Format", Documented,
        "The JSON type of the value differs from the field's type.",
        "资料字段的值类型不匹配，请检查该字段的类型。";
    HttpParse = 60002, "HTTP parse Error", Seen,
        "The HTTP request can't be understood: use POST, a well-formed query, and a body within the limit.",
        "HTTP 解析错误：请使用 POST、格式正确的查询串，且包体不超过上限。";
    JsonParse = 60003, "HTTP request JSON parse error", Documented,
        "The body is not valid JSON in UTF-8.",
        "HTTP 请求 JSON 解析错误：包体不是有效的 UTF-8 JSON。";
    ApiFrequency = 60007, "REST API call frequency exceeds the limit", Documented,
        "This app calls this API more often than its limit allows: slow down, or raise the limit.",
        "REST 接口调用频率超过限制，请降低请求频率或调高限制。";
    Timeout = 60008, "Request timed out", Documented,
        "The request was not complete or not answered in time. Send it again.",
        "服务请求超时或请求格式错误，请重试。";
    NoSuchResource = 60009, "Requested resource does not exist", Documented,
        "No such service or command: check the path of the URL.",
        "请求资源错误：请检查请求 URL 的路径。";
    AdminRequired = 60010, "The request requires App admin permission", Documented,
        "The identifier in the URL is not an App admin: sign the request as an admin of this app.",
        "请求需要 App 管理员权限：请使用 App 管理员账号签名并发起请求。";
    AppFrequency = 60011, "App call frequency exceeds the limit", Documented,
        "All calls of this app together exceed its limit: slow down, or raise the limit.",
        "SDKAppID 请求频率超限，请降低请求频率或调高限制。";
    SdkAppIdMissing = 60012, "SDKAppID is missing from the request URL", Documented,
        "sdkappid is missing from the URL.",
        "REST 接口需要带 SDKAppID，请检查请求 URL 中的 sdkappid。";
    AccountNotString = 60015, "The account in the request must be a string", Documented,
        "An account in the body is not a JSON string: put it in quotes.",
        "请求中的账号必须是字符串：请为 UserID 加上引号。";
    AppDisabled = 60016, "The SDKAppID is disabled", Documented,
        "The app was disabled by its operator.",
        "SDKAppID 被禁用，请联系管理员。";
    SourceIp = 60021, "The source IP is not on the allow list", Documented,
        "The caller's IP address is not on the app's allow list.",
        "请求来源 IP 不在白名单内。";
    UrlParameter = 60025, "A parameter of the request URL is wrong", Documented,
        "sdkappid in the URL is not a number, identifier or usersig is missing or empty, or contenttype is not json.",
        "URL 参数错误：sdkappid 不是数字、identifier 或 usersig 缺失或为空，或 contenttype 不是 json。";
    // An official component matches on exactly the first sentence.
    SigExpired = 70001, "The UserSig in use is expired. Please regenerate UserSig.", Documented,
        "The UserSig has expired: make a new one.",
        "UserSig 已过期，请重新生成。";
    SigUnreadable = 70003, "The UserSig in use is illegal. Please regenerate UserSig through official API. (FYI: https://cloud.tencent.com/document/product/269/32688 )", Seen,
        "The UserSig can't be read: it was cut short, changed on the way, or is not of version 2.0.",
        "UserSig 非法：可能被截断、篡改，或不是 2.0 版本，请使用官方接口重新生成。";
    SigWrong = 70009, "UserSig verification Failed. The UserSig in use maybe generated by Secret Key from other SDKAppID. Please regenerate UserSig by Secret Key from its own SDKAppID.", Seen,
        "The UserSig was not made with a key of this app: check which key the caller uses.",
        "UserSig 验证失败：签名所用的密钥不属于此 SDKAppID，请检查密钥。";
    SigOtherUser = 70013, "The requested UserID does not match the Usersig. You can run a self-checking with the assistant tool on the console.", Seen,
        "The identifier in the URL differs from the one the UserSig was made for.",
        "请求中的 UserID 与生成 UserSig 时使用的 UserID 不匹配。";
    SigOtherApp = 70014, "The requested SDKAppID does not match the Usersig. You can run a self-checking with the assistant tool on the console.", Seen,
        "The sdkappid in the URL differs from the one the UserSig was made for.",
        "请求中的 SDKAppID 与生成 UserSig 时使用的 SDKAppID 不匹配。";
    NoSuchApp = 70020, "The SDKAppID does not exist", Documented,
        "No such SDKAppID on this server: create it with `portraitd app create`.",
        "SDKAppID 不存在：请使用 portraitd app create 创建。";
    SigTooOften = 70050, "UserSig verification failed too often. Please try again later.", Documented,
        "Too many failed UserSig checks from this address: correct the UserSig, then try again in a second.",
        "UserSig 验证失败次数过于频繁，请修正 UserSig 后稍后重试。";
    SigInvalidated = 70052, "The UserSig has been invalidated. Please regenerate UserSig.", Documented,
        "The account was kicked after this UserSig was made: make a new one.",
        "UserSig 已失效（账号被踢下线），请重新生成。";
    LoginAccountNotFound = 70107, "Err_TLS_PT_Open_Login_Account_Not_Exist", Seen,
        "The account does not exist in this app.",
        "请求的账号不存在。";
    DeletedRecently = 70399, "The account was deleted recently and cannot be imported again yet", Documented,
        "The account was deleted, and this app does not import a deleted account again before a set time has passed.",
        "账号已删除，在此应用设置的期限内不能重新导入。";
    LoginBadParameter = 70402, "Illegal parameter", Documented,
        "A member of the request is missing, empty, too long or of the wrong type; UserIDs are 1 to 32 printable bytes, at most 100 in a call, and none that is imported may start with @TLS#.",
        "参数非法：请检查必填字段、长度和类型；UserID 为 1 至 32 字节可打印字符，每次最多 100 个，导入的 UserID 不能以 @TLS# 开头。";
    LoginAdminRequired = 70403, "This command requires App admin permission", Documented,
        "The identifier in the URL is not an App admin: sign the request as an admin of this app.",
        "URL 中的 identifier 不是 App 管理员：请使用 App 管理员账号签名并发起请求。";
    LoginInternal = 70500, "Internal server error", Documented,
        "The store failed or timed out; nothing was acknowledged. Send the request again.",
        "服务器内部错误，请重试。";
    DeletionForbidden = 71000, "This app does not allow accounts to be deleted", Documented,
        "This app's settings forbid the deletion of accounts.",
        "此应用的设置不允许删除账号。";
    SensitiveContent = 80001, "The text contains sensitive content", Documented,
        "The value contains a sensitive word of this app (the code of newer pages; the app chooses it).",
        "资料字段的值包含敏感词（新版文档的错误码，由应用设置选择）。";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_ascend_and_rows_are_complete() {
        assert!(ERROR_CODES.is_sorted_by(|a, b| a.number < b.number));
        for (place, row) in ERROR_CODES.iter().enumerate() {
            assert_eq!((row.code.number(), row.code.place()), (row.number, place));
            assert!(!row.info.is_empty() && !row.english.is_empty() && !row.chinese.is_empty());
            assert!(row.info.is_ascii(), "{} goes on the wire", row.number);
            assert_eq!((40000..50000).contains(&row.number), row.info.starts_with("Err_Profile_"));
        }
    }
}
