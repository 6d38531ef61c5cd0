//! The clock.

use super::extract::Body;
use super::state::State;
use super::types::{ClockChange, ClockView, TextOrNumber};
use crate::clock::EmulatorClock;
use axum::Json;
use axum::extract::State as Extract;
use portraitd_admin::error::AdminError;
use portraitd_admin::state::AdminResult;
use portraitd_model::{UnixMillis, rfc3339};

/// The furthest that one step leads: a hundred years.
const ADVANCE_MS_MAX: u64 = 100 * 366 * 86_400_000;

pub(super) async fn show(Extract(state): Extract<State>) -> Json<ClockView> {
    Json(view(&state.emulator.clock))
}

pub(super) async fn change(
    Extract(state): Extract<State>,
    Body(change): Body<ClockChange>,
) -> AdminResult<ClockView> {
    let ClockChange { now, advance, frozen } = change;
    if now.is_none() && advance.is_none() && frozen.is_none() {
        return Err(AdminError::bad("say at least one of now, advance and frozen"));
    }
    // All is read before anything is changed.
    let now = now.map(|now| time(&now)).transpose()?;
    let advance = advance.map(|advance| span(&advance)).transpose()?;
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
    wake(&state);
    Ok(Json(view(clock)))
}

pub(super) async fn release(Extract(state): Extract<State>) -> Json<ClockView> {
    state.emulator.clock.release();
    wake(&state);
    Json(view(&state.emulator.clock))
}

/// Webhooks that wait for their time look at the clock again.
fn wake(state: &State) {
    for app in state.registry.all() {
        app.delivery.wake.notify_one();
    }
}

fn view(clock: &EmulatorClock) -> ClockView {
    let shown = clock.shown();
    let signed = |ms: u64| i64::try_from(ms).unwrap_or(i64::MAX);
    let ahead_ms = if shown.moved { signed(shown.now.0) - signed(shown.machine.0) } else { 0 };
    ClockView { now: rfc3339::write(shown.now), now_ms: shown.now.0, frozen: shown.frozen, ahead_ms }
}

fn time(given: &TextOrNumber) -> Result<UnixMillis, AdminError> {
    let at = match given {
        TextOrNumber::Number(ms) => Some(UnixMillis(*ms)),
        TextOrNumber::Text(text) => rfc3339::read(text),
    };
    at.filter(|at| *at <= EmulatorClock::LAST).ok_or_else(|| {
        AdminError::bad("now: write it as 2027-01-31T08:00:00Z or in Unix milliseconds, up to the year 9999")
    })
}

fn span(given: &TextOrNumber) -> Result<u64, AdminError> {
    let ms = match given {
        TextOrNumber::Number(ms) => Some(*ms),
        TextOrNumber::Text(text) => rfc3339::span_ms(text),
    };
    ms.filter(|ms| *ms <= ADVANCE_MS_MAX).ok_or_else(|| {
        AdminError::bad("advance: write it as 90d, 12h, 15m, 30s, 500ms or in milliseconds, at most 36600d")
    })
}
