//! The download of an export as one stream, and the one-use ticket with which a browser opens it: a browser that saves a file
//! itself sends no `Authorization`.

use super::export_lines::{ExportQuery, export_page};
use crate::auth::Actor;
use crate::error::AdminError;
use crate::error_code::AdminCode;
use crate::handlers::session::sessions;
use crate::session::{DOWNLOAD_TICKET_LIFE, Export};
use crate::state::{AdminResult, State, parse_body};
use crate::types::console::{CreatedTicket, NewExportTicket};
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State as Extract};
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use futures_util::{StreamExt, stream};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use portraitd_model::{SdkAppId, UserId, bilingual};
use std::io;

/// Accounts that are read at once, and so the memory that a download takes: some MiB at most.
const PAGE: usize = 200;

/// Letters of a file's name that stand for themselves in a header.
const FILE_NAME: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// Makes a ticket for one download.
pub(crate) async fn ticket(
    Extract(state): Extract<State>,
    Path(app): Path<String>,
    Extension(actor): Extension<Actor>,
    body: Bytes,
) -> AdminResult<CreatedTicket> {
    let NewExportTicket { user } = parse_body(&body)?;
    let user = user.as_deref().map(UserId::parse).transpose();
    let user = user.map_err(AdminError::invalid_id)?;
    let export = Export { app: state.app(&app)?.settings.id, user };
    let ticket = sessions(&state)?.download_ticket(&actor.name, &export).await?;
    Ok(Json(CreatedTicket { ticket, expires_s: DOWNLOAD_TICKET_LIFE.as_secs() }))
}

/// Returns the ticket in the URL of a download, and the export that the URL is for; `None` for any other URL.
pub(crate) fn ticket_in(uri: &Uri) -> Option<(String, Export)> {
    let app = uri.path().strip_prefix("/apps/")?.strip_suffix("/export")?.parse().ok()?;
    let Query(query) = Query::<ExportQuery>::try_from_uri(uri).ok()?;
    let user = query.user.as_deref().map(UserId::parse).transpose().ok()?;
    let ticket = query.ticket.filter(|_| query.stream)?;
    Some((ticket, Export { app: SdkAppId(app), user }))
}

/// Answers with the lines of a whole export. One that can't be completed is cut off, so that it is not taken for whole.
pub(super) async fn stream(
    state: State,
    app: SdkAppId,
    user: Option<UserId>,
    after: Option<UserId>,
) -> Result<Response, AdminError> {
    let mut download = Download { state, app, user, after, is_complete: false, damaged: 0 };
    // What fails at once is answered with a status.
    let first = download.next().await?.unwrap_or_default();
    let rest = stream::try_unfold(download, async |mut download: Download| match download.next().await {
        Ok(page) => Ok(page.map(|page| (page, download))),
        Err(error) => {
            // hyper sends what it has when a body is not ready, and drops it when a body fails.
            tokio::task::yield_now().await;
            Err(io::Error::other(error.sentence.english().to_owned()))
        }
    });
    let body = stream::once(async { Ok::<_, io::Error>(first) }).chain(rest);
    let name = user.map_or(String::new(), |user| format!("-{user}"));
    let name = utf8_percent_encode(&format!("{app}{name}.jsonl"), FILE_NAME).to_string();
    let head = [
        (header::CONTENT_TYPE, "application/x-ndjson".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{name}")),
        (header::CACHE_CONTROL, "no-store".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
    ];
    Ok((head, Body::from_stream(body)).into_response())
}

/// How far a download is.
struct Download {
    state: State,
    app: SdkAppId,
    user: Option<UserId>,
    after: Option<UserId>,
    is_complete: bool,
    damaged: usize,
}

impl Download {
    /// Returns the next lines; `None` after the last. An error when accounts were left out, behind all others.
    async fn next(&mut self) -> Result<Option<Bytes>, AdminError> {
        while !self.is_complete {
            let page = export_page(&self.state, self.app, self.user, self.after, PAGE).await?;
            self.damaged += page.damaged.len();
            self.is_complete = page.next.is_none();
            self.after = page.next;
            if !page.accounts.is_empty() {
                let lines = page.accounts.iter().flat_map(|account| [account.get(), "\n"]);
                return Ok(Some(Bytes::from(lines.collect::<String>())));
            }
        }
        if self.damaged == 0 {
            return Ok(None);
        }
        let (app, damaged) = (self.app, self.damaged);
        tracing::warn!(
            sdkappid = app.0,
            damaged,
            "a download left out accounts whose profile is damaged, and was cut off at its end"
        );
        Err(AdminError::new(
            AdminCode::NotPossible,
            bilingual!(
                "the profiles of {damaged} accounts are damaged: `portraitd export` names them",
                "{damaged} 个账号的资料已损坏：`portraitd export` 会列出它们"
            ),
        ))
    }
}
