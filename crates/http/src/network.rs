//! Client addresses as limits count them.

use std::net::{IpAddr, Ipv6Addr};

/// Returns the address that a client is counted under: for IPv6 its /64, since a client controls all of it.
pub fn client_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}
