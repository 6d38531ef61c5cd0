//! Commands that call `/v4`, or explain its answers.

pub mod client;
pub mod explain;
pub mod profile;
pub mod usersig;
