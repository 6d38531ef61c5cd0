//! Commands that move data, or look after it.

pub(crate) mod backup;
pub(crate) mod backup_list;
mod backup_place;
pub(crate) mod check;
pub(crate) mod cloud_client;
pub(crate) mod export;
pub(crate) mod import;
pub(crate) mod migrate;
pub(crate) mod restore;
pub(crate) mod transfer;
