//! Macros in memory, as queries call them.

use cresset_catalog::{Catalog, Result};
use cresset_query::Macros;
use parking_lot::RwLock;
use std::sync::Arc;

/// The catalog's macros, reloaded when they have changed.
pub struct MacroCache {
    catalog: Arc<dyn Catalog>,
    /// With the catalog's number of this state; `None` before the first load.
    current: RwLock<(Option<u64>, Arc<Macros>)>,
}

impl std::fmt::Debug for MacroCache {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MacroCache").finish_non_exhaustive()
    }
}

impl MacroCache {
    /// A cache that is empty until it is asked.
    pub fn new(catalog: Arc<dyn Catalog>) -> Self {
        Self {
            catalog,
            current: RwLock::default(),
        }
    }

    /// The macros as they are now; the same ones for as long as none has changed.
    pub async fn current(&self) -> Result<Arc<Macros>> {
        // Asked before they are read: a change in between is seen next time.
        let version = self.catalog.macros_version().await?;
        let (known, macros) = self.current.read().clone();
        if known == Some(version) {
            return Ok(macros);
        }
        let macros: Arc<Macros> = Arc::new(self.catalog.macros().await?.into_iter().collect());
        let mut current = self.current.write();
        // Whoever was quicker may have loaded them already, or later ones.
        if current.0.is_none_or(|known| known < version) {
            *current = (Some(version), Arc::clone(&macros));
        }
        Ok(Arc::clone(&current.1))
    }
}
