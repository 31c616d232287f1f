//! Searches whose additions to lists are written down.

use crate::{Error, Progress, Result, SearchRequest, Searcher};
use async_trait::async_trait;
use cresset_catalog::{Catalog, Error as CatalogError};
use cresset_model::Clock;
use cresset_model::event::LoggedEvent;
use cresset_model::list::ListKind;
use cresset_query::{ListAdditions, Plan, ResultSet};
use std::sync::Arc;

/// Runs searches by another searcher and then adds to dynamic lists what the queries
/// gathered with `process toList`. Searches and scheduled rules run through it;
/// backtests, which only ask for [`Searcher::matching`], change nothing.
///
/// A result is given when its additions are durable. The same search again adds the same
/// values and renews their age. A result from which an instance is missing adds nothing:
/// values that it gave could be wrong, and a rule that waits for the instance searches again
/// and again.
#[derive(Clone)]
pub struct ListFeeder {
    searcher: Arc<dyn Searcher>,
    catalog: Arc<dyn Catalog>,
    clock: Arc<dyn Clock>,
}

impl ListFeeder {
    /// Searches by `searcher`; values are as old as `clock` says when the search has ended.
    pub fn new(
        searcher: Arc<dyn Searcher>,
        catalog: Arc<dyn Catalog>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            searcher,
            catalog,
            clock,
        }
    }

    /// Refuses a query before it runs that feeds what is no dynamic list.
    async fn check(&self, plan: &Plan) -> Result<()> {
        for name in plan.lists_fed().into_keys() {
            let kind = self.catalog.list(&name).await?.map(|list| list.kind);
            if let Some(why) = why_not_fed(&name, kind) {
                return Err(Error::List(why));
            }
        }
        Ok(())
    }

    async fn feed(&self, additions: Vec<ListAdditions>) -> Result<()> {
        let now = self.clock.now();
        for addition in additions {
            let seen = addition.values.len() as u64;
            let added = self
                .catalog
                .add_to_list(&addition.list, addition.values, now)
                .await;
            match added {
                Ok(_) => metrics::counter!("cresset_list_values_seen_total").increment(seen),
                // Deleted, or made anew as another kind, while the search ran.
                Err(CatalogError::NotFound { .. }) => {
                    return Err(Error::List(no_list(&addition.list)));
                }
                Err(CatalogError::Refused(why)) => return Err(Error::List(why)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Searcher for ListFeeder {
    async fn run(&self, request: SearchRequest) -> Result<ResultSet> {
        self.run_watched(request, Arc::default()).await
    }

    async fn run_watched(
        &self,
        request: SearchRequest,
        progress: Arc<Progress>,
    ) -> Result<ResultSet> {
        self.check(&request.plan).await?;
        let mut result = self.searcher.run_watched(request, progress).await?;
        // Nobody after this needs them, and they can be large.
        let additions = std::mem::take(&mut result.additions);
        if result.missing.is_empty() {
            self.feed(additions).await?;
        }
        Ok(result)
    }

    async fn matching(&self, request: SearchRequest, max: usize) -> Result<Vec<LoggedEvent>> {
        self.searcher.matching(request, max).await
    }
}

fn no_list(name: &str) -> String {
    format!(
        "the query feeds the list {name}, which does not exist; create it with \
         PUT /api/v1/lists/{name} and {{\"kind\":\"dynamic\",\"age_limit_minute\":60}}"
    )
}

/// Why a query cannot feed the list `name`, which is of this kind; `None`: there is no such
/// list.
pub fn why_not_fed(name: &str, kind: Option<ListKind>) -> Option<String> {
    match kind {
        Some(ListKind::DynamicList) => None,
        Some(ListKind::StaticList) => Some(format!(
            "the query feeds the list {name}, which is static; only dynamic lists are fed"
        )),
        None => Some(no_list(name)),
    }
}
