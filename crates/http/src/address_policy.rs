//! The addresses that outgoing calls may reach. A webhook's URL is set by an app's admin and must not reach the operator's
//! own network (SSRF) unless the operator allows it.

use ipnet::IpNet;
use std::net::IpAddr;

/// Networks that are not the public internet: <https://www.iana.org/assignments/iana-ipv4-special-registry> and its
/// counterpart for IPv6. Of IPv6 only `2000::/3` is for hosts of the internet, and within it 6to4 and Teredo embed IPv4 addresses.
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
    // Also the forms of IPv4: compatible (::/96), translated (::ffff:0:0:0/96), NAT64 (64:ff9b::/96, 64:ff9b:1::/48).
    "::/3",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "4000::/2",
    // Also private (fc00::/7), link-local (fe80::/10) and multicast (ff00::/8).
    "8000::/1",
];

/// Addresses of cloud platforms that only their own machines reach, with services that hand out credentials. The platforms'
/// other ones are in [`SPECIAL_NETWORKS`]: 169.254.169.254 (most), 169.254.0.23 (Tencent Cloud), 100.100.100.200 (Alibaba
/// Cloud), 192.0.0.192 (Oracle Cloud), `fd00:ec2::254` (AWS), `fd20:ce::254` (Google Cloud).
const PLATFORM_NETWORKS: &[&str] = &[
    // Azure: its agent's configuration, with certificates.
    "168.63.129.16/32",
    // IBM Cloud: service network.
    "161.26.0.0/16",
    "166.8.0.0/14",
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
        let special = SPECIAL_NETWORKS.iter().chain(PLATFORM_NETWORKS);
        Self { special: special.filter_map(|network| network.parse().ok()).collect(), allowed }
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
        let networks = SPECIAL_NETWORKS.len() + PLATFORM_NETWORKS.len();
        assert_eq!(policy.special.len(), networks, "a network does not parse");
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

    /// Nothing is sent anywhere: the policy is asked before a connection is made.
    #[test]
    fn addresses_of_cloud_platforms_are_refused_in_every_form() {
        let policy = AddressPolicy::public_and(Vec::new());
        let platforms = [
            "168.63.129.16",   // Azure
            "169.254.169.254", // AWS, Azure, Google Cloud, Tencent Cloud and most others
            "169.254.0.23",    // Tencent Cloud
            "169.254.170.2",   // AWS, containers
            "100.100.100.200", // Alibaba Cloud
            "192.0.0.192",     // Oracle Cloud
            "161.26.0.10",     // IBM Cloud
            "166.9.0.1",
            "127.0.0.1",
            "10.0.0.1",
        ];
        for platform in platforms {
            let address: std::net::Ipv4Addr = platform.parse().unwrap();
            let [high, low] = [address.to_bits() >> 16, address.to_bits() & 0xffff];
            for form in [
                platform.to_owned(),
                format!("::ffff:{platform}"),            // mapped
                format!("::{platform}"),                 // compatible
                format!("::ffff:0:{platform}"),          // translated
                format!("64:ff9b::{platform}"),          // NAT64
                format!("64:ff9b:1::{platform}"),        // NAT64 of a local network
                format!("64:ff9b:1:{high:x}:{low:x}::"), // the same with a prefix of 48 bits
                format!("2002:{high:x}:{low:x}::1"),     // 6to4
                format!("2001:0:{high:x}:{low:x}::"),    // Teredo
            ] {
                let address: IpAddr = form.parse().unwrap();
                assert!(!policy.allows(address), "{form}");
            }
        }
        for own in
            ["fd00:ec2::254", "fd20:ce::254", "fe80::a9fe:a9fe", "fec0::1", "100::1", "5f00::1", "4000::1"]
        {
            assert!(!policy.allows(own.parse().unwrap()), "{own}");
        }
        for public in
            ["168.63.129.15", "168.63.129.17", "166.7.255.255", "166.12.0.1", "2400:3200::1", "2a00::1"]
        {
            assert!(policy.allows(public.parse().unwrap()), "{public}");
        }
    }
}
