//! Isolation of one command: its lookups of chosen host names end at a loopback address of its own, and its network stays
//! as it is otherwise.
//!
//! A private mount namespace with its own `/etc/hosts` and `/etc/resolv.conf` leads the names there; a small DNS server
//! answers what a hosts file can't. Where namespaces can't be had, a container's own hosts file is edited, and where
//! that can't be done either, Landlock forbids connections to the ports 443 and 80, so that nothing leaves unseen.
//!
//! This crate knows no product type: names and domains are given to it. Linux only; elsewhere it is empty.
//!
//! The parent is [`isolate::Isolation`]; the child, which becomes the command, is [`enter`].

#![cfg(target_os = "linux")]

pub mod address;
mod control;
pub mod dns;
pub mod enter;
mod files;
mod hosts_edit;
pub mod isolate;
mod landlock;
pub mod low_ports;
mod method;
pub mod names;
mod netlink;
mod pasta;
pub mod watch;
