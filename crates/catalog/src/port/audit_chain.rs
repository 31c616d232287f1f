//! The audit log as a chain of blocks, which shows whether somebody was at it.

use super::AuditEntry;
use crate::Result;
use crate::audit_chain::{Block, BlockHash, Verdict};
use async_trait::async_trait;
use cresset_model::Timestamp;

/// An entry with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditRecord {
    /// Counted from 1 in the order in which entries were written.
    pub id: i64,
    /// What happened.
    pub entry: AuditEntry,
    /// The request that was refused; empty for all else.
    pub request: RefusedRequest,
}

/// What was asked for by a request that was refused.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RefusedRequest {
    /// The HTTP method.
    pub method: String,
    /// The path as it was sent, without the query string.
    pub path: String,
}

/// Which entries are asked for.
#[derive(Debug, Clone)]
pub struct AuditFilter {
    /// Only those of this moment and later.
    pub since: Option<Timestamp>,
    /// Only those of this actor, in any case.
    pub actor: Option<String>,
    /// Only those of this action; `*` stands for any letters.
    pub action: Option<String>,
    /// At most so many, the newest.
    pub most: u32,
}

/// Entries of the audit log and the blocks that protect them.
#[async_trait]
pub trait AuditChain: Send + Sync + 'static {
    /// Closes up to `most` of the entries that are in no block yet into the next block.
    /// `None` if there are none, or somebody else has just done it.
    async fn close_audit_block(&self, most: u32) -> Result<Option<Block>>;
    /// The first block that ends after entry `id`, with its entries.
    async fn audit_block_after(&self, id: i64) -> Result<Option<(Block, Vec<AuditRecord>)>>;
    /// The last block.
    async fn audit_head(&self) -> Result<Option<Block>>;
    /// Computes all hashes anew, as everything stands at one moment. With `known`, a block
    /// must have that hash.
    async fn verify_audit(&self, known: Option<BlockHash>) -> Result<Verdict>;
    /// Entries, newest first.
    async fn audit_records(&self, filter: &AuditFilter) -> Result<Vec<AuditRecord>>;
}
