//! Handlers of backups of the whole store, and of the jobs that tell about them.

use crate::audit_log::{AuditChange, AuditContext};
use crate::error::AdminError;
use crate::jobs::RunningJob;
use crate::language::AcceptLanguage;
use crate::state::{AdminResult, State, parse_body};
use crate::types::console::JobView;
use axum::body::Bytes;
use axum::extract::{Path, Query, State as Extract};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use portraitd_model::bilingual;
use portraitd_store::{BackupReport, StoreError};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::path::PathBuf;

/// The directory of a backup.
#[derive(Clone, Debug, JsonSchema, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// The absolute path of a new or empty directory on the server's disk.
    pub directory: PathBuf,
}

/// The query of a backup.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BackupQuery {
    /// Whether the answer comes when the backup is complete; otherwise when it has begun, as a job (202). Default `true`.
    wait: Option<bool>,
}

/// Writes a backup. The work is a task of its own, so it goes on when the client leaves.
pub(crate) async fn start(
    Extract(state): Extract<State>,
    Query(query): Query<BackupQuery>,
    AcceptLanguage(language): AcceptLanguage,
    Extension(context): Extension<AuditContext>,
    body: Bytes,
) -> Result<Response, AdminError> {
    let request: Backup = parse_body(&body)?;
    let (job, report) = state.jobs.begin(&request.directory, &state.clock)?;
    let (id, begun) = (job.id(), job.begun());
    let in_background = query.wait == Some(false);
    let work = run(state.clone(), context, request.clone(), (job, report), in_background);
    let task = tokio::spawn(work);
    // A directory that can't be used is refused by this answer.
    if !(in_background && begun.await) {
        let ended = task.await;
        ended.map_err(|error| {
            StoreError::Unavailable(bilingual!(
                "the task of the backup failed: {error}",
                "备份任务出错：{error}"
            ))
        })??;
    }
    if in_background {
        return Ok((StatusCode::ACCEPTED, Json(state.jobs.job(id, language)?)).into_response());
    }
    Ok(Json(request).into_response())
}

/// Takes the backup, and records it in the audit log.
async fn run(
    state: State,
    context: AuditContext,
    Backup { directory }: Backup,
    (job, report): (RunningJob, BackupReport),
    in_background: bool,
) -> Result<(), AdminError> {
    let shown = directory.display();
    let taken = state.store.backup(&directory, report).await.map_err(AdminError::from);
    match &taken {
        Ok(()) => {
            let change = AuditChange::without_before(json!({ "directory": directory }));
            match state.write_audit_entry(&context, None, change).await {
                Ok(()) => tracing::info!(directory = %shown, "a backup was written"),
                // A store that can no longer be written is the one that most needs a backup, so this is no error.
                Err(error) => {
                    let reason = error.sentence.english();
                    tracing::warn!(directory = %shown, reason, "a backup was written, but could not be recorded in the audit log");
                }
            }
        }
        Err(error) => {
            let reason = error.sentence.english();
            tracing::warn!(directory = %shown, reason, "a backup failed");
            // The answer is given already, so that nothing else records it.
            if in_background && job.has_begun() {
                state.audit_refusal(&context, error.code.status()).await;
            }
        }
    }
    let reason = taken.as_ref().err().map(|error| error.sentence.clone());
    job.end(reason);
    taken
}

/// Lists the last jobs, the newest first.
pub(crate) async fn jobs(
    Extract(state): Extract<State>,
    AcceptLanguage(language): AcceptLanguage,
) -> Json<Vec<JobView>> {
    Json(state.jobs.list(language))
}

pub(crate) async fn job(
    Extract(state): Extract<State>,
    Path(id): Path<String>,
    AcceptLanguage(language): AcceptLanguage,
) -> AdminResult<JobView> {
    let number = id.parse().map_err(|_| {
        AdminError::invalid(bilingual!("`{id}` is not the number of a job", "`{id}` 不是任务编号"))
    })?;
    Ok(Json(state.jobs.job(number, language)?))
}
