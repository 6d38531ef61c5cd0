//! The options of a run.

use std::time::Duration;

/// The options of a run, checked.
pub(crate) struct RunOptions {
    pub(crate) connections: usize,
    pub(crate) measured: Duration,
    pub(crate) warm_up: Duration,
    /// Calls a second; `None`: closed loop.
    pub(crate) rate: Option<f64>,
    pub(crate) timeline: bool,
    /// The port of 127.0.0.1 on which webhooks are answered.
    pub(crate) receiver: Option<u16>,
}
