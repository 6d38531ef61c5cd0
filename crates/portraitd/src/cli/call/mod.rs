//! Commands that call `/v4`, or explain its answers.

pub(crate) mod client;
pub(crate) mod explain;
pub(crate) mod profile;
pub(crate) mod usersig;
