//! API tokens: the credentials with which programs sign requests or name themselves.

use crate::filter::Column;
use crate::{ObjectId, Timestamp};
use serde::{Deserialize, Serialize};

/// How a token is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenKind {
    /// An access id and a key that signs each request.
    Lmv1,
    /// A text that is sent with each request.
    Bearer,
}

/// An API token without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiToken {
    /// Small number counted from 1, never used again, as LogicMonitor's clients expect it.
    pub id: i64,
    /// How it is used.
    pub kind: TokenKind,
    /// The public half of a signing key, 20 letters and digits; empty for bearer tokens.
    pub access_id: String,
    /// The beginning of a bearer token, by which its holder knows it again; empty for others.
    pub shown_key: String,
    /// The owner.
    pub user_id: ObjectId,
    /// The owner's number.
    pub user_number: i64,
    /// The owner's name.
    pub user_name: String,
    /// Names of the owner's roles.
    pub roles: Vec<String>,
    /// Free text.
    pub note: String,
    /// A disabled token is refused.
    pub disabled: bool,
    /// Time of creation, to the second.
    pub created_at: Timestamp,
    /// Name of the user who created it, empty if nobody knows.
    pub created_by: String,
    /// When it was used last, to the minute.
    pub last_used_at: Option<Timestamp>,
    /// From which address it was used last; empty if never.
    pub last_address: String,
    /// From then on it is refused; to the second.
    pub expires_at: Option<Timestamp>,
    /// What it may be used for; `None` for all that the owner may do.
    pub scopes: Option<Vec<String>>,
    /// Networks (CIDR) from which it may be used; empty for everywhere.
    pub networks: Vec<String>,
    /// The token that takes its place.
    pub rotated_to: Option<i64>,
}

impl ApiToken {
    /// Whether it is neither disabled nor expired at `now`.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        !self.disabled && self.expires_at.is_none_or(|end| now < end)
    }

    /// How logs name it: what lists show of it anyhow.
    pub fn label(&self) -> String {
        match self.kind {
            TokenKind::Lmv1 => self.access_id.clone(),
            TokenKind::Bearer => format!("{}*** (id {})", self.shown_key, self.id),
        }
    }
}

/// What became of tokens, as their owner is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenAct {
    /// Made.
    Created,
    /// Given another note, end, scopes or networks.
    Changed,
    /// Made usable again.
    Enabled,
    /// Disabled by somebody.
    Disabled,
    /// Disabled by the server, because nobody used it.
    Idle,
    /// Replaced by another, which is named after it.
    Rotated,
    /// Deleted for good.
    Deleted,
}

/// What the owner of tokens is told. It holds nothing of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenNews {
    /// What happened.
    pub act: TokenAct,
    /// The tokens by name, at most 50.
    pub tokens: Vec<String>,
    /// How many more there are.
    pub others: u64,
    /// Who did it.
    pub actor: String,
    /// From where, empty if it was not a request.
    pub address: String,
    /// When.
    pub at: Timestamp,
}

/// What lists of tokens can be filtered and sorted by. The access key is not among them: a
/// filter on it would tell it letter by letter.
pub const TOKEN_COLUMNS: &[Column] = &[
    Column::number("id"),
    Column::text("accessId"),
    Column::number("adminId"),
    Column::text("adminName"),
    Column::text("createdBy"),
    Column::number("createdOn"),
    Column::number("expiresOn"),
    Column::text("lastAuthIp"),
    Column::number("lastUsedOn"),
    Column::text("note"),
    Column::texts("roles"),
    Column::number("status"),
];
