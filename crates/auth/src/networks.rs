//! The networks that a credential may be used from.
//!
//! IPv4 written as IPv6 (`::ffff:192.0.2.1`) is IPv4 everywhere, in entries as in addresses: which
//! of the two a client appears as depends on the socket, not on the client.

use ipnet::IpNet;
use std::fmt;
use std::net::IpAddr;

/// Most entries of a list.
pub const MAX_NETWORKS: usize = 256;

/// Why a list of networks was refused. Every text names the entry as it was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    /// Not an address with an optional prefix length.
    #[error(
        "{0:?} is no network; write it like 10.0.0.0/8, 2001:db8::/32 or, for one address, 192.0.2.7"
    )]
    Syntax(String),
    /// Bits beyond the prefix are set, so it is unclear what was meant.
    #[error(
        "{written:?} has bits set after its prefix; write {network} for the network or {address} for the one address"
    )]
    HostBits {
        /// The entry.
        written: String,
        /// The network that it lies in.
        network: String,
        /// The address without the prefix length.
        address: String,
    },
    /// More entries than [`MAX_NETWORKS`].
    #[error("there are more than {MAX_NETWORKS} networks; name larger ones instead")]
    TooMany,
}

/// One network; a single address is a network of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network(IpNet);

/// A list of networks. An empty list permits every address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Networks(Vec<Network>);

impl Networks {
    /// Reads entries such as `10.0.0.0/8`, `2001:db8::/32` and `192.0.2.7`. Blanks around an
    /// entry do not count; one that says the same as an earlier one is left out.
    pub fn parse<I>(entries: I) -> Result<Self, NetworkError>
    where
        I: IntoIterator<Item: AsRef<str>>,
    {
        let mut networks = Vec::new();
        for (n, entry) in entries.into_iter().enumerate() {
            if n == MAX_NETWORKS {
                return Err(NetworkError::TooMany);
            }
            let network = Network::parse(entry.as_ref().trim())?;
            if !networks.contains(&network) {
                networks.push(network);
            }
        }
        Ok(Self(networks))
    }

    /// True if a request may come from `address`.
    pub fn permits(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.is_empty() || self.0.iter().any(|network| network.0.contains(&address))
    }

    /// True if every address is permitted because no network is named.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The entries in their shortest form, which [`Networks::parse`] reads again.
    pub fn entries(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

impl Network {
    fn parse(entry: &str) -> Result<Self, NetworkError> {
        let syntax = || NetworkError::Syntax(shortened(entry));
        let (address, prefix) = match entry.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (entry, None),
        };
        let written: IpAddr = address.parse().map_err(|_| syntax())?;
        let prefix = match prefix {
            None => IpNet::from(written).prefix_len(),
            // `u8` would also read a sign.
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| syntax())?
            }
            Some(_) => return Err(syntax()),
        };
        let (address, prefix) = match (written, written.to_canonical()) {
            (IpAddr::V6(_), v4 @ IpAddr::V4(_)) if prefix >= MAPPED_PREFIX => {
                (v4, prefix - MAPPED_PREFIX)
            }
            _ => (written, prefix),
        };
        let network = IpNet::new(address, prefix).map_err(|_| syntax())?;
        if network.trunc() == network {
            return Ok(Self(network));
        }
        Err(NetworkError::HostBits {
            written: shortened(entry),
            network: Self(network.trunc()).to_string(),
            address: address.to_string(),
        })
    }
}

/// The part of an IPv6 address that says that IPv4 follows, in bits.
const MAPPED_PREFIX: u8 = 96;

/// An entry for a message, which must not grow with what a client sent.
fn shortened(entry: &str) -> String {
    entry.chars().take(80).collect()
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.prefix_len() == self.0.max_prefix_len() {
            self.0.addr().fmt(f)
        } else {
            self.0.fmt(f)
        }
    }
}

#[cfg(test)]
mod tests;
