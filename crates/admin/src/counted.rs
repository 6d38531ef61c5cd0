//! Counts with their noun, for messages in English.

use std::fmt::Display;

/// Returns a count and its noun, in the plural unless the count is 1: `1 account`, `2 accounts`. The noun must be one that
/// takes an `s`.
pub fn counted<N: Copy + Display + From<u8> + PartialEq>(count: N, noun: &str) -> String {
    if count == N::from(1) { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_singular() {
        assert_eq!(counted(0_usize, "app"), "0 apps");
        assert_eq!(counted(1_u64, "app"), "1 app");
        assert_eq!(counted(2_u32, "app"), "2 apps");
    }
}
