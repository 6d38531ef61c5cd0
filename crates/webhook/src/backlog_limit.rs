//! The largest size of the outbox: bytes, or a share of a disk.

use bytesize::ByteSize;
use std::path::Path;

/// The size in bytes that stands for any percentage when the store is in memory.
const IN_MEMORY_BYTES_MAX: u64 = 256 << 20;

/// The largest size of the outbox.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum BacklogMax {
    /// A number of bytes.
    Bytes(u64),
    /// A share, in percent, of the file system that holds the data.
    Percent(u64),
}

impl BacklogMax {
    /// Parses `10%`, `500MiB`, `1.5GiB`, `20GB` or a number of bytes.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(percent) = text.strip_suffix('%') {
            let percent = percent.trim().parse().ok()?;
            return (1..=100).contains(&percent).then_some(Self::Percent(percent));
        }
        let size: ByteSize = text.parse().ok()?;
        // What 2^64 bytes or more come back as.
        (size.0 < u64::MAX).then_some(Self::Bytes(size.0))
    }

    /// Returns the limit in bytes. `data` is the data directory, `None` for a store in memory.
    pub(crate) fn bytes(self, data: Option<&Path>) -> u64 {
        match (self, data) {
            (Self::Bytes(bytes), _) => bytes,
            (Self::Percent(_), None) => IN_MEMORY_BYTES_MAX,
            (Self::Percent(percent), Some(data)) => match rustix::fs::statvfs(data) {
                Ok(disk) => (disk.f_blocks / 100).saturating_mul(disk.f_frsize).saturating_mul(percent),
                Err(error) => {
                    tracing::error!(%error, "can't read the size of the disk; the webhook backlog may hold 1 GiB");
                    1 << 30
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_percentages_or_sizes() {
        let check = |text: &str, expected: Option<BacklogMax>| {
            assert_eq!(BacklogMax::parse(text), expected, "{text}");
        };
        check("10%", Some(BacklogMax::Percent(10)));
        check("100%", Some(BacklogMax::Percent(100)));
        check("0%", None);
        check("101%", None);
        check("500MiB", Some(BacklogMax::Bytes(500 << 20)));
        check("2 GiB", Some(BacklogMax::Bytes(2 << 30)));
        check("1.5GiB", Some(BacklogMax::Bytes(3 << 29)));
        check("20GB", Some(BacklogMax::Bytes(20_000_000_000)));
        check("4096", Some(BacklogMax::Bytes(4096)));
        check("16777215TiB", Some(BacklogMax::Bytes(16_777_215 << 40)));
        check("16777216TiB", None);
        check("99999999999TiB", None);
        check("", None);
        check("much", None);
        check("-1", None);
        check("-1GiB", None);
        check("1e3", None);
        check("GiB", None);
        check("10 %", Some(BacklogMax::Percent(10)));
        check("1.5%", None);
    }

    #[test]
    fn a_percentage_is_of_the_disk_with_the_data() {
        let dir = tempfile::tempdir().unwrap();
        let limit = |percent| BacklogMax::Percent(percent).bytes(Some(dir.path()));
        assert!(limit(10) > 0 && limit(20) >= limit(10) * 2 - 20);
        assert_eq!(BacklogMax::Percent(10).bytes(None), IN_MEMORY_BYTES_MAX);
        assert_eq!(BacklogMax::Percent(10).bytes(Some(Path::new("/no/such/place"))), 1 << 30);
    }
}
