//! `GET /api/v1/deliveries`

use crate::auth::Caller;
use crate::auth::{AlertrulesRead, Authorized};
use crate::body::Params;
use crate::error::{Error, Result};
use crate::native::schemas::{DeliveriesReply, DeliveryWord};
use crate::state::{Api, Context};
use axum::Json;
use axum::extract::State;
use cresset_model::notification::{Delivery, DeliveryState};
use cresset_model::{ObjectId, Timestamp};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Most deliveries looked through for those of one user.
const MOST_LOOKED_AT: usize = 10_000;

/// Notifications on their way or given up, newest first.
#[utoipa::path(
    get, path = "/api/v1/deliveries", tag = "Notifications",
    security(("jwt" = ["alertrules:read"])),
    params(
        ("state" = inline(Option<DeliveryWord>), Query, description = "All if not given"),
        ("limit" = Option<u64>, Query, minimum = 1, description = "At most this many, 100 if not given"),
    ),
    responses((status = 200, description = "Of the caller's rules; of all for administrators", body = DeliveriesReply))
)]
pub(crate) async fn deliveries(
    State(api): State<Api>,
    caller: Authorized<AlertrulesRead>,
    params: Params,
) -> Result<Json<Value>> {
    let limit = params.positive("limit", 100)?.min(1000);
    let state = params.0.get("state").map(|word| state(word)).transpose()?;
    // The deliveries of others, of which there may be many, are left out below.
    let looked_at = if caller.is_administrator() {
        limit
    } else {
        MOST_LOOKED_AT
    };
    let found = api.catalog.deliveries(state, looked_at as u32).await?;
    let mut visible = HashMap::new();
    let mut rows = Vec::new();
    for delivery in &found {
        if rows.len() == limit {
            break;
        }
        let rule = delivery.rule_id;
        let seen = match visible.get(&rule) {
            Some(seen) => *seen,
            None => {
                let seen = may_see(&api, &caller, rule).await?;
                visible.insert(rule, seen);
                seen
            }
        };
        if seen {
            rows.push(row(delivery));
        }
    }
    Ok(Json(json!({ "deliveries": rows })))
}

/// Whether deliveries of that rule concern the caller.
pub(super) async fn may_see(api: &Context, caller: &Caller, rule: ObjectId) -> Result<bool> {
    if caller.is_administrator() {
        return Ok(true);
    }
    let rule = api.catalog.rule(rule).await?;
    Ok(rule.is_some_and(|found| found.rule.owner == caller.user.id))
}

fn state(word: &str) -> Result<DeliveryState> {
    let all = [
        DeliveryState::Pending,
        DeliveryState::Delivered,
        DeliveryState::Dead,
        DeliveryState::Suppressed,
    ];
    let found = all.into_iter().find(|state| state.as_str() == word);
    found.ok_or_else(|| {
        Error::field(
            "state",
            "must be one of pending, delivered, dead, suppressed",
        )
    })
}

pub(super) fn row(delivery: &Delivery) -> Value {
    json!({
        "id": delivery.id.to_string(),
        "incident_id": delivery.incident_id.to_string(),
        "rule_id": delivery.rule_id.to_string(),
        "channel": delivery.channel.as_str(),
        "state": delivery.state.as_str(),
        "attempts": delivery.attempts,
        "due_at": delivery.due_at.to_rfc3339(),
        "last_error": delivery.last_error,
        "created_at": delivery.created_at.to_rfc3339(),
        "finished_at": delivery.finished_at.map(Timestamp::to_rfc3339),
    })
}
