//! Small texts inside a call: numbers, sensitive words, UserSigs.

use crate::fixtures::APP;
use portraitd_emulator::recorded_body;
use portraitd_model::{
    AppKey, FieldValue, NumberText, StandardTag, Tag, UncheckedValue, UnixSeconds, UserSig, ValueRule,
    ValueType, WordFilter, Words,
};
use std::collections::HashSet;

/// A JSON number means what `serde_json` reads it as.
pub(crate) fn number(text: &str) -> bool {
    let Ok(json) = serde_json::from_str::<&serde_json::value::RawValue>(text) else { return false };
    let raw = json.get();
    if !raw.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return false;
    }
    let ours = ValueRule::Any.check(ValueType::Uint64, &UncheckedValue::Number(NumberText(raw)));
    let theirs = serde_json::from_str::<serde_json::Number>(raw).ok();
    if raw.bytes().all(|byte| byte.is_ascii_digit()) {
        let exact = theirs.and_then(|number| number.as_u64());
        assert_eq!(ours.ok(), exact.map(FieldValue::Uint), "{raw}");
    } else if let (Ok(FieldValue::Uint(ours)), Some(theirs)) =
        (ours, theirs.and_then(|number| number.as_f64()))
    {
        #[expect(clippy::cast_precision_loss, reason = "compared as far as a float can tell")]
        let rounded = ours as f64;
        assert!((rounded - theirs).abs() <= theirs.abs() * 1e-15, "{raw}: {rounded} {theirs}");
    }
    true
}

/// Words and a value, a NUL between them: a value that contains a word as it stands is refused.
pub(crate) fn words(text: &str) -> bool {
    let Some((list, value)) = text.split_once('\0') else { return false };
    let nick = Tag::Standard(StandardTag::Nick);
    let words = Words::from_lines(list);
    if words.check_limits().is_err() {
        return false;
    }
    let is_found = WordFilter::new(words.clone(), vec![nick]).check(nick, value).is_err();
    assert_eq!(is_found, words.in_text(value).next().is_some(), "two searches find the same");
    true
}

/// The body of a call to the emulator: the accounts that it names, each once.
pub(crate) fn named_users(bytes: &[u8]) -> bool {
    let users = recorded_body::named_users(bytes);
    assert!(users.len() <= recorded_body::USERS_MAX);
    assert_eq!(users.iter().collect::<HashSet<_>>().len(), users.len(), "one is there twice: {users:?}");
    !users.is_empty()
}

/// Asserts that a `UserSig` made up by a fuzzer is not one that the key signed, and that no field of it holds what ends
/// a field of the signed text.
pub(crate) fn is_not_signed(sig: Option<UserSig>, key: &AppKey) -> bool {
    let Some(sig) = sig else { return false };
    let fields = [sig.identifier(), sig.userbuf().unwrap_or_default()];
    assert!(!fields.iter().any(|field| field.contains(char::is_control)), "the signed text is ambiguous");
    let now = UnixSeconds(1_800_000_000);
    let is_accepted = sig.check(APP, "administrator", now).is_ok() && sig.is_signed_with(key);
    assert!(!is_accepted || sig.issued_at().0 > 0, "the fuzzer made a valid signature");
    true
}
