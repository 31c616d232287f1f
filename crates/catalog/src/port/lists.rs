//! Repos and named lists.

use crate::Result;
use async_trait::async_trait;
use cresset_model::list::{ListInfo, ListKind};
use cresset_model::repo::Repo;
use cresset_model::{ObjectId, Timestamp};

/// Repos.
#[async_trait]
pub trait Repos: Send + Sync + 'static {
    /// Creates a repo. [`crate::Error::Exists`] for a taken name.
    async fn create_repo(&self, repo: Repo) -> Result<()>;
    /// All repos by name.
    async fn repos(&self) -> Result<Vec<Repo>>;
    /// Changes the retention of a repo.
    async fn set_retention(&self, name: &str, days: u32) -> Result<()>;
}

/// Named lists.
#[async_trait]
pub trait Lists: Send + Sync + 'static {
    /// Creates the list or replaces its values; names are stored in upper case,
    /// duplicates are folded. `id` is used if the list is new.
    async fn put_list(
        &self,
        id: ObjectId,
        name: &str,
        kind: ListKind,
        values: Vec<String>,
        now: Timestamp,
    ) -> Result<ListInfo>;
    /// All lists by name.
    async fn lists(&self) -> Result<Vec<ListInfo>>;
    /// The values of a list; `None` if there is none of that name (any case).
    async fn list_values(&self, name: &str) -> Result<Option<Vec<String>>>;
    /// A number that grows with every change of any list, by any process.
    async fn lists_version(&self) -> Result<u64>;
}
