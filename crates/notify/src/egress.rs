//! The egress guard: which addresses Cresset may connect to.
//!
//! A notification's destination is chosen by whoever may write a rule, so it must not
//! become a way into the operator's network. The guard refuses every address that is not
//! plainly public unless the operator allowed its network, and cloud metadata services
//! always. It judges addresses, never names: what is checked is what is connected to.

mod cidr;
#[cfg(test)]
mod tests;

pub use cidr::{Cidr, InvalidCidr};

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Why a connection was refused before it was made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EgressError {
    /// The address is not public and no allowed network holds it.
    #[error(
        "the egress guard refuses {address} ({class}); if this destination is meant, add its network to [egress] allow"
    )]
    Refused {
        /// The address, in the form that was judged.
        address: IpAddr,
        /// What kind of address it is.
        class: &'static str,
    },
    /// The address serves cloud credentials; no setting allows it.
    #[error("the egress guard refuses {address}: a cloud metadata service is never a destination")]
    Metadata {
        /// The address, in the form that was judged.
        address: IpAddr,
    },
    /// The destination is not an HTTP address.
    #[error("the egress guard refuses the scheme {0:?}; use http or https")]
    Scheme(String),
}

/// Decides which addresses may be connected to.
#[derive(Debug, Clone, Default)]
pub struct EgressGuard {
    allow: Vec<Cidr>,
}

impl EgressGuard {
    /// A guard that lets public addresses and those in `allow` pass.
    pub const fn new(allow: Vec<Cidr>) -> Self {
        Self { allow }
    }

    /// Judges one address.
    pub fn check(&self, address: IpAddr) -> Result<(), EgressError> {
        let forms = forms_of(address);
        if let Some(&address) = forms.iter().find(|a| is_metadata(**a)) {
            return Err(EgressError::Metadata { address });
        }
        let allowed = |a: &IpAddr| self.allow.iter().any(|net| net.contains(*a));
        if allowed(&address) {
            return Ok(());
        }
        // The operator means an address, however it is wrapped, so the wrapping is not
        // judged where something inside is allowed; all that is inside is.
        let inside = forms.iter().any(allowed);
        match forms
            .iter()
            .filter(|a| !(allowed(a) || inside && a.is_ipv6()))
            .find_map(|a| class(*a).map(|class| (*a, class)))
        {
            Some((address, class)) => Err(EgressError::Refused { address, class }),
            None => Ok(()),
        }
    }

    /// Keeps the addresses that pass; the first refusal if none does.
    ///
    /// A name that resolves to good and bad addresses is reached through the good ones.
    pub fn filter(
        &self,
        addresses: impl IntoIterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, EgressError> {
        let mut refusal = None;
        let mut passed = Vec::new();
        for address in addresses {
            match self.check(address.ip()) {
                Ok(()) => passed.push(address),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        match refusal {
            Some(error) if passed.is_empty() => Err(error),
            _ => Ok(passed),
        }
    }
}

/// Addresses of services that hand out credentials of the machine.
const METADATA: [IpAddr; 12] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 42, 42)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 0, 23)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0023)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254)),
    IpAddr::V6(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xa9fe, 0xa9fe)),
];

fn is_metadata(address: IpAddr) -> bool {
    METADATA.contains(&address)
}

/// The address and every IPv4 address that it stands for.
fn forms_of(address: IpAddr) -> Vec<IpAddr> {
    let IpAddr::V6(v6) = address else {
        return vec![address];
    };
    let octets = v6.octets();
    let v4_at = |at: usize| {
        IpAddr::V4(Ipv4Addr::new(
            octets[at],
            octets[at + 1],
            octets[at + 2],
            octets[at + 3],
        ))
    };
    match v6.segments() {
        // Mapped and compatible addresses are the IPv4 address, nothing else.
        [0, 0, 0, 0, 0, 0xffff, ..] => vec![v4_at(12)],
        [0, 0, 0, 0, 0, 0, high, _] if high != 0 => vec![v4_at(12)],
        // The translated form of RFC 2765.
        [0, 0, 0, 0, 0xffff, 0, ..] => vec![v4_at(12), address],
        // NAT64, well-known prefix.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => vec![v4_at(12), address],
        // NAT64, prefix for local use.
        [0x64, 0xff9b, 1, ..] => vec![v4_at(12), address],
        // 6to4.
        [0x2002, ..] => vec![v4_at(2), address],
        // Teredo: the server, and the client with its bits inverted.
        [0x2001, 0, ..] => {
            let client = [!octets[12], !octets[13], !octets[14], !octets[15]];
            vec![IpAddr::V4(Ipv4Addr::from(client)), v4_at(4), address]
        }
        // ISATAP.
        [_, _, _, _, 0 | 0x200, 0x5efe, ..] => vec![v4_at(12), address],
        _ => vec![address],
    }
}

/// What makes an address not public; `None` for public ones.
fn class(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => class_v4(v4),
        IpAddr::V6(v6) => class_v6(v6),
    }
}

fn class_v4(v4: Ipv4Addr) -> Option<&'static str> {
    Some(match v4.octets() {
        [0, ..] => "unspecified",
        [10, ..] | [192, 168, ..] => "private",
        [172, b, ..] if (16..32).contains(&b) => "private",
        [100, b, ..] if (64..128).contains(&b) => "carrier-grade NAT",
        [127, ..] => "loopback",
        [169, 254, ..] => "link-local",
        [192, 0, 0, _] => "reserved for protocols",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "documentation",
        [192, 88, 99, _] => "6to4 relay",
        [198, 18 | 19, ..] => "benchmarking",
        [255, 255, 255, 255] => "broadcast",
        [224..=239, ..] => "multicast",
        [240..=255, ..] => "reserved",
        _ => return None,
    })
}

fn class_v6(v6: Ipv6Addr) -> Option<&'static str> {
    Some(match v6.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => "unspecified",
        [0, 0, 0, 0, 0, 0, 0, 1] => "loopback",
        // The IPv4 address inside was judged on its own.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => return None,
        [0x64, 0xff9b, ..] => "NAT64 for local use",
        [0xfc00..=0xfdff, ..] => "unique-local",
        [0xfe80..=0xfebf, ..] => "link-local",
        [0xfec0..=0xfeff, ..] => "site-local",
        [0xff00..=0xffff, ..] => "multicast",
        [0x2001, 0, ..] => return None,
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => "documentation",
        [0x2001, 2, 0, ..] => "benchmarking",
        [0x2001, 0..=0x01ff, ..] => "reserved for protocols",
        [0x2000..=0x3fff, ..] => return None,
        _ => "reserved",
    })
}
