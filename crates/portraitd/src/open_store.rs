//! Opens the store of a server. The only file that names the engines for a running server.

use crate::cli::language::chosen::localized;
use crate::config::Config;
use anyhow::{Context, ensure};
use portraitd_mysql::{MysqlStore, MysqlUrl};
use portraitd_sqlite::{DirectoryLock, SqliteSettings, SqliteStore};
use portraitd_store::Store;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// How long to wait before a database that can't be reached is tried again.
const RETRY: Duration = Duration::from_secs(2);

/// In a data directory: the node that it belongs to has its data in this database.
const NODE_FILE: &str = "database.url";

/// Opens the store in a data directory, which is created when it does not exist. Blocks for as long as recovery takes.
pub(crate) fn open_directory(
    data: &Path,
    settings: SqliteSettings,
) -> Result<Arc<dyn Store>, portraitd_sqlite::OpenError> {
    Ok(Arc::new(SqliteStore::open_with(data, settings)?))
}

/// A store, and the lock of a data directory that holds no store of its own.
pub(crate) struct OpenStore {
    pub(crate) store: Arc<dyn Store>,
    /// Held as long as the server runs.
    pub(crate) lock: Option<DirectoryLock>,
}

/// Opens the store that the configuration names: the data directory, or a database. Waits for a database that can't be
/// reached, and says so.
pub(crate) async fn open_store(config: &Config, data: &Path) -> anyhow::Result<OpenStore> {
    let Some(url) = database(config)? else {
        ensure_no_node(data)?;
        return Ok(OpenStore { store: open_directory(data, config.store())?, lock: None });
    };
    ensure!(
        !data.join("portraitd.db").exists(),
        localized!(
            "{} holds a store of its own, and store.url names a database: copy the one into the other with `portraitd store copy`, \
             and give this node another directory",
            "{} 中有自己的数据，而 store.url 指向数据库：请用 `portraitd store copy` 将前者复制到后者，并为此节点另选目录",
            data.display()
        )
    );
    // The files of this node: its admin token, and where its admin API listens.
    let lock = DirectoryLock::take(data)?;
    let note = data.join(NODE_FILE);
    std::fs::write(&note, format!("{}\n", url.shown()))
        .with_context(|| localized!("can't write {}", "无法写入 {}", note.display()))?;
    let name = node_name(config);
    loop {
        match MysqlStore::open(url.clone(), &name).await {
            Ok(store) => {
                tracing::info!(
                    url = url.shown(),
                    version = store.version(),
                    node = name,
                    "the database is open"
                );
                return Ok(OpenStore { store: Arc::new(store), lock: Some(lock) });
            }
            Err(portraitd_mysql::OpenError::Unreachable { url, reason }) => {
                tracing::warn!(url, reason, "waiting for the database");
                tokio::time::sleep(RETRY).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Refuses the data directory of a node whose store is a database.
pub(crate) fn ensure_no_node(data: &Path) -> anyhow::Result<()> {
    let Ok(url) = std::fs::read_to_string(data.join(NODE_FILE)) else { return Ok(()) };
    anyhow::bail!(localized!(
        "{} belongs to a node whose data is in {}; start the node (store.url), or use --admin-url",
        "{} 属于数据存放在 {} 的节点；请启动该节点（store.url），或使用 --admin-url",
        data.display(),
        url.trim()
    ))
}

/// Refuses the data directory of a node for a command that works on the files of a store, and says what does it instead.
pub(crate) fn ensure_files_of_store(data: &Path) -> anyhow::Result<()> {
    let Ok(url) = std::fs::read_to_string(data.join(NODE_FILE)) else { return Ok(()) };
    anyhow::bail!(localized!(
        "{} belongs to a node whose data is in {}: the database's own tools back it up, check, repair and restore it; \
         `portraitd doctor` checks what a node needs, `portraitd export` writes an app's accounts to a file, and \
         `portraitd store copy` copies everything into a data directory",
        "{} 属于数据存放在 {} 的节点：备份、检查、修复与恢复请使用该数据库自带的工具；`portraitd doctor` 检查节点所需条件，\
         `portraitd export` 将应用的账号导出到文件，`portraitd store copy` 将全部数据复制到数据目录",
        data.display(),
        url.trim()
    ))
}

/// The database of the configuration, with the password from its file.
pub(crate) fn database(config: &Config) -> anyhow::Result<Option<MysqlUrl>> {
    let Some(url) = &config.store.url else { return Ok(None) };
    let url: MysqlUrl = url.parse()?;
    ensure!(
        !url.has_password() || config.store.url_password_file.is_none(),
        localized!(
            "store.url has a password, and store.url_password_file is set: keep one",
            "store.url 中有密码，同时设置了 store.url_password_file：请只保留其一"
        )
    );
    with_password(url, config).map(Some)
}

/// The URL with the password of the file that the configuration names, if it names one.
pub(crate) fn with_password(url: MysqlUrl, config: &Config) -> anyhow::Result<MysqlUrl> {
    let Some(file) = &config.store.url_password_file else { return Ok(url) };
    let text = std::fs::read_to_string(file)
        .with_context(|| localized!("can't read {}", "无法读取 {}", file.display()))?;
    let password = text.lines().next().unwrap_or_default().to_owned();
    ensure!(
        !password.is_empty(),
        localized!(
            "{} is empty: its first line is the password",
            "{} 为空：其第一行应为密码",
            file.display()
        )
    );
    Ok(url.with_password(password))
}

/// What operators know this node by: the machine's name and where it listens.
fn node_name(config: &Config) -> String {
    let system = rustix::system::uname();
    let machine = system.nodename().to_string_lossy().into_owned();
    let listens: Vec<String> = config.server.listen.iter().map(ToString::to_string).collect();
    format!("{machine} {}", listens.join(" "))
}
