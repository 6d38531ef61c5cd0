//! The addresses that outgoing calls may reach. A webhook's URL is set by an app's admin and must not reach the operator's
//! own network (SSRF) unless the operator allows it.

use ipnet::IpNet;
use std::net::IpAddr;

/// Networks that are not the public internet: <https://www.iana.org/assignments/iana-ipv4-special-registry> and its
/// counterpart for IPv6. Networks that embed IPv4 addresses (6to4, Teredo, NAT64) are among them.
const SPECIAL_NETWORKS: &[&str] = &[
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];

/// The rule for which addresses outgoing calls may reach.
#[derive(Clone, Debug)]
pub struct AddressPolicy {
    special: Vec<IpNet>,
    allowed: Vec<IpNet>,
}

impl AddressPolicy {
    /// Allows the public internet and these networks.
    pub fn public_and(allowed: Vec<IpNet>) -> Self {
        Self {
            special: SPECIAL_NETWORKS.iter().filter_map(|network| network.parse().ok()).collect(),
            allowed,
        }
    }

    /// Allows every address, for calls whose URL comes from the operator.
    pub fn any() -> Self {
        Self { special: Vec::new(), allowed: Vec::new() }
    }

    /// Whether calls may reach an address. `::ffff:127.0.0.1` counts as 127.0.0.1.
    pub(crate) fn allows(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let within = |networks: &[IpNet]| networks.iter().any(|network| network.contains(&address));
        within(&self.allowed) || !within(&self.special)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_networks_are_refused_unless_allowed() {
        let policy =
            AddressPolicy::public_and(vec!["10.1.0.0/16".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        assert_eq!(policy.special.len(), SPECIAL_NETWORKS.len(), "a network does not parse");
        let check = |address: &str, expected: bool| {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(policy.allows(address), expected, "{address}");
        };
        for public in
            ["1.1.1.1", "8.8.8.8", "119.29.29.29", "172.32.0.1", "100.63.0.1", "2606:4700::1111", "240e::1"]
        {
            check(public, true);
        }
        for allowed in ["10.1.2.3", "::ffff:10.1.2.3", "fd12::1"] {
            check(allowed, true);
        }
        for private in [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "10.2.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.100.100.200",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::127.0.0.1",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
        ] {
            check(private, false);
        }
    }
}
