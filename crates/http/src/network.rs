//! Addresses as limits count them.

use std::net::{IpAddr, Ipv6Addr};

/// The address that a caller counts as: an IPv6 caller owns a whole /64.
pub fn caller_network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}
