//! `--field` and `--words` of `portraitd dev`: custom fields and sensitive words for its app, in addition to the samples or
//! the seed.

use anyhow::Context;
use portraitd_admin::word_list::WordList;
use portraitd_model::{
    AppSettings, CustomField, CustomKeyword, Language, Permission, SdkAppId, Tag, ValueType, Words,
};
use std::fs;
use std::path::{Path, PathBuf};

/// The options for the app's settings.
#[derive(Debug, clap::Args)]
pub(super) struct AdditionArgs {
    /// Define this custom field in the app (repeatable): 1 to 8 letters, then string, uint64 or bytes,
    /// for example VIP:string. Everyone may read and write it
    #[arg(long = "field", value_name = "KEYWORD:TYPE")]
    fields: Vec<String>,
    /// The app's sensitive words (40005) instead of those it has: a file in UTF-8, one word a line
    #[arg(long, value_name = "FILE")]
    words: Option<PathBuf>,
}

/// The checked options.
pub(super) struct AppAdditions {
    fields: Vec<CustomField>,
    words: Option<Words>,
}

impl AppAdditions {
    /// Checks the options, and reads the file of words.
    pub(super) fn read(args: &AdditionArgs, app: SdkAppId, language: Language) -> anyhow::Result<Self> {
        let fields = args.fields.iter().map(|text| parse_field(text, app, language));
        let words = args.words.as_deref().map(|file| read_words(file, language));
        Ok(Self { fields: fields.collect::<anyhow::Result<_>>()?, words: words.transpose()? })
    }

    /// Adds the fields and replaces the words. A field that the app has keeps its permissions, and a retired one is
    /// restored; its type must be the same, because values of the other type may exist.
    pub(super) fn apply(&self, settings: &mut AppSettings, language: Language) -> anyhow::Result<()> {
        for field in &self.fields {
            match settings.custom_fields.iter_mut().find(|known| known.keyword == field.keyword) {
                Some(known) if known.value_type == field.value_type => known.retired = false,
                Some(known) => {
                    let (keyword, app) = (field.keyword, settings.id);
                    let (known, wanted) = (known.value_type.as_str(), field.value_type.as_str());
                    anyhow::bail!(language.pick(
                        format!(
                            "--field {keyword}:{wanted}: Tag_Profile_Custom_{keyword} of app {app} has the type {known}; write \
                             {keyword}:{known}, or choose another keyword"
                        ),
                        format!(
                            "--field {keyword}:{wanted}：应用 {app} 的 Tag_Profile_Custom_{keyword} 类型为 {known}；请写 \
                             {keyword}:{known}，或换用其他关键字"
                        ),
                    ));
                }
                None => {
                    let added = settings.add_field(field.clone());
                    added.map_err(|error| anyhow::Error::msg(error.explain(language)))?;
                }
            }
        }
        if let Some(words) = &self.words {
            settings.words.clone_from(words);
        }
        Ok(())
    }

    /// Checks that the app does not have too many fields in use.
    pub(super) fn check_limit(&self, settings: &AppSettings, language: Language) -> anyhow::Result<()> {
        let in_use = settings.custom_fields.iter().filter(|field| !field.retired).count();
        let (app, max) = (settings.id, settings.custom_fields_max);
        anyhow::ensure!(
            self.fields.is_empty() || in_use <= max,
            language.pick(
                format!(
                    "--field: app {app} would have {in_use} custom fields; at most {max} are allowed: leave some out, or raise \
                     custom_fields_max in the file of --seed"
                ),
                format!(
                    "--field：应用 {app} 将有 {in_use} 个自定义字段，最多允许 {max} 个：请减少字段，或在 --seed 文件中提高 \
                     custom_fields_max"
                ),
            )
        );
        Ok(())
    }
}

/// Parses `KEYWORD:TYPE`; the keyword may be the whole tag.
fn parse_field(text: &str, app: SdkAppId, language: Language) -> anyhow::Result<CustomField> {
    let (name, type_name) = text.rsplit_once(':').with_context(|| {
        language.pick(
            format!("--field `{text}` has no type: write KEYWORD:TYPE, for example VIP:string (string, uint64 or bytes)"),
            format!("--field“{text}”缺少类型：请写 关键字:类型，例如 VIP:string（string、uint64 或 bytes）"),
        )
    })?;
    let keyword = match Tag::parse(name, app) {
        Some(Tag::Custom(keyword)) => Some(keyword),
        _ => CustomKeyword::parse(name),
    };
    let keyword = keyword.with_context(|| {
        let max = CustomKeyword::LETTERS_MAX;
        language.pick(
            format!(
                "--field `{text}`: `{name}` is not a keyword, which has 1 to {max} ASCII letters (Tag_Profile_Custom_ before \
                 it may be left out); write for example VIP:string"
            ),
            format!(
                "--field“{text}”：“{name}”不是关键字，关键字为 1 至 {max} 个英文字母（前缀 Tag_Profile_Custom_ 可省略），例如 \
                 VIP:string"
            ),
        )
    })?;
    let value_type = ValueType::parse_custom(type_name).with_context(|| {
        language.pick(
            format!("--field `{text}`: `{type_name}` is not a type; the types are string, uint64 and bytes"),
            format!("--field“{text}”：“{type_name}”不是字段类型，类型为 string、uint64 或 bytes"),
        )
    })?;
    let everyone = Permission::EVERYONE;
    Ok(CustomField { keyword, value_type, read: everyone, write: everyone, retired: false })
}

fn read_words(file: &Path, language: Language) -> anyhow::Result<Words> {
    let shown = file.display();
    let text = fs::read(file).with_context(|| {
        language.pick(
            format!("--words: can't read {shown}; name a file in UTF-8 with one word a line"),
            format!("--words：无法读取 {shown}；请指定每行一个敏感词的 UTF-8 文件"),
        )
    })?;
    let list = WordList::parse(&text);
    Ok(list.map_err(|error| anyhow::anyhow!("--words: {shown}: {}", error.explain(language)))?.words)
}

#[cfg(test)]
mod tests {
    use super::*;

    const APP: SdkAppId = SdkAppId(1_400_000_000);

    #[test]
    fn a_field_is_a_keyword_or_a_tag_with_a_type() {
        for (text, keyword, value_type) in [
            ("VIP:string", "VIP", ValueType::String),
            ("Tag_Profile_Custom_VIP:uint64", "VIP", ValueType::Uint64),
            ("Tag_Profile_Custom_1400000000_Role:bytes", "Role", ValueType::Bytes),
        ] {
            let field = parse_field(text, APP, Language::English).unwrap();
            assert_eq!((field.keyword.as_str(), field.value_type), (keyword, value_type), "{text}");
        }
    }

    #[test]
    fn mistakes_are_named_in_both_languages() {
        for (text, part) in [
            ("VIP", "`VIP` has no type"),
            ("Level2:uint64", "`Level2` is not a keyword, which has 1 to 8 ASCII letters"),
            (":string", "`` is not a keyword"),
            ("Tag_Profile_IM_Nick:string", "`Tag_Profile_IM_Nick` is not a keyword"),
            ("Tag_Profile_Custom_WayTooLong:string", "is not a keyword"),
            ("VIP:int", "`int` is not a type; the types are string, uint64 and bytes"),
        ] {
            let error = |language| parse_field(text, APP, language).unwrap_err().to_string();
            let (english, chinese) = (error(Language::English), error(Language::Chinese));
            assert!(english.contains(part), "{english}");
            assert!(chinese.starts_with(&format!("--field“{text}”")), "{chinese}");
        }
    }

    #[test]
    fn a_field_that_exists_keeps_its_permissions_and_its_type() {
        let additions = |text: &str| AppAdditions {
            fields: vec![parse_field(text, APP, Language::English).unwrap()],
            words: None,
        };
        let mut settings = AppSettings::new(APP);
        additions("VIP:string").apply(&mut settings, Language::English).unwrap();
        let read = Permission { user: false, admin: true };
        settings.custom_fields[0] = CustomField { read, retired: true, ..settings.custom_fields[0].clone() };
        additions("VIP:string").apply(&mut settings, Language::English).unwrap();
        assert_eq!(settings.custom_fields.len(), 1);
        assert!(!settings.custom_fields[0].retired && settings.custom_fields[0].read == read);
        let error = additions("VIP:bytes").apply(&mut settings, Language::English).unwrap_err().to_string();
        assert!(error.contains("has the type string; write VIP:string"), "{error}");
    }
}
