//! The control plane: routes, tokens, the audit log, its OpenAPI document.

pub mod audit_log;
pub mod auth;
pub mod error;
mod field_retype;
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
