//! The admin API: routes, tokens, the audit log, its OpenAPI document. It runs on its own listener; no handler of `/v4`
//! calls it.

pub mod audit_log;
pub mod auth;
mod change_field_type;
pub mod counted;
pub mod error;
pub mod handlers;
pub mod jsonl;
mod openapi;
mod readiness;
pub mod route;
pub mod router;
pub mod routes;
pub mod secret;
mod settings_diff;
pub mod state;
pub mod types;
