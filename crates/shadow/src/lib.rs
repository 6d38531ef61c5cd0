//! Shadow mode, for moving off the cloud: calls are forwarded to the cloud, answered with the cloud's answer and made here
//! too; every difference between the two answers is counted. At run time, `here` can be made the side that answers.
//!
//! Architecture invariants: no UserSig, UserID or value leaves this crate but in the calls themselves, reports hold salted
//! digests; the store is not known here, both sides are reached over HTTP.

mod account_locks;
mod answer;
mod call;
pub mod compare;
pub mod control;
mod digest;
mod lists;
mod member_path;
mod memory;
mod named;
mod no_answer;
mod outcome;
pub mod report;
pub mod report_view;
pub mod service;
pub mod side;
pub mod start_check;
mod unsettled;
mod upstream;
