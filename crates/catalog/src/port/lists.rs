//! Repos and named lists.

use crate::Result;
use async_trait::async_trait;
use cresset_model::list::ListInfo;
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
    /// Creates a static list or replaces its values; names are stored in upper case,
    /// duplicates are folded. `id` is used if the list is new.
    ///
    /// [`crate::Error::Refused`] over a dynamic list.
    async fn put_list(
        &self,
        id: ObjectId,
        name: &str,
        values: Vec<String>,
        now: Timestamp,
    ) -> Result<ListInfo>;
    /// Creates an empty dynamic list, or gives one a new age limit, in minutes.
    /// `id` is used if the list is new.
    ///
    /// [`crate::Error::Refused`] over a static list.
    async fn put_dynamic_list(
        &self,
        id: ObjectId,
        name: &str,
        age_limit_minute: u32,
        now: Timestamp,
    ) -> Result<ListInfo>;
    /// Adds values to a dynamic list as seen at `now`; those it has already get the new
    /// age. Beyond the largest size of a list the values seen longest ago go.
    ///
    /// [`crate::Error::NotFound`] for an unknown list, [`crate::Error::Refused`] for a
    /// static one.
    async fn add_to_list(
        &self,
        name: &str,
        values: Vec<String>,
        now: Timestamp,
    ) -> Result<ListInfo>;
    /// Removes the values of dynamic lists that are past their age limit at `now`, and
    /// says how many that were. Cheap if there are none.
    async fn expire_list_values(&self, now: Timestamp) -> Result<u64>;
    /// Removes a list; queries then see an empty one.
    /// [`crate::Error::NotFound`] if there is none of that name (any case).
    async fn delete_list(&self, name: &str) -> Result<()>;
    /// A list by name, in any case.
    async fn list(&self, name: &str) -> Result<Option<ListInfo>>;
    /// All lists by name.
    async fn lists(&self) -> Result<Vec<ListInfo>>;
    /// The values of a list; `None` if there is none of that name (any case). Those of a
    /// dynamic list include what is past its age limit but not yet removed.
    async fn list_values(&self, name: &str) -> Result<Option<Vec<String>>>;
    /// At most `take` values of a list, without the first `skip`, in an order that stays
    /// while the list does.
    async fn list_page(&self, name: &str, skip: u64, take: u64) -> Result<Option<Vec<String>>>;
    /// A number that grows with every change of any list, by any process.
    async fn lists_version(&self) -> Result<u64>;
}
