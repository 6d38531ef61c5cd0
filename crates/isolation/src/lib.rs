//! Isolation of one command: its lookups of chosen host names end at a loopback address of its own, and its network stays
//! as it is otherwise.
//!
//! A private mount namespace with its own `/etc/hosts` and `/etc/resolv.conf` leads the names there; a small DNS server
//! answers what a hosts file can't. Where namespaces can't be had, a container's own hosts file is edited, and where
//! that can't be done either, Landlock forbids connections to the ports 443 and 80, so that nothing leaves unseen.
//!
//! This crate knows no product type: names and domains are given to it. Linux only; [`is_supported`] says so elsewhere.
//!
//! The parent is [`isolate::Isolation`]; the child, which becomes the command, is [`enter`].

#[cfg(target_os = "linux")]
pub mod address;
#[cfg(target_os = "linux")]
mod control;
pub mod dns;
#[cfg(target_os = "linux")]
pub mod enter;
#[cfg(target_os = "linux")]
pub mod files;
#[cfg(target_os = "linux")]
pub mod hosts_edit;
#[cfg(target_os = "linux")]
pub mod isolate;
#[cfg(target_os = "linux")]
mod landlock;
#[cfg(target_os = "linux")]
pub mod low_ports;
#[cfg(target_os = "linux")]
mod method;
pub mod names;
#[cfg(target_os = "linux")]
mod netlink;
#[cfg(target_os = "linux")]
mod pasta;
#[cfg(target_os = "linux")]
pub mod watch;

/// Returns whether this system has what isolation needs: Linux does.
pub const fn is_supported() -> bool {
    cfg!(target_os = "linux")
}
