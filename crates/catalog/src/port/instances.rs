//! Other instances that this one searches.

use crate::Result;
use async_trait::async_trait;
use cresset_model::instance::{Instance, InstanceHealth};
use cresset_model::{ObjectId, SecretString, Timestamp};
use std::collections::BTreeSet;

/// Most instances.
pub const MAX_INSTANCES: usize = 200;

/// Registered instances. Their keys are sealed.
#[async_trait]
pub trait Instances: Send + Sync + 'static {
    /// Registers an instance. [`crate::Error::Exists`] for a taken name or node,
    /// [`crate::Error::Refused`] for a name that is none or beyond [`MAX_INSTANCES`].
    async fn add_instance(&self, instance: &Instance, key: &SecretString) -> Result<()>;
    /// All instances, by name.
    async fn instances(&self) -> Result<Vec<Instance>>;
    /// The API access key to use at an instance. [`crate::Error::NotFound`] if it is gone.
    async fn instance_key(&self, id: ObjectId) -> Result<SecretString>;
    /// Uses another key at an instance. [`crate::Error::NotFound`] if it is gone.
    async fn replace_instance_key(&self, id: ObjectId, key: &SecretString) -> Result<()>;
    /// Keeps what a check found; nothing happens if the instance is gone.
    async fn record_health(&self, id: ObjectId, health: &InstanceHealth) -> Result<()>;
    /// Removes an instance, but remembers its node, so that rules which name it fail
    /// rather than read something else.
    async fn remove_instance(&self, name: &str, now: Timestamp) -> Result<()>;
    /// Nodes of instances that were removed and are not registered again.
    async fn removed_nodes(&self) -> Result<BTreeSet<String>>;
    /// Keeps the nodes under which this server itself answers, in place of earlier ones.
    async fn keep_own_nodes(&self, nodes: &BTreeSet<String>) -> Result<()>;
    /// The nodes under which this server itself answers, as it said when it started last.
    async fn own_nodes(&self) -> Result<BTreeSet<String>>;
}
