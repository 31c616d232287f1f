//! Lists and repos.

use super::HexId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A page of lists.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ListsPage {
    /// By name.
    pub rows: Vec<ListRow>,
    /// Lists on all pages.
    pub total: u64,
}

/// A list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ListRow {
    /// In upper case.
    #[schema(example = "BAD_HOSTS")]
    pub name: String,
    /// `VID_` and the id.
    #[schema(example = "VID_67f8ae6fbe9edae2fcfbc1ee")]
    pub vid: String,
    /// What fills it.
    pub list_type: ListTypeWord,
    /// Its id.
    pub id: HexId,
}

/// What fills a list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ListTypeWord {
    /// People.
    StaticList,
    /// Queries.
    DynamicList,
}

/// The parts of an import.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct ImportForm {
    /// Letters, digits, `_` and `-`; stored in upper case.
    #[schema(
        min_length = 2,
        max_length = 100,
        pattern = "^[A-Za-z0-9][A-Za-z0-9_-]*[A-Za-z0-9]$",
        example = "BAD_HOSTS"
    )]
    pub package_import_name: String,
    /// One CSV or TXT file with a value per line; of a CSV the first column.
    #[schema(value_type = String, format = Binary)]
    pub package_import: Vec<u8>,
}

/// An imported list.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Imported {
    /// True.
    pub success: bool,
    /// What the list holds now.
    #[schema(example = "BAD_HOSTS: 2 values")]
    pub summary: String,
    /// For people.
    #[schema(example = "BAD_HOSTS imported successfully")]
    pub message: String,
}

/// What known clients send; it decides nothing.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct RepoQuery {
    /// Empty.
    pub data: Option<BTreeMap<String, serde_json::Value>>,
}

/// The nodes and their repos.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NodesReply {
    /// This node first.
    pub rows: Vec<NodeRow>,
}

/// A node.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NodeRow {
    /// Whether it answers.
    pub active: bool,
    /// Its name.
    #[schema(example = "Cresset")]
    pub li: String,
    /// Its address.
    #[schema(example = "127.0.0.1")]
    pub li_ip: String,
    /// Its repos that the caller may search.
    pub repos: Vec<NodeRepo>,
}

/// A repo of a node.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NodeRepo {
    /// `True` or `False`, as text.
    #[schema(example = "True")]
    pub active: String,
    /// What rules and searches take.
    #[schema(example = "127.0.0.1:5504/default")]
    pub address: String,
    /// Empty.
    pub ha: String,
    /// Its name.
    #[schema(example = "default")]
    pub repo: String,
}
