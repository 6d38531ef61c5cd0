//! Custom fields: defined, redefined within bounds, retired and restored.

use crate::audit_log::AuditContext;
use crate::error::AdminError;
use crate::field_retype::clear_for;
use crate::state::{Answer, State, read};
use crate::types::{AppView, FieldDefinition};
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::{Extension, Json};
use portraitd_model::{AppSettings, CustomField, CustomKeyword, Permission, ValueType};

pub(crate) async fn define(
    Extract(state): Extract<State>,
    Path((app, keyword)): Path<(String, String)>,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> Answer<AppView> {
    let field = field(&keyword, &read(&body)?)?;
    clear_for(&state, &app, &field, &context).await?;
    let change = move |settings: &mut AppSettings| {
        match settings.custom_fields.iter_mut().find(|known| known.keyword == field.keyword) {
            // It was out of use when its values were counted; somebody has restored it since.
            Some(known) if known.value_type != field.value_type && !known.retired => {
                let message =
                    format!("custom field {} was changed at the same time; try again", field.keyword);
                return Err(AdminError::conflict(message));
            }
            Some(known) => *known = field.clone(),
            None => settings.custom_fields.push(field.clone()),
        }
        Ok(AppView::from(&*settings))
    };
    state.change(&app, &context, change).await.map(Json)
}

pub(crate) async fn retire(
    Extract(state): Extract<State>,
    Path((app, keyword)): Path<(String, String)>,
    Extension(context): Extension<AuditContext>,
) -> Answer<AppView> {
    let change = move |settings: &mut AppSettings| {
        let mut fields = settings.custom_fields.iter_mut();
        let known = fields.find(|field| field.keyword.as_str() == keyword && !field.retired);
        let none = || AdminError::not_found(format!("there is no custom field {keyword} in use"));
        known.ok_or_else(none)?.retired = true;
        Ok(AppView::from(&*settings))
    };
    state.change(&app, &context, change).await.map(Json)
}

/// Reads a definition.
pub fn field(keyword: &str, definition: &FieldDefinition) -> Result<CustomField, AdminError> {
    let bad_keyword = || AdminError::bad(format!("`{keyword}` is not a keyword: 1 to 8 ASCII letters"));
    let bad_type =
        || AdminError::bad(format!("`{}` is not a type: string, bytes or uint64", definition.value_type));
    Ok(CustomField {
        keyword: CustomKeyword::parse(keyword).ok_or_else(bad_keyword)?,
        value_type: ValueType::parse_custom(&definition.value_type).ok_or_else(bad_type)?,
        read: permission(&definition.read)?,
        write: permission(&definition.write)?,
        retired: false,
    })
}

fn permission(names: &[String]) -> Result<Permission, AdminError> {
    if let Some(other) = names.iter().find(|name| *name != "app" && *name != "admin") {
        return Err(AdminError::bad(format!("`{other}` can't be given a permission: app or admin")));
    }
    let names_has = |wanted: &str| names.iter().any(|name| name == wanted);
    Ok(Permission { user: names_has("app"), admin: names_has("admin") })
}
