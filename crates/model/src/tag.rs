//! Tags, the names of fields: standard tags, and custom tags with their two forms.

use crate::SdkAppId;
use serde::{Serialize, Serializer};
use std::fmt;

/// A standard field's tag. The numbers are part of the stored form: never change or reuse one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
#[expect(missing_docs, reason = "STANDARD_FIELDS describes each")]
pub enum StandardTag {
    Nick = 1,
    Gender = 2,
    BirthDay = 3,
    Location = 4,
    SelfSignature = 5,
    AllowType = 6,
    Language = 7,
    Image = 8,
    MsgSettings = 9,
    AdminForbidType = 10,
    Level = 11,
    Role = 12,
}

/// The keyword of a custom field: 1 to 8 ASCII letters (contract, section 6). Kept inline, padded with zeros.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CustomKeyword([u8; Self::LETTERS_MAX]);

impl CustomKeyword {
    /// The longest keyword, in letters.
    pub const LETTERS_MAX: usize = 8;

    /// Checks a keyword; `None` unless it is 1 to 8 ASCII letters.
    ///
    /// ```
    /// use portraitd_model::CustomKeyword;
    /// assert!(CustomKeyword::parse("Test").is_some());
    /// assert!(CustomKeyword::parse("Test1").is_none());
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let letters = text.bytes().all(|b| b.is_ascii_alphabetic());
        if text.is_empty() || text.len() > Self::LETTERS_MAX || !letters {
            return None;
        }
        let mut bytes = [0; Self::LETTERS_MAX];
        for (to, from) in bytes.iter_mut().zip(text.bytes()) {
            *to = from;
        }
        Some(Self(bytes))
    }

    /// The keyword as text.
    pub fn as_str(&self) -> &str {
        let len = self.0.iter().position(|b| *b == 0).unwrap_or(Self::LETTERS_MAX);
        self.0.get(..len).and_then(|letters| std::str::from_utf8(letters).ok()).unwrap_or_default()
    }
}

impl fmt::Display for CustomKeyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

impl fmt::Debug for CustomKeyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_str().fmt(f)
    }
}

/// The name of a field. `Display` writes it as on the wire, a custom tag in its short form.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Tag {
    /// `Tag_Profile_IM_…`
    Standard(StandardTag),
    /// `Tag_Profile_Custom_…`
    Custom(CustomKeyword),
}

/// The prefix of every custom tag.
pub(crate) const CUSTOM_PREFIX: &str = "Tag_Profile_Custom_";

impl Tag {
    /// Reads a tag as `app`'s callers write it. The legacy form `Tag_Profile_Custom_<sdkappid>_<keyword>` names
    /// the same field when the number is the app's own. `None` when it is neither a standard tag nor a
    /// well-formed custom one; whether the app defines that custom field, the schema knows.
    pub fn parse(text: &str, app: SdkAppId) -> Option<Self> {
        let Some(rest) = text.strip_prefix(CUSTOM_PREFIX) else {
            return StandardTag::parse(text).map(Self::Standard);
        };
        let keyword = match rest.split_once('_') {
            None => rest,
            Some((number, keyword)) => {
                // Digits only and no leading zero: `+1400000000` is not the app's number.
                let own = number.parse::<u32>() == Ok(app.0) && !number.starts_with(['+', '0']);
                own.then_some(keyword)?
            }
        };
        CustomKeyword::parse(keyword).map(Self::Custom)
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(tag) => f.write_str(tag.as_str()),
            Self::Custom(keyword) => write!(f, "{CUSTOM_PREFIX}{keyword}"),
        }
    }
}

impl Serialize for Tag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_in_both_forms() {
        let app = SdkAppId(1_400_000_000);
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(Tag::parse(text, app).map(|tag| tag.to_string()).as_deref(), expected, "{text}");
        };
        check("Tag_Profile_IM_Nick", Some("Tag_Profile_IM_Nick"));
        check("Tag_Profile_IM_nick", None);
        check("Tag_Profile_IM_", None);
        check("", None);
        check("Tag_Profile_Custom_Test", Some("Tag_Profile_Custom_Test"));
        check("Tag_Profile_Custom_1400000000_Test", Some("Tag_Profile_Custom_Test"));
        check("Tag_Profile_Custom_1400000001_Test", None);
        check("Tag_Profile_Custom_+1400000000_Test", None);
        check("Tag_Profile_Custom_01400000000_Test", None);
        check("Tag_Profile_Custom__Test", None);
        check("Tag_Profile_Custom_", None);
        check("Tag_Profile_Custom_Test1", None);
        check("Tag_Profile_Custom_JustFits", Some("Tag_Profile_Custom_JustFits"));
        check("Tag_Profile_Custom_NearlyFit", None);
        check("Tag_Profile_Custom_TooLongKw", None);
    }
}
