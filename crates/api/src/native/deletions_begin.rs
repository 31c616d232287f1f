//! `POST /api/v1/deletions`

use super::deletions_read::row;
use super::schemas::deletions::{DeletionRow, NewDeletion};
use crate::auth::{Authorized, LogsDelete};
use crate::body::JsonObject;
use crate::error::{Error, Result, ValidationErrors};
use crate::logpoint::fields::Section;
use crate::state::{Api, Context};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cresset_model::repo::OWN_REPO;
use cresset_model::user::User;
use cresset_model::{Duration, Timestamp};
use cresset_query::Plan;
use cresset_search::{DeleteRequest, Mandate, filter_alone};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Longest reason, in bytes: the audit log keeps it beside the query.
const MAX_REASON: usize = 500;
/// Longest query, in bytes: the audit log keeps it whole.
const MAX_QUERY: usize = 2_000;
/// Most repos at a time.
const MAX_REPOS: usize = 20;

/// Begins to delete the events of some repos and a time range that meet a filter, for good.
///
/// What arrived before the request is deleted, also what is not in event files yet. The answer
/// comes at once; `GET /api/v1/deletions/{id}` tells how far it is. With `dry_run` the events
/// are only counted. A deletion can be asked for again at any time, for instance after the
/// server was stopped in the middle of one. It is written down in the audit log, with query,
/// range, reason and count.
#[utoipa::path(
    post, path = "/api/v1/deletions", tag = "Deletions",
    security(("jwt" = ["logs:delete"])),
    request_body(content = NewDeletion),
    responses(
        (status = 202, description = "Begun", body = DeletionRow),
        (status = 422, description = "`errors` by field"),
        (status = 503, description = "Too many wait already"),
    )
)]
pub(crate) async fn begin(
    State(api): State<Api>,
    caller: Authorized<LogsDelete>,
    JsonObject(body): JsonObject,
) -> Result<(StatusCode, Json<Value>)> {
    let (request, reason) = read(&api, &caller.user, &body).await?;
    let mandate = Mandate {
        actor: caller.user.username.clone(),
        address: caller.peer.to_string(),
        reason,
    };
    let begun = api.deletions.start(request, mandate);
    let begun = begun.ok_or_else(|| Error::Busy {
        message: "too many deletions wait; try again when some have ended".to_owned(),
        retry_after: Duration::seconds(30),
    })?;
    Ok((StatusCode::ACCEPTED, Json(row(&begun))))
}

async fn read(
    api: &Context,
    user: &User,
    body: &Map<String, Value>,
) -> Result<(DeleteRequest, String)> {
    let known: BTreeSet<String> = api
        .catalog
        .repos()
        .await?
        .into_iter()
        .map(|repo| repo.name)
        .filter(|repo| user.may_search(repo))
        .collect();
    let mut errors = ValidationErrors::default();
    let mut root = Section::root(body, &mut errors);
    let plan = plan(&mut root);
    let repos = repos(&mut root, &known);
    let from = moment(&mut root, "from");
    let to = moment(&mut root, "to");
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        root.refuse("to", "must not be before from");
    }
    let reason = root.required_text("reason");
    if reason.len() > MAX_REASON {
        root.refuse(
            "reason",
            format!("must not be longer than {MAX_REASON} bytes"),
        );
    }
    let dry_run = root.flag("dry_run");
    let request = plan
        .zip(from.zip(to))
        .map(|(plan, (from, to))| DeleteRequest {
            plan,
            repos,
            // Events of that very moment as well.
            from: Timestamp(from.0.saturating_sub(1)),
            to,
            timezone: user.timezone.clone(),
            dry_run,
        });
    errors.into_result(request.map(|request| (request, reason)))
}

fn plan(root: &mut Section<'_>) -> Option<Arc<Plan>> {
    let query = root.required_text("query");
    if root.refused("query") {
        return None;
    }
    if query.len() > MAX_QUERY {
        root.refuse(
            "query",
            format!("must not be longer than {MAX_QUERY} bytes"),
        );
        return None;
    }
    let plan = match cresset_query::compile(&query) {
        Ok(plan) => filter_alone(plan).map_err(|error| error.to_string()),
        Err(mistakes) => {
            let told = mistakes.iter().map(|mistake| mistake.render(&query));
            Err(told.collect::<Vec<_>>().join("; "))
        }
    };
    plan.map_err(|mistake| root.refuse("query", mistake)).ok()
}

fn repos(root: &mut Section<'_>, known: &BTreeSet<String>) -> Vec<String> {
    let mut repos = root.texts("repos");
    repos.sort();
    repos.dedup();
    if root.refused("repos") {
        return repos;
    }
    if repos.is_empty() || repos.len() > MAX_REPOS {
        root.refuse("repos", format!("must name 1 to {MAX_REPOS} repos"));
    } else if repos.iter().any(|repo| repo == OWN_REPO) {
        let message = format!("{OWN_REPO} is the server's own log, of which nothing is deleted");
        root.refuse("repos", message);
    } else if let Some(unknown) = repos.iter().find(|repo| !known.contains(*repo)) {
        root.refuse("repos", format!("there is no repo {unknown:?} here"));
    }
    repos
}

fn moment(root: &mut Section<'_>, field: &str) -> Option<Timestamp> {
    let text = root.required_text(field);
    if root.refused(field) {
        return None;
    }
    let moment = text.trim().parse::<jiff::Timestamp>();
    if moment.is_err() {
        root.refuse(field, "must be a moment such as 2026-01-31T00:00:00Z");
    }
    moment.ok().map(|moment| Timestamp(moment.as_microsecond()))
}
