//! The explanation of the entries that failed in an answer that is a success as a whole (`Fail_Account`, `FailAccounts`,
//! `ResultItem`). It is never part of the answer's body.

use crate::api_error::ApiError;
use portraitd_model::{Language, UserId};

/// The most reasons that are told, and the most accounts that are named for each.
const NAMED_MAX: usize = 3;

/// Accounts that failed, by reason: a bounded number is named, the others are counted.
#[derive(Debug, Default)]
pub(crate) struct FailedEntries {
    reasons: Vec<Reason>,
    /// Accounts with further reasons.
    others: usize,
}

#[derive(Debug)]
struct Reason {
    error: ApiError,
    named: Vec<UserId>,
    count: usize,
}

impl FailedEntries {
    pub(crate) fn add(&mut self, user: UserId, error: ApiError) {
        if let Some(reason) = self.reasons.iter_mut().find(|reason| reason.error == error) {
            reason.count += 1;
            if reason.named.len() < NAMED_MAX {
                reason.named.push(user);
            }
        } else if self.reasons.len() < NAMED_MAX {
            self.reasons.push(Reason { error, named: vec![user], count: 1 });
        } else {
            self.others += 1;
        }
    }

    /// Returns the explanation; `None` when no entry failed.
    pub(crate) fn explain(&self, language: Language) -> Option<String> {
        let mut parts: Vec<String> = self.reasons.iter().map(|reason| reason.explain(language)).collect();
        let others = self.others;
        if others > 0 {
            parts.push(
                language
                    .pick(format!("{others} other accounts failed too"), format!("另有 {others} 个账号失败")),
            );
        }
        (!parts.is_empty()).then(|| parts.join(language.pick("; ", "；")))
    }
}

impl Reason {
    fn explain(&self, language: Language) -> String {
        let named: Vec<String> = self.named.iter().map(|user| format!("\"{user}\"")).collect();
        let (named, why) = (named.join(language.pick(", ", "、")), self.error.explain(language));
        match (self.count.saturating_sub(self.named.len()), language) {
            (0, Language::English) => format!("{named}: {why}"),
            (0, Language::Chinese) => format!("{named}：{why}"),
            (more, Language::English) => format!("{named} and {more} more: {why}"),
            (more, Language::Chinese) => format!("{named} 等 {} 个账号：{why}", more + self.named.len()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portraitd_model::ErrorCode;

    #[test]
    fn accounts_are_named_by_reason_and_the_rest_is_counted() {
        let mut failed = FailedEntries::default();
        assert_eq!(failed.explain(Language::English), None);
        let reason = |text: &str| ApiError::with_detail(ErrorCode::BadParameter, text, "原因");
        for number in 0..9 {
            failed.add(UserId::parse(&format!("u{number}")).unwrap(), reason("A"));
        }
        for text in ["B", "C", "D", "E"] {
            failed.add(UserId::parse(text).unwrap(), reason(text));
        }
        assert_eq!(
            failed.explain(Language::English).unwrap(),
            r#""u0", "u1", "u2" and 6 more: A; "B": B; "C": C; 2 other accounts failed too"#
        );
        let chinese = failed.explain(Language::Chinese).unwrap();
        assert!(
            chinese.starts_with(r#""u0"、"u1"、"u2" 等 9 个账号：原因；"B"："#)
                && chinese.ends_with("另有 2 个账号失败"),
            "{chinese}"
        );
    }
}
