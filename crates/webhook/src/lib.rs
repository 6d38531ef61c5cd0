//! From the outbox to the receiver: queue, retries, circuit breaker, signing.

pub mod circuit_breaker;
pub mod deliverer;
pub mod queue;
pub mod request;
pub mod retention;
pub mod retry;
pub mod status;
pub mod target;
pub mod test_delivery;
pub mod worker;
