//! What a run is asked for.

use std::time::Duration;

/// How a run goes.
pub(crate) struct Plan {
    pub(crate) connections: usize,
    pub(crate) measured: Duration,
    pub(crate) warm_up: Duration,
    /// Calls a second; `None`: closed loop.
    pub(crate) rate: Option<f64>,
    pub(crate) timeline: bool,
    /// Webhooks are answered on this port.
    pub(crate) receiver: Option<u16>,
}
