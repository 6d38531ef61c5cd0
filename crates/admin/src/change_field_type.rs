//! The preparation of a change of a custom field's type. The type can change only while no account has a value in the
//! field.
//!
//! Counting the values reads every profile, so it can't be part of the commit that changes the type. The field is retired
//! first and calls in flight are drained; no value can appear after that, and the count is final.

use crate::audit_log::AuditContext;
use crate::counted::counted;
use crate::drain::drain_in_flight;
use crate::error::AdminError;
use crate::error_code::AdminCode;
use crate::state::State;
use portraitd_model::{CustomField, CustomKeyword, Tag, bilingual};

/// Retires a field whose type is about to change and ensures that no account has a value in it (409 otherwise). Does
/// nothing when the type stays the same.
pub(super) async fn prepare_type_change(
    state: &State,
    id: &str,
    field: &CustomField,
    context: &AuditContext,
) -> Result<(), AdminError> {
    let Some(was_retired) = type_change(state, id, field)? else { return Ok(()) };
    ensure_unused(state, id, field.keyword).await?;
    set_retired(state, id, field.keyword, true, context).await?;
    let app = state.app(id)?.settings.id;
    let counted = match drain_in_flight(state, app).await {
        Ok(()) => ensure_unused(state, id, field.keyword).await,
        Err(error) => Err(error),
    };
    if counted.is_err() && !was_retired {
        set_retired(state, id, field.keyword, false, context).await?;
    }
    counted
}

/// Returns whether the field is retired; `None` when its type stays the same.
fn type_change(state: &State, id: &str, field: &CustomField) -> Result<Option<bool>, AdminError> {
    let app = state.app(id)?;
    let known = app.settings.custom_fields.iter().find(|known| known.keyword == field.keyword);
    let changed = known.filter(|known| known.value_type != field.value_type);
    Ok(changed.map(|known| known.retired))
}

/// Returns a 409 when an account has a value in the field.
async fn ensure_unused(state: &State, id: &str, keyword: CustomKeyword) -> Result<(), AdminError> {
    let app = state.app(id)?;
    match state.store.holders_count(app.settings.id, Tag::Custom(keyword)).await? {
        0 => Ok(()),
        holders => {
            let accounts = counted(holders, "account");
            Err(AdminError::new(
                AdminCode::InUse,
                bilingual!(
                    "custom field {keyword} has a value in {accounts}, so its type can't change; define another field, or delete these accounts",
                    "有 {holders} 个账号在自定义字段 {keyword} 上有值，不能更改其类型；请定义另一个字段，或删除这些账号"
                ),
            ))
        }
    }
}

async fn set_retired(
    state: &State,
    id: &str,
    keyword: CustomKeyword,
    retired: bool,
    context: &AuditContext,
) -> Result<(), AdminError> {
    state
        .change_settings(id, context, move |settings| {
            for field in settings.custom_fields.iter_mut().filter(|field| field.keyword == keyword) {
                field.retired = retired;
            }
            Ok(())
        })
        .await
}
