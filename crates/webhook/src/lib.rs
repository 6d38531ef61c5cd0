//! From the outbox to the receiver: queue, retries, circuit breaker, signing.

pub mod backlog_limit;
mod circuit_breaker;
pub mod deliverer;
pub mod event_ids;
mod queue;
pub mod request;
mod retention;
pub mod retry;
pub mod status;
mod supervisor;
pub mod target;
pub mod test_delivery;
mod worker;
