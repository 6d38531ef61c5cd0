//! `[store]`: the embedded engine.

use crate::config::setting::section;
use portraitd_sqlite::SqliteSettings;

section! {
    /// `[store]`
    [store] StoreSection {
        /// Profiles that were read or written lately are kept in this much memory; a profile of 300 bytes takes about 500.
        /// Other profiles are read from the database.
        #[zh = "用于最近读写的资料的内存；300 字节的资料约占 500 字节。其余资料从数据库读取。"]
        profiles_in_memory_mib: usize =
            SqliteSettings::default().profiles_bytes_max >> 20, in 0..=16_777_216;

        /// When less than this is free on the disk, changes are refused (40006); reads and deletions still work. On a small
        /// disk at most a twentieth of the disk is kept free. 0 means that the disk may be filled completely.
        #[zh = "磁盘可用空间低于此值时拒绝修改（40006），读取与删除照常；小磁盘上至多保留磁盘的 1/20。0 表示不保留。"]
        keep_free_mib: u64 = SqliteSettings::default().keep_free_bytes >> 20, in 0..=16_777_216;
    }
}
