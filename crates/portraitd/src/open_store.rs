//! Opens the store of a server. The only file that names the engines for a running server.

use crate::config::Config;
use anyhow::Context;
use portraitd_mysql::{MysqlStore, MysqlUrl};
use portraitd_sqlite::{SqliteSettings, SqliteStore};
use portraitd_store::Store;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long to wait before a database that can't be reached is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// Opens the store in a data directory, which is created when it does not exist. Blocks for as long as recovery takes.
pub(crate) fn open_directory(
    data: &Path,
    settings: SqliteSettings,
) -> Result<Arc<dyn Store>, portraitd_sqlite::OpenError> {
    Ok(Arc::new(SqliteStore::open_with(data, settings)?))
}

/// Opens the store that the configuration names: the data directory, or a database. Waits for a database that can't be
/// reached, and says so.
pub(crate) async fn open_store(config: &Config, data: &Path) -> anyhow::Result<Arc<dyn Store>> {
    let Some(url) = database(config)? else { return Ok(open_directory(data, config.store())?) };
    // For the files of this node: its admin token, and where its admin API listens.
    let made = DirBuilder::new().recursive(true).mode(0o700).create(data);
    made.with_context(|| format!("can't create {}", data.display()))?;
    let name = node_name(config);
    loop {
        match MysqlStore::open(url.clone(), &name).await {
            Ok(store) => {
                tracing::info!(url = url.shown(), version = store.version(), node = name, "the database is open");
                return Ok(Arc::new(store));
            }
            Err(portraitd_mysql::OpenError::Unreachable { url, reason }) => {
                tracing::warn!(url, reason, "waiting for the database");
                tokio::time::sleep(RETRY).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// The database of the configuration, with the password from its file.
pub(crate) fn database(config: &Config) -> anyhow::Result<Option<MysqlUrl>> {
    let Some(url) = &config.store.url else { return Ok(None) };
    let url: MysqlUrl = url.parse()?;
    let Some(file) = &config.store.url_password_file else { return Ok(Some(url)) };
    anyhow::ensure!(!url.has_password(), "store.url has a password, and store.url_password_file is set: keep one");
    let text = std::fs::read_to_string(file).with_context(|| format!("can't read {}", file.display()))?;
    let password = text.lines().next().unwrap_or_default().to_owned();
    anyhow::ensure!(!password.is_empty(), "{} is empty: its first line is the password", file.display());
    Ok(Some(url.with_password(password)))
}

/// What operators know this node by: the machine's name and where it listens.
fn node_name(config: &Config) -> String {
    let system = rustix::system::uname();
    let machine = system.nodename().to_string_lossy().into_owned();
    let listens: Vec<String> = config.server.listen.iter().map(ToString::to_string).collect();
    format!("{machine} {}", listens.join(" "))
}
