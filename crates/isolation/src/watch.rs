//! Watches the mounts of a command. A file that is mounted over another disappears when a process outside replaces the
//! latter by renaming, as `sed -i` and network managers do: the command sees the system's file again.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::io::{Read, Seek};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use tokio::sync::mpsc::{Receiver, channel};

const LAYERS: usize = 2;
/// Between two looks whether a process has entered its namespace, which takes a millisecond.
const ENTER_PERIOD: Duration = Duration::from_millis(2);

/// A layer that leads names to the command's address: a private file that is mounted over one of the system's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Layer {
    /// The system's file.
    pub target: &'static str,
    /// The private file.
    pub file: PathBuf,
}

/// Reports layers that were lost; the thread ends when this is dropped.
#[derive(Debug)]
pub struct Watch {
    /// Every layer once, when it is lost.
    pub lost: Receiver<Layer>,
    ended: Arc<AtomicBool>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
    }
}

impl Watch {
    /// Watches the mounts of a process that has these layers, or will have them once it has entered its namespace. Nothing
    /// is reported when its mounts can't be read, as where `/proc` hides the processes of others.
    pub fn start(process: u32, layers: Vec<Layer>) -> Self {
        let (report, lost) = channel(LAYERS);
        let ended = Arc::new(AtomicBool::new(false));
        let (mut left, is_ended) = (layers, Arc::clone(&ended));
        let watching = move || {
            let Some(mut mounts) = entered(process, &left, &is_ended) else { return };
            while !is_ended.load(Ordering::Relaxed) && !left.is_empty() {
                wait_for_change(&mounts);
                let Some(now) = read(&mut mounts) else { return };
                let (kept, gone): (Vec<_>, Vec<_>) =
                    left.into_iter().partition(|layer| is_mounted(&now, layer));
                if gone.into_iter().any(|layer| report.blocking_send(layer).is_err()) {
                    return;
                }
                left = kept;
            }
        };
        // Without a thread nothing is watched; the command runs all the same.
        let _ = thread::Builder::new().name("mounts".into()).spawn(watching);
        Self { lost, ended }
    }
}

/// Opens the mounts of a process once it has entered: before, they are those of this process.
fn entered(process: u32, layers: &[Layer], is_ended: &AtomicBool) -> Option<File> {
    while !is_ended.load(Ordering::Relaxed) {
        let mut mounts = File::open(format!("/proc/{process}/mountinfo")).ok()?;
        let now = read(&mut mounts)?;
        if layers.iter().all(|layer| is_mounted(&now, layer)) {
            return Some(mounts);
        }
        thread::sleep(ENTER_PERIOD);
    }
    None
}

/// Waits until the mounts change, or a second is over: the watch may have ended meanwhile.
fn wait_for_change(mounts: &File) {
    let second = Timespec { tv_sec: 1, tv_nsec: 0 };
    // An error is one more look.
    let _ = poll(&mut [PollFd::new(mounts, PollFlags::PRI)], Some(&second));
}

/// `None` when the process has ended.
fn read(mounts: &mut File) -> Option<String> {
    let mut text = String::new();
    mounts.rewind().ok()?;
    mounts.read_to_string(&mut text).ok()?;
    (!text.is_empty()).then_some(text)
}

/// Whether the private file is mounted. It is the fourth word of a line, below the root of its file system
/// (`proc_pid_mountinfo(5)`); its folder's name is like no other.
fn is_mounted(mountinfo: &str, layer: &Layer) -> bool {
    let mut parts = layer.file.iter().rev().map(|part| part.to_string_lossy());
    let (name, folder) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let end = format!("/{folder}/{name}");
    mountinfo.lines().any(|line| line.split(' ').nth(3).is_some_and(|root| root.ends_with(&end)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_private_file_is_found_by_its_folder() {
        let layer =
            |folder: &str| Layer { target: "/etc/hosts", file: format!("/tmp/{folder}/hosts").into() };
        let mounts = "22 1 0:5 / /proc rw - proc proc rw\n\
                      40 1 254:0 /tmp/portraitd-run-a/hosts /etc/hosts rw shared:1 - ext4 /dev/vda rw\n";
        assert!(
            is_mounted(mounts, &layer("portraitd-run-a")) && !is_mounted(mounts, &layer("portraitd-run-b"))
        );
    }
}
