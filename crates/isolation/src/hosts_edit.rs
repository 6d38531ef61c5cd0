//! Lines in the system's own hosts file for as long as a command runs: in a container that file is the container's alone.
//!
//! One command at a time has lines there. They are appended in one write and never renamed over: the file is often a
//! mount, which can't be replaced. Lines of a process that has died lead to an address where nothing listens, so that
//! nothing leaves; the next edit takes them out.

use crate::files::{HOSTS, hosts_lines};
use crate::names::Names;
use anyhow::{Context, bail};
use rustix::fs::{FlockOperation, flock};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::net::Ipv4Addr;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

const BEGIN: &str = "# portraitd run ";
const END: &str = "# end of portraitd run";
/// For the command before this one.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
const LOCK_PERIOD: Duration = Duration::from_millis(100);

/// The lines, taken out when this is dropped.
#[derive(Debug)]
pub(crate) struct HostsEdit {
    /// Locked for as long.
    file: File,
}

/// Returns whether this is a container, whose hosts file is its own.
pub(crate) fn is_container() -> bool {
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let is_mount = mounts.lines().any(|line| line.split(' ').nth(4) == Some(HOSTS));
    is_mount || ["/.dockerenv", "/run/.containerenv"].iter().any(|path| Path::new(path).exists())
}

impl HostsEdit {
    /// Leads the names to an address, in the system's hosts file.
    ///
    /// # Errors
    /// When the file can't be written, or another command has lines there for longer than 10 s.
    pub(crate) fn make(names: Names, address: Ipv4Addr) -> anyhow::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open(HOSTS);
        let mut file = file.with_context(|| format!("{HOSTS} can't be written"))?;
        lock(&file)?;
        let text = clean(&mut file)?;
        let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        let lines = hosts_lines(names, address, false);
        let block = format!("{newline}{BEGIN}{}\n{lines}{END}\n", std::process::id());
        file.seek(SeekFrom::End(0))?;
        file.write_all(block.as_bytes()).with_context(|| format!("{HOSTS} can't be written"))?;
        Ok(Self { file })
    }
}

impl Drop for HostsEdit {
    fn drop(&mut self) {
        // What stays leads to an address where nothing listens; the next edit takes it out.
        let _ = clean(&mut self.file);
    }
}

fn lock(file: &File) -> anyhow::Result<()> {
    let began = Instant::now();
    while flock(file, FlockOperation::NonBlockingLockExclusive).is_err() {
        if began.elapsed() > LOCK_TIMEOUT {
            let holder = std::fs::read_to_string(HOSTS).ok();
            let holder = holder.as_deref().and_then(|text| text.split_once(BEGIN)?.1.lines().next());
            bail!(
                "another `portraitd run` (process {}) has had lines in {HOSTS} for 10 s; one at a time can",
                holder.unwrap_or("unknown")
            );
        }
        sleep(LOCK_PERIOD);
    }
    Ok(())
}

/// Takes all blocks out, in place; returns what is left.
fn clean(file: &mut File) -> io::Result<String> {
    let mut text = String::new();
    file.rewind()?;
    file.read_to_string(&mut text)?;
    let cleaned = without_blocks(&text);
    if cleaned.len() < text.len() {
        let same = cleaned.bytes().zip(text.bytes()).take_while(|(one, other)| one == other).count();
        // A block at the end is cut off; what others appended behind one moves up.
        let moved = cleaned.as_bytes().get(same..).unwrap_or_default();
        file.seek(SeekFrom::Start(same as u64))?;
        file.write_all(moved)?;
        file.set_len(cleaned.len() as u64)?;
    }
    Ok(cleaned)
}

/// Returns a hosts file without the blocks of any command.
pub(crate) fn without_blocks(text: &str) -> String {
    let mut inside = false;
    let mut kept = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        inside |= line.starts_with(BEGIN);
        if !inside {
            kept.push_str(line);
        }
        inside &= !line.starts_with(END);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_taken_out_and_nothing_else() {
        let block = format!("{BEGIN}7\n127.77.1.2 a\n{END}\n");
        for (before, after) in [("127.0.0.1 localhost\n", ""), ("a\n", "b\n"), ("", "b"), ("", "")] {
            assert_eq!(without_blocks(&format!("{before}{block}{after}")), format!("{before}{after}"));
        }
        assert_eq!(without_blocks(&format!("a\n{block}{block}")), "a\n");
        let cut = format!("a\n{BEGIN}7\n127.77.1.2 a\n");
        assert_eq!(without_blocks(&cut), "a\n", "a block that was cut short ends with the file");
    }

    #[test]
    fn a_file_is_cleaned_in_place() {
        let mut file = tempfile::tempfile().unwrap();
        let block = format!("{BEGIN}7\n127.77.1.2 a\n{END}\n");
        file.write_all(format!("one\n{block}two").as_bytes()).unwrap();
        assert_eq!(clean(&mut file).unwrap(), "one\ntwo");
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one\ntwo");
    }
}
