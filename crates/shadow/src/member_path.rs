//! The path of a member in an answer, as reports name it: `UserProfileItem[].ProfileItem[Tag_Profile_IM_Nick].Value`.
//!
//! Answers come from outside, so a name is shown only if it looks like one and is not an account of the call; any other is
//! shown as its digest.

use crate::digest::Digests;
use std::collections::BTreeSet;

/// The longest name that is shown.
const NAME_BYTES_MAX: usize = 64;
/// The longest path; names further inside are left out.
const PATH_BYTES_MAX: usize = 256;

/// How names are shown.
pub(crate) struct Names<'a> {
    pub(crate) digests: &'a Digests,
    /// The accounts that the call names.
    pub(crate) accounts: &'a BTreeSet<String>,
}

impl Names<'_> {
    /// Returns the path of a member of an object.
    pub(crate) fn member(&self, path: &str, name: &str) -> String {
        let separator = if path.is_empty() { "" } else { "." };
        self.limited(path, format!("{path}{separator}{}", self.shown(name)))
    }

    /// Returns the path of the items of a list.
    pub(crate) fn items(&self, path: &str) -> String {
        self.limited(path, format!("{path}[]"))
    }

    /// Returns the path of the item of a list that has this name.
    pub(crate) fn item(&self, path: &str, name: &str) -> String {
        self.limited(path, format!("{path}[{}]", self.shown(name)))
    }

    #[expect(clippy::unused_self, reason = "one way to write paths")]
    fn limited(&self, path: &str, longer: String) -> String {
        if longer.len() <= PATH_BYTES_MAX { longer } else { path.to_owned() }
    }

    fn shown(&self, name: &str) -> String {
        let is_name = !name.is_empty()
            && name.len() <= NAME_BYTES_MAX
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
            && !self.accounts.contains(name);
        if is_name { name.to_owned() } else { format!("({})", self.digests.text(name)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_are_shown() {
        let digests = Digests::new([0; 32]);
        let accounts = BTreeSet::from(["alice".to_owned()]);
        let names = Names { digests: &digests, accounts: &accounts };
        let tag =
            names.item(&names.member(&names.items("UserProfileItem"), "ProfileItem"), "Tag_Profile_IM_Nick");
        assert_eq!(names.member(&tag, "Value"), "UserProfileItem[].ProfileItem[Tag_Profile_IM_Nick].Value");
        for other in ["alice", "", "\u{1b}[2J", "名", "a b", &"a".repeat(65)] {
            let shown = names.member("", other);
            assert!(shown.starts_with('(') && shown.len() == 14, "{shown}");
        }
        let deep = (0..1000).fold(String::new(), |path, _| names.member(&path, "Member"));
        assert!(deep.len() <= PATH_BYTES_MAX);
    }
}
