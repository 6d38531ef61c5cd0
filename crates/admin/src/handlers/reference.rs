//! Handlers of the reference: commands, standard fields and error codes, in the language of the caller.

use crate::error::AdminError;
use crate::error_code::AdminCode;
use crate::error_pages::error_page;
use crate::language::AcceptLanguage;
use crate::state::AdminResult;
use crate::types::console::{CodePage, CodeView, CommandView, Reference, StandardFieldView};
use axum::Json;
use axum::extract::Path;
use portraitd_model::{CLOUD_CODES, COMMANDS, ERROR_CODES, Language, STANDARD_FIELDS, ValueRule, bilingual};
use std::collections::BTreeMap;

pub(crate) async fn show(AcceptLanguage(language): AcceptLanguage) -> Json<Reference> {
    Json(Reference { commands: commands(language), fields: fields(language), codes: codes(language) })
}

fn codes(language: Language) -> BTreeMap<u32, CodeView> {
    let view = |info: &str, english: &str, chinese: &str| CodeView {
        info: info.to_owned(),
        meaning: language.pick(english, chinese).to_owned(),
    };
    let answered = ERROR_CODES.iter().map(|row| (row.number, view(row.info, row.english, row.chinese)));
    let of_cloud = CLOUD_CODES.iter().map(|row| (row.number, view("", row.english, row.chinese)));
    answered.chain(of_cloud).collect()
}

fn commands(language: Language) -> Vec<CommandView> {
    let view = |row: &&portraitd_model::CommandRow| CommandView {
        name: row.name.to_owned(),
        path: row.path.to_owned(),
        title: language.pick(row.english, row.chinese).to_owned(),
        per_second: row.per_second,
    };
    COMMANDS.iter().map(view).collect()
}

fn fields(language: Language) -> Vec<StandardFieldView> {
    let view = |field: &portraitd_model::StandardField| {
        let (bytes_max, values) = match field.rule {
            ValueRule::Any => (None, Vec::new()),
            ValueRule::BytesMax(bytes) => (Some(bytes), Vec::new()),
            ValueRule::OneOf(values) => (None, values.iter().map(|value| (*value).to_owned()).collect()),
        };
        StandardFieldView {
            tag: field.name.to_owned(),
            value_type: field.value_type.as_str().to_owned(),
            title: language.pick(field.english, field.chinese).to_owned(),
            bytes_max,
            values,
            user_may_write: field.write.user,
        }
    };
    STANDARD_FIELDS.iter().map(view).collect()
}

pub(crate) async fn code(
    Path(code): Path<String>,
    AcceptLanguage(language): AcceptLanguage,
) -> AdminResult<CodePage> {
    let page = code.parse().ok().and_then(|number| error_page(number, language));
    let page = page.ok_or_else(|| {
        AdminError::new(
            AdminCode::NoSuchItem,
            bilingual!("there is no page of the code {code}", "没有错误码 {code} 的页面"),
        )
    })?;
    Ok(Json(CodePage { markdown: page.to_owned() }))
}
