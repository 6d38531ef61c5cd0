//! Handlers of custom fields: define, redefine, retire, restore.

use crate::audit_log::AuditContext;
use crate::change_field_type::prepare_type_change;
use crate::error::AdminError;
use crate::error_code::AdminCode;
use crate::state::{AdminResult, State, parse_body};
use crate::types::{AppView, FieldDefinition};
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::{Extension, Json};
use portraitd_model::{AppSettings, CustomField, CustomKeyword, Permission, ValueType, bilingual};

pub(crate) async fn define(
    Extract(state): Extract<State>,
    Path((app, keyword)): Path<(String, String)>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> AdminResult<AppView> {
    let field = parse_field(&keyword, &parse_body(&body)?)?;
    prepare_type_change(&state, &app, &field, &context).await?;
    let change = move |settings: &mut AppSettings| {
        match settings.custom_fields.iter_mut().find(|known| known.keyword == field.keyword) {
            // The field was retired when its values were counted, but another call has restored it since.
            Some(known) if known.value_type != field.value_type && !known.retired => {
                let sentence = bilingual!(
                    "another call changed custom field {} at the same time; try again",
                    "其他请求同时修改了自定义字段 {}，请重试",
                    field.keyword
                );
                return Err(AdminError::new(AdminCode::ChangedMeanwhile, sentence));
            }
            Some(known) => *known = field.clone(),
            None => settings.add_field(field.clone())?,
        }
        Ok(AppView::from(&*settings))
    };
    state.change_settings(&app, &context, change).await.map(Json)
}

pub(crate) async fn retire(
    Extract(state): Extract<State>,
    Path((app, keyword)): Path<(String, String)>,
    Extension(context): Extension<AuditContext>,
) -> AdminResult<AppView> {
    let change = move |settings: &mut AppSettings| {
        let mut fields = settings.custom_fields.iter_mut();
        let known = fields.find(|field| field.keyword.as_str() == keyword && !field.retired);
        let none = || {
            AdminError::new(
                AdminCode::NoSuchItem,
                bilingual!("there is no custom field {keyword} in use", "没有正在使用的自定义字段 {keyword}"),
            )
        };
        known.ok_or_else(none)?.retired = true;
        Ok(AppView::from(&*settings))
    };
    state.change_settings(&app, &context, change).await.map(Json)
}

/// Parses the definition of a custom field.
pub fn parse_field(keyword: &str, definition: &FieldDefinition) -> Result<CustomField, AdminError> {
    let bad_keyword = || {
        AdminError::invalid(bilingual!(
            "`{keyword}` is not a keyword, which has 1 to 8 ASCII letters",
            "`{keyword}` 不是有效的字段名，应为 1 到 8 个英文字母"
        ))
    };
    let bad_type = || {
        AdminError::invalid(bilingual!(
            "`{}` is not a type; the types are string, bytes and uint64",
            "`{}` 不是字段类型；类型有 string、bytes、uint64",
            definition.value_type
        ))
    };
    Ok(CustomField {
        keyword: CustomKeyword::parse(keyword).ok_or_else(bad_keyword)?,
        value_type: ValueType::parse_custom(&definition.value_type).ok_or_else(bad_type)?,
        read: parse_permission(&definition.read)?,
        write: parse_permission(&definition.write)?,
        retired: false,
    })
}

fn parse_permission(names: &[String]) -> Result<Permission, AdminError> {
    if let Some(other) = names.iter().find(|name| *name != "app" && *name != "admin") {
        return Err(AdminError::invalid(bilingual!(
            "read and write: `{other}` is neither app nor admin",
            "read 与 write：`{other}` 既不是 app 也不是 admin"
        )));
    }
    let includes = |wanted: &str| names.iter().any(|name| name == wanted);
    Ok(Permission { user: includes("app"), admin: includes("admin") })
}
