//! How requests are refused, by family of endpoints.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A refused token, or a token without the scope.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"error": "Token has expired", "status_code": 401}))]
pub struct TokenRefused {
    /// Why, for people.
    pub error: String,
    /// The HTTP status.
    pub status_code: u16,
}

/// A request that was not carried out.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"success": false, "message": "there is no alert rule 67f8ae6fbe9edae2fcfbc1ee"}))]
pub struct Failure {
    /// False.
    pub success: bool,
    /// Why, for people.
    pub message: String,
}

/// Fields that are not acceptable.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"success": false, "message": "Validation error", "validationErrors":
    {"search_params": {"search_interval_minute": "must be a factor of the time range"}}}))]
pub struct Invalid {
    /// False.
    pub success: bool,
    /// `Validation error`.
    pub message: String,
    /// What is wrong, by field; the fields of a section are nested.
    #[serde(rename = "validationErrors")]
    pub validation_errors: BTreeMap<String, FieldError>,
}

/// What is wrong with a field, or with the fields of a section.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum FieldError {
    /// Of one field.
    Message(String),
    /// Of the fields of a section.
    Section(BTreeMap<String, String>),
}

/// A problem document (RFC 9457).
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"type": "about:blank", "title": "Not Found", "status": 404,
    "detail": "there is no list \"BAD_HOSTS\""}))]
pub struct Problem {
    /// `about:blank`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The name of the HTTP status.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Why, for people.
    pub detail: String,
    /// With 422: what is wrong, by field.
    pub errors: Option<BTreeMap<String, FieldError>>,
}
