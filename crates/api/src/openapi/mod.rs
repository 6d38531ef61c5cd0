//! OpenAPI 3.1: what documents are built with, and the public API's own. The admin API's is in `portraitd-admin`, `openapi.rs`.

pub mod item;
pub mod operation;
pub mod public;
pub mod requests;
pub mod served;
