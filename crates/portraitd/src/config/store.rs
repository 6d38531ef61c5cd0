//! `[store]`: where the data is.

use crate::cli::language::chosen::localized;
use crate::config::setting::{is_path, section};
use portraitd_mysql::MysqlUrl;
use portraitd_sqlite::SqliteSettings;
use std::path::PathBuf;
use toml::Value;

section! {
    /// `[store]`
    [store] StoreSection {
        /// The database that several portraitd share, instead of the data directory of one: MariaDB with Galera, MySQL, TiDB or
        /// OceanBase (docs/SCALING.md). The hosts in the order in which they are used, the same on every node;
        /// `?tls=on&tls_ca=FILE` encrypts. `portraitd store migrate` makes the tables.
        #[zh = "多个 portraitd 共用的数据库，代替单机的数据目录：MariaDB Galera、MySQL、TiDB 或 OceanBase（见 docs/SCALING.zh-CN.md）。主机按使用顺序列出，各节点必须一致；`?tls=on&tls_ca=文件` 启用加密。用 `portraitd store migrate` 建表。"]
        url: Option<String> = None, check is_mysql_url, example "\"mysql://portraitd@db1,db2,db3/portraitd?tls=on\"";

        /// A file whose first line is the password of the database's user, when the URL holds none.
        #[zh = "存放数据库用户密码的文件（取第一行），用于 URL 中不写密码的情况。"]
        url_password_file: Option<PathBuf> = None, check is_path, example "\"/etc/portraitd/database.password\"";

        /// Profiles that were read or written lately are kept in this much memory; a profile of 300 bytes takes about 500.
        /// Other profiles are read from the database.
        #[zh = "用于最近读写的资料的内存；300 字节的资料约占 500 字节。其余资料从数据库读取。"]
        profiles_in_memory_mib: usize =
            SqliteSettings::default().profiles_bytes_max >> 20, in 0..=16_777_216;

        /// When less than this is free on the disk, changes are refused (40006); reads and deletions still work. On a small
        /// disk at most a twentieth of the disk is kept free. 0 means that the disk may be filled completely.
        #[zh = "磁盘可用空间低于此值时拒绝修改（40006），读取与删除照常；小磁盘上至多保留磁盘的 1/20。0 表示不保留。"]
        keep_free_mib: u64 = SqliteSettings::default().keep_free_bytes >> 20, in 0..=16_777_216;

        /// The journal's two files together grow up to this size. A busy server with a large one writes less to the disk: of several
        /// changes of a profile only the last is brought into the database.
        #[zh = "日志（journal）两个文件合计的最大值。写入繁忙时，较大的日志可减少磁盘写入：同一份资料的多次修改只有最后一次写入数据库。"]
        journal_mib: u64 = SqliteSettings::default().journal_bytes_max >> 20, in 1..=16_384;
    }
}

fn is_mysql_url(value: &Value) -> Result<(), String> {
    let url = value.as_str().unwrap_or_default().parse::<MysqlUrl>();
    url.map(drop)
        .map_err(|error| localized!("must be the URL of a database; {error}", "应为数据库的 URL（{error}）"))
}
