//! Handlers that concern the whole server: readiness, metrics, the store.

use crate::error::AdminError;
use crate::language::AcceptLanguage;
use crate::metrics_format::MetricsFormat;
use crate::readiness::{Readiness, journal_problem};
use crate::series::MetricsReader;
use crate::state::{AdminResult, State};
use crate::types::StoreView;
use crate::types::console::SeriesView;
use axum::Json;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use portraitd_model::{Language, bilingual};
use portraitd_store::StoreError;

/// Answers 200 when a test write to the store succeeds. The result of one write is shared for a second. A journal that can't be
/// applied is named in both cases.
pub(crate) async fn ready(
    Extract(state): Extract<State>,
    AcceptLanguage(language): AcceptLanguage,
) -> Result<String, AdminError> {
    let checked = state.readiness.check(&*state.store, Readiness::MAX_AGE).await;
    let Some(problem) = journal_problem(state.store.status()) else {
        return Ok(checked.map(|()| "ok\n".to_owned())?);
    };
    match checked {
        Ok(()) => Ok(format!("ok\n{}\n", problem.pick(language))),
        Err(StoreError::Unavailable(reason)) => {
            let [english, chinese] = Language::BOTH.map(|language| reason.pick(language));
            let both = problem.after(&format!("{english}; "), &format!("{chinese}；"));
            Err(StoreError::Unavailable(both).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// Answers the metrics for Prometheus. They contain no UserID and no secret, so the route needs no token.
pub(crate) async fn metrics(
    Extract(state): Extract<State>,
    headers: HeaderMap,
) -> Result<Response, AdminError> {
    let failed = || {
        AdminError::not_running(bilingual!("metrics exist in a running server only", "仅运行中的服务有指标"))
    };
    let running = state.running.as_ref().ok_or_else(failed)?;
    let format = MetricsFormat::accepted(&headers);
    let page = (running.metrics)(MetricsReader::Caller(format)).await.map_err(|_| failed())?;
    Ok(([(header::CONTENT_TYPE, format.content_type()), (header::VARY, "accept")], page).into_response())
}

/// Answers the past of some figures, for charts.
pub(crate) async fn series(Extract(state): Extract<State>) -> AdminResult<SeriesView> {
    let running = state.running.as_ref();
    let running = running.ok_or_else(|| {
        AdminError::not_running(bilingual!(
            "figures exist in a running server only",
            "仅运行中的服务有图表数据"
        ))
    })?;
    let (fine, coarse) = running.series.points();
    let node = state.store.nodes().map(|nodes| nodes.name);
    Ok(Json(SeriesView { node, fine, coarse }))
}

pub(crate) async fn store_stats(Extract(state): Extract<State>) -> Json<StoreView> {
    let stats = state.store.stats();
    Json(StoreView { id: state.store.id().to_string(), changes: stats.changes, commits: stats.commits })
}
