//! `GET /health/live` and `GET /health/ready`

use crate::native::schemas::{Alive, Ready};
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use cresset_catalog::port::QuarantinedFile;
use cresset_model::{Duration, Timestamp};
use serde_json::{Value, json};

/// 200 while the process answers at all. Says what it is, so that another instance knows
/// with what it talks.
#[utoipa::path(
    get, path = "/health/live", tag = "Operation",
    responses((status = 200, description = "Alive", body = Alive))
)]
pub(crate) async fn live() -> Json<Value> {
    Json(json!({"status": "alive", "product": "cresset"}))
}

/// Notifications that wait longer than this are worth a look.
const MAX_LATENESS: Duration = Duration::seconds(60);

/// Most event files that are named.
const MOST_NAMED: usize = 10;

/// 200 while the server does its work, else 503 with the reasons.
///
/// Late notifications and event files in quarantine are told as `degraded` with 200: a probe
/// that takes the server out of service over them would stop ingest and rules as well.
#[utoipa::path(
    get, path = "/health/ready", tag = "Operation",
    responses(
        (status = 200, description = "Ready; `degraded` says what lags behind all the same", body = Ready),
        (status = 503, description = "Not ready; `reasons` says why", body = Ready),
    )
)]
pub(crate) async fn ready(State(api): State<Api>) -> Response {
    let mut reasons = (api.readiness)().reasons;
    if let Err(error) = api.catalog.rules_version().await {
        tracing::warn!(%error, "the catalog does not answer");
        reasons.push("the catalog does not answer".to_owned());
    }
    let degraded = degraded(&api).await;
    if reasons.is_empty() {
        let body = json!({"status": "ready", "reasons": [], "degraded": degraded});
        return Json(body).into_response();
    }
    let body = json!({"status": "not ready", "reasons": reasons, "degraded": degraded});
    (StatusCode::SERVICE_UNAVAILABLE, Json(body)).into_response()
}

/// What lags behind or is lost without keeping the server from its work.
async fn degraded(api: &Api) -> Vec<String> {
    let mut degraded = late(api).await;
    let all = (Timestamp::MIN, Timestamp::MAX);
    match api.catalog.quarantined_files(&[], all.0, all.1).await {
        Ok(lost) => degraded.extend(quarantine(&lost)),
        Err(error) => tracing::warn!(%error, "the catalog does not tell what is in quarantine"),
    }
    degraded
}

/// What was lost with event files, and what to do about it.
fn quarantine(lost: &[QuarantinedFile]) -> Vec<String> {
    let advice = "restore it from a backup with `cresset store restore ID`, or give it up with \
        `cresset store discard ID`";
    let mut told: Vec<String> = lost
        .iter()
        .take(MOST_NAMED)
        .map(|lost| format!("{lost}; {advice}, where ID is {}", lost.file.id))
        .collect();
    if lost.len() > MOST_NAMED {
        let more = lost.len() - MOST_NAMED;
        told.push(format!(
            "{more} more event files are in quarantine; `cresset store list` shows all"
        ));
    }
    told
}

async fn late(api: &Api) -> Vec<String> {
    let due = match api.catalog.next_due().await {
        Ok(due) => due,
        Err(error) => {
            tracing::warn!(%error, "the outbox does not answer");
            return vec!["the outbox does not answer".to_owned()];
        }
    };
    let late = due.map(|due| api.now().since(due));
    let late = late.filter(|late| *late > MAX_LATENESS);
    late.map(|late| format!("notifications are {:.0} seconds late", late.as_secs_f64()))
        .into_iter()
        .collect()
}
