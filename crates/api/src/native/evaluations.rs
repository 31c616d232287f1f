//! `GET /api/v1/rules/{id}/evaluations`

use crate::auth::{AlertrulesRead, Authorized};
use crate::body::{Params, PathText};
use crate::error::{Error, Result};
use crate::logpoint::alert_rules::{own_rule_with_owner, runnable};
use crate::native::schemas::rules::EvaluationsReply;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use cresset_model::ObjectId;
use cresset_model::incident::{Evaluation, EvaluationMode};
use cresset_model::instance::Nodes;
use cresset_query::compile_with;
use serde_json::{Value, json};

/// How a rule runs, and its newest evaluations, newest first.
#[utoipa::path(
    get, path = "/api/v1/rules/{id}/evaluations", tag = "Rules",
    security(("jwt" = ["alertrules:read"])),
    params(
        ("id" = String, Path, description = "Alert rule id"),
        ("limit" = Option<u64>, Query, minimum = 1, description = "At most this many, 50 if not given"),
    ),
    responses(
        (status = 200, description = "`mode` is live or scheduled, `reason` says why", body = EvaluationsReply),
        (status = 404, description = "No such rule of this user"),
    )
)]
pub(crate) async fn evaluations(
    State(api): State<Api>,
    caller: Authorized<AlertrulesRead>,
    PathText(id): PathText,
    params: Params,
) -> Result<Json<Value>> {
    let id: ObjectId = id
        .parse()
        .map_err(|_| Error::NotFound(format!("there is no alert rule {id:?}")))?;
    let limit = params.positive("limit", 50)?.min(1000);
    let rule = own_rule_with_owner(&api, &caller, id).await?;
    let instances = api.catalog.instances().await?;
    let nodes = Nodes::new(&instances, api.catalog.removed_nodes().await?);
    let macros = api.macros.current().await?;
    let (mut mode, mut reason) = (api.rule_mode)(&rule, &nodes, &macros);
    let rule = rule.rule;
    let plan = compile_with(&rule.spec.search_params.query, &macros).ok();
    if let Some(why_not) = plan.and_then(|plan| runnable::why_not(&api, &plan)) {
        (mode, reason) = (EvaluationMode::Scheduled, why_not);
    }
    let evaluations = api.catalog.evaluations(rule.id, limit as u32).await?;
    let rows: Vec<Value> = evaluations.iter().map(row).collect();
    Ok(Json(json!({
        "id": rule.id.to_string(),
        "name": rule.spec.name,
        "active": rule.active,
        "mode": mode,
        "reason": reason,
        "evaluations": rows,
    })))
}

fn row(evaluation: &Evaluation) -> Value {
    json!({
        "mode": evaluation.mode,
        "slot_end": evaluation.slot_end.to_rfc3339(),
        "evaluated_at": evaluation.evaluated_at.to_rfc3339(),
        "rows": evaluation.rows,
        "verdict": evaluation.verdict,
        "duration_us": evaluation.duration_us,
        "error": evaluation.error,
    })
}
