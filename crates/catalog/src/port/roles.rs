//! Roles.

use super::AuditEntry;
use crate::Result;
use async_trait::async_trait;
use cresset_model::ObjectId;
use cresset_model::filter::{ListQuery, Page};
use cresset_model::role::{Privilege, Role};
use serde_json::{Map, Value};

/// Most roles.
pub const MAX_ROLES: u32 = 1000;
/// Longest name of a role in bytes.
pub const MAX_ROLE_NAME: usize = 255;
/// Longest description of a role, and largest documents of it, in bytes.
pub const MAX_ROLE_DOCUMENT: usize = 64 << 10;

/// A role to be created.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NewRole {
    /// Name, unique without regard to case.
    pub name: String,
    /// Free text.
    pub description: String,
    /// What its users may do.
    pub privileges: Vec<Privilege>,
    /// Other keys, kept as they are.
    pub extra: Map<String, Value>,
}

/// A change of a role: what is `None` stays.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RoleChange {
    /// Name, unique without regard to case.
    pub name: Option<String>,
    /// Free text.
    pub description: Option<String>,
    /// What its users may do.
    pub privileges: Option<Vec<Privilege>>,
    /// Other keys, which replace the stored ones.
    pub extra: Option<Map<String, Value>>,
}

/// Roles. Every change is one transaction with the line of the audit log that tells of it.
#[async_trait]
pub trait Roles: Send + Sync + 'static {
    /// Roles by [`cresset_model::role::ROLE_COLUMNS`]. [`crate::Error::Refused`] tells what is
    /// wrong with the filter or the order.
    async fn roles(&self, query: &ListQuery) -> Result<Page<Role>>;
    /// The role of that id.
    async fn role(&self, id: i64) -> Result<Option<Role>>;
    /// The roles of a user, first to last; none if there is no such user.
    async fn roles_of(&self, user: ObjectId) -> Result<Vec<Role>>;
    /// Creates a role. [`crate::Error::Exists`] for a taken name, [`crate::Error::Refused`]
    /// for one that is empty or too long and beyond [`MAX_ROLES`].
    async fn create_role(&self, new: NewRole, told: &AuditEntry) -> Result<Role>;
    /// Changes a role; `None` without such a role. Errors as of [`Roles::create_role`], and
    /// [`crate::Error::Refused`] for a built-in role, unless nothing would change.
    async fn change_role(
        &self,
        id: i64,
        change: &RoleChange,
        told: &AuditEntry,
    ) -> Result<Option<Role>>;
    /// Deletes a role; false without such a role. [`crate::Error::Refused`] for a built-in
    /// role and for one that a user has.
    async fn delete_role(&self, id: i64, told: &AuditEntry) -> Result<bool>;
}
