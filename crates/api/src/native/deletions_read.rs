//! `GET /api/v1/deletions/{id}`

use super::schemas::deletions::DeletionRow;
use crate::auth::{Authorized, LogsDelete};
use crate::body::PathText;
use crate::error::{Error, Result};
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use cresset_model::Timestamp;
use cresset_search::{Deletion, DeletionState};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

/// How far a deletion is. Deletions are remembered until the server stops.
#[utoipa::path(
    get, path = "/api/v1/deletions/{id}", tag = "Deletions",
    security(("jwt" = ["logs:delete"])),
    params(("id" = String, Path, description = "The deletion's id")),
    responses(
        (status = 200, description = "Its state", body = DeletionRow),
        (status = 404, description = "There is no such deletion, or it is forgotten"),
    )
)]
pub(crate) async fn read(
    State(api): State<Api>,
    _: Authorized<LogsDelete>,
    PathText(id): PathText,
) -> Result<Json<Value>> {
    let found = id.parse().ok().and_then(|id| api.deletions.get(id));
    let found = found.ok_or_else(|| Error::NotFound(format!("there is no deletion {id}")))?;
    Ok(Json(row(&found)))
}

pub(super) fn row(deletion: &Deletion) -> Value {
    let (request, progress) = (&deletion.request, &deletion.progress);
    let mut row = json!({
        "id": deletion.id.to_string(),
        "dry_run": request.dry_run,
        "query": request.plan.text(),
        "repos": request.repos,
        "from": Timestamp(request.from.0.saturating_add(1)).to_rfc3339(),
        "to": request.to.to_rfc3339(),
        "reason": deletion.mandate.reason,
        "begun_by": deletion.mandate.actor,
        "begun_at": deletion.at.to_rfc3339(),
        "files_done": progress.files_done.load(Ordering::Relaxed),
        "files": progress.files.load(Ordering::Relaxed),
        "events": progress.events.load(Ordering::Relaxed),
    });
    match &deletion.state {
        DeletionState::Running => row["state"] = "running".into(),
        DeletionState::Failed(message) => {
            row["state"] = "failed".into();
            row["error"] = message.as_str().into();
        }
        DeletionState::Done(deleted) => {
            row["state"] = "done".into();
            row["events"] = deleted.events.into();
            row["files_with_events"] = deleted.files.into();
            row["files_waiting"] = deleted.files_waiting.into();
            row["log_waiting"] = deleted.log_waiting.into();
            row["in_quarantine"] = deleted.in_quarantine.into();
            row["unread"] = json!(deleted.unread);
        }
    }
    row
}
