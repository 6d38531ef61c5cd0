//! The SDKAppID of an app, as an argument.

use crate::cli::language::chosen::localized;

/// Parses an SDKAppID, which is a number from 1 to 4294967295.
pub(super) fn sdk_app_id(text: &str) -> Result<u32, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| {
        localized!(
            "an SDKAppID is a whole number from 1 to {}, for example 1400000000",
            "SDKAppID 为 1 至 {} 的整数，例如 1400000000",
            u32::MAX
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_app_is_named_by_a_number() {
        assert_eq!(sdk_app_id("1400000000"), Ok(1_400_000_000));
        assert_eq!(sdk_app_id("4294967295"), Ok(u32::MAX));
        for text in ["", "abc", "0", "-1", "1.5", "4294967296"] {
            assert!(sdk_app_id(text).unwrap_err().contains("from 1 to 4294967295"), "{text}");
        }
    }
}
