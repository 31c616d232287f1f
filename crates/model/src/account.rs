//! Accounts: users as those see them who administer them.

use crate::Timestamp;
use crate::filter::{Column, ColumnKind};
use crate::role::Role;
use crate::user::User;
use serde_json::{Map, Value};

/// A user with all that is kept of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Account {
    /// The user; its `roles` are the names of [`Account::roles`], in the same order.
    pub user: User,
    /// First name, empty if unknown.
    pub first_name: String,
    /// Last name, empty if unknown.
    pub last_name: String,
    /// Free text.
    pub note: String,
    /// Has no password and uses the API only.
    pub api_only: bool,
    /// Whether there is a password.
    pub has_password: bool,
    /// The user's roles.
    pub roles: Vec<Role>,
    /// Name of the user who created it, empty if nobody knows.
    pub created_by: String,
    /// When one of the user's tokens was last used, to the minute.
    pub last_action_at: Option<Timestamp>,
    /// Other keys that a client stored, given back as they came.
    pub extra: Map<String, Value>,
}

/// What lists of users can be filtered and sorted by.
pub const USER_COLUMNS: &[Column] = &[
    Column::number("id"),
    Column::text("username"),
    Column::text("email"),
    Column::text("firstName"),
    Column::text("lastName"),
    Column::text("note"),
    Column::text("status"),
    Column::new("apionly", ColumnKind::Bool),
    Column::texts("roles"),
    Column::texts("roles.name"),
    Column::text("createdBy"),
    Column::text("timezone"),
    Column::text("phone"),
    Column::text("smsEmail"),
    Column::text("contactMethod"),
    Column::text("userType"),
    Column::new("twoFAEnabled", ColumnKind::Bool),
    Column::number("createdOn"),
    Column::number("lastActionOn"),
];
