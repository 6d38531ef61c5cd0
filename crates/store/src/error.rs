//! Errors of a store: one variant for each way a caller can react.

use portraitd_model::{Bilingual, bilingual};

/// Why an operation of a store failed. Callers react to each variant differently.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum StoreError {
    /// The account does not exist. Nothing was written.
    #[error("no such account")]
    NoSuchAccount,
    /// The app's settings were changed since they were read. Read them again and repeat.
    #[error("the settings were changed meanwhile")]
    Conflict,
    /// The engine is full, broken, overloaded or shutting down. Not acknowledged: after an I/O error the change
    /// may or may not be found after a restart, but never a part of it. Repeating it is harmless.
    #[error("the store is not available: {}", .0.english())]
    Unavailable(Bilingual),
    /// Stored data does not read back.
    #[error("stored data is damaged: {}", .0.english())]
    Corrupt(Bilingual),
    /// The operation is not possible as requested; the message says what to do instead. Nothing was changed.
    #[error("{}", .0.english())]
    Refused(Bilingual),
}

impl StoreError {
    /// Returns the error of every operation after [`Store::close`](crate::Store::close).
    pub fn closed() -> Self {
        Self::Unavailable(bilingual!("it was closed", "已关闭"))
    }

    /// Returns the error of one more token than [`TOKENS_MAX`](crate::TOKENS_MAX).
    pub fn too_many_tokens(count: usize) -> Self {
        Self::Refused(bilingual!(
            "there are {count} tokens already, the most there can be; revoke one first",
            "已有 {count} 个令牌，达到上限；请先吊销一个"
        ))
    }

    /// Returns its sentence in both languages; `Display` writes the English one.
    pub fn explain(&self) -> Bilingual {
        match self {
            Self::NoSuchAccount => Bilingual::new(self.to_string(), "账号不存在"),
            Self::Conflict => Bilingual::new(self.to_string(), "设置已被同时进行的其他请求修改"),
            Self::Unavailable(why) => why.clone().after("the store is not available: ", "存储不可用："),
            Self::Corrupt(why) => why.clone().after("stored data is damaged: ", "存储的数据已损坏："),
            Self::Refused(why) => why.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_model::Language;

    #[test]
    fn every_error_has_both_languages() {
        let why = || bilingual!("why", "原因");
        let errors = [
            StoreError::NoSuchAccount,
            StoreError::Conflict,
            StoreError::Unavailable(why()),
            StoreError::Corrupt(why()),
            StoreError::Refused(why()),
            StoreError::closed(),
        ];
        for error in errors {
            let sentence = error.explain();
            assert_eq!(sentence.english(), error.to_string());
            assert!(
                !sentence.pick(Language::Chinese).contains(|letter: char| letter.is_ascii_alphabetic()),
                "{error:?}"
            );
        }
    }
}
