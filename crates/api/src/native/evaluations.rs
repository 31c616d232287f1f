//! `GET /api/v1/rules/{id}/evaluations`

use crate::auth::{AlertrulesRead, Authorized};
use crate::body::{Params, PathText};
use crate::error::{Error, Result};
use crate::logpoint::alert_rules::own_rule;
use crate::native::schemas::rules::EvaluationsReply;
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use cresset_model::ObjectId;
use cresset_model::incident::Evaluation;
use cresset_model::instance::{Instance, split_address};
use cresset_model::rule::{AlertRule, ConditionOption};
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
    let rule = own_rule(&api, &caller, id).await?;
    let instances = api.catalog.instances().await?;
    let (mode, reason) = mode(&rule, &instances);
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

/// How the rule runs and why.
fn mode(rule: &AlertRule, instances: &[Instance]) -> (&'static str, String) {
    let elsewhere = |address: &String| {
        let node = split_address(address.trim()).0;
        instances.iter().any(|i| i.node.eq_ignore_ascii_case(node))
    };
    if rule.spec.search_params.repos.iter().any(elsewhere) {
        let reason = "it searches other instances, whose events do not arrive here";
        return ("scheduled", reason.to_owned());
    }
    let condition = rule.spec.incident_condition;
    let grows = match condition.condition_option {
        ConditionOption::GreaterThan => true,
        ConditionOption::MoreEqual => condition.condition_value >= 1,
        _ => false,
    };
    let shape = match cresset_query::compile(&rule.spec.search_params.query) {
        Ok(plan) => plan.live(),
        Err(_) => Err("the query cannot run any more".to_owned()),
    };
    match shape {
        Err(reason) => ("scheduled", reason),
        Ok(_) if !grows => {
            let reason = "the condition can cease to hold when more rows are found, so it is \
                          judged at the end of each interval";
            ("scheduled", reason.to_owned())
        }
        Ok(_) => (
            "live",
            "the result can only grow with each event".to_owned(),
        ),
    }
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
