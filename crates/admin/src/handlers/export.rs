//! The handler of an export: a page of its lines, or all as one stream.

use super::download;
use super::export_lines::{ExportQuery, export_page};
use crate::error::AdminError;
use crate::jsonl;
use crate::state::State;
use axum::Json;
use axum::extract::{Path, Query, State as Extract};
use axum::response::{IntoResponse, Response};
use portraitd_model::{UserId, bilingual};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// The most accounts in one page.
const ACCOUNTS_MAX: usize = 1000;

/// A page of an export.
#[derive(Debug, JsonSchema, Serialize, Deserialize)]
pub struct ExportPage {
    /// One line of the export for each account, by ascending UserID.
    #[schemars(with = "Vec<jsonl::Record<'static>>")]
    pub accounts: Vec<Box<RawValue>>,
    /// The accounts whose stored profile is damaged.
    pub damaged: Vec<String>,
    /// The `after` of the next page; `null` on the last page.
    pub next: Option<String>,
}

pub(crate) async fn export(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Query(query): Query<ExportQuery>,
) -> Result<Response, AdminError> {
    state.ensure_store(query.store.as_deref())?;
    let app = state.app(&app)?.settings.id;
    let parse = |id: &Option<String>| id.as_deref().map(UserId::parse).transpose();
    let parse = |id| parse(id).map_err(AdminError::invalid_id);
    let (user, after) = (parse(&query.user)?, parse(&query.after)?);
    if query.stream {
        if query.limit.is_some() {
            return Err(AdminError::invalid(bilingual!(
                "limit: a stream has no pages; leave it out",
                "limit：流式导出不分页，请去掉此参数"
            )));
        }
        return download::stream(state, app, user, after).await;
    }
    if query.ticket.is_some() {
        return Err(AdminError::invalid(bilingual!(
            "ticket: it opens a stream alone; add `stream=true`",
            "ticket：下载凭证只能用于流式导出，请加上 `stream=true`"
        )));
    }
    let limit = query.limit.unwrap_or(100).clamp(1, ACCOUNTS_MAX);
    let page = export_page(&state, app, user, after, limit).await?;
    let next = page.next.map(|user| user.to_string());
    Ok(Json(ExportPage { accounts: page.accounts, damaged: page.damaged, next }).into_response())
}
