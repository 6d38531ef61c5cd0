//! Commands that go through the admin API.

pub mod account;
pub mod app;
pub mod audit;
pub mod client;
pub mod field;
pub mod openapi;
pub mod token;
pub mod webhook;
pub mod words;
