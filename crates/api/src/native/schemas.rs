//! Bodies of our own endpoints as the OpenAPI document shows them.

pub mod deletions;
pub mod explain;
pub mod macros;
pub mod rules;
pub mod searches;

use crate::logpoint::schemas::HexId;
use crate::logpoint::schemas::lists::ListTypeWord;
use crate::logpoint::schemas::notifications::KindWord;
use cresset_model::Timestamp;
use cresset_model::instance::Instance;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What became of a batch.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct BatchReply {
    /// Items that are stored.
    pub accepted: u64,
    /// Items that were refused.
    pub rejected: u64,
    /// Whether the batch was stored before.
    pub duplicate: bool,
    /// The first refused items.
    pub errors: Vec<RefusedItem>,
}

/// An item that was refused.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RefusedItem {
    /// Its place in the batch, from 0.
    pub index: u64,
    /// Its line in the body, from 1.
    pub line: Option<u64>,
    /// Why.
    pub reason: String,
}

/// Notifications.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DeliveriesReply {
    /// Newest first.
    pub deliveries: Vec<DeliveryRow>,
}

/// Where a notification is in its life.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryWord {
    /// On its way.
    Pending,
    /// There.
    Delivered,
    /// Given up.
    Dead,
    /// Held back by the threshold.
    Suppressed,
}

/// A notification.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DeliveryRow {
    /// Its id.
    pub id: HexId,
    /// What it tells of.
    pub incident_id: HexId,
    /// The rule.
    pub rule_id: HexId,
    /// How it goes.
    pub channel: KindWord,
    /// Where it is in its life.
    pub state: DeliveryWord,
    /// How often it was tried.
    pub attempts: u64,
    /// When it is tried next, RFC 3339.
    #[schema(format = DateTime)]
    pub due_at: String,
    /// What the last attempt came to: an error, or what the other end said to a success.
    pub last_error: String,
    /// When it was made, RFC 3339.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// When it arrived or was given up, RFC 3339.
    #[schema(format = DateTime)]
    pub finished_at: Option<String>,
}

/// A notification that is tried again.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Resent {
    /// The notification.
    pub id: HexId,
    /// `pending`.
    pub state: DeliveryWord,
}

/// The notifications of an incident.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Notified {
    /// The incident.
    pub incident_id: HexId,
    /// Ids of the notifications.
    pub deliveries: Vec<HexId>,
}

/// Repos of this server.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OwnReposReply {
    /// Those that the caller may search.
    pub repos: Vec<OwnRepo>,
}

/// A repo of this server.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct OwnRepo {
    /// Its name.
    #[schema(example = "web")]
    pub name: String,
    /// Days after which events go.
    pub retention_days: u32,
    /// What rules and searches take.
    #[schema(example = "127.0.0.1:5504/web")]
    pub address: String,
}

/// A repo to make.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NewRepo {
    /// Letters, digits, `_` and `-`.
    #[schema(pattern = "^[a-z0-9_][a-z0-9_-]{0,63}$", example = "web")]
    pub name: String,
    /// Days after which events go.
    #[schema(default = 30, minimum = 1, maximum = 36500, example = 90)]
    pub retention_days: Option<u32>,
}

/// Other instances.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct InstancesReply {
    /// All that are registered.
    pub instances: Vec<InstanceRow>,
}

/// Another instance.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct InstanceRow {
    /// Its name here.
    #[schema(example = "berlin")]
    pub name: String,
    /// Where it is.
    #[schema(example = "https://10.0.0.7:7070")]
    pub url: String,
    /// What stands before the slash in the addresses of its repos.
    #[schema(example = "10.0.0.7:7070")]
    pub address: String,
    /// The user there.
    pub user: String,
    /// What it says it is: `cresset` or `other`.
    #[schema(example = "cresset")]
    pub product: String,
    /// Whether the last check found it.
    pub up: bool,
    /// When it was checked last, RFC 3339.
    #[schema(format = DateTime)]
    pub checked_at: Option<String>,
    /// When it was found last, RFC 3339.
    #[schema(format = DateTime)]
    pub seen_at: Option<String>,
    /// Why it was not found.
    pub error: Option<String>,
    /// Its repos that the caller may search.
    pub repos: Vec<InstanceRepo>,
}

impl InstanceRow {
    /// An instance with those of its repos whose address passes `shown`.
    pub fn of(instance: &Instance, shown: impl Fn(&str) -> bool) -> Self {
        let health = &instance.health;
        let repos = health.repos.iter().map(|repo| InstanceRepo {
            name: repo.name.clone(),
            address: instance.address(&repo.name),
        });
        Self {
            name: instance.name.clone(),
            url: instance.url.clone(),
            address: instance.node.clone(),
            user: instance.user.clone(),
            product: health.product.as_str().to_owned(),
            up: health.is_up(),
            checked_at: health.checked_at.map(Timestamp::to_rfc3339),
            seen_at: health.seen_at.map(Timestamp::to_rfc3339),
            error: health.error.clone(),
            repos: repos.filter(|repo| shown(&repo.address)).collect(),
        }
    }
}

/// A repo of another instance.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct InstanceRepo {
    /// Its name.
    pub name: String,
    /// What rules and searches take.
    pub address: String,
}

/// An instance to register.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NewInstance {
    /// Its name here.
    #[schema(pattern = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", example = "berlin")]
    pub name: String,
    /// Where it is.
    #[schema(example = "https://10.0.0.7:7070")]
    pub url: String,
    /// The user there.
    #[schema(min_length = 1, max_length = 128, example = "searcher")]
    pub user: String,
    /// The user's API access key there.
    #[schema(min_length = 1, max_length = 1024)]
    pub secret_key: String,
    /// Certificates of the authorities to trust instead of the system's.
    pub ca_pem: Option<String>,
    /// Whether any certificate is trusted.
    #[schema(default = false)]
    pub insecure: Option<bool>,
}

/// What is no longer registered.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Removed {
    /// Its name.
    pub removed: String,
}

/// Lists.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ListInfosReply {
    /// A page of them by name.
    pub lists: Vec<ListInfoRow>,
    /// Those on all pages.
    pub total: u64,
}

/// A list without its values.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ListInfoRow {
    /// Its id.
    pub id: HexId,
    /// In upper case.
    #[schema(example = "BAD_HOSTS")]
    pub name: String,
    /// What fills it.
    pub kind: ListTypeWord,
    /// The number of its values.
    pub values: u64,
    /// Of a dynamic list: minutes after which a value goes.
    pub age_limit_minute: Option<u32>,
    /// When it changed, RFC 3339.
    #[schema(format = DateTime)]
    pub updated_at: String,
}

/// A list and a page of its values.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ListWithValues {
    /// The list.
    #[serde(flatten)]
    pub list: ListInfoRow,
    /// The values of the page.
    pub page: Vec<String>,
}

/// A list to make, to replace or to configure.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum NewList {
    /// All values of a static list.
    #[schema(example = json!(["192.0.2.7", "web-1"]))]
    Values(Vec<ListValue>),
    /// A dynamic list.
    Dynamic(DynamicListBody),
}

/// A value of a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ListValue {
    /// Text.
    Text(String),
    /// A whole number; others are sent as text.
    Number(i64),
}

/// A list that `process toList` fills.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DynamicListBody {
    /// `dynamic`.
    pub kind: DynamicWord,
    /// Minutes after which a value goes.
    #[schema(minimum = 1, maximum = 5_270_400, example = 60)]
    pub age_limit_minute: u32,
}

/// The kind of a list that queries fill.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DynamicWord {
    /// Filled by queries.
    Dynamic,
}

/// A list that is gone.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Deleted {
    /// Its name.
    pub deleted: String,
}

/// The server lives.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Alive {
    /// `alive`.
    #[schema(example = "alive")]
    pub status: String,
    /// `cresset`.
    #[schema(example = "cresset")]
    pub product: String,
}

/// Whether the server does its work.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Ready {
    /// `ready` or `not ready`.
    #[schema(example = "ready")]
    pub status: String,
    /// Why it does not.
    pub reasons: Vec<String>,
    /// What lags behind or is lost all the same.
    pub degraded: Vec<String>,
}

/// An OpenAPI document.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Document(pub BTreeMap<String, serde_json::Value>);
