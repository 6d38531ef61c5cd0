//! OpenAPI 3.1: what documents are built with, and the public API's own. The admin API's is in `admin/openapi.rs`.

mod item;
mod operation;
pub(crate) mod public;
pub(crate) mod served;

pub(crate) use item::Item;
pub(crate) use operation::{Describe, Described, Operation, Schemas, add, described};
