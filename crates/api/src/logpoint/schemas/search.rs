//! Search, and what a user may search.

use crate::native::schemas::explain::Explanation;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// What the caller wants to know.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AllowedDataForm {
    /// The user's name.
    #[schema(example = "admin")]
    pub username: String,
    /// The user's API access key.
    pub secret_key: String,
    /// What is asked for.
    #[serde(rename = "type")]
    pub kind: AllowedWord,
    /// The JSON text of an array of `{"name", "ip"}`; empty for all nodes.
    #[schema(content_media_type = "application/json", example = "[]")]
    pub logpoints: Option<String>,
}

/// What can be asked for.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AllowedWord {
    /// Time zone and formats.
    UserPreference,
    /// Nodes.
    Loginspects,
    /// Repos.
    LogpointRepos,
    /// Senders of the last day.
    Devices,
    /// The caller's active rules.
    Livesearches,
}

/// What was asked for, by `type`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum AllowedData {
    /// `user_preference`
    Preference(PreferenceReply),
    /// `loginspects`
    Nodes(LoginspectsReply),
    /// `logpoint_repos`
    Repos(ReposReply),
    /// `devices`
    Devices(DevicesReply),
    /// `livesearches`
    LiveSearches(LiveSearchesReply),
}

/// Time zone and formats of the caller.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct PreferenceReply {
    /// True.
    pub success: bool,
    /// An IANA name.
    #[schema(example = "UTC")]
    pub timezone: String,
    /// A format of strftime.
    #[schema(example = "%Y/%m/%d")]
    pub date_format: String,
    /// `24 Hour` or `12 Hour`.
    #[schema(example = "24 Hour")]
    pub hour_format: String,
}

/// The nodes.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LoginspectsReply {
    /// True.
    pub success: bool,
    /// This node first.
    pub allowed_loginspects: Vec<NodeName>,
}

/// A node.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NodeName {
    /// Its name.
    #[schema(example = "Cresset")]
    pub name: String,
    /// Its address.
    #[schema(example = "127.0.0.1")]
    pub ip: String,
}

/// The repos that the caller may search.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ReposReply {
    /// True.
    pub success: bool,
    /// Those of this node first.
    pub allowed_repos: Vec<AllowedRepo>,
    /// The nodes.
    pub logpoint: Vec<NodeName>,
}

/// A repo.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct AllowedRepo {
    /// Its name.
    #[schema(example = "default")]
    pub repo: String,
    /// What searches take.
    #[schema(example = "127.0.0.1:5504/default")]
    pub address: String,
}

/// Who sent events during the last day.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct DevicesReply {
    /// True.
    pub success: bool,
    /// Names by `<node's address>/<device's address>`.
    #[schema(example = json!([{"127.0.0.1/192.0.2.7": "web-1"}]))]
    pub allowed_devices: Vec<BTreeMap<String, String>>,
    /// The nodes.
    pub logpoint: Vec<NodeName>,
}

/// The caller's active rules.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LiveSearchesReply {
    /// True.
    pub success: bool,
    /// One per rule.
    pub livesearches: Vec<LiveSearchRow>,
}

/// An active rule as a search.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LiveSearchRow {
    /// `alert`.
    #[schema(example = "alert")]
    pub generated_by: String,
    /// The rule's name.
    pub searchname: String,
    /// The rule's description.
    pub description: String,
    /// Whether only later events count after an incident.
    pub flush_on_trigger: bool,
    /// The rule's query.
    pub query: String,
    /// What the query is.
    pub query_info: QueryInfo,
    /// Days of the time range.
    pub timerange_day: u32,
    /// Hours of the time range.
    pub timerange_hour: u32,
    /// Minutes of the time range.
    pub timerange_minute: u32,
    /// 0.
    pub timerange_second: u32,
    /// Most rows.
    pub limit: u32,
    /// Empty.
    pub tid: String,
    /// Empty.
    pub vid: String,
    /// 40 hexadecimal digits; `life_` and this is a search id.
    #[schema(example = "0123456789abcdef0123456789abcdef01234567")]
    pub life_id: String,
}

/// What a query is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct QueryInfo {
    /// Whether it can run.
    pub success: bool,
    /// Its kind.
    pub query_type: QueryWord,
    /// Empty.
    pub query_filter: String,
    /// Empty.
    pub lucene_query: String,
    /// The fields that it reads.
    #[serde(rename = "fieldsToExtract")]
    pub fields_to_extract: Vec<String>,
    /// Its aggregates.
    pub aliases: Vec<String>,
    /// Its aggregates.
    pub columns: Vec<String>,
    /// What it groups by.
    pub grouping: Vec<String>,
}

/// A kind of query.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum QueryWord {
    /// Events.
    Simple,
    /// Groups.
    Chart,
    /// Groups over time.
    Timechart,
}

/// A search to start or to ask about, as a form.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SearchForm {
    /// The user's name.
    #[schema(example = "admin")]
    pub username: String,
    /// The user's API access key.
    pub secret_key: String,
    /// The JSON text of `SearchStart` or `SearchPoll`.
    #[serde(rename = "requestData")]
    #[schema(
        content_media_type = "application/json",
        example = "{\"query\":\"| chart count() by device_ip\",\"time_range\":\"Last 24 hours\",\"limit\":100,\"repos\":[]}"
    )]
    pub request_data: String,
}

/// A search to start or to ask about.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SearchBody {
    /// The user's name.
    #[schema(example = "admin")]
    pub username: String,
    /// The user's API access key.
    pub secret_key: String,
    /// The search.
    #[serde(rename = "requestData")]
    pub request_data: SearchData,
}

/// A search to start, or one to ask about.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum SearchData {
    /// To start.
    Start(SearchStart),
    /// To ask about.
    Poll(SearchPoll),
}

/// A search to start.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SearchStart {
    /// The query.
    #[schema(example = "| chart count() by device_ip")]
    pub query: String,
    /// The time to search.
    pub time_range: TimeRangeForm,
    /// Most rows of a query without aggregates, 100 if not given; also as text.
    #[schema(minimum = 1, example = 100)]
    pub limit: Option<u64>,
    /// Where to search; nothing means all permitted repos.
    pub repos: Option<ReposForm>,
    /// Seconds after which the search is given up, 300 if not given; also as text.
    #[schema(minimum = 1, example = 300)]
    pub timeout: Option<u64>,
    /// Decides nothing.
    #[schema(example = "gui")]
    pub client_name: Option<String>,
    /// Decides nothing.
    pub starts: Option<BTreeMap<String, serde_json::Value>>,
}

/// A time range as a text or as two moments.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum TimeRangeForm {
    /// `Last 24 hours`, or `2012/08/12 00:00:00 To 2012/08/14 00:00:00`.
    #[schema(example = "Last 24 hours")]
    Text(String),
    /// From and to, seconds since 1970.
    #[schema(example = json!([1_714_986_600, 1_715_031_000]))]
    Moments([f64; 2]),
}

/// Addresses of repos.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ReposForm {
    /// As returned by `getalloweddata`; `ip:port` means all repos of the node.
    #[schema(example = json!(["127.0.0.1:5504/default"]))]
    List(Vec<String>),
    /// Separated by commas.
    Text(String),
}

/// A search to ask about.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SearchPoll {
    /// What the start answered, or `life_` and a `life_id`; also taken as `searchId`.
    #[schema(example = "16fba59d-5b3b-4a0f-9e0b-3f6f0f6f2f3e")]
    pub search_id: String,
    /// Decides nothing.
    pub waiter_id: Option<String>,
    /// Decides nothing.
    pub seen_version: Option<u64>,
    /// Whether the events of a simple query come with numbers and lists as they are; a key of
    /// our own.
    #[schema(default = false)]
    pub typed_rows: Option<bool>,
    /// Whether the result tells how the search was done; a key of our own.
    #[schema(default = false)]
    pub explain: Option<bool>,
}

/// A started search, or how far one is.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum SearchReply {
    /// Started.
    Started(SearchStarted),
    /// How far it is.
    Result(SearchResult),
}

/// A started search.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SearchStarted {
    /// True.
    pub success: bool,
    /// What to ask with.
    #[schema(example = "16fba59d-5b3b-4a0f-9e0b-3f6f0f6f2f3e")]
    pub search_id: String,
    /// The same.
    #[serde(rename = "searchId")]
    pub search_id_too: String,
    /// `UI`.
    #[schema(example = "UI")]
    pub client_type: String,
    /// The same.
    #[serde(rename = "clientType")]
    pub client_type_too: String,
    /// Empty.
    pub query_filter: String,
    /// False.
    pub latest: bool,
    /// False.
    pub lookup: bool,
    /// The query's kind.
    pub query_type: QueryWord,
    /// The searched time, seconds since 1970.
    pub time_range: [i64; 2],
    /// What is doubtful about the query; absent if nothing is.
    pub warnings: Option<Vec<String>>,
}

/// How far a search is; complete in one answer with `final: true`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SearchResult {
    /// True.
    pub success: bool,
    /// The search's id.
    pub orig_search_id: String,
    /// The query's kind, which decides about the optional keys.
    pub query_type: QueryWord,
    /// The searched time, seconds since 1970.
    pub time_range: [i64; 2],
    /// Whether the search has ended.
    #[serde(rename = "final")]
    pub ended: bool,
    /// Whether nothing was left out.
    pub complete: bool,
    /// Events, or groups with `_group`; empty until the search has ended.
    pub rows: Vec<BTreeMap<String, serde_json::Value>>,
    /// 0 until the search has ended, then 1.
    pub version: u64,
    /// Seconds that the search took.
    pub elapsed_seconds: f64,
    /// 1.
    #[serde(rename = "totalPages")]
    pub total_pages: u64,
    /// Empty.
    pub status: BTreeMap<String, String>,
    /// Empty.
    pub fields: Vec<String>,
    /// Empty.
    pub interesting_fields: Vec<String>,
    /// Empty.
    pub next_starts: BTreeMap<String, String>,
    /// False.
    #[serde(rename = "showAdditionalPanels")]
    pub show_additional_panels: bool,
    /// Of a simple query: events that match, also beyond the limit.
    pub estim_count: Option<u64>,
    /// Of other queries: events that went into the groups.
    pub num_aggregated: Option<u64>,
    /// Of other queries: the aggregates.
    pub columns: Option<Vec<String>>,
    /// The same.
    pub aliases: Option<Vec<String>>,
    /// Of other queries: what they group by.
    pub grouping: Option<Vec<String>>,
    /// Empty.
    pub extra_fields: Option<Vec<String>>,
    /// Other nodes that were not searched, each with the reason; absent if all were.
    pub warnings: Option<Vec<String>>,
    /// How the search was done, if that was asked for.
    pub explain: Option<Box<Explanation>>,
}
