//! Backups in an S3-compatible storage, by the crate `object_store` over portraitd's own HTTP client.

pub(crate) mod bucket;
mod connector;
mod credentials;
mod problem;
mod transfer;
mod unfinished;
mod upload;
