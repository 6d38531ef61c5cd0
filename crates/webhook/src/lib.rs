//! Webhook delivery, from the store's outbox to the receiver: queue, retries, circuit breaker, signing. Architecture
//! invariant: an event leaves the outbox only when it was delivered, discarded by an operator, or dropped at the limit of
//! the backlog.

pub mod backlog_limit;
mod circuit_breaker;
pub mod deliverer;
pub mod event_ids;
pub mod failure;
mod queue;
pub mod request;
mod retention;
pub mod retry;
pub mod status;
mod supervisor;
pub mod target;
pub mod test_delivery;
mod worker;
