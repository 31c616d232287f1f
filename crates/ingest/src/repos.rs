//! Which repos exist, asked of the catalog at most every few seconds.

use crate::IngestError;
use cresset_catalog::port::Repos;
use parking_lot::Mutex;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long an answer of the catalog is good for.
const FRESH: Duration = Duration::from_secs(3);

/// Names of repos.
pub(crate) type Names = Arc<BTreeSet<Arc<str>>>;

/// A memory of the catalog's repos.
pub(crate) struct KnownRepos {
    catalog: Arc<dyn Repos>,
    seen: Mutex<Option<(Instant, Names)>>,
}

impl KnownRepos {
    pub(crate) fn new(catalog: Arc<dyn Repos>) -> Self {
        Self {
            catalog,
            seen: Mutex::new(None),
        }
    }

    /// The names of all repos, as they were at most some seconds ago.
    pub(crate) async fn all(&self) -> Result<Names, IngestError> {
        if let Some((at, names)) = &*self.seen.lock()
            && at.elapsed() < FRESH
        {
            return Ok(Arc::clone(names));
        }
        self.look().await
    }

    async fn look(&self) -> Result<Names, IngestError> {
        let repos = self
            .catalog
            .repos()
            .await
            .map_err(|e| IngestError::Catalog(e.to_string()))?;
        let names: BTreeSet<Arc<str>> = repos.into_iter().map(|r| r.name.into()).collect();
        let names = Arc::new(names);
        *self.seen.lock() = Some((Instant::now(), Arc::clone(&names)));
        Ok(names)
    }

    /// The repo of that name. A name that is not remembered is always looked up,
    /// so that a new repo takes events at once.
    pub(crate) async fn find(&self, name: &str) -> Result<Arc<str>, IngestError> {
        if let Some((at, names)) = &*self.seen.lock()
            && at.elapsed() < FRESH
            && let Some(found) = names.get(name)
        {
            return Ok(Arc::clone(found));
        }
        let names = self.look().await?;
        let known = || names.iter().map(ToString::to_string).collect();
        names
            .get(name)
            .cloned()
            .ok_or_else(|| IngestError::UnknownRepo {
                name: name.to_owned(),
                known: known(),
            })
    }
}
