//! Users, their credentials, and the audit log.

use crate::Result;
use async_trait::async_trait;
use cresset_auth::signing_key::SigningKey;
use cresset_model::user::{Preferences, User};
use cresset_model::{ObjectId, SecretString, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A user to be created.
#[derive(Debug, Clone)]
pub struct NewUser {
    /// The id to use.
    pub id: ObjectId,
    /// Unique name.
    pub username: String,
    /// Mail address or empty.
    pub email: String,
    /// Names of roles, which must exist.
    pub roles: Vec<String>,
    /// Password, if the user may log in to the page; stored as Argon2id.
    pub password: Option<SecretString>,
    /// API access key; stored sealed.
    pub api_access_key: SecretString,
    /// Time of creation.
    pub created_at: Timestamp,
}

/// One line of the audit log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    /// When it happened.
    pub at: Timestamp,
    /// Who did it: a user name, `system`, or what was claimed.
    pub actor: String,
    /// Where the request came from, empty if it was not a request.
    pub address: String,
    /// A constant word such as `login_failed` or `rule_created`.
    pub action: String,
    /// Details without secrets.
    pub detail: String,
}

/// Users and credentials.
#[async_trait]
pub trait Users: Send + Sync + 'static {
    /// Creates a user. [`crate::Error::Exists`] for a taken name.
    async fn create_user(&self, user: NewUser) -> Result<User>;
    /// All users by name.
    async fn users(&self) -> Result<Vec<User>>;
    /// The user of that exact name.
    async fn user_by_name(&self, username: &str) -> Result<Option<User>>;
    /// The user of that id.
    async fn user_by_id(&self, id: ObjectId) -> Result<Option<User>>;
    /// Disables or enables a user.
    async fn set_user_disabled(&self, id: ObjectId, disabled: bool) -> Result<()>;
    /// Replaces the preferences of a user, whose rules take them over.
    async fn set_preferences(&self, id: ObjectId, preferences: &Preferences) -> Result<()>;
    /// Grants a user these repos and no others, `None` every ordinary one. The user's rules
    /// and searches see it at once. [`crate::Error::NotFound`] names a repo that does not
    /// exist, or whose address is at no registered instance.
    async fn grant_repos(&self, id: ObjectId, repos: Option<&BTreeSet<String>>) -> Result<()>;
    /// Whether `password` is the user's; false, and not sooner, for users without one and
    /// for ids of nobody.
    async fn check_password(&self, id: ObjectId, password: &SecretString) -> Result<bool>;
    /// The user of that exact name with the API access key, opened.
    async fn user_and_key(&self, username: &str) -> Result<Option<(Arc<User>, Arc<SigningKey>)>>;
    /// The user's API access key, opened. It changes at once for every process.
    async fn api_access_key(&self, id: ObjectId) -> Result<Option<SecretString>>;
    /// Replaces the API access key; tokens signed with the old one die.
    async fn set_api_access_key(&self, id: ObjectId, key: SecretString) -> Result<()>;
    /// Appends to the audit log.
    async fn audit(&self, entry: AuditEntry) -> Result<()>;
    /// The newest `limit` audit entries, newest first.
    async fn audit_entries(&self, limit: u32) -> Result<Vec<AuditEntry>>;
}
