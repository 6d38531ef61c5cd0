//! Commands that go through the admin API.

pub(crate) mod account;
pub(crate) mod app;
pub(crate) mod audit;
pub(crate) mod client;
pub(crate) mod console;
pub(crate) mod field;
pub(crate) mod log;
pub(crate) mod openapi;
pub(crate) mod switch;
pub(crate) mod token;
pub(crate) mod webhook;
pub(crate) mod words;
