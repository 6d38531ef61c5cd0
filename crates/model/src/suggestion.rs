//! What a caller may have meant by a tag that does not exist: a slip of the pen, or the name that Tencent's client SDKs
//! give to the field.

use crate::tag::CUSTOM_PREFIX;
use crate::{Language, StandardTag, Tag};

/// A guess.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Suggestion {
    /// A tag that is written nearly so.
    Near(String),
    /// The field of this tag, by the name that client SDKs give it.
    ClientName(String),
    /// All custom fields, by the name that client SDKs give them together.
    AllCustomFields,
}

/// The names in the client SDKs (V2TIM for native apps, `@tencentcloud/chat` and the older TIM for the web), in lower
/// case.
const CLIENT_NAMES: [(&str, StandardTag); 16] = [
    ("nick", StandardTag::Nick),
    ("nickname", StandardTag::Nick),
    ("faceurl", StandardTag::Image),
    ("avatar", StandardTag::Image),
    ("image", StandardTag::Image),
    ("gender", StandardTag::Gender),
    ("birthday", StandardTag::BirthDay),
    ("location", StandardTag::Location),
    ("selfsignature", StandardTag::SelfSignature),
    ("allowtype", StandardTag::AllowType),
    ("language", StandardTag::Language),
    ("messagesettings", StandardTag::MsgSettings),
    ("msgsettings", StandardTag::MsgSettings),
    ("adminforbidtype", StandardTag::AdminForbidType),
    ("level", StandardTag::Level),
    ("role", StandardTag::Role),
];

/// The names of a map of custom fields.
const CUSTOM_MAPS: [&str; 3] = ["custominfo", "profilecustomfield", "customfield"];

/// A longer name was never meant to be one of ours.
const NAME_CHARS_MAX: usize = 40;

/// What is behind the last `_`, in lower case.
fn bare(tag: &str) -> String {
    tag.rsplit('_').next().unwrap_or_default().to_ascii_lowercase()
}

/// Guesses, among the tags that exist.
pub(crate) fn suggest(text: &str, known: impl Iterator<Item = Tag>) -> Option<Suggestion> {
    let name = bare(text);
    if name.is_empty() || text.len() > CUSTOM_PREFIX.len() + NAME_CHARS_MAX {
        return None;
    }
    let is_tag = text.starts_with("Tag_");
    // A custom tag rather means a custom field, and any other a standard one.
    let same_family = |tag: &Tag| matches!(tag, Tag::Custom(_)) == text.starts_with(CUSTOM_PREFIX);
    let mut known: Vec<Tag> = known.collect();
    known.sort_by_key(|tag| !same_family(tag));
    let written = |tag: &Tag| bare(&tag.to_string());
    if is_tag && let Some(tag) = known.iter().find(|tag| written(tag) == name) {
        return Some(Suggestion::Near(tag.to_string()));
    }
    if let Some((_, tag)) = CLIENT_NAMES.iter().find(|(client, _)| *client == name) {
        return Some(Suggestion::ClientName(Tag::Standard(*tag).to_string()));
    }
    if CUSTOM_MAPS.contains(&name.as_str()) {
        return Some(Suggestion::AllCustomFields);
    }
    // One letter in three may be wrong.
    let far = |tag: &Tag| strsim::osa_distance(&written(tag), &name);
    let nearest = known.iter().min_by_key(|tag| far(tag)).filter(|tag| far(tag) <= name.chars().count() / 3);
    nearest.map(|tag| Suggestion::Near(tag.to_string()))
}

impl Suggestion {
    pub(crate) fn explain(&self, language: Language) -> String {
        match (self, language) {
            (Self::Near(tag), Language::English) => format!("no such field in this app; did you mean {tag}?"),
            (Self::Near(tag), Language::Chinese) => format!("此应用没有该字段，您是否想写 {tag}？"),
            (Self::ClientName(tag), Language::English) => {
                format!("that is the client SDKs' name; the REST API calls this field {tag}")
            }
            (Self::ClientName(tag), Language::Chinese) => {
                format!("这是客户端 SDK 的字段名，REST API 中该字段为 {tag}")
            }
            (Self::AllCustomFields, Language::English) => {
                "that is the client SDKs' name for all custom fields; the REST API sets each one by its own tag, \
                 Tag_Profile_Custom_ and its keyword"
                    .into()
            }
            (Self::AllCustomFields, Language::Chinese) => {
                "这是客户端 SDK 中自定义字段的总称，REST API 需逐个设置：Tag_Profile_Custom_ 加关键字".into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CustomKeyword, STANDARD_FIELDS};

    #[test]
    fn slips_and_client_names_are_recognised() {
        let custom = ["Test", "Role"].map(|text| Tag::Custom(CustomKeyword::parse(text).unwrap()));
        let known = || STANDARD_FIELDS.iter().map(|field| Tag::Standard(field.tag)).chain(custom);
        let near = |text: &str, tag: &str| {
            assert_eq!(suggest(text, known()), Some(Suggestion::Near(tag.into())), "{text}");
        };
        let client = |text: &str, tag: &str| {
            assert_eq!(
                suggest(text, known()),
                Some(Suggestion::ClientName(format!("Tag_Profile_IM_{tag}"))),
                "{text}"
            );
        };
        // As long as it may be, and longer.
        let padded = |chars: usize| format!("{:_<width$}nickname", "", width = chars - "nickname".len());
        let longest = CUSTOM_PREFIX.len() + NAME_CHARS_MAX;
        client(&padded(longest), "Nick");
        assert_eq!(suggest(&padded(longest + 1), known()), None);
        assert_eq!(suggest("Tag_Profile_IM_", known()), None);
        near("Tag_Profile_IM_NICK", "Tag_Profile_IM_Nick");
        near("Tag_Profile_IM_Nik", "Tag_Profile_IM_Nick");
        near("Tag_Profile_IM_Gendre", "Tag_Profile_IM_Gender");
        near("Tag_Profile_Custom_Nick", "Tag_Profile_IM_Nick");
        near("Tag_Profile_Custom_test", "Tag_Profile_Custom_Test");
        near("Tag_Profile_Custom_role", "Tag_Profile_Custom_Role");
        near("Tag_Profile_IM_role", "Tag_Profile_IM_Role");
        near("Test", "Tag_Profile_Custom_Test");
        near("Birthdy", "Tag_Profile_IM_BirthDay");
        client("nickName", "Nick");
        client("nick", "Nick");
        client("faceURL", "Image");
        client("Tag_Profile_IM_FaceUrl", "Image");
        client("avatar", "Image");
        client("selfSignature", "SelfSignature");
        client("allowType", "AllowType");
        client("gender", "Gender");
        client("birthday", "BirthDay");
        client("messageSettings", "MsgSettings");
        client("role", "Role");
        for text in ["customInfo", "profileCustomField"] {
            assert_eq!(suggest(text, known()), Some(Suggestion::AllCustomFields));
        }
        for text in ["", "_", "Tag_Profile_IM_", "Tag_Profile_IM_Xyz", "xy", "昵称", &"nick".repeat(100)] {
            assert_eq!(suggest(text, known()), None, "{text}");
        }
    }

    #[test]
    fn every_guess_is_explained_in_both_languages() {
        let guesses =
            [Suggestion::Near("T".into()), Suggestion::ClientName("T".into()), Suggestion::AllCustomFields];
        for guess in guesses {
            assert!(guess.explain(Language::English).is_ascii());
            assert!(!guess.explain(Language::Chinese).is_ascii());
        }
    }
}
