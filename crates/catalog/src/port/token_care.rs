//! What the server does about API tokens by itself.

use super::{AttemptRecord, AuditEntry, Uptime};
use crate::Result;
use async_trait::async_trait;
use cresset_model::Timestamp;
use cresset_model::token::{ApiToken, TokenNews};

/// Most tokens that a policy may allow a user.
pub const MOST_TOKENS_OF_USER: u32 = 1000;

/// What holds for the tokens of everybody. It is kept in the catalog, so that commands beside
/// the server keep to it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenPolicy {
    /// Most tokens of a user, of both kinds together; from 1 to [`MOST_TOKENS_OF_USER`].
    pub per_user: u32,
    /// Whether owners who have a mail address are told what happens to their tokens.
    pub mail_owners: bool,
}

impl Default for TokenPolicy {
    /// What holds in a catalog that was never told.
    fn default() -> Self {
        Self {
            per_user: super::MAX_TOKENS_OF_USER,
            mail_owners: false,
        }
    }
}

/// An e-mail to the owner of tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenMail {
    /// Counted from 1, never used again.
    pub id: i64,
    /// Where it goes: the owner's address at the time of the change.
    pub address: String,
    /// The owner's name at that time.
    pub username: String,
    /// What it tells.
    pub news: TokenNews,
    /// Attempts that failed.
    pub attempts: u32,
}

/// Idle tokens and e-mails to owners. An e-mail comes into being in the transaction of the
/// change that it tells of, and stays due until an attempt is recorded that ends it.
#[async_trait]
pub trait TokenCare: Send + Sync + 'static {
    /// Sets the policy. Without [`TokenPolicy::mail_owners`] mails that are due are dropped.
    /// [`crate::Error::Refused`] for a limit out of range.
    async fn set_token_policy(&self, policy: TokenPolicy) -> Result<()>;
    /// Records that the server is up at `now`, and returns when it was.
    async fn note_up(&self, now: Timestamp) -> Result<Uptime>;
    /// Disables at most `limit` tokens that were neither used nor made nor enabled since
    /// `before`, and returns them. Of those with which an administrator can do everything, the
    /// one used last stays. `told` holds what is the same in the audit log's line about each;
    /// its detail follows the name of the token.
    async fn disable_idle_tokens(
        &self,
        before: Timestamp,
        limit: u32,
        told: &AuditEntry,
    ) -> Result<Vec<ApiToken>>;
    /// Mails that are due at `now`, at most `limit`, those that are due longest first.
    async fn due_token_mails(&self, now: Timestamp, limit: u32) -> Result<Vec<TokenMail>>;
    /// Records an attempt to send a mail; nothing if it was dropped or ended meanwhile.
    async fn finish_token_mail(&self, id: i64, record: &AttemptRecord) -> Result<()>;
    /// Forgets mails that ended before a time, and says how many.
    async fn forget_token_mails(&self, before: Timestamp) -> Result<u64>;
}
