//! Another type for a custom field: only where no account has a value in it, since a value is of one type.
//!
//! Counting and changing can't be one unit: the count reads every profile. So the field is taken out of use first, and
//! what was on its way then is waited for; from there on no value can appear, and the count is final.

use crate::audit_log::AuditContext;
use crate::error::AdminError;
use crate::state::State;
use axum::http::StatusCode;
use portraitd_model::{CustomField, CustomKeyword, Tag};
use std::time::Duration;

/// Makes sure that a field may get another type: no account has a value, and it is out of use. Does nothing when the
/// type stays.
pub(super) async fn clear_for(
    state: &State,
    id: &str,
    field: &CustomField,
    context: &AuditContext,
) -> Result<(), AdminError> {
    let Some(was_retired) = retyped(state, id, field)? else { return Ok(()) };
    nobody_has(state, id, field.keyword).await?;
    set_retired(state, id, field.keyword, true, context).await?;
    let counted = match quiet(state, id).await {
        Ok(()) => nobody_has(state, id, field.keyword).await,
        Err(error) => Err(error),
    };
    if counted.is_err() && !was_retired {
        set_retired(state, id, field.keyword, false, context).await?;
    }
    counted
}

/// Whether the field is retired, when its type would change.
fn retyped(state: &State, id: &str, field: &CustomField) -> Result<Option<bool>, AdminError> {
    let app = state.app(id)?;
    let known = app.settings.custom_fields.iter().find(|known| known.keyword == field.keyword);
    let retyped = known.filter(|known| known.value_type != field.value_type);
    Ok(retyped.map(|known| known.retired))
}

async fn nobody_has(state: &State, id: &str, keyword: CustomKeyword) -> Result<(), AdminError> {
    let app = state.app(id)?;
    match state.store.holders_count(app.settings.id, Tag::Custom(keyword)).await? {
        0 => Ok(()),
        holders => Err(AdminError::conflict(format!(
            "{holders} accounts have a value in custom field {keyword}, so its type can't change; define another field, or delete these accounts"
        ))),
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
        .change(id, context, move |settings| {
            for field in settings.custom_fields.iter_mut().filter(|field| field.keyword == keyword) {
                field.retired = retired;
            }
            Ok(())
        })
        .await
}

/// Waits until no call is left that knows the settings before the last change, and all it wrote is on the disk.
async fn quiet(state: &State, id: &str) -> Result<(), AdminError> {
    /// Longer than any call may take.
    const PATIENCE: Duration = Duration::from_secs(10);
    const PAUSE: Duration = Duration::from_millis(5);
    let old = state.registry.superseded(state.app(id)?.settings.id);
    let ended = async {
        while old.iter().any(|app| app.upgrade().is_some()) {
            tokio::time::sleep(PAUSE).await;
        }
    };
    let busy = |_| AdminError {
        status: StatusCode::SERVICE_UNAVAILABLE,
        message: "calls that know the field's old type do not end; try again".into(),
    };
    tokio::time::timeout(PATIENCE, ended).await.map_err(busy)?;
    // Writing is in turns: when this is through, so is everything before.
    Ok(state.store.probe().await?)
}
