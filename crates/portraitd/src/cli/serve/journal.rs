//! What `portraitd doctor` says of the journal: how much waits in it for how long, and which of its files is missing.

use super::assessment::Assessment;
use super::assessment::Verdict::{Good, Warning};
use super::healthcheck;
use super::instance::AdminFile;
use crate::cli::language::chosen::localized;
use crate::cli::output::count;
use portraitd_sqlite::is_in_use;
use std::fs;
use std::path::Path;

const FILES: [&str; 2] = ["portraitd.journal-0", "portraitd.journal-1"];

/// Changes that wait for longer than this are not applied as they should be: a segment is applied after 30 s at the latest.
const AGE_MAX_S: u64 = 300;

/// Assesses the journal of a data directory; `None` where there is none yet.
pub(super) fn assess(data: &Path) -> Option<Assessment> {
    let sizes = FILES.map(|name| fs::metadata(data.join(name)).ok().map(|file| file.len()));
    let [first, second] = sizes;
    let files = match (first, second) {
        (None, None) => return None,
        (Some(first), Some(second)) => {
            localized!(
                "two files of {} and {} KiB",
                "两个文件，分别为 {} 与 {} KiB",
                first >> 10,
                second >> 10
            )
        }
        (first, _) => {
            let [zero, one] = FILES.map(|name| data.join(name));
            let missing = if first.is_none() { zero } else { one };
            return Some((
                Warning,
                localized!(
                    "{} is missing, and the other file is there: after a crash the last acknowledged changes may be in it, so put \
                     it back; after a clean stop the next start makes it again",
                    "缺少 {}，而另一个文件存在：若曾异常终止，其中可能有最后确认的变更，请放回原处；若为正常停止，下次启动会重新创建",
                    missing.display()
                ),
            ));
        }
    };
    Some(if is_in_use(data) { of_server(&files, data) } else { (Good, files) })
}

/// Asks the server that runs how much it has to apply.
fn of_server(files: &str, data: &Path) -> Assessment {
    let page = AdminFile::read(data)
        .and_then(|file| crate::cli::runtime::runtime()?.block_on(healthcheck::get(file, "/metrics")));
    let value = |name| page.as_ref().ok().and_then(|(_, page)| sample(page, name));
    match (value("portraitd_store_journal_bytes"), value("portraitd_store_journal_age_seconds")) {
        (Some(bytes), Some(age)) => waiting(files, bytes, age),
        _ => (
            Good,
            localized!(
                "{files}; the server does not tell how much of them is to be applied",
                "{files}；服务未给出其中尚待写入数据库的数量"
            ),
        ),
    }
}

fn waiting(files: &str, bytes: u64, age: u64) -> Assessment {
    let amount = count(bytes, "byte");
    let found = localized!(
        "{files}; to be applied: {amount}, the oldest for {age} s",
        "{files}；尚待写入数据库 {bytes} 字节，最早的已等待 {age} 秒"
    );
    if age > AGE_MAX_S {
        let sentence = localized!(
            "{found}: the disk is too slow, or refuses; see the server's log",
            "{found}：磁盘过慢或拒绝写入；详见服务日志"
        );
        return (Warning, sentence);
    }
    (Good, found)
}

fn sample(page: &str, name: &str) -> Option<u64> {
    page.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_missing_is_named() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(assess(dir.path()), None);
        for (there, missing) in [(0, 1), (1, 0)] {
            fs::write(dir.path().join(FILES[there]), [0; 4096]).unwrap();
            let (verdict, said) = assess(dir.path()).unwrap();
            assert!(verdict == Warning && said.contains(&format!("{} is missing", FILES[missing])), "{said}");
            fs::remove_file(dir.path().join(FILES[there])).unwrap();
        }
        for name in FILES {
            fs::write(dir.path().join(name), [0; 4096]).unwrap();
        }
        assert_eq!(assess(dir.path()), Some((Good, "two files of 4 and 4 KiB".into())));
    }

    #[test]
    fn changes_that_wait_for_long_are_a_warning() {
        let page = "# TYPE portraitd_store_journal_bytes gauge\nportraitd_store_journal_bytes 4096\n\
                    portraitd_store_journal_age_seconds 301\n";
        let [bytes, age] = ["bytes", "age_seconds"]
            .map(|name| sample(page, &format!("portraitd_store_journal_{name}")).unwrap());
        assert_eq!((bytes, age), (4096, 301));
        assert_eq!(waiting("", bytes, age).0, Warning);
        assert_eq!(waiting("", bytes, 300).0, Good);
    }
}
