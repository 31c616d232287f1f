//! Named lists in memory, as queries look values up.

use cresset_catalog::{Catalog, Result};
use cresset_model::list::ListInfo;
use cresset_query::{ListLookup, Num, Pattern, fold};
use parking_lot::RwLock;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The catalog's lists, reloaded when they have changed.
pub struct ListCache {
    catalog: Arc<dyn Catalog>,
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
    patterns: Vec<Pattern>,
}

/// A number that can be hashed: a whole one, or the bits of another.
type Number = (bool, i128);

fn number(text: &str) -> Option<Number> {
    Num::parse(text).map(|n| match n {
        Num::Int(n) => (true, n),
        Num::Float(n) => (false, i128::from(n.to_bits())),
    })
}

impl ListCache {
    /// A cache that is empty until the first [`ListCache::refresh`].
    pub fn new(catalog: Arc<dyn Catalog>) -> Self {
        Self {
            catalog,
            current: RwLock::default(),
            loading: tokio::sync::Mutex::default(),
        }
    }

    /// Loads lists that have changed. Cheap if none has.
    pub async fn refresh(&self) -> Result<()> {
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
        });
        Ok(())
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
}

impl ListLookup for ListSnapshot {
    /// False for an unknown list.
    fn contains(&self, list: &str, value: &str) -> bool {
        let values = self
            .lists
            .get(list)
            .or_else(|| self.lists.get(&list.to_uppercase()));
        values.is_some_and(|values| values.contain(value))
    }
}

impl Values {
    fn new(info: ListInfo, entries: &[String]) -> Self {
        let mut values = Self {
            info,
            exact: HashSet::new(),
            numbers: HashSet::new(),
            patterns: Vec::new(),
        };
        for entry in entries {
            if entry.contains(['*', '?']) {
                values.patterns.push(Pattern::new(entry));
            } else if let Some(number) = number(entry) {
                values.numbers.insert(number);
            } else {
                values.exact.insert(fold(entry).into());
            }
        }
        values
    }

    fn contain(&self, value: &str) -> bool {
        let exact = match number(value) {
            Some(number) => self.numbers.contains(&number),
            None => self.exact.contains(&*fold(value)),
        };
        exact || self.patterns.iter().any(|p| p.matches_text(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cresset_model::list::ListKind;
    use cresset_model::{ObjectId, Timestamp};

    #[test]
    fn entries_match_in_any_case_and_with_wildcards() {
        let info = ListInfo {
            id: ObjectId::from_bytes([0; 12]),
            name: "ADMINS".into(),
            kind: ListKind::StaticList,
            len: 4,
            updated_at: Timestamp(0),
        };
        let entries = [
            "Root".to_owned(),
            "svc_*".into(),
            "J?rgen".into(),
            "22".into(),
        ];
        let values = Arc::new(Values::new(info, &entries));
        let lists = ListSnapshot {
            version: Some(1),
            lists: HashMap::from([("ADMINS".into(), values)]),
        };
        let check = |list: &str, value: &str, expect: bool| {
            assert_eq!(lists.contains(list, value), expect, "{list} {value}");
        };
        check("ADMINS", "root", true);
        check("admins", "ROOT", true);
        check("ADMINS", "SVC_backup", true);
        check("ADMINS", "JÜRGEN", true);
        check("ADMINS", "22", true);
        check("ADMINS", "22.0", true);
        check("ADMINS", "2", false);
        check("ADMINS", "roo", false);
        check("ADMINS", "", false);
        check("OTHERS", "root", false);
    }
}
