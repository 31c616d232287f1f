//! Bodies of the endpoints as the OpenAPI document shows them; those of alert rules are in
//! [`super::alert_rules::shape`].
//!
//! Handlers do not read bodies through these types: they accept more than one form of many
//! fields and report all mistakes at once. Tests hold both together.

pub mod errors;
pub mod incident_filters;
pub mod incidents;
pub mod lists;
pub mod notifications;
pub mod search;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An id: 24 hexadecimal digits, which answers write in lower case.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(pattern = "^[0-9a-fA-F]{24}$", example = "67f8ae6fbe9edae2fcfbc1ee")]
pub struct HexId(pub String);
