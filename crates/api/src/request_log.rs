//! What the log says of a request.

use crate::call_record::{CallRecord, Steps};
use crate::telemetry::Telemetry;
use portraitd_model::Language;
use std::sync::atomic::Ordering;
use std::time::Duration;

impl CallRecord<'_> {
    /// Counts the request, passes it on where there is an exporter, and writes one line for it; a second one when it took as long as `slow` (zero = never).
    pub(crate) fn log(&self, slow: Duration, telemetry: &Telemetry) {
        telemetry.answered(self.command, self.elapsed);
        self.log_outcome();
        telemetry.export(self);
        if !slow.is_zero() && self.elapsed >= slow {
            telemetry.slow();
            self.log_slow();
        }
    }

    /// The query is never in it: it holds the UserSig.
    fn log_outcome(&self) {
        if let Err(error) = self.outcome
            && let Some(inside) = error.inside()
        {
            let code = error.code().number();
            tracing::error!(request_id = self.id(), code, %inside, "request failed");
        }
        tracing::debug!(
            request_id = self.id(),
            method = %self.head.method,
            path = self.head.uri.path(),
            sdkappid = self.sdk_app_id.map(|app| app.0),
            code = self.outcome.as_ref().map_or_else(|error| error.code().number(), |_| 0),
            detail = self.outcome.as_ref().err().map(|error| error.explain(Language::English)),
            micros = u64::try_from(self.elapsed.as_micros()).unwrap_or(u64::MAX),
            "request"
        );
    }

    /// Where the time went. `work` is decoding, checking, the store and encoding, `store` the store's part of it; what is
    /// in none of them is waiting for the processor and taking in what was refused.
    fn log_slow(&self) {
        let Steps { auth, body, work, store_micros } = self.steps;
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        tracing::warn!(
            request_id = self.id(),
            path = self.head.uri.path(),
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
