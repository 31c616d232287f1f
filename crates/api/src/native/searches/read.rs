//! `GET /api/v1/searches/{id}`

use super::page::Page;
use crate::auth::{Authorized, SearchRead};
use crate::body::{Params, PathText};
use crate::error::{Error, Result};
use crate::logpoint::search::poll::still_permitted;
use crate::logpoint::search::rows;
use crate::native::schemas::searches::SearchProgress;
use crate::state::{Api, Context};
use axum::Json;
use axum::extract::State;
use cresset_query::{ResultRow, ResultSet};
use cresset_search::{Session, SessionState};
use serde_json::{Value, json};

/// Rows of an answer if the request does not say, and at most.
const USUAL: usize = 1_000;
const MOST: usize = 10_000;
/// Bytes of the rows of an answer, in the measure of their texts; one row at least is given.
const BYTES: usize = 4 << 20;

/// Shows how far a search is, and rows that are final.
///
/// It waits up to a second for rows behind the first `skip`, or for the end. `rows` are those;
/// `done` says that the search has ended and these were the last.
#[utoipa::path(
    get, path = "/api/v1/searches/{id}", tag = "Search",
    security(("jwt" = ["search:read"])),
    params(
        ("id" = String, Path, description = "The search's id"),
        ("skip" = Option<u64>, Query, description = "Rows that the client has, 0 if not given"),
        ("rows" = Option<u64>, Query, minimum = 1, description = "Rows at most, 1000 if not given, at most 10000"),
    ),
    responses(
        (status = 200, description = "How far it is", body = SearchProgress),
        (status = 404, description = "No such search of this user; it may be forgotten"),
        (status = 409, description = "The search failed; `detail` says why"),
    )
)]
pub(crate) async fn read(
    State(api): State<Api>,
    caller: Authorized<SearchRead>,
    PathText(id): PathText,
    params: Params,
) -> Result<Json<Value>> {
    let skip = params.count("skip")?;
    let most = params.positive("rows", USUAL)?.min(MOST);
    let user = &caller.user;
    let patience = api.settings.poll_hold.to_std();
    let waited = api.sessions.wait_for_rows(user.id, &id, skip, patience);
    let session = waited.await;
    let session = session
        .filter(|session| still_permitted(user, &session.request))
        .ok_or_else(|| Error::NotFound(format!("search {id:?} does not exist, or no more")))?;
    match &session.state {
        SessionState::Running => Ok(Json(running(&session, skip, most))),
        SessionState::Done { result, elapsed } => {
            let mut reply = done(&api, &session, result, skip, most);
            reply["elapsed_seconds"] = elapsed.as_secs_f64().into();
            Ok(Json(reply))
        }
        SessionState::Failed { message } => Err(Error::Refused(message.clone())),
    }
}

fn common(session: &Session) -> Value {
    let counts = session.progress.counts();
    let request = &session.request;
    json!({
        "query_type": rows::kind_word(request.plan.kind()),
        "done": false,
        "rows": [],
        "progress": {
            "files": counts.files,
            "files_done": counts.files_done,
            "events": counts.events,
            "events_done": counts.events_done,
            "found": counts.found,
        },
        "warnings": [],
    })
}

fn running(session: &Session, skip: usize, most: usize) -> Value {
    let mut reply = common(session);
    let ready = session.progress.rows(skip, most);
    reply["rows"] = json_of(ready.iter()).into();
    reply
}

fn done(api: &Context, session: &Session, result: &ResultSet, skip: usize, most: usize) -> Value {
    let mut reply = common(session);
    let rows = json_of(result.rows.iter().skip(skip).take(most));
    let last = skip.saturating_add(rows.len()) >= result.rows.len();
    reply["query_type"] = rows::kind_word(result.kind).into();
    reply["done"] = last.into();
    reply["rows"] = rows.into();
    reply["columns"] = json!(result.columns);
    reply["grouping"] = json!(result.grouping);
    reply["total"] = result.total.into();
    reply["complete"] = (!result.truncated && result.missing.is_empty()).into();
    let mut warnings: Vec<String> = result
        .missing
        .iter()
        .map(|m| format!("not searched: {m}"))
        .collect();
    let next = Page::behind(session, result.rows.len());
    if result.truncated && next.is_none() {
        warnings.push(format!(
            "cut to what a search may keep: at most {} rows (search.max_rows), and as many groups \
             and values as its memory allows (search.max_memory)",
            api.settings.max_search_rows
        ));
    }
    reply["warnings"] = warnings.into();
    if let Some(next) = next {
        reply["next"] = next.text().into();
    }
    reply
}

/// Rows as they are, numbers, lists and all, as far as they fit into one answer.
fn json_of<'a>(rows: impl Iterator<Item = &'a ResultRow>) -> Vec<Value> {
    let mut bytes = 0;
    rows.take_while(|row| {
        let fits = bytes < BYTES;
        let texts = row
            .fields
            .iter()
            .map(|(name, value)| name.len() + value.text().len());
        bytes += texts.sum::<usize>();
        fits
    })
    .map(|row| Value::Object(row.to_json()))
    .collect()
}
