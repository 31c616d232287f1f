//! Incident user groups.

use crate::Result;
use async_trait::async_trait;
use cresset_model::group::UserGroup;
use cresset_model::{ObjectId, Timestamp};

/// Most groups.
pub const MAX_GROUPS: usize = 1_000;

/// Incident user groups and their members.
#[async_trait]
pub trait Groups: Send + Sync + 'static {
    /// Creates an empty group. [`crate::Error::Exists`] for a taken name,
    /// [`crate::Error::Refused`] for one that no rule could carry or beyond [`MAX_GROUPS`].
    async fn create_group(&self, id: ObjectId, name: &str, now: Timestamp) -> Result<UserGroup>;
    /// All groups by name.
    async fn groups(&self) -> Result<Vec<UserGroup>>;
    /// Makes users members; those who are stay so. [`crate::Error::NotFound`] for an unknown
    /// group or user; then nothing is changed.
    async fn add_group_members(&self, name: &str, users: &[ObjectId]) -> Result<()>;
    /// Ends memberships; users who are no members are passed over.
    /// [`crate::Error::NotFound`] for an unknown group.
    async fn remove_group_members(&self, name: &str, users: &[ObjectId]) -> Result<()>;
    /// Deletes a group. Incidents that it saw are not seen through it any more.
    async fn delete_group(&self, name: &str) -> Result<()>;
}
