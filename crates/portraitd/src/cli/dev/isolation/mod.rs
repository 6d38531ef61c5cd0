//! How `portraitd run` leads its command's calls to the emulator, whatever the command's language: by isolation, or by
//! proxy variables where that is asked for.

mod args;
#[cfg(target_os = "linux")]
mod linux;
#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(target_os = "linux")]
mod relay;
mod remedy;

pub(super) use args::Args;
#[cfg(target_os = "linux")]
pub(super) use linux::{Isolated, choose};
#[cfg(not(target_os = "linux"))]
pub(super) use other::{Isolated, choose};
pub(in crate::cli::dev) use remedy::no_calls;

/// Waits until the isolation of a command does not hold any more; for ever where there is none to lose.
pub(super) async fn lost(isolated: Option<&Isolated>, process: Option<u32>) {
    match isolated.zip(process) {
        Some((isolated, process)) => isolated.lost(process).await,
        None => std::future::pending().await,
    }
}
