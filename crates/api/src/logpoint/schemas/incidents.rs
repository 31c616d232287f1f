//! Incidents and users.

use super::super::alert_rules::shape::RiskWord;
use super::HexId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

macro_rules! request {
    ($(#[$meta:meta])* $name:ident, $data:ident) => {
        $(#[$meta])*
        #[derive(Debug, Serialize, Deserialize, ToSchema)]
        pub struct $name {
            /// The user's name.
            #[schema(example = "admin")]
            pub username: String,
            /// The user's API access key.
            pub secret_key: String,
            /// What is asked for; also taken as the JSON text of it.
            #[serde(rename = "requestData")]
            pub request_data: $data,
        }
    };
}

request!(
    /// Which incidents.
    IncidentsRequest,
    TimeSpan
);
request!(
    /// The rows of which incident.
    IncidentDataRequest,
    IncidentChoice
);
request!(
    /// Which incidents to change.
    IncidentIdsRequest,
    IncidentIds
);
request!(
    /// Who gets which incidents.
    AssignRequest,
    Assignment
);
request!(
    /// What to say about which incidents.
    CommentRequest,
    NewComments
);

/// User name and API access key.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Credentials {
    /// The user's name.
    #[schema(example = "admin")]
    pub username: String,
    /// The user's API access key.
    pub secret_key: String,
}

/// A span of time.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct TimeSpan {
    /// Seconds since 1970.
    #[schema(example = 1_610_700_720)]
    pub ts_from: f64,
    /// Seconds since 1970.
    #[schema(example = 1_610_700_900)]
    pub ts_to: f64,
    /// Decides nothing.
    #[schema(example = "0.1")]
    pub version: Option<String>,
}

/// One incident.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct IncidentChoice {
    /// The incident's `id`.
    pub incident_obj_id: HexId,
    /// Decides nothing.
    pub incident_id: Option<String>,
    /// Decides nothing.
    pub date: Option<f64>,
    /// Decides nothing.
    #[schema(example = "0.1")]
    pub version: Option<String>,
}

/// Several incidents.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct IncidentIds {
    /// Their `id`s.
    #[schema(min_items = 1, max_items = 1000)]
    pub incident_ids: Vec<HexId>,
    /// Decides nothing.
    #[schema(example = "0.1")]
    pub version: Option<String>,
}

/// Several incidents and who gets them.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Assignment {
    /// Their `id`s.
    #[schema(min_items = 1, max_items = 1000)]
    pub incident_ids: Vec<HexId>,
    /// The id of an enabled user; `/get_users` lists them.
    pub new_assignee: HexId,
    /// Decides nothing.
    #[schema(example = "0.1")]
    pub version: Option<String>,
}

/// Comments on several incidents.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NewComments {
    /// Each incident and what is said about it.
    #[schema(min_items = 1, max_items = 1000)]
    pub states: Vec<NewComment>,
    /// Decides nothing.
    #[schema(example = "0.1")]
    pub version: Option<String>,
}

/// Comments on one incident.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NewComment {
    /// The incident's `id`.
    #[serde(rename = "_id")]
    pub id: HexId,
    /// Texts that are not blank.
    #[schema(min_items = 1, example = json!(["a false alarm"]))]
    pub comments: Vec<String>,
}

/// Incidents by the time of their detection.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct IncidentsReply {
    /// True.
    pub success: bool,
    /// `0.1`.
    #[schema(example = "0.1")]
    pub version: String,
    /// Oldest first.
    pub incidents: Vec<IncidentRow>,
}

/// How far the work on an incident is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StatusWord {
    /// New or reopened.
    Unresolved,
    /// Dealt with.
    Resolved,
    /// Put away.
    Closed,
}

/// What incidents can come from; here all come from alerts.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum OriginWord {
    /// An alert rule.
    Alert,
    /// A search.
    Search,
    /// Behaviour of users and things.
    Ueba,
}

/// What an incident came from.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub enum IncidentType {
    /// An alert rule.
    Alert,
}

/// An incident.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct IncidentRow {
    /// What writes name it by.
    pub id: HexId,
    /// 32 hexadecimal digits that all incidents of a rule share.
    #[schema(example = "347b897e1f752cab7ae380918690b11e")]
    pub incident_id: String,
    /// Always `Alert`.
    #[serde(rename = "type")]
    pub kind: IncidentType,
    /// The rule's name.
    pub name: String,
    /// The rule's description.
    pub description: String,
    /// The id, not the name, of the rule's owner.
    pub username: HexId,
    /// Null.
    pub user_id: Option<String>,
    /// The id of who works on it.
    pub assigned_to: HexId,
    /// Ids of the incident user groups that see it.
    pub visible_to: Vec<HexId>,
    /// Empty.
    pub tid: String,
    /// Rows that the query found.
    pub rows_count: u64,
    /// Its risk.
    pub risk_level: RiskWord,
    /// Seconds since 1970, with a fraction.
    #[schema(example = 1_525_754_228.171_028)]
    pub detection_timestamp: f64,
    /// This server's address.
    #[schema(example = "127.0.0.1")]
    pub loginspect_ip_dns: String,
    /// This server's name.
    pub logpoint_name: String,
    /// How far the work on it is.
    pub status: StatusWord,
    /// The number of `comments`.
    pub commentscount: u64,
    /// Oldest first.
    pub comments: Vec<CommentRow>,
    /// The rule's query.
    pub query: String,
    /// Addresses of the searched repos, or of the node.
    #[schema(example = json!(["127.0.0.1:5504/default"]))]
    pub repos: Vec<String>,
    /// The searched time, seconds since 1970.
    pub time_range: [i64; 2],
    /// The rule.
    pub alert_obj_id: HexId,
    /// The rule.
    pub alertrule_id: HexId,
    /// Whether the rule holds back repeated values.
    pub throttle_enabled: bool,
    /// MITRE's ids of techniques.
    #[schema(example = json!(["T1595"]))]
    pub attack_id: Vec<String>,
    /// MITRE's names of techniques.
    #[schema(example = json!(["Active Scanning"]))]
    pub attack_tag: Vec<String>,
    /// MITRE's tactics, separated by commas.
    #[schema(example = "Reconnaissance")]
    pub attack_category: String,
    /// The rule's log sources.
    pub log_source: Vec<String>,
    /// The newest comment, if there is one.
    pub lastaction: Option<LastAction>,
}

/// A comment, or the mark that an action leaves.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct CommentRow {
    /// The user's name.
    pub title: String,
    /// The text, or `Reassigned`, `Resolved`, `Completed`, `Reopened`.
    pub comment: String,
    /// Seconds since 1970.
    #[schema(example = 1_516_420_000)]
    pub time: i64,
}

/// The newest comment of an incident.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LastAction {
    /// Its text.
    pub action: String,
    /// Seconds since 1970.
    #[schema(example = 1_516_420_000)]
    pub time: i64,
    /// The user's name.
    pub title: String,
}

/// Incidents by the time of the last work on them.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct StatesReply {
    /// True.
    pub success: bool,
    /// Oldest change first.
    pub states: Vec<StateRow>,
}

/// How far the work on an incident is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct StateRow {
    /// The incident.
    pub id: HexId,
    /// How far the work on it is.
    pub status: StatusWord,
    /// The id of who works on it.
    pub assigned_to: HexId,
    /// Oldest first.
    pub comments: Vec<CommentRow>,
}

/// The rows of an incident.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RowsReply {
    /// True.
    pub success: bool,
    /// In the shape of search results.
    pub rows: Vec<BTreeMap<String, serde_json::Value>>,
    /// What the rule's `jinja_template` makes of them, as HTML, if it applies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
}

/// The users that incidents can name.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct UsersReply {
    /// True.
    pub success: bool,
    /// Without the disabled ones.
    pub users: Vec<UserRow>,
}

/// A user.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct UserRow {
    /// What `assign_incident` takes.
    pub id: HexId,
    /// The user's name.
    #[schema(example = "admin")]
    pub name: String,
    /// The incident user groups that the user is in.
    pub usergroups: Vec<GroupRow>,
}

/// An incident user group.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct GroupRow {
    /// Its id.
    pub id: HexId,
    /// Its name.
    pub name: String,
}

/// All incidents of the request were changed.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Changed {
    /// True.
    pub success: bool,
    /// `Comments added`, `Incidents re-assigned`, `Incidents resolved`, `Incidents closed` or
    /// `Incidents reopened`.
    #[schema(example = "Incidents resolved")]
    pub message: String,
}
