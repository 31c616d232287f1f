//! Accounts: users as those see them who administer them.

use super::AuditEntry;
use crate::Result;
use async_trait::async_trait;
use cresset_model::account::Account;
use cresset_model::filter::{ListQuery, Page};
use cresset_model::{ObjectId, SecretString, Timestamp};
use serde_json::{Map, Value};

/// Most roles of a user.
pub const MAX_ROLES_OF_USER: usize = 64;
/// Longest text of an account, and largest document of its other keys, in bytes.
pub const MAX_ACCOUNT_DOCUMENT: usize = 16 << 10;

/// How a role is named in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoleRef {
    /// By its id.
    Id(i64),
    /// By its name, without regard to case.
    Name(String),
}

/// A user to be created.
#[derive(Debug, Clone)]
pub struct NewAccount {
    /// The id to use.
    pub id: ObjectId,
    /// Unique name.
    pub username: String,
    /// Mail address or empty.
    pub email: String,
    /// First name or empty.
    pub first_name: String,
    /// Last name or empty.
    pub last_name: String,
    /// Free text.
    pub note: String,
    /// Whether all its credentials are refused.
    pub disabled: bool,
    /// Uses the API only.
    pub api_only: bool,
    /// IANA time zone; `None` for UTC.
    pub timezone: Option<String>,
    /// Its roles, which must exist; the same one named twice counts once.
    pub roles: Vec<RoleRef>,
    /// Password, if the user may log in to the page; stored as Argon2id.
    pub password: Option<SecretString>,
    /// API access key; stored sealed.
    pub api_access_key: SecretString,
    /// Other keys, kept as they are.
    pub extra: Map<String, Value>,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Name of the user who creates it.
    pub created_by: String,
}

/// A change of a user: what is `None` stays.
#[derive(Debug, Clone, Default)]
pub struct AccountChange {
    /// Unique name.
    pub username: Option<String>,
    /// Mail address.
    pub email: Option<String>,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Free text.
    pub note: Option<String>,
    /// Whether all its credentials are refused.
    pub disabled: Option<bool>,
    /// Uses the API only; the password of such a user is forgotten.
    pub api_only: Option<bool>,
    /// IANA time zone.
    pub timezone: Option<String>,
    /// Its roles.
    pub roles: Option<Vec<RoleRef>>,
    /// A new password.
    pub password: Option<SecretString>,
    /// Other keys, which replace the stored ones.
    pub extra: Option<Map<String, Value>>,
}

/// Accounts. Every change takes effect at once for every process, reaches the user's rules,
/// and is one transaction with the line of the audit log that tells of it.
#[async_trait]
pub trait Accounts: Send + Sync + 'static {
    /// Users by [`cresset_model::account::USER_COLUMNS`]. [`crate::Error::Refused`] tells what
    /// is wrong with the filter or the order.
    async fn accounts(&self, query: &ListQuery) -> Result<Page<Account>>;
    /// The user of that number.
    async fn account(&self, number: i64) -> Result<Option<Account>>;
    /// Creates a user. [`crate::Error::Exists`] for a taken name, [`crate::Error::NotFound`]
    /// for a role that does not exist, [`crate::Error::Refused`] for texts that are too long.
    /// The password of an API-only user is not kept.
    async fn create_account(&self, new: NewAccount, told: &AuditEntry) -> Result<Account>;
    /// Changes a user; `None` without such a user. Errors as of [`Accounts::create_account`],
    /// and [`crate::Error::Refused`] if nobody would be left to administer the server.
    async fn change_account(
        &self,
        number: i64,
        change: &AccountChange,
        told: &AuditEntry,
    ) -> Result<Option<Account>>;
    /// Deletes a user with all its tokens; false without such a user.
    /// [`crate::Error::Refused`] for the last administrator who is not disabled, and for a
    /// user who owns alert rules.
    async fn delete_account(&self, number: i64, told: &AuditEntry) -> Result<bool>;
}
