//! Suggestions for a tag that does not exist: a tag with a similar spelling, or the field that Tencent's client SDKs call so.

use crate::tag::CUSTOM_PREFIX;
use crate::{CustomKeyword, Language, SdkAppId, StandardTag, Tag};

/// The tag that a caller may have meant.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Suggestion {
    /// This tag, which has a similar spelling.
    Similar(String),
    /// This tag: client SDKs use the given name for its field.
    ClientName(String),
    /// No single tag: client SDKs use the given name for the map of all custom fields.
    AllCustomFields,
    /// The keyword fits, but the app has no such custom field.
    Undefined {
        /// The app.
        app: SdkAppId,
        /// The keyword.
        keyword: CustomKeyword,
    },
    /// No custom field can have this keyword.
    BadKeyword(SdkAppId),
    /// A field of the friend list, which is another part of the cloud's API.
    FriendField,
}

/// Field names of the client SDKs (V2TIM for native apps, `@tencentcloud/chat` and the older TIM for the web), in lower
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

/// Names of the map of custom fields in the client SDKs, in lower case.
const CUSTOM_MAPS: [&str; 3] = ["custominfo", "profilecustomfield", "customfield"];

/// A longer name gets no suggestion.
const NAME_CHARS_MAX: usize = 40;

/// The part after the last `_`, in lower case.
fn short_name(tag: &str) -> String {
    tag.rsplit('_').next().unwrap_or_default().to_ascii_lowercase()
}

/// Suggests one of the known tags for an unknown one; `None` when none is similar enough.
pub(crate) fn suggest(text: &str, app: SdkAppId, known: impl Iterator<Item = Tag>) -> Option<Suggestion> {
    if text.starts_with("Tag_SNS_") {
        return Some(Suggestion::FriendField);
    }
    if let Some(keyword) = text.strip_prefix(CUSTOM_PREFIX) {
        return Some(suggest_custom(keyword, app, known));
    }
    let name = short_name(text);
    if name.is_empty() || text.len() > CUSTOM_PREFIX.len() + NAME_CHARS_MAX {
        return None;
    }
    let is_tag = text.starts_with("Tag_");
    // A custom tag most likely means a custom field, any other tag a standard one.
    let same_family = |tag: &Tag| matches!(tag, Tag::Custom(_)) == text.starts_with(CUSTOM_PREFIX);
    let mut known: Vec<Tag> = known.collect();
    known.sort_by_key(|tag| !same_family(tag));
    let name_of = |tag: &Tag| short_name(&tag.to_string());
    if is_tag && let Some(tag) = known.iter().find(|tag| name_of(tag) == name) {
        return Some(Suggestion::Similar(tag.to_string()));
    }
    if let Some((_, tag)) = CLIENT_NAMES.iter().find(|(client, _)| *client == name) {
        return Some(Suggestion::ClientName(Tag::Standard(*tag).to_string()));
    }
    if CUSTOM_MAPS.contains(&name.as_str()) {
        return Some(Suggestion::AllCustomFields);
    }
    // One letter in three may be wrong.
    let distance = |tag: &Tag| strsim::osa_distance(&name_of(tag), &name);
    let nearest =
        known.iter().min_by_key(|tag| distance(tag)).filter(|tag| distance(tag) <= name.chars().count() / 3);
    nearest.map(|tag| Suggestion::Similar(tag.to_string()))
}

/// Suggests a custom field for a keyword that is none; never a standard field.
fn suggest_custom(text: &str, app: SdkAppId, known: impl Iterator<Item = Tag>) -> Suggestion {
    let keyword = text.strip_prefix(&format!("{app}_")).unwrap_or(text);
    let name = keyword.to_ascii_lowercase();
    let custom = known.filter(|tag| matches!(tag, Tag::Custom(_))).map(|tag| tag.to_string());
    let limit = name.chars().count() / 3;
    let distance = |tag: &String| strsim::osa_distance(&short_name(tag), &name);
    let nearest = if name.len() > NAME_CHARS_MAX { None } else { custom.min_by_key(distance) };
    if let Some(tag) = nearest.filter(|tag| distance(tag) <= limit) {
        return Suggestion::Similar(tag);
    }
    // In one word with capitals inside, as `nickName`: not a name for a custom field.
    let is_camel = keyword.starts_with(|first: char| first.is_ascii_lowercase())
        && keyword.contains(|letter: char| letter.is_ascii_uppercase());
    let client = CLIENT_NAMES.iter().find(|(client, _)| is_camel && *client == name);
    if let Some((_, tag)) = client {
        return Suggestion::ClientName(Tag::Standard(*tag).to_string());
    }
    CustomKeyword::parse(keyword)
        .map_or(Suggestion::BadKeyword(app), |keyword| Suggestion::Undefined { app, keyword })
}

impl Suggestion {
    pub(crate) fn explain(&self, language: Language) -> String {
        match (self, language) {
            (Self::Similar(tag), Language::English) => format!("this app has no such field; did you mean {tag}?"),
            (Self::Similar(tag), Language::Chinese) => format!("此应用没有该资料字段，是否应为 {tag}？"),
            (Self::ClientName(tag), Language::English) => {
                format!("this is a field name of the client SDKs; the REST API calls this field {tag}")
            }
            (Self::ClientName(tag), Language::Chinese) => {
                format!("这是客户端 SDK 中的字段名，REST API 中该字段为 {tag}")
            }
            (Self::Undefined { app, keyword }, Language::English) => format!(
                "app {app} has no custom field {keyword}; define it, with its type: portraitd field define {app} {keyword} --type string"
            ),
            (Self::Undefined { app, keyword }, Language::Chinese) => format!(
                "应用 {app} 没有自定义字段 {keyword}；请先定义并指定类型：portraitd field define {app} {keyword} --type string"
            ),
            (Self::BadKeyword(app), Language::English) => format!(
                "no custom field can have this keyword: keywords are 1 to 8 letters, without digits and _; a number before one is SDKAppID {app}"
            ),
            (Self::BadKeyword(app), Language::Chinese) => format!(
                "自定义字段的关键字不能这样写：只能是 1 至 8 个英文字母，不含数字和 _；关键字前若有数字，应为 SDKAppID {app}"
            ),
            (Self::FriendField, Language::English) => {
                "this is a field of the friend list (sns), which portraitd does not have; profile fields begin with Tag_Profile_".into()
            }
            (Self::FriendField, Language::Chinese) => {
                "这是好友关系链（sns）的字段，portraitd 不提供；资料字段以 Tag_Profile_ 开头".into()
            }
            (Self::AllCustomFields, Language::English) => {
                "this is the client SDKs' name for the map of all custom fields; in the REST API set each one by its own tag: \
                 Tag_Profile_Custom_ and its keyword"
                    .into()
            }
            (Self::AllCustomFields, Language::Chinese) => {
                "这是客户端 SDK 中全部自定义字段的名称，REST API 中须逐个设置：Tag_Profile_Custom_ 加关键字".into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::STANDARD_FIELDS;

    #[test]
    fn misspelt_tags_and_client_names_are_recognised() {
        let custom = ["Test", "Role"].map(|text| Tag::Custom(CustomKeyword::parse(text).unwrap()));
        let known = || STANDARD_FIELDS.iter().map(|field| Tag::Standard(field.tag)).chain(custom);
        let similar = |text: &str, tag: &str| {
            assert_eq!(suggest(text, SdkAppId(7), known()), Some(Suggestion::Similar(tag.into())), "{text}");
        };
        let client = |text: &str, tag: &str| {
            assert_eq!(
                suggest(text, SdkAppId(7), known()),
                Some(Suggestion::ClientName(format!("Tag_Profile_IM_{tag}"))),
                "{text}"
            );
        };
        // As long as it may be, and longer.
        let padded = |chars: usize| format!("{:_<width$}nickname", "", width = chars - "nickname".len());
        let longest = CUSTOM_PREFIX.len() + NAME_CHARS_MAX;
        client(&padded(longest), "Nick");
        assert_eq!(suggest(&padded(longest + 1), SdkAppId(7), known()), None);
        assert_eq!(suggest("Tag_Profile_IM_", SdkAppId(7), known()), None);
        similar("Tag_Profile_IM_NICK", "Tag_Profile_IM_Nick");
        similar("Tag_Profile_IM_Nik", "Tag_Profile_IM_Nick");
        similar("Tag_Profile_IM_Gendre", "Tag_Profile_IM_Gender");
        similar("Tag_Profile_Custom_test", "Tag_Profile_Custom_Test");
        similar("Tag_Profile_Custom_role", "Tag_Profile_Custom_Role");
        similar("Tag_Profile_IM_role", "Tag_Profile_IM_Role");
        similar("Test", "Tag_Profile_Custom_Test");
        similar("Birthdy", "Tag_Profile_IM_BirthDay");
        for text in ["Tag_Profile_Custom_vip_level", "Tag_Profile_Custom_", "Tag_Profile_Custom_Waytoolong"] {
            assert_eq!(
                suggest(text, SdkAppId(7), known()),
                Some(Suggestion::BadKeyword(SdkAppId(7))),
                "{text}"
            );
        }
        for text in ["Tag_Profile_Custom_Nick", "Tag_Profile_Custom_7_Nick"] {
            let keyword = CustomKeyword::parse("Nick").unwrap();
            assert_eq!(
                suggest(text, SdkAppId(7), known()),
                Some(Suggestion::Undefined { app: SdkAppId(7), keyword })
            );
        }
        client("Tag_Profile_Custom_nickName", "Nick");
        assert_eq!(suggest("Tag_SNS_IM_Group", SdkAppId(7), known()), Some(Suggestion::FriendField));
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
            assert_eq!(suggest(text, SdkAppId(7), known()), Some(Suggestion::AllCustomFields));
        }
        for text in ["", "_", "Tag_Profile_IM_", "Tag_Profile_IM_Xyz", "xy", "昵称", &"nick".repeat(100)] {
            assert_eq!(suggest(text, SdkAppId(7), known()), None, "{text}");
        }
    }

    #[test]
    fn every_suggestion_is_explained_in_both_languages() {
        let suggestions = [
            Suggestion::Similar("T".into()),
            Suggestion::ClientName("T".into()),
            Suggestion::AllCustomFields,
            Suggestion::Undefined { app: SdkAppId(7), keyword: CustomKeyword::parse("Nick").unwrap() },
            Suggestion::BadKeyword(SdkAppId(7)),
            Suggestion::FriendField,
        ];
        for suggestion in suggestions {
            assert!(suggestion.explain(Language::English).is_ascii());
            assert!(!suggestion.explain(Language::Chinese).is_ascii());
        }
    }
}
