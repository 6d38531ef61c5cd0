//! Messages of a byte with sockets attached, over a Unix stream socket (`SCM_RIGHTS`).

use anyhow::ensure;
use rustix::fd::BorrowedFd;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags, recvmsg, sendmsg,
};
use std::io::{IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};

/// The most sockets in one message: those of [`crate::low_ports::LowPorts`].
const SOCKETS_MAX: usize = 4;

/// Sends a byte with sockets.
pub(crate) fn send(socket: impl AsFd, byte: [u8; 1], sockets: &[BorrowedFd<'_>]) -> anyhow::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut attached = SendAncillaryBuffer::new(&mut space);
    if !sockets.is_empty() {
        ensure!(attached.push(SendAncillaryMessage::ScmRights(sockets)), "too many sockets for one message");
    }
    sendmsg(socket, &[IoSlice::new(&byte)], &mut attached, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives a byte with sockets; fails when the other side has closed.
pub(crate) fn receive(socket: impl AsFd) -> anyhow::Result<(u8, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(SOCKETS_MAX))];
    let mut attached = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let received =
        recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut attached, RecvFlags::CMSG_CLOEXEC)?;
    ensure!(received.bytes == 1, "the other process ended");
    let mut sockets = Vec::new();
    for message in attached.drain() {
        if let RecvAncillaryMessage::ScmRights(received) = message {
            sockets.extend(received);
        }
    }
    let [byte] = byte;
    Ok((byte, sockets))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
    use std::net::TcpListener;

    #[test]
    fn sockets_arrive_with_their_byte() {
        let (here, there) =
            socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        send(&here, *b"P", &[listener.as_fd()]).unwrap();
        let (byte, sockets) = receive(&there).unwrap();
        let received: Vec<TcpListener> = sockets.into_iter().map(Into::into).collect();
        assert_eq!((byte, received.len()), (b'P', 1));
        assert_eq!(received[0].local_addr().unwrap(), listener.local_addr().unwrap());
        drop(here);
        assert!(receive(&there).unwrap_err().to_string().contains("ended"));
    }
}
