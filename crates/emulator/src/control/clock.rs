//! Handlers of the clock.

use super::extract::JsonBody;
use super::state::ControlState;
use super::types::{ClockChange, ClockView, TextOrNumber};
use crate::clock::EmulatorClock;
use axum::Json;
use axum::extract::State as Extract;
use portraitd_admin::error::AdminError;
use portraitd_admin::state::AdminResult;
use portraitd_model::{UnixMillis, bilingual, rfc3339};

/// The longest step of `advance`: a hundred years.
const ADVANCE_MS_MAX: u64 = 100 * 366 * 86_400_000;

pub(super) async fn show(Extract(state): Extract<ControlState>) -> Json<ClockView> {
    Json(view(&state.emulator.clock))
}

pub(super) async fn change(
    Extract(state): Extract<ControlState>,
    JsonBody(change): JsonBody<ClockChange>,
) -> AdminResult<ClockView> {
    let ClockChange { now, advance, frozen } = change;
    if now.is_none() && advance.is_none() && frozen.is_none() {
        return Err(AdminError::invalid(bilingual!(
            "say at least one of now, advance and frozen",
            "请至少填写 now、advance、frozen 之一"
        )));
    }
    // Every member is parsed before the clock is changed.
    let now = now.map(|now| parse_time(&now)).transpose()?;
    let advance = advance.map(|advance| parse_span(&advance)).transpose()?;
    let clock = &state.emulator.clock;
    if let Some(now) = now {
        clock.set(now);
    }
    if let Some(ms) = advance {
        clock.advance(ms);
    }
    if let Some(frozen) = frozen {
        clock.freeze(frozen);
    }
    wake_webhooks(&state);
    Ok(Json(view(clock)))
}

pub(super) async fn release(Extract(state): Extract<ControlState>) -> Json<ClockView> {
    state.emulator.clock.release();
    wake_webhooks(&state);
    Json(view(&state.emulator.clock))
}

/// Lets the webhook deliverer compare its due times with the changed clock.
fn wake_webhooks(state: &ControlState) {
    for app in state.registry.all() {
        app.delivery.wake.notify_one();
    }
}

fn view(clock: &EmulatorClock) -> ClockView {
    let reading = clock.reading();
    let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    let ahead_ms = if reading.moved { signed(reading.now.0) - signed(reading.machine.0) } else { 0 };
    ClockView { now: rfc3339::write(reading.now), now_ms: reading.now.0, frozen: reading.frozen, ahead_ms }
}

fn parse_time(given: &TextOrNumber) -> Result<UnixMillis, AdminError> {
    let at = match given {
        TextOrNumber::Number(ms) => Some(UnixMillis(*ms)),
        TextOrNumber::Text(text) => rfc3339::read(text),
    };
    at.filter(|at| *at <= EmulatorClock::LAST).ok_or_else(|| {
        AdminError::invalid(bilingual!(
            "now: write it as 2027-01-31T08:00:00Z or in Unix milliseconds, up to the year 9999",
            "now：请写作 2027-01-31T08:00:00Z 或 Unix 毫秒数，最晚到 9999 年"
        ))
    })
}

fn parse_span(given: &TextOrNumber) -> Result<u64, AdminError> {
    let ms = match given {
        TextOrNumber::Number(ms) => Some(*ms),
        TextOrNumber::Text(text) => rfc3339::span_ms(text),
    };
    ms.filter(|ms| *ms <= ADVANCE_MS_MAX).ok_or_else(|| {
        AdminError::invalid(bilingual!(
            "advance: write it as 90d, 12h, 15m, 30s, 500ms or in milliseconds, at most 36600d",
            "advance：请写作 90d、12h、15m、30s、500ms 或毫秒数，最多 36600d"
        ))
    })
}
