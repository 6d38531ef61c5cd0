//! The host names that a command's lookups are led away from.

/// Host names, and domains whose every name counts.
#[derive(Clone, Copy, Debug)]
pub struct Names {
    /// Whole names in lower case; a hosts file can lead these alone.
    pub listed: &'static [&'static str],
    /// Domains with a leading dot, such as `.example.com`; the DNS server leads all of their names.
    pub domains: &'static [&'static str],
}

impl Names {
    /// Returns whether a name is one of these, in any case, with or without the trailing dot of a full name.
    pub fn contains(&self, name: &str) -> bool {
        let name = name.trim_end_matches('.').to_ascii_lowercase();
        let is_below = |domain: &&str| name.ends_with(domain) || name == domain.trim_start_matches('.');
        self.listed.contains(&name.as_str()) || self.domains.iter().any(is_below)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: Names = Names { listed: &["console.cloud.test"], domains: &[".im.test"] };

    #[test]
    fn names_count_in_any_case_and_with_a_trailing_dot() {
        for name in ["console.cloud.test", "CONSOLE.cloud.test.", "any.im.test", "a.b.IM.test", "im.test"] {
            assert!(NAMES.contains(name), "{name}");
        }
        for name in ["cloud.test", "notim.test", "console.cloud.test.example", ""] {
            assert!(!NAMES.contains(name), "{name}");
        }
    }
}
