//! The fields of one app, and the check that turns the items of a request into a patch.

use crate::field::{FieldSpec, Permission, Role, STANDARD_FIELDS};
use crate::profile::{ProfileItem, ProfilePatch};
use crate::suggestion::{Suggestion, suggest};
use crate::value::{FieldValue, UncheckedValue, ValueProblem, ValueRule, ValueType};
use crate::value_words::described;
use crate::word_filter::WordFilter;
use crate::{AppSettings, CustomKeyword, ErrorCode, Language, SdkAppId, SensitiveCode, StandardTag, Tag};

/// One field as a caller sent it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UncheckedItem<'a> {
    /// The tag as written.
    pub tag: &'a str,
    /// The value as written.
    pub value: UncheckedValue<'a>,
}

/// Every field that an app has.
#[derive(Debug)]
pub struct FieldSchema {
    app: SdkAppId,
    sensitive_code: SensitiveCode,
    standard: Vec<FieldSpec>,
    custom: Vec<(CustomKeyword, FieldSpec)>,
    /// Out of use. Their values stay, and an operator can still import and export them.
    retired: Vec<(CustomKeyword, FieldSpec)>,
}

/// Why an item is refused: which one, and what is wrong with it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FieldError {
    /// The item's index in the request, counted from 0.
    pub index: usize,
    /// The tag as the caller wrote it.
    pub tag: String,
    /// What is wrong.
    pub problem: FieldProblem,
}

/// What can be wrong with an item.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum FieldProblem {
    /// The app has no such field; with a suggestion, if there is one.
    UnknownTag(Option<Suggestion>),
    /// The caller may not write it.
    NotWritable,
    /// The caller may not read it.
    NotReadable,
    /// The value does not fit a field of this type and rule.
    Value(ValueProblem, ValueType, ValueRule),
    /// The value contains a sensitive word; with the app's code for it.
    SensitiveWord(SensitiveCode),
}

impl FieldSchema {
    /// The schema that an app's settings describe. Callers do not see retired custom fields.
    pub fn of(settings: &AppSettings) -> Self {
        let standard = STANDARD_FIELDS.iter().map(|field| {
            let rule = match field.tag {
                StandardTag::Location => ValueRule::BytesMax(settings.location_bytes_max),
                _ => field.rule,
            };
            FieldSpec {
                tag: Tag::Standard(field.tag),
                value_type: field.value_type,
                rule,
                read: Permission::EVERYONE,
                write: field.write,
            }
        });
        let custom = |retired: bool| {
            let fields = settings.custom_fields.iter().filter(move |field| field.retired == retired);
            fields.map(|field| (field.keyword, field.spec())).collect()
        };
        let (custom, retired) = (custom(false), custom(true));
        let sensitive_code = settings.sensitive_code;
        Self { app: settings.id, sensitive_code, standard: standard.collect(), custom, retired }
    }

    /// Checks the items in order; returns the first error (contract, section 4: 40009, 40008, 40610, 40601,
    /// 40605, 40005 or 80001 for each).
    pub fn check(
        &self,
        word_filter: &WordFilter,
        role: Role,
        items: &[UncheckedItem<'_>],
    ) -> Result<ProfilePatch, FieldError> {
        let checked = items.iter().enumerate().map(|(index, item)| {
            self.check_item(word_filter, role, item).map_err(|problem| FieldError {
                index,
                tag: item.tag.to_owned(),
                problem,
            })
        });
        Ok(ProfilePatch::from_checked(checked.collect::<Result<_, _>>()?))
    }

    fn check_item(
        &self,
        word_filter: &WordFilter,
        role: Role,
        item: &UncheckedItem<'_>,
    ) -> Result<ProfileItem, FieldProblem> {
        let spec = self.find(role, item.tag)?;
        if !spec.write.allows(role) {
            return Err(FieldProblem::NotWritable);
        }
        let value = spec
            .rule
            .check(spec.value_type, &item.value)
            .map_err(|problem| FieldProblem::Value(problem, spec.value_type, spec.rule))?;
        if let FieldValue::Text(text) = &value
            && role != Role::Operator
        {
            let forbidden = |_| FieldProblem::SensitiveWord(self.sensitive_code);
            word_filter.check(spec.tag, text).map_err(forbidden)?;
        }
        Ok(ProfileItem { tag: spec.tag, value })
    }

    /// Resolves a tag that a caller asks to read (contract, section 5: 40009, 40007).
    pub fn readable(&self, role: Role, index: usize, tag: &str) -> Result<Tag, FieldError> {
        let error = |problem| FieldError { index, tag: tag.to_owned(), problem };
        let spec = self.find(role, tag).map_err(error)?;
        if spec.read.allows(role) { Ok(spec.tag) } else { Err(error(FieldProblem::NotReadable)) }
    }

    fn find(&self, role: Role, text: &str) -> Result<&FieldSpec, FieldProblem> {
        let spec = match Tag::parse(text, self.app) {
            Some(Tag::Standard(tag)) => self.standard.iter().find(|spec| spec.tag == Tag::Standard(tag)),
            Some(Tag::Custom(keyword)) => {
                let retired = self.retired.iter().filter(|_| role == Role::Operator);
                let mut known = self.custom.iter().chain(retired);
                known.find(|(other, _)| *other == keyword).map(|(_, spec)| spec)
            }
            None => None,
        };
        spec.ok_or_else(|| {
            let specs = self.standard.iter().chain(self.custom.iter().map(|(_, spec)| spec));
            FieldProblem::UnknownTag(suggest(text, self.app, specs.map(|spec| spec.tag)))
        })
    }
}

impl FieldError {
    /// The protocol's code for it.
    pub fn code(&self) -> ErrorCode {
        match self.problem {
            FieldProblem::UnknownTag(_) => ErrorCode::InvalidTag,
            FieldProblem::NotWritable => ErrorCode::NoWritePermission,
            FieldProblem::NotReadable => ErrorCode::NoReadPermission,
            FieldProblem::Value(ValueProblem::WrongType(_), ..) => ErrorCode::WrongType,
            FieldProblem::Value(ValueProblem::TooLong { .. }, ..) => ErrorCode::TooLong,
            FieldProblem::Value(ValueProblem::NotOneOf(_) | ValueProblem::OutOfRange, ..) => {
                ErrorCode::BadValue
            }
            FieldProblem::SensitiveWord(choice) => choice.code(),
        }
    }

    /// Explains the error: which item, why, and what is allowed. Never repeats the value.
    pub fn explain(&self, language: Language) -> String {
        let why = self.problem.explain(language);
        let tag: String = self.tag.chars().take(80).collect();
        match language {
            Language::English => format!("item {} ({tag}): {why}", self.index + 1),
            Language::Chinese => format!("第 {} 项（{tag}）：{why}", self.index + 1),
        }
    }
}

impl FieldProblem {
    fn explain(&self, language: Language) -> String {
        match (self, language) {
            (Self::UnknownTag(Some(suggestion)), _) => suggestion.explain(language),
            (Self::UnknownTag(None), _) => ErrorCode::InvalidTag.meaning(language).to_owned(),
            (Self::NotWritable, _) => ErrorCode::NoWritePermission.meaning(language).to_owned(),
            (Self::NotReadable, _) => ErrorCode::NoReadPermission.meaning(language).to_owned(),
            (Self::SensitiveWord(choice), _) => choice.code().meaning(language).to_owned(),
            (Self::Value(problem, value_type, rule), _) => {
                problem.explain(&described(*value_type, *rule, language), language)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CustomField, NumberText};
    use proptest::prelude::*;

    fn settings() -> AppSettings {
        let mut settings = AppSettings::new(SdkAppId(1_400_000_000));
        let keyword = |text| CustomKeyword::parse(text).unwrap();
        let field = |text, value_type, write| CustomField {
            keyword: keyword(text),
            value_type,
            read: Permission::EVERYONE,
            write,
            retired: false,
        };
        settings.custom_fields = vec![
            field("Test", ValueType::String, Permission::EVERYONE),
            field("Own", ValueType::Uint64, Permission { user: true, admin: false }),
            CustomField { retired: true, ..field("Gone", ValueType::String, Permission::EVERYONE) },
        ];
        settings.words = ["bad"].iter().collect();
        settings
    }

    fn check(role: Role, tag: &str, value: UncheckedValue<'_>) -> Result<ProfilePatch, u32> {
        let settings = settings();
        let word_filter = WordFilter::new(settings.words.clone(), settings.screened_tags.clone());
        let items = [UncheckedItem { tag, value }];
        FieldSchema::of(&settings).check(&word_filter, role, &items).map_err(|error| error.code().number())
    }

    #[test]
    fn each_fault_has_its_code() {
        let text = |text: &'static str| UncheckedValue::Text(text.into());
        let number = |text| UncheckedValue::Number(NumberText(text));
        let refused =
            |role, tag: &str, value, code| assert_eq!(check(role, tag, value).err(), Some(code), "{tag}");
        refused(Role::Admin, "Tag_Profile_IM_Nope", text("x"), 40009);
        refused(Role::Admin, "Tag_Profile_Custom_Gone", text("x"), 40009);
        refused(Role::Admin, "Tag_Profile_Custom_Own", number("1"), 40008);
        refused(Role::User, "Tag_Profile_IM_AdminForbidType", text("AdminForbid_Type_None"), 40008);
        refused(Role::Admin, "Tag_Profile_IM_Nick", number("1"), 40610);
        refused(Role::Admin, "Tag_Profile_IM_Level", text("1"), 40610);
        refused(Role::Admin, "Tag_Profile_IM_Level", number("-1"), 40610);
        refused(Role::Admin, "Tag_Profile_IM_Level", number("4294967296"), 40605);
        refused(Role::Admin, "Tag_Profile_IM_Gender", text("male"), 40605);
        refused(Role::Admin, "Tag_Profile_IM_Nick", text("so bad"), 40005);
        refused(Role::Admin, "Tag_Profile_IM_Nick", UncheckedValue::Text("x".repeat(501).into()), 40601);
        assert!(check(Role::Admin, "Tag_Profile_Custom_1400000000_Test", text("x")).is_ok());
        assert!(check(Role::User, "Tag_Profile_Custom_Own", number("18446744073709551615")).is_ok());
    }

    #[test]
    fn the_location_limit_is_the_app_s_setting() {
        let app = AppSettings { location_bytes_max: 16, ..settings() };
        let word_filter = WordFilter::default();
        let code = |bytes: usize| {
            let items = [UncheckedItem {
                tag: "Tag_Profile_IM_Location",
                value: UncheckedValue::Text("x".repeat(bytes).into()),
            }];
            FieldSchema::of(&app)
                .check(&word_filter, Role::Admin, &items)
                .err()
                .map(|error| error.code().number())
        };
        assert_eq!([code(16), code(17)], [None, Some(40601)]);
    }

    #[test]
    fn value_problems_are_explained_in_both_languages() {
        let explained = |tag: &str, value| {
            let settings = settings();
            let word_filter = WordFilter::new(settings.words.clone(), vec![]);
            let error = FieldSchema::of(&settings)
                .check(&word_filter, Role::Admin, &[UncheckedItem { tag, value }])
                .unwrap_err();
            [Language::English, Language::Chinese].map(|language| error.explain(language))
        };
        let holds = |[english, chinese]: [String; 2], in_english: &str, in_chinese: &str| {
            assert!(english.contains(in_english) && chinese.contains(in_chinese), "{english} {chinese}");
        };
        let number = |text| UncheckedValue::Number(NumberText(text));
        holds(explained("Tag_Profile_IM_Nick", number("1")), "strings in quotes", "字符串需加引号");
        holds(
            explained("Tag_Profile_IM_Nick", UncheckedValue::Text("x".repeat(501).into())),
            "501 bytes",
            "501 字节",
        );
        holds(
            explained("Tag_Profile_IM_Gender", UncheckedValue::Text("male".into())),
            "Gender_Type_Male",
            "Gender_Type_Male",
        );
        holds(
            explained("Tag_Profile_IM_Level", number("4294967296")),
            "a number from 0 to 4294967295 (uint32)",
            "数值超出范围：该字段为0 至 4294967295",
        );
    }

    #[test]
    fn an_operator_may_write_every_field_with_a_valid_value() {
        let code = |tag: &str, value| check(Role::Operator, tag, value).err();
        let text = |text: &'static str| UncheckedValue::Text(text.into());
        assert_eq!(code("Tag_Profile_Custom_Own", UncheckedValue::Number(NumberText("1"))), None);
        assert_eq!(code("Tag_Profile_Custom_Gone", text("its value stays")), None);
        assert_eq!(code("Tag_Profile_IM_AdminForbidType", text("AdminForbid_Type_None")), None);
        assert_eq!(code("Tag_Profile_IM_Nick", text("so bad")), None);
        assert_eq!(code("Tag_Profile_IM_Nick", UncheckedValue::Text("x".repeat(501).into())), Some(40601));
        assert_eq!(code("Tag_Profile_IM_Level", text("1")), Some(40610));
        assert_eq!(code("Tag_Profile_Custom_Nope", text("x")), Some(40009));
    }

    #[test]
    fn a_misspelt_tag_gets_a_suggestion() {
        let why = |tag: &str, language| {
            let error = FieldSchema::of(&settings()).readable(Role::Admin, 0, tag).unwrap_err();
            (error.code().number(), error.explain(language))
        };
        let (code, english) = why("nickName", Language::English);
        assert_eq!(code, 40009);
        assert!(english.contains("the REST API calls this field Tag_Profile_IM_Nick"), "{english}");
        assert!(why("faceURL", Language::Chinese).1.contains("REST API 中该字段为 Tag_Profile_IM_Image"));
        assert!(
            why("Tag_Profile_Custom_test", Language::English)
                .1
                .contains("did you mean Tag_Profile_Custom_Test?")
        );
        assert!(
            !why("Tag_Profile_Custom_Gone", Language::English).1.contains("Tag_Profile_Custom_Gone?"),
            "retired"
        );
        for (tag, english, chinese) in [
            (
                "Tag_Profile_Custom_Gone",
                "portraitd field define 1400000000 Gone --type string",
                "portraitd field define",
            ),
            ("Tag_Profile_Custom_Nick", "no custom field Nick", "没有自定义字段 Nick"),
            ("Tag_Profile_Custom_vip_level", "1 to 8 letters", "1 至 8 个"),
            ("Tag_Profile_Custom_1400000009_Test", "SDKAppID 1400000000", "SDKAppID 1400000000"),
            ("Tag_SNS_IM_Remark", "friend", "好友"),
        ] {
            let (code, english_why) = why(tag, Language::English);
            assert!(
                code == 40009 && english_why.contains(english) && !english_why.contains("_IM_Nick"),
                "{english_why}"
            );
            assert!(why(tag, Language::Chinese).1.contains(chinese), "{}", why(tag, Language::Chinese).1);
        }
    }

    proptest! {
        #[test]
        fn the_check_is_total(tag in "(Tag_Profile_(IM|Custom)_)?[A-Za-z]{0,9}", value in "\\PC{0,40}", admin: bool) {
            let role = if admin { Role::Admin } else { Role::User };
            let _ = check(role, &tag, UncheckedValue::Text(value.into()));
        }
    }
}
