//! Incident user groups: who sees and shares out the incidents of others.

use crate::{ObjectId, Timestamp};
use serde::{Deserialize, Serialize};

/// Users who see the incidents of the rules that name their group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserGroup {
    /// Unique id.
    pub id: ObjectId,
    /// Unique name, compared exactly; rules name groups by it.
    pub name: String,
    /// Ids of the members, ascending.
    pub members: Vec<ObjectId>,
    /// Time of creation.
    pub created_at: Timestamp,
}
