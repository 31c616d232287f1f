//! `GET /api/v1/attack/techniques`

use crate::auth::{AlertrulesRead, Authorized};
use crate::body::Params;
use crate::error::Result;
use crate::native::schemas::rules::TechniquesReply;
use axum::Json;
use cresset_model::attack::{self, Tag};
use serde_json::{Value, json};

/// Most tags of one page.
const MOST: usize = 1_000;

/// MITRE's techniques with the hashes by which rules name them, one per technique and tactic.
#[utoipa::path(
    get, path = "/api/v1/attack/techniques", tag = "Alert rules",
    security(("jwt" = ["alertrules:read"])),
    params(
        ("search" = Option<String>, Query, description = "Part of an id, a name or a tactic, or a hash"),
        ("limit" = Option<u64>, Query, minimum = 1, description = "Tags per page, at most and by default 1000"),
        ("page" = Option<u64>, Query, minimum = 1, description = "Page from 1"),
    ),
    responses((status = 200, description = "Hash, id, name and tactic of each", body = TechniquesReply))
)]
pub(crate) async fn techniques(
    _caller: Authorized<AlertrulesRead>,
    params: Params,
) -> Result<Json<Value>> {
    let limit = params.positive("limit", MOST)?.min(MOST);
    let skip = (params.positive("page", 1)? - 1).saturating_mul(limit);
    let wanted = params
        .0
        .get("search")
        .map(|text| text.trim().to_lowercase());
    let wanted = wanted.unwrap_or_default();
    let found: Vec<&Tag> = attack::tags()
        .iter()
        .filter(|tag| matches(tag, &wanted))
        .collect();
    let page: Vec<Value> = found.iter().skip(skip).take(limit).map(shown).collect();
    Ok(Json(json!({
        "techniques": page,
        "total": found.len(),
        "version": attack::VERSION,
        "copyright": attack::ATTRIBUTION,
    })))
}

fn matches(tag: &Tag, wanted: &str) -> bool {
    let texts = [tag.technique.id, tag.technique.name, tag.tactic.name];
    tag.hash == wanted || texts.iter().any(|t| t.to_lowercase().contains(wanted))
}

/// With the names that an incident has for them.
fn shown(tag: &&Tag) -> Value {
    json!({
        "hash": tag.hash,
        "attack_id": tag.technique.id,
        "attack_tag": tag.technique.name,
        "attack_category": tag.tactic.name,
    })
}
