//! `GET /AlertRules/lists_api`

use crate::auth::{AlertrulesRead, Authorized};
use crate::body::Params;
use crate::error::{Error, Result};
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use cresset_model::rule::AlertRule;
use serde_json::{Value, json};

/// The caller's rules, oldest first, as summaries.
///
/// `limit` is honoured as it is, because clients take a short page for the last one.
#[utoipa::path(
    get, path = "/AlertRules/lists_api", tag = "Alert rules",
    security(("jwt" = ["alertrules:read"])),
    params(
        ("limit" = Option<u64>, Query, description = "Rows per page, 25 if not given"),
        ("page" = Option<u64>, Query, description = "Page from 1"),
        ("return_all_data" = Option<bool>, Query, description = "All rows, whatever the page"),
        ("type" = Option<String>, Query, description = "`my` (default), `vendor` or `used`"),
        ("search_value" = Option<String>, Query, description = "Part of the name"),
        ("enabled" = Option<bool>, Query, description = "Only active or only inactive rules"),
    ),
    responses((status = 200, description = "A page", body = Value, example = json!({"rows": [{
        "id": "67f8ae6fbe9edae2fcfbc1ee", "name": "Brute force", "description": "",
        "active": true, "user": "admin", "cloud_rule_id": ""}], "total": 1})))
)]
pub(crate) async fn lists(
    State(api): State<Api>,
    caller: Authorized<AlertrulesRead>,
    params: Params,
) -> Result<Json<Value>> {
    let limit = params.positive("limit", 25)?;
    let page = params.positive("page", 1)?;
    let everything = params.flag("return_all_data")?.unwrap_or(false);
    let enabled = params.flag("enabled")?;
    let own = match params.0.get("type").map_or("my", String::as_str) {
        "my" | "" => true,
        // Nobody sells rules for this server, and nothing is shared yet.
        "vendor" | "used" => false,
        _ => return Err(Error::field("type", "must be one of my, vendor, used")),
    };
    let part = params
        .0
        .get("search_value")
        .map(|s| s.to_lowercase())
        .unwrap_or_default();
    let wanted = |rule: &AlertRule| {
        own && enabled.is_none_or(|enabled| rule.active == enabled)
            && rule.spec.name.to_lowercase().contains(&part)
    };
    let mut rules = api.catalog.rules_of(caller.user.id).await?;
    rules.retain(wanted);
    let total = rules.len();
    let (skip, take) = if everything {
        (0, total)
    } else {
        ((page - 1).saturating_mul(limit), limit)
    };
    let rows: Vec<Value> = rules
        .iter()
        .skip(skip)
        .take(take)
        .map(|rule| row(rule, &caller.user.username))
        .collect();
    Ok(Json(json!({"rows": rows, "total": total})))
}

fn row(rule: &AlertRule, owner: &str) -> Value {
    json!({
        "id": rule.id.to_string(),
        "name": rule.spec.name,
        "description": rule.spec.description,
        "active": rule.active,
        "user": owner,
        "cloud_rule_id": "",
    })
}
