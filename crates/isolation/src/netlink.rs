//! Brings the loopback interface of a new network namespace up: addresses of 127.0.0.0/8 can't be bound before.

use anyhow::ensure;
use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with};

const NEW_LINK: u16 = 16;
const REQUEST_AND_ACKNOWLEDGE: u16 = 1 | 4;
const LOOPBACK_INDEX: u32 = 1;
const UP: u32 = 1;

/// Brings it up.
///
/// # Errors
/// When the kernel refuses, with its error number.
pub(crate) fn loopback_up() -> anyhow::Result<()> {
    let socket = socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    // No protocol stands for NETLINK_ROUTE. struct nlmsghdr, then struct ifinfomsg: family and type 0, the index, flags and the flags that change.
    let mut request = Vec::new();
    request.extend(32_u32.to_ne_bytes());
    request.extend(NEW_LINK.to_ne_bytes());
    request.extend(REQUEST_AND_ACKNOWLEDGE.to_ne_bytes());
    request.extend([0; 8]);
    request.extend([0; 4]);
    for number in [LOOPBACK_INDEX, UP, UP] {
        request.extend(number.to_ne_bytes());
    }
    sendto(&socket, &request, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
    let mut answer = [0; 256];
    let (length, _) = recv(&socket, &mut answer[..], RecvFlags::empty())?;
    // struct nlmsgerr begins behind the header, with the error as a negative number.
    let error = answer.get(16..20).filter(|_| length >= 20).and_then(|bytes| bytes.try_into().ok());
    let error = error.map_or(-1, i32::from_ne_bytes);
    ensure!(error == 0, "the loopback interface stays down: {}", std::io::Error::from_raw_os_error(-error));
    Ok(())
}
