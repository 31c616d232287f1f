//! Deletions under way, for callers that come back to ask how far they are.
//!
//! One runs at a time. Each is written down in the audit log before it changes anything, and
//! again when it has ended; if the first line cannot be written, nothing is deleted.

use crate::delete::{DeleteProgress, DeleteRequest, Deleted, Deleter};
use cresset_catalog::Catalog;
use cresset_catalog::port::AuditEntry;
use cresset_model::{Clock, Entropy, ObjectId, Timestamp};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;

/// Ended deletions that are remembered.
const REMEMBERED: usize = 100;
/// Deletions that wait for their turn.
const WAITING: usize = 64;

/// Who deletes, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mandate {
    /// User name.
    pub actor: String,
    /// Where the request came from.
    pub address: String,
    /// The reason given.
    pub reason: String,
}

/// How far a deletion is.
#[derive(Debug, Clone)]
pub enum DeletionState {
    /// Waiting or running.
    Running,
    /// Done.
    Done(Deleted),
    /// Failed, with what went wrong, for the user. It may have deleted some events.
    Failed(String),
}

/// A deletion.
#[derive(Debug, Clone)]
pub struct Deletion {
    /// Its id.
    pub id: ObjectId,
    /// What is deleted.
    pub request: DeleteRequest,
    /// By whom.
    pub mandate: Mandate,
    /// When it was asked for.
    pub at: Timestamp,
    /// What it has looked at.
    pub progress: Arc<DeleteProgress>,
    /// How far it is.
    pub state: DeletionState,
}

/// All deletions since the start. Clones are handles to the same ones.
#[derive(Clone)]
pub struct Deletions(Arc<Inner>);

struct Inner {
    deleter: Deleter,
    catalog: Arc<dyn Catalog>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    /// Held by the one that runs.
    running: tokio::sync::Mutex<()>,
    known: Mutex<VecDeque<Deletion>>,
}

impl Deletions {
    /// None yet.
    pub fn new(
        deleter: Deleter,
        catalog: Arc<dyn Catalog>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        Self(Arc::new(Inner {
            deleter,
            catalog,
            clock,
            entropy,
            running: tokio::sync::Mutex::default(),
            known: Mutex::default(),
        }))
    }

    /// Begins a deletion and returns it at once; `None` if too many wait.
    /// Must be called on a Tokio runtime.
    pub fn start(&self, request: DeleteRequest, mandate: Mandate) -> Option<Deletion> {
        let inner = &self.0;
        let at = inner.clock.now();
        let deletion = Deletion {
            id: ObjectId::generate(at, &*inner.entropy),
            request,
            mandate,
            at,
            progress: Arc::default(),
            state: DeletionState::Running,
        };
        let mut known = inner.known.lock();
        let waiting = |d: &&Deletion| matches!(d.state, DeletionState::Running);
        if known.iter().filter(waiting).count() >= WAITING {
            return None;
        }
        if known.len() >= REMEMBERED
            && let Some(ended) = known.iter().position(|d| !waiting(&d))
        {
            known.remove(ended);
        }
        known.push_back(deletion.clone());
        drop(known);
        tokio::spawn(Arc::clone(inner).run(deletion.clone()));
        Some(deletion)
    }

    /// The deletion of that id, if it is remembered.
    pub fn get(&self, id: ObjectId) -> Option<Deletion> {
        let known = self.0.known.lock();
        known.iter().find(|deletion| deletion.id == id).cloned()
    }
}

impl Inner {
    async fn run(self: Arc<Self>, deletion: Deletion) {
        let turn = self.running.lock().await;
        let state = match self.carried_out(&deletion).await {
            Ok(deleted) => DeletionState::Done(deleted),
            Err(message) => {
                tracing::error!(deletion = %deletion.id, error = message, "a deletion failed");
                DeletionState::Failed(message)
            }
        };
        drop(turn);
        let mut known = self.known.lock();
        if let Some(known) = known.iter_mut().find(|known| known.id == deletion.id) {
            known.state = state;
        }
    }

    async fn carried_out(&self, deletion: &Deletion) -> Result<Deleted, String> {
        let Deletion {
            request, progress, ..
        } = deletion;
        if request.dry_run {
            let counted = self.deleter.run(request, progress).await;
            return counted.map_err(|e| e.to_string());
        }
        self.audit(deletion, "events_deletion_begun", "").await?;
        let deleted = self.deleter.run(request, progress).await;
        let outcome = match &deleted {
            Ok(deleted) => format!("{} events deleted; ", deleted.events),
            Err(error) => format!("failed: {error}; "),
        };
        self.audit(deletion, "events_deleted", &outcome).await?;
        deleted.map_err(|e| e.to_string())
    }

    /// The outcome comes first: a long query is cut off at the end.
    async fn audit(&self, deletion: &Deletion, action: &str, outcome: &str) -> Result<(), String> {
        let (request, mandate) = (&deletion.request, &deletion.mandate);
        let detail = format!(
            "{outcome}deletion {}, repos {}, from {} to {}, reason: {}, query: {}",
            deletion.id,
            request.repos.join(" "),
            Timestamp(request.from.0.saturating_add(1)).to_rfc3339(),
            request.to.to_rfc3339(),
            mandate.reason,
            request.plan.text(),
        );
        let entry = AuditEntry {
            at: self.clock.now(),
            actor: mandate.actor.clone(),
            address: mandate.address.clone(),
            action: action.to_owned(),
            detail,
        };
        let written = self.catalog.audit(entry).await;
        written.map_err(|e| format!("the audit log could not be written: {e}"))
    }
}
