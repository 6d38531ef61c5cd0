//! The log lines of a request.

use crate::call_record::{CallRecord, CallTimings};
use crate::envelope::ApiError;
use crate::telemetry::Telemetry;
use portraitd_model::Language;
use portraitd_model::terminal::shown_in_log;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// The target of the access log's lines. They are at `info`.
pub const ACCESS_TARGET: &str = "portraitd::access";

/// Whether the access log is on.
pub(crate) fn is_access_logged() -> bool {
    tracing::enabled!(target: ACCESS_TARGET, tracing::Level::INFO)
}

impl CallRecord<'_> {
    /// Counts the request, exports it, and writes its log line; a second line when it took at least `slow_threshold`
    /// (zero = never).
    pub(crate) fn log(&self, slow_threshold: Duration, telemetry: &Telemetry) {
        telemetry.record_call(self.command, self.elapsed);
        self.log_access();
        self.log_outcome();
        telemetry.export(self);
        if !slow_threshold.is_zero() && self.elapsed >= slow_threshold {
            telemetry.count_slow();
            self.log_slow();
        }
    }

    /// Without the query, which contains the UserSig.
    fn log_outcome(&self) {
        if let Err(error) = self.outcome
            && let Some(cause) = error.store_error()
        {
            let code = error.number();
            tracing::error!(request_id = self.id(), code, %cause, "request failed");
        }
        tracing::debug!(
            request_id = self.id(),
            method = shown_in_log(self.head.method.as_str()),
            path = shown_in_log(self.head.uri.path()),
            sdkappid = self.sdk_app_id.map(|app| app.0),
            code = self.outcome.as_ref().map_or_else(ApiError::number, |_| 0),
            detail = self.outcome.as_ref().err().map(|error| error.explain(Language::English)),
            micros = u64::try_from(self.elapsed.as_micros()).unwrap_or(u64::MAX),
            "request"
        );
    }

    /// The line of the access log. Of the query it has the identifier alone.
    fn log_access(&self) {
        if !is_access_logged() {
            return;
        }
        tracing::info!(
            target: ACCESS_TARGET,
            client = %self.client,
            identifier = self.identifier.as_deref().map(shown_in_log),
            method = %shown_in_log(self.head.method.as_str()),
            path = shown_in_log(self.head.uri.path()),
            sdkappid = self.sdk_app_id.map(|app| app.0),
            code = self.outcome.as_ref().map_or_else(ApiError::number, |_| 0),
            micros = u64::try_from(self.elapsed.as_micros()).unwrap_or(u64::MAX),
            request_id = self.id(),
            "access"
        );
    }

    /// How the time was spent. `work` is decoding, checking, the store and encoding, `store` the store's part of it; the
    /// rest is waiting for a processor.
    fn log_slow(&self) {
        let CallTimings { auth, body, work, store_micros } = self.timings;
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(
            request_id = self.id(),
            path = shown_in_log(self.head.uri.path()),
            sdkappid = self.sdk_app_id.map(|app| app.0),
            total_ms = millis(self.elapsed),
            auth_ms = millis(*auth),
            body_ms = millis(*body),
            work_ms = millis(*work),
            store_ms = store_micros.load(Ordering::Relaxed) / 1_000,
            "slow request"
        );
    }

    fn id(&self) -> &str {
        self.request_id.to_str().unwrap_or_default()
    }
}
