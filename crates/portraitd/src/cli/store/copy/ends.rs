//! The two ends of a copy.

use crate::cli::language::chosen::localized;
use crate::cli::output::note;
use crate::config::Config;
use crate::open_store::{database, ensure_no_node, with_password};
use portraitd_mysql::{MysqlContents, MysqlUrl};
use portraitd_sqlite::{SqliteContents, SqliteCopy};
use portraitd_store::{Contents, CopyTarget};
use std::path::PathBuf;

/// What `--from` and `--to` name.
pub(super) enum Place {
    Directory(PathBuf),
    Database(MysqlUrl),
}

impl Place {
    /// Reads the value of an option. No error names a password.
    pub(super) fn parse(text: &str, config: &Config) -> anyhow::Result<Self> {
        if text == "store.url" {
            let url = database(config)?;
            return url.map(Self::Database).ok_or_else(|| {
                anyhow::anyhow!(localized!(
                    "store.url is not set: name the database in the configuration file or in PORTRAITD_STORE_URL",
                    "未设置 store.url：请在配置文件或 PORTRAITD_STORE_URL 中指定数据库"
                ))
            });
        }
        if text.contains("://") {
            let url: MysqlUrl = text.parse()?;
            // The password of the command line counts; the file's is for a URL without one.
            return Ok(Self::Database(if url.has_password() { url } else { with_password(url, config)? }));
        }
        Ok(Self::Directory(text.into()))
    }

    pub(super) fn is_directory(&self) -> bool {
        matches!(self, Self::Directory(_))
    }

    /// For people, without the password.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Directory(dir) => dir.display().to_string(),
            Self::Database(url) => url.shown(),
        }
    }
}

pub(super) async fn open_source(place: &Place) -> anyhow::Result<Box<dyn Contents>> {
    Ok(match place {
        Place::Directory(dir) => {
            ensure_no_node(dir)?;
            Box::new(SqliteContents::open(dir)?)
        }
        Place::Database(url) => Box::new(idle_database(url).await?),
    })
}

pub(super) async fn open_target(place: &Place) -> anyhow::Result<Box<dyn CopyTarget>> {
    Ok(match place {
        Place::Directory(dir) => {
            ensure_no_node(dir)?;
            Box::new(SqliteCopy::open(dir)?)
        }
        Place::Database(url) => Box::new(idle_database(url).await?),
    })
}

async fn idle_database(url: &MysqlUrl) -> anyhow::Result<MysqlContents> {
    let mut contents = MysqlContents::open(url.clone()).await?;
    let registered = contents.registered();
    if !registered.is_empty() {
        note(localized!(
            "not signed off: node {}; watching for 15 s whether it lives",
            "未注销的节点：{}；观察 15 秒以确认其是否仍在运行",
            registered.join(", ")
        ));
    }
    if let Some(node) = contents.ensure_idle().await? {
        anyhow::bail!(localized!(
            "node {node} uses {}; stop every portraitd on it first",
            "节点 {node} 正在使用 {}；请先停止其上的所有 portraitd",
            url.shown()
        ));
    }
    Ok(contents)
}
