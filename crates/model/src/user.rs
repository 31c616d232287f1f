//! Users, roles, scopes and the credentials that name them.

use crate::{ObjectId, Timestamp};
use serde::{Deserialize, Serialize};
use std::str::FromStr;

/// A person or a program that may use the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Unique id.
    pub id: ObjectId,
    /// Unique name, compared exactly.
    pub username: String,
    /// Mail address, empty if none is known.
    pub email: String,
    /// Names of the user's roles.
    pub roles: Vec<String>,
    /// A disabled user's credentials are all refused.
    pub disabled: bool,
    /// IANA time zone for relative times and formats.
    pub timezone: String,
    /// Time of creation.
    pub created_at: Timestamp,
}

/// The four built-in roles, strongest first (spec/logicmonitor-api.md §6.3).
pub const BUILT_IN_ROLES: [&str; 4] = ["administrator", "manager", "ackonly", "readonly"];

/// What a token may do (spec/logpoint-api.md §1.1, and our own `logs:write`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// List user-defined lists.
    SearchRead,
    /// Import static lists.
    SearchWrite,
    /// List instances and their repos.
    LogsourceRead,
    /// Read alert rules and notifications.
    AlertrulesRead,
    /// Change alert rules and notifications.
    AlertrulesWrite,
    /// Send logs.
    LogsWrite,
}

/// The text names no known scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown scope")]
pub struct UnknownScope;

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 6] = [
        Self::SearchRead,
        Self::SearchWrite,
        Self::LogsourceRead,
        Self::AlertrulesRead,
        Self::AlertrulesWrite,
        Self::LogsWrite,
    ];

    /// The scope as it stands in a token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SearchRead => "search:read",
            Self::SearchWrite => "search:write",
            Self::LogsourceRead => "logsource:read",
            Self::AlertrulesRead => "alertrules:read",
            Self::AlertrulesWrite => "alertrules:write",
            Self::LogsWrite => "logs:write",
        }
    }

    /// True if one of `roles` may use this scope: administrators and managers
    /// may use all, `ackonly` and `readonly` only those that read.
    pub fn allowed_for(self, roles: &[String]) -> bool {
        let reads = matches!(
            self,
            Self::SearchRead | Self::LogsourceRead | Self::AlertrulesRead
        );
        roles.iter().any(|role| match role.as_str() {
            "administrator" | "manager" => true,
            "ackonly" | "readonly" => reads,
            _ => false,
        })
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    /// Reads a scope; the plural `logsources:read` of the vendor's sample
    /// command counts as `logsource:read`.
    fn from_str(s: &str) -> Result<Self, UnknownScope> {
        if s == "logsources:read" {
            return Ok(Self::LogsourceRead);
        }
        Self::ALL
            .into_iter()
            .find(|scope| scope.as_str() == s)
            .ok_or(UnknownScope)
    }
}

/// An LMv1 API token without its key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    /// Small number, unique, as LogicMonitor's clients expect it.
    pub id: i64,
    /// The public half, 20 letters and digits.
    pub access_id: String,
    /// The owner.
    pub user_id: ObjectId,
    /// Free text.
    pub note: String,
    /// A disabled token is refused.
    pub disabled: bool,
    /// Time of creation.
    pub created_at: Timestamp,
}
