//! The admin API: routes, tokens, the audit log, its OpenAPI document. It runs on its own listener; no handler of `/v4`
//! calls it.

pub mod audit_log;
pub mod auth;
pub mod call_target;
mod change_field_type;
mod compress;
mod console;
pub mod counted;
pub mod csv_rows;
mod drain;
pub mod error;
pub mod error_code;
pub mod error_pages;
mod failed_tokens;
pub mod handlers;
pub mod jobs;
pub mod jsonl;
pub mod language;
pub mod log_control;
pub mod metrics_format;
mod openapi;
pub mod origin;
pub mod parse_problem;
mod readiness;
pub mod route;
pub mod router;
pub mod routes;
pub mod secret;
pub mod series;
mod session;
mod settings_diff;
pub mod shell_word;
pub mod state;
mod trial_store;
pub mod types;
pub mod word_list;
