//! What a query looks up besides its rows: named lists, tables, places of addresses.

use super::table::LookupTable;
use std::net::IpAddr;
use std::sync::Arc;

/// Looks up values in named lists, rows in tables, and addresses.
pub trait ListLookup: Send + Sync {
    /// True if `list` has an entry that matches `value`, letter case ignored;
    /// entries may hold wildcards. A list that does not exist is empty.
    fn contains(&self, list: &str, value: &str) -> bool;

    /// The table of that name, letter case ignored: a list whose values are JSON objects.
    fn table(&self, _name: &str) -> Option<Arc<LookupTable>> {
        None
    }

    /// What is known of an address, if anything is.
    fn place(&self, _address: IpAddr) -> Option<Place> {
        None
    }

    /// True once nobody waits for the run any more, for example because its time is
    /// up. It stays true, and is asked from inside of long evaluations, which then end
    /// with a meaningless answer: who gives up a run must not use its result.
    fn given_up(&self) -> bool {
        false
    }
}

/// No list has any entry.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoLists;

impl ListLookup for NoLists {
    fn contains(&self, _list: &str, _value: &str) -> bool {
        false
    }
}

/// What is known of an address. Names are in English.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Place {
    /// The country's name.
    pub country: Option<String>,
    /// Its code of two letters.
    pub country_code: Option<String>,
    /// The continent's name.
    pub continent: Option<String>,
    /// The largest part of the country that is named.
    pub region: Option<String>,
    /// The city.
    pub city: Option<String>,
    /// Degrees to the north.
    pub latitude: Option<f64>,
    /// Degrees to the east.
    pub longitude: Option<f64>,
    /// IANA name of the time zone.
    pub time_zone: Option<String>,
    /// Number of the network that the address belongs to.
    pub asn: Option<u32>,
    /// Who runs that network.
    pub organization: Option<String>,
}
