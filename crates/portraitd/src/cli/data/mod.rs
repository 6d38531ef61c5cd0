//! Commands that move data, or look after it.

pub mod backup;
pub mod check;
pub mod cloud_client;
pub mod export;
pub mod import;
pub mod migrate;
pub mod transfer;
