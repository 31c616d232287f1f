//! Addresses and networks.

use ipnet::IpNet;
use std::net::IpAddr;

/// Networks that are nobody's in particular: private, loopback, link-local, and shared by
/// carriers.
const PRIVATE: [&str; 8] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "100.64.0.0/10",
    "fc00::/7",
    "fe80::/10",
];

/// Whether an address belongs to nobody in particular.
pub(super) fn is_private(address: IpAddr) -> bool {
    let within = |network: &str| network.parse::<IpNet>().is_ok_and(|n| n.contains(&address));
    address.is_loopback() || PRIVATE.iter().any(|network| within(network))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eval::{address, network};

    #[test]
    fn addresses() {
        let private = |text: &str| address(text).map(is_private);
        for own in [
            "10.1.2.3",
            "172.31.0.1",
            " 192.168.1.1",
            "::1",
            "fe80::1",
            "::ffff:10.0.0.1",
        ] {
            assert_eq!(private(own), Some(true), "{own}");
        }
        for other in ["8.8.8.8", "172.32.0.1", "2001:db8::1"] {
            assert_eq!(private(other), Some(false), "{other}");
        }
        assert_eq!(private("host"), None);
        assert!(
            network("10.0.0.0/8")
                .unwrap()
                .contains(&address("10.9.9.9").unwrap())
        );
        assert_eq!(network("10.0.0.1"), network("10.0.0.1/32"));
        assert_eq!(network("10.0.0.0/33"), None);
    }
}
