//! The error of a call: its code, and what it says to people in both languages.

use portraitd_model::{
    CLOUD_CODES, Diagnosis, ErrorCode, FieldError, IdError, Language, SdkAppId, Service, SigError,
    UnknownPath, UserId,
};
use portraitd_store::StoreError;
use std::borrow::Cow;

/// The error of a call, with details for the caller and a cause for the log only.
#[derive(Clone, PartialEq, Debug)]
pub struct ApiError {
    code: ErrorCode,
    cause: Cause,
}

/// The details of an error in addition to its code.
#[derive(Clone, PartialEq, Debug)]
enum Cause {
    None,
    Field(FieldError),
    Sig(SigError, Option<Box<Diagnosis>>),
    Path(UnknownPath),
    /// An account's id; the item of a list that it is in, counted from 0.
    Id(IdError, Option<usize>),
    Store(StoreError),
    /// The number of a code that is none of portraitd's.
    Cloud(u32),
    Detail {
        english: String,
        chinese: String,
    },
}

impl ApiError {
    /// Returns an error without details.
    pub const fn new(code: ErrorCode) -> Self {
        Self { code, cause: Cause::None }
    }

    /// Returns an error with an explanation in both languages.
    pub fn with_detail(code: ErrorCode, english: impl Into<String>, chinese: impl Into<String>) -> Self {
        Self { code, cause: Cause::Detail { english: english.into(), chinese: chinese.into() } }
    }

    /// Returns an error with a code of the cloud's that is none of portraitd's, for a fault rule. It is counted as
    /// [`ErrorCode::Timeout`], because the counters have portraitd's own codes only.
    pub const fn of_cloud(number: u32) -> Self {
        Self { code: ErrorCode::Timeout, cause: Cause::Cloud(number) }
    }

    /// Returns the error of an invalid UserID, with the service's code. `item` is its place in a list, counted from 0.
    pub(crate) fn bad_id(service: Service, error: IdError, item: Option<usize>) -> Self {
        Self { code: service.bad_parameter(), cause: Cause::Id(error, item) }
    }

    /// Returns an error caused by the store, which only the log names.
    pub(crate) fn store(code: ErrorCode, error: StoreError) -> Self {
        Self { code, cause: Cause::Store(error) }
    }

    /// Returns the error of a path that no command has.
    pub(crate) fn unknown_path(path: &str) -> Self {
        Self { code: ErrorCode::NoSuchResource, cause: Cause::Path(UnknownPath::of(path)) }
    }

    /// Whether the form, the signature or the content of the UserSig is what was refused.
    pub(crate) fn is_bad_sig(&self) -> bool {
        matches!(&self.cause, Cause::Sig(error, _) if *error != SigError::Kicked)
    }

    /// Adds why the UserSig was refused.
    pub(crate) fn diagnosed(self, diagnosis: Diagnosis) -> Self {
        match self.cause {
            Cause::Sig(error, _) => Self { cause: Cause::Sig(error, Some(Box::new(diagnosis))), ..self },
            _ => self,
        }
    }

    /// Returns the error of an account that does not exist, with its id.
    pub(crate) fn no_such_account(code: ErrorCode, user: &UserId, app: SdkAppId) -> Self {
        Self::with_detail(
            code,
            format!(
                "the account \"{user}\" does not exist in app {app}: import it with account_import first"
            ),
            format!("应用 {app} 中没有账号 \"{user}\"：请先调用 account_import 导入"),
        )
    }

    /// Returns the protocol's code.
    pub fn code(&self) -> ErrorCode {
        self.code
    }

    /// `ErrorCode` on the wire.
    pub fn number(&self) -> u32 {
        if let Cause::Cloud(number) = self.cause { number } else { self.code.number() }
    }

    /// Returns the store's error, for the log.
    pub(crate) fn store_error(&self) -> Option<&StoreError> {
        if let Cause::Store(error) = &self.cause { Some(error) } else { None }
    }

    /// `ErrorInfo` on the wire.
    pub(crate) fn info(&self) -> Cow<'static, str> {
        match &self.cause {
            Cause::Sig(error, _) => error.info(),
            Cause::Cloud(number) => format!("Error {number}").into(),
            _ => self.code.info().into(),
        }
    }

    /// Returns the explanation for people.
    pub fn explain(&self, language: Language) -> String {
        match &self.cause {
            // The store's error is for the log only.
            Cause::None | Cause::Store(_) => self.code.meaning(language).to_owned(),
            Cause::Field(error) => error.explain(language),
            Cause::Sig(error, None) => error.explain(language),
            // The code's meaning names the likeliest cause; this is the one that was found.
            Cause::Sig(_, Some(diagnosis)) => diagnosis.explain(language),
            Cause::Cloud(number) => explain_cloud_code(*number, language),
            Cause::Path(path) => path.explain(language),
            Cause::Id(error, item) => {
                let item = item.map(|item| item + 1);
                match language {
                    Language::English => {
                        item.map_or_else(String::new, |item| format!("item {item}: ")) + &error.to_string()
                    }
                    Language::Chinese => {
                        item.map_or_else(String::new, |item| format!("第 {item} 项："))
                            + &error.explain(language)
                    }
                }
            }
            Cause::Detail { english, chinese } => language.pick(english, chinese).clone(),
        }
    }
}

/// Explains a code that is none of portraitd's.
fn explain_cloud_code(number: u32, language: Language) -> String {
    if let Some(row) = CLOUD_CODES.iter().find(|row| row.number == number) {
        return language.pick(row.english, row.chinese).to_owned();
    }
    language.pick(
        format!(
            "A fault rule asked for code {number}. portraitd does not know what it means: look it up in the cloud's list of \
             error codes."
        ),
        format!("错误码 {number} 由故障规则指定，portraitd 不了解其含义：请查阅云端的错误码列表。"),
    )
}

impl From<FieldError> for ApiError {
    fn from(error: FieldError) -> Self {
        Self { code: error.code(), cause: Cause::Field(error) }
    }
}

impl From<SigError> for ApiError {
    fn from(error: SigError) -> Self {
        Self { code: error.code(), cause: Cause::Sig(error, None) }
    }
}
