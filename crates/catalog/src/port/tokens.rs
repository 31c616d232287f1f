//! API tokens.

use super::{AuditEntry, Moment};
use crate::Result;
use async_trait::async_trait;
use cresset_auth::signing_key::SigningKey;
use cresset_model::filter::{ListQuery, Page};
use cresset_model::token::{ApiToken, TokenKind};
use cresset_model::user::User;
use cresset_model::{SecretString, Timestamp};
use std::sync::Arc;

/// Most tokens of a user, of both kinds together, unless [`super::TokenPolicy`] says otherwise.
pub const MAX_TOKENS_OF_USER: u32 = 100;
/// Most tokens of each user that [`ApiTokens::tokens_of`] returns.
pub const TOKENS_WITH_USER: u32 = 100;
/// Longest note in characters.
pub const MAX_TOKEN_NOTE: usize = 1024;
/// Most networks of a token, and most scopes.
pub const MAX_TOKEN_LIMITS: usize = 64;
/// How many characters of a bearer token stay visible.
pub const SHOWN_OF_BEARER: usize = 20;

/// A token to be created.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// How it is used.
    pub kind: TokenKind,
    /// The public half of a signing key, unique; not used for bearer tokens.
    pub access_id: String,
    /// The signing key, stored sealed; or the whole bearer token, of which only the SHA-256
    /// and the first [`SHOWN_OF_BEARER`] characters are stored.
    pub secret: SecretString,
    /// The owner's number.
    pub user_number: i64,
    /// Free text.
    pub note: String,
    /// Whether it is created disabled.
    pub disabled: bool,
    /// Time of creation.
    pub created_at: Timestamp,
    /// Name of the user who creates it.
    pub created_by: String,
    /// From then on it is refused.
    pub expires_at: Option<Timestamp>,
    /// What it may be used for; `None` for all that the owner may do.
    pub scopes: Option<Vec<String>>,
    /// Networks (CIDR) from which it may be used; empty for everywhere.
    pub networks: Vec<String>,
}

impl NewToken {
    /// A token that signs, without limits or note.
    pub fn signing(
        access_id: String,
        secret: SecretString,
        user_number: i64,
        created_at: Timestamp,
    ) -> Self {
        Self {
            kind: TokenKind::Lmv1,
            access_id,
            secret,
            user_number,
            note: String::new(),
            disabled: false,
            created_at,
            created_by: String::new(),
            expires_at: None,
            scopes: None,
            networks: Vec::new(),
        }
    }
}

/// A change of a token: what is `None` stays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TokenChange {
    /// Free text.
    pub note: Option<String>,
    /// Whether it is refused.
    pub disabled: Option<bool>,
    /// When it ends; `Some(None)` for never.
    pub expires_at: Option<Option<Timestamp>>,
    /// What it may be used for; `Some(None)` for all that the owner may do.
    pub scopes: Option<Option<Vec<String>>>,
    /// From where it may be used; an empty list for everywhere.
    pub networks: Option<Vec<String>>,
}

/// A token that requests are signed with, and what proves it.
#[derive(Debug, Clone)]
pub struct SigningToken {
    /// The owner.
    pub user: Arc<User>,
    /// The token.
    pub token: Arc<ApiToken>,
    /// The signing key.
    pub key: Arc<SigningKey>,
    /// When all this was so.
    pub seen: Moment,
}

/// How tokens are revoked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Revocation {
    /// They are refused until somebody enables them.
    Disable,
    /// They are gone for good.
    Delete,
}

/// API tokens, whose times are kept to the second. Every change takes effect at once for every process, and is one transaction
/// with the line of the audit log that tells of it; a change that finds no token writes none.
#[async_trait]
pub trait ApiTokens: Send + Sync + 'static {
    /// Creates a token. [`crate::Error::NotFound`] without such a user,
    /// [`crate::Error::Exists`] for a taken access id or secret, [`crate::Error::Refused`] for
    /// a user with as many tokens as [`super::TokenPolicy`] allows and for texts that are too long.
    async fn create_token(&self, new: NewToken, told: &AuditEntry) -> Result<ApiToken>;
    /// Tokens of a kind, of one user or of all, by [`cresset_model::token::TOKEN_COLUMNS`].
    /// [`crate::Error::Refused`] tells what is wrong with the filter or the order. It may be
    /// as of the moment `seen`.
    async fn tokens(
        &self,
        kind: TokenKind,
        owner: Option<i64>,
        query: &ListQuery,
        seen: Option<Moment>,
    ) -> Result<Arc<Page<ApiToken>>>;
    /// The token of that id, if it belongs to `owner` or nobody asks whose it is.
    async fn token(&self, owner: Option<i64>, id: i64) -> Result<Option<ApiToken>>;
    /// Changes a token of `owner`; `None` if there is none of that id.
    async fn change_token(
        &self,
        owner: i64,
        id: i64,
        change: &TokenChange,
        told: &AuditEntry,
    ) -> Result<Option<ApiToken>>;
    /// Creates `new`, a token of the same kind, owner and limits, in the place of a token,
    /// which ends at `old_ends` unless it ends earlier. `None` if the owner has no such token;
    /// errors as of [`ApiTokens::create_token`], and [`crate::Error::Refused`] for a token that
    /// has been replaced before, is disabled, or has other limits by now.
    async fn rotate_token(
        &self,
        id: i64,
        new: NewToken,
        old_ends: Timestamp,
        told: &AuditEntry,
    ) -> Result<Option<ApiToken>>;
    /// Deletes a token of `owner` for good; false if there is none of that id.
    async fn delete_token(&self, owner: i64, id: i64, told: &AuditEntry) -> Result<bool>;
    /// Revokes those of these tokens that are there, whoever owns them, and returns them as they
    /// are then, or were; what is disabled already is no more disabled. `told` holds what is
    /// the same in the audit log's line about each; its detail follows the name of the token.
    async fn revoke_tokens(
        &self,
        ids: &[i64],
        how: Revocation,
        told: &AuditEntry,
    ) -> Result<Vec<ApiToken>>;
    /// The tokens of these users, by owner, then kind, then id. Of a user who has more than
    /// [`TOKENS_WITH_USER`] those are left out that are disabled, then the oldest.
    async fn tokens_of(&self, owners: &[i64]) -> Result<Vec<ApiToken>>;
    /// The signing token of that access id with its owner and its key, opened. It may be
    /// disabled or expired, and so may its owner be disabled.
    async fn signing_token(&self, access_id: &str) -> Result<Option<SigningToken>>;
    /// The bearer token of that SHA-256 with its owner. It may be disabled or expired, and so
    /// may its owner be disabled.
    async fn bearer_token(&self, sha256: &[u8; 32]) -> Result<Option<(Arc<User>, Arc<ApiToken>)>>;
    /// Records that a token was used, which an earlier use does not undo. The caller sees to
    /// it that this is not done more than once a minute.
    async fn token_used(&self, id: i64, at: Timestamp, address: &str) -> Result<()>;
}
