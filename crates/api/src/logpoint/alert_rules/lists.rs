//! `GET /AlertRules/lists_api`

use super::shape::{RuleClass, RulesPage};
use crate::auth::{AlertrulesRead, Authorized};
use crate::body::Params;
use crate::error::{Error, Result};
use crate::state::Api;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use cresset_catalog::port::{RuleFilter, RulePage, RuleSummary};
use cresset_model::ObjectId;
use serde::Serialize;

/// The caller's rules, oldest first, as summaries.
///
/// `limit` is honoured as it is, because clients take a short page for the last one.
#[utoipa::path(
    get, path = "/AlertRules/lists_api", tag = "Alert rules",
    security(("jwt" = ["alertrules:read"])),
    params(
        ("limit" = Option<u64>, Query, minimum = 1, description = "Rows per page, 25 if not given"),
        ("page" = Option<u64>, Query, minimum = 1, description = "Page from 1"),
        ("return_all_data" = Option<bool>, Query, description = "All rows, whatever the page"),
        ("type" = inline(Option<RuleClass>), Query, description = "`my` if not given"),
        ("search_value" = Option<String>, Query, description = "Part of the name"),
        ("enabled" = Option<bool>, Query, description = "Only active or only inactive rules"),
    ),
    responses((status = 200, description = "A page", body = RulesPage, example = json!({"rows": [{
        "id": "67f8ae6fbe9edae2fcfbc1ee", "name": "Brute force", "description": "",
        "active": true, "user": "admin", "cloud_rule_id": ""}], "total": 1})))
)]
pub(crate) async fn lists(
    State(api): State<Api>,
    caller: Authorized<AlertrulesRead>,
    params: Params,
) -> Result<Response> {
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
    let filter = RuleFilter {
        active: enabled,
        name_part: params.0.get("search_value").map_or("", String::as_str),
        skip: if everything {
            0
        } else {
            (page - 1).saturating_mul(limit) as u64
        },
        take: if everything { u64::MAX } else { limit as u64 },
    };
    let found = if own {
        api.catalog.list_rules(caller.user.id, &filter).await?
    } else {
        RulePage::default()
    };
    let user = caller.user.username.as_str();
    let page = Page {
        rows: found.rows.iter().map(|rule| Row::of(rule, user)).collect(),
        total: found.total,
    };
    // Of a known length: a buffer that grows is copied several times.
    let mut body = Vec::with_capacity(page.rows.iter().map(Row::length).sum::<usize>() + 64);
    serde_json::to_writer(&mut body, &page).map_err(|e| Error::Internal(e.to_string()))?;
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}

/// The answer. It is written from here rather than as JSON values, because making
/// thousands of those takes longer than reading the rules.
#[derive(Serialize)]
struct Page<'a> {
    rows: Vec<Row<'a>>,
    total: u64,
}

#[derive(Serialize)]
struct Row<'a> {
    active: bool,
    cloud_rule_id: &'static str,
    description: &'a str,
    id: ObjectId,
    name: &'a str,
    user: &'a str,
}

impl<'a> Row<'a> {
    fn of(rule: &'a RuleSummary, user: &'a str) -> Self {
        Self {
            active: rule.active,
            cloud_rule_id: "",
            description: &rule.description,
            id: rule.id,
            name: &rule.name,
            user,
        }
    }

    /// About how many bytes it takes.
    fn length(&self) -> usize {
        128 + self.name.len() + self.description.len() + self.user.len()
    }
}
