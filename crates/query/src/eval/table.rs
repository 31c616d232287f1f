//! Tables: named lists whose values are JSON objects, each of them a row.

use super::compare::keys_of;
use super::row::ResultRow;
use cresset_model::{FieldName, Value};
use ipnet::IpNet;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Most columns that a table keeps an index of.
const MAX_INDEXES: usize = 50;

/// Rows of a table, found by the value of a column, or by the network that a column names.
#[derive(Debug, Default)]
pub struct LookupTable {
    rows: Vec<ResultRow>,
    /// By column, built when the column is first asked for.
    values: Mutex<HashMap<FieldName, Arc<HashMap<String, usize>>>>,
    networks: Mutex<HashMap<FieldName, Arc<Networks>>>,
}

/// Where the row of a network is, and which lengths of prefixes there are, longest first.
#[derive(Debug, Default)]
struct Networks {
    rows: HashMap<IpNet, usize>,
    lengths: BTreeSet<std::cmp::Reverse<u8>>,
}

impl LookupTable {
    /// The table of a list with these values; values that are no JSON objects are left out.
    /// `None` if none is one, so that the list is no table.
    pub fn new<'v>(values: impl IntoIterator<Item = &'v str>) -> Option<Self> {
        let rows: Vec<ResultRow> = values.into_iter().filter_map(row).collect();
        (!rows.is_empty()).then(|| Self {
            rows,
            ..Self::default()
        })
    }

    /// The rows, in the order of the list.
    pub fn rows(&self) -> &[ResultRow] {
        &self.rows
    }

    /// The first row whose `column` is the same as `value`, as a search compares them.
    pub(crate) fn find(&self, column: &FieldName, value: &Value) -> Option<&ResultRow> {
        let index = indexed(&self.values, column, || self.index(column));
        let asked = ResultRow {
            fields: vec![(column.clone(), value.clone())],
        };
        let keys = keys_of(&asked, std::slice::from_ref(column));
        let place = keys.iter().filter_map(|key| index.get(key)).min()?;
        self.rows.get(*place)
    }

    /// The row whose `column` names the smallest network that holds `address`.
    pub(crate) fn find_network(&self, column: &FieldName, address: IpAddr) -> Option<&ResultRow> {
        let networks = indexed(&self.networks, column, || self.networks_in(column));
        let place = networks.lengths.iter().find_map(|length| {
            let network = IpNet::new(address, length.0).ok()?.trunc();
            networks.rows.get(&network)
        })?;
        self.rows.get(*place)
    }

    fn index(&self, column: &FieldName) -> HashMap<String, usize> {
        let mut index = HashMap::new();
        for (place, row) in self.rows.iter().enumerate() {
            for key in keys_of(row, std::slice::from_ref(column)) {
                index.entry(key).or_insert(place);
            }
        }
        index
    }

    fn networks_in(&self, column: &FieldName) -> Networks {
        let mut networks = Networks::default();
        for (place, row) in self.rows.iter().enumerate() {
            let Some(value) = row.value(column) else {
                continue;
            };
            for network in value.text().split(',').filter_map(network) {
                networks.rows.entry(network).or_insert(place);
                let length = std::cmp::Reverse(network.prefix_len());
                networks.lengths.insert(length);
            }
        }
        networks
    }
}

/// The index of a column, kept for the next time unless there are many.
fn indexed<I>(
    indexes: &Mutex<HashMap<FieldName, Arc<I>>>,
    column: &FieldName,
    build: impl FnOnce() -> I,
) -> Arc<I> {
    // A panic while an index was built leaves the others whole.
    let mut indexes = indexes.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(index) = indexes.get(column) {
        return Arc::clone(index);
    }
    let index = Arc::new(build());
    if indexes.len() < MAX_INDEXES {
        indexes.insert(column.clone(), Arc::clone(&index));
    }
    index
}

fn row(text: &str) -> Option<ResultRow> {
    let object: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text).ok()?;
    let field = |(name, value): (String, serde_json::Value)| {
        Some((FieldName::from(name), from_json(&value)?))
    };
    Some(ResultRow {
        fields: object.into_iter().filter_map(field).collect(),
    })
}

/// A network in CIDR notation, or a single address.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    let text = text.trim();
    match text.parse::<IpNet>() {
        Ok(network) => Some(network.trunc()),
        Err(_) => address(text).map(IpNet::from),
    }
}

/// An address, as the family that it is of: IPv4 inside of IPv6 is IPv4.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.trim().parse().ok()?;
    Some(address.to_canonical())
}

/// A value of JSON. An object is given as its JSON text, an array of plain values as a list,
/// and any other array as its JSON text; of null there is none.
pub(crate) fn from_json(json: &serde_json::Value) -> Option<Value> {
    Some(match json {
        serde_json::Value::Null => return None,
        serde_json::Value::Bool(b) => Value::Bool(*b),
        serde_json::Value::Number(n) => match n.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Float(n.as_f64()?),
        },
        serde_json::Value::String(text) => Value::str(text),
        serde_json::Value::Array(items)
            if items.iter().all(|i| !i.is_array() && !i.is_object()) =>
        {
            let texts = items.iter().filter_map(from_json);
            Value::List(texts.map(|v| v.text().into_owned().into()).collect())
        }
        other => Value::str(other.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(values: &[&str]) -> LookupTable {
        LookupTable::new(values.iter().copied()).unwrap()
    }

    #[test]
    fn rows_are_found_by_value() {
        let table = table(&[
            r#"{"user":"Bob","port":22,"owner":"first"}"#,
            "no row",
            r#"{"user":["amy","AMELIA"],"owner":"second","gone":null}"#,
            r#"{"user":"bob","owner":"third"}"#,
        ]);
        assert_eq!(table.rows().len(), 3);
        let owner = |column: &str, value: Value| {
            let found = table.find(&FieldName::from(column), &value);
            found.and_then(|row| row.value("owner").map(|v| v.text().into_owned()))
        };
        assert_eq!(owner("user", Value::str("BOB")).as_deref(), Some("first"));
        assert_eq!(
            owner("user", Value::str("amelia")).as_deref(),
            Some("second")
        );
        assert_eq!(owner("port", Value::str("0022")).as_deref(), Some("first"));
        assert_eq!(owner("user", Value::str("eve")), None);
        assert_eq!(owner("never", Value::str("bob")), None);
        assert!(LookupTable::new(["bob", "[1]", "7"]).is_none());
    }

    #[test]
    fn rows_are_found_by_network() {
        let table = table(&[
            r#"{"net":"10.0.0.0/8","site":"all"}"#,
            r#"{"net":"10.1.2.3/16","site":"one"}"#,
            r#"{"net":"192.0.2.7, 2001:db8::/32","site":"two"}"#,
            r#"{"net":"nonsense","site":"none"}"#,
        ]);
        let site = |text: &str| {
            let found = table.find_network(&FieldName::from("net"), address(text).unwrap());
            found.and_then(|row| row.value("site").map(|v| v.text().into_owned()))
        };
        assert_eq!(site("10.1.9.9").as_deref(), Some("one"));
        assert_eq!(site("10.2.0.1").as_deref(), Some("all"));
        assert_eq!(site("::ffff:192.0.2.7").as_deref(), Some("two"));
        assert_eq!(site("2001:db8::5").as_deref(), Some("two"));
        assert_eq!(site("192.0.2.8"), None);
    }
}
