//! OpenAPI 3.1: the builders of documents, and the document of the public API. The admin API's is in `portraitd-admin`,
//! `openapi.rs`.

pub mod endpoint;
pub mod item;
pub mod operation;
pub mod public;
pub mod requests;
