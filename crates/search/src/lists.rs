//! Named lists in memory, as queries look values up.

use cresset_catalog::{Catalog, Result};
use cresset_model::Clock;
use cresset_model::list::{ListInfo, ListKind};
use cresset_query::{ListLookup, LookupTable, Num, Place, Subject, Watch, fold};
use parking_lot::RwLock;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use wildcards::Wildcards;

mod wildcards;

/// Tells where addresses are.
pub trait Places: std::fmt::Debug + Send + Sync + 'static {
    /// What is known of an address, if anything is.
    fn place(&self, address: IpAddr) -> Option<Place>;
}

/// The catalog's lists, reloaded when they have changed, and what is known of addresses.
pub struct ListCache {
    catalog: Arc<dyn Catalog>,
    clock: Arc<dyn Clock>,
    current: RwLock<Arc<ListSnapshot>>,
    /// Held while loading, so that many searches do not load the same change.
    loading: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for ListCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ListCache")
            .field("lists", &self.snapshot().lists.len())
            .finish()
    }
}

/// All lists as they were at one moment.
#[derive(Debug, Default)]
pub struct ListSnapshot {
    /// The catalog's number of this state; `None` before the first load.
    version: Option<u64>,
    /// By upper-case name.
    lists: HashMap<String, Arc<Values>>,
    places: Option<Arc<dyn Places>>,
}

/// The entries of a list, which mean what they would mean in `IN [..]`.
///
/// Not a [`cresset_query::ValueSet`], because lists are large: this takes about half
/// the memory.
#[derive(Debug)]
struct Values {
    info: ListInfo,
    /// Entries without wildcards, folded.
    exact: HashSet<Box<str>>,
    /// Entries that are numbers.
    numbers: HashSet<Number>,
    wildcards: Wildcards,
    /// The rows, if entries are JSON objects.
    table: Option<Arc<LookupTable>>,
}

/// The lists as one search sees them. Once the search has been cancelled they answer at
/// once, also in the middle of a long list, and the answers mean nothing.
#[derive(Debug)]
pub(crate) struct SearchLists {
    lists: Arc<ListSnapshot>,
    cancelled: Arc<AtomicBool>,
}

impl SearchLists {
    /// The lists of a search that ends when `cancelled` is set.
    pub(crate) fn new(lists: Arc<ListSnapshot>, cancelled: Arc<AtomicBool>) -> Self {
        Self { lists, cancelled }
    }
}

impl ListLookup for SearchLists {
    fn contains(&self, list: &str, value: &str) -> bool {
        let given_up = || self.given_up();
        !given_up() && self.lists.holds(list, value, &Watch::new(&given_up))
    }

    fn table(&self, name: &str) -> Option<Arc<LookupTable>> {
        self.lists.table(name)
    }

    fn place(&self, address: IpAddr) -> Option<Place> {
        self.lists.place(address)
    }

    fn given_up(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// A number that can be hashed: a whole one, or the bits of another.
type Number = (bool, i128);

fn number(text: &str) -> Option<Number> {
    Num::exact(text).map(|n| match n {
        Num::Int(n) => (true, n),
        Num::Float(n) => (false, i128::from(n.to_bits())),
    })
}

impl ListCache {
    /// A cache that is empty until the first [`ListCache::refresh`].
    pub fn new(catalog: Arc<dyn Catalog>, clock: Arc<dyn Clock>) -> Self {
        Self {
            catalog,
            clock,
            current: RwLock::default(),
            loading: tokio::sync::Mutex::default(),
        }
    }

    /// The same, with knowledge of where addresses are.
    #[must_use]
    pub fn with_places(self, places: Arc<dyn Places>) -> Self {
        *self.current.write() = Arc::new(ListSnapshot {
            places: Some(places),
            ..ListSnapshot::default()
        });
        self
    }

    /// Whether anything is known of addresses.
    pub fn knows_places(&self) -> bool {
        self.snapshot().places.is_some()
    }

    /// Lets values of dynamic lists expire, and loads lists that have changed. Cheap if
    /// there is nothing to do.
    pub async fn refresh(&self) -> Result<()> {
        self.expire().await;
        if self.snapshot().version == Some(self.catalog.lists_version().await?) {
            return Ok(());
        }
        let _loading = self.loading.lock().await;
        // Asked before the lists are read: a change in between is seen next time.
        let version = self.catalog.lists_version().await?;
        let old = self.snapshot();
        if old.version == Some(version) {
            return Ok(());
        }
        let mut lists = HashMap::new();
        for info in self.catalog.lists().await? {
            let name = info.name.to_uppercase();
            let same = old
                .lists
                .get(&name)
                .filter(|v| v.info == info && !recent(&old, v));
            let values = match same {
                Some(values) => values.clone(),
                None => match self.catalog.list_values(&info.name).await? {
                    Some(entries) => Arc::new(Values::new(info, &entries)),
                    None => continue,
                },
            };
            lists.insert(name, values);
        }
        *self.current.write() = Arc::new(ListSnapshot {
            version: Some(version),
            lists,
            places: old.places.clone(),
        });
        Ok(())
    }

    /// A failure is told only: a disk that takes no changes must not stop searches.
    async fn expire(&self) {
        match self.catalog.expire_list_values(self.clock.now()).await {
            Ok(0) => {}
            Ok(gone) => {
                metrics::counter!("cresset_list_values_expired_total").increment(gone);
            }
            Err(error) => {
                tracing::warn!(%error, "old values of dynamic lists could not be removed");
            }
        }
    }

    /// The lists as of the last [`ListCache::refresh`].
    pub fn snapshot(&self) -> Arc<ListSnapshot> {
        self.current.read().clone()
    }
}

/// Whether another change may carry the same time as the one that was loaded.
///
/// Two changes within one microsecond, or under a clock that was set back, look the
/// same from outside; the list changed last is therefore always loaded again.
fn recent(old: &ListSnapshot, values: &Values) -> bool {
    old.lists
        .values()
        .all(|other| other.info.updated_at <= values.info.updated_at)
}

impl ListLookup for ListCache {
    fn contains(&self, list: &str, value: &str) -> bool {
        self.snapshot().contains(list, value)
    }

    fn table(&self, name: &str) -> Option<Arc<LookupTable>> {
        self.snapshot().table(name)
    }

    fn place(&self, address: IpAddr) -> Option<Place> {
        self.snapshot().place(address)
    }
}

impl ListLookup for ListSnapshot {
    /// False for an unknown list.
    fn contains(&self, list: &str, value: &str) -> bool {
        self.holds(list, value, &Watch::never())
    }

    fn table(&self, name: &str) -> Option<Arc<LookupTable>> {
        self.values(name)?.table.clone()
    }

    fn place(&self, address: IpAddr) -> Option<Place> {
        self.places.as_ref()?.place(address)
    }
}

impl ListSnapshot {
    /// [`ListLookup::contains`] until `watch` says otherwise.
    fn holds(&self, list: &str, value: &str, watch: &Watch<'_>) -> bool {
        self.values(list)
            .is_some_and(|values| values.contain(value, watch))
    }

    fn values(&self, list: &str) -> Option<&Arc<Values>> {
        self.lists
            .get(list)
            .or_else(|| self.lists.get(&list.to_uppercase()))
    }
}

impl Values {
    fn new(info: ListInfo, entries: &[String]) -> Self {
        // Values of dynamic lists come out of logs: a `*` that somebody sends must not
        // match everything.
        let (wild, plain): (Vec<&str>, Vec<&str>) = entries
            .iter()
            .map(String::as_str)
            .partition(|entry| info.kind == ListKind::StaticList && entry.contains(['*', '?']));
        let mut values = Self {
            info,
            exact: HashSet::new(),
            numbers: HashSet::new(),
            wildcards: Wildcards::new(wild),
            table: LookupTable::new(entries.iter().map(String::as_str)).map(Arc::new),
        };
        for entry in plain {
            match number(entry) {
                Some(number) => _ = values.numbers.insert(number),
                None => _ = values.exact.insert(fold(entry).into()),
            }
        }
        values
    }

    fn contain(&self, value: &str, watch: &Watch<'_>) -> bool {
        let subject = Subject::new(value);
        let exact = match number(value) {
            Some(number) => self.numbers.contains(&number),
            None => self.exact.contains(subject.folded()),
        };
        exact || self.wildcards.match_subject(&subject, watch)
    }
}

#[cfg(test)]
mod tests;
