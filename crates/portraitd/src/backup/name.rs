//! The names of scheduled backups: `portraitd-20261130T033000Z`, by the time (UTC) at which each began.

use portraitd_model::{UnixMillis, rfc3339};
use std::fmt;

/// The name of a backup; it is ordered by time.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct BackupName(UnixMillis);

const BEGINNING: &str = "portraitd-";

impl BackupName {
    /// The name of a backup that begins now. Names are whole seconds.
    pub(crate) fn at(now: UnixMillis) -> Self {
        Self(UnixMillis(now.0 / 1000 * 1000))
    }

    /// Reads a name; `None` for any other text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        text.strip_prefix(BEGINNING).and_then(rfc3339::read_compact).map(Self)
    }

    /// When it began.
    pub(crate) fn time(self) -> UnixMillis {
        self.0
    }
}

impl fmt::Display for BackupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{BEGINNING}{}", rfc3339::write_compact(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_back_and_others_are_not_ours() {
        let name = BackupName::at(UnixMillis(951_827_445_678));
        assert_eq!(name.to_string(), "portraitd-20000229T123045Z");
        assert_eq!(BackupName::parse("portraitd-20000229T123045Z"), Some(name));
        for other in
            ["portraitd-", "20000229T123045Z", "portraitd-20000229T123045Z.old", "portraitd.db", "monday"]
        {
            assert_eq!(BackupName::parse(other), None, "{other}");
        }
    }
}
