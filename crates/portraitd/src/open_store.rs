//! Opens the store of a data directory. The only file that names an engine for a running server.

use portraitd_sqlite::{OpenError, SqliteSettings, SqliteStore};
use portraitd_store::Store;
use std::path::Path;
use std::sync::Arc;

/// Opens the store in a data directory, which is created when it does not exist. Blocks for as long as recovery takes.
pub(crate) fn open_store(data: &Path, settings: SqliteSettings) -> Result<Arc<dyn Store>, OpenError> {
    Ok(Arc::new(SqliteStore::open_with(data, settings)?))
}
