//! What people do to incidents.

use crate::Result;
use async_trait::async_trait;
use cresset_model::incident::IncidentAct;
use cresset_model::{ObjectId, Timestamp};

/// Most changes at once.
pub const MAX_CHANGES: usize = 1_000;

/// Who acts.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The user.
    pub user: ObjectId,
    /// The user's name, which comments carry.
    pub name: String,
    /// May do everything to every incident.
    pub administrator: bool,
}

/// Something done to one incident.
#[derive(Debug, Clone)]
pub struct IncidentChange {
    /// The incident.
    pub incident: ObjectId,
    /// What is done.
    pub act: IncidentAct,
}

/// What people do to incidents.
#[async_trait]
pub trait IncidentActs: Send + Sync + 'static {
    /// Makes all changes, in order, or none. Whether `by` may make them, and whether the
    /// incidents are in a state that allows them, is decided in the same transaction
    /// ([`IncidentAct::on`]).
    ///
    /// [`crate::Error::NotFound`] for an incident that does not exist or that `by` does not
    /// see, and for an assignee who does not exist or is disabled;
    /// [`crate::Error::Refused`] for what may not be done, and beyond [`MAX_CHANGES`].
    async fn change_incidents(
        &self,
        changes: Vec<IncidentChange>,
        by: &Actor,
        now: Timestamp,
    ) -> Result<()>;
    /// Whether `user` owns the incident, works on it or belongs to a group that sees it.
    async fn sees_incident(&self, user: ObjectId, incident: ObjectId) -> Result<bool>;
    /// Makes an outbox row for every enabled notification of the incident's rule, whether it
    /// goes out by itself or not, with ids out of `ids`, and gives the ids. A row of the
    /// incident and channel stands for a new one while it is on its way, and also if it was
    /// made by such a request within the last minute and is not dead.
    ///
    /// [`crate::Error::NotFound`] for an unknown incident, [`crate::Error::Refused`] if the
    /// rule has no enabled notification.
    async fn notify_of_incident(
        &self,
        incident: ObjectId,
        ids: [ObjectId; 2],
        now: Timestamp,
    ) -> Result<Vec<ObjectId>>;
}
