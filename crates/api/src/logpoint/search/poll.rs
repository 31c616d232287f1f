//! The second half of `/getsearchlogs`.

use super::explained::explained;
use super::rows::RowForm;
use super::time_range::Window;
use super::{life, rows};
use crate::auth::Caller;
use crate::error::{Error, Result};
use crate::state::Context;
use cresset_model::Duration;
use cresset_model::user::User;
use cresset_query::{QueryKind, ResultSet};
use cresset_search::{SearchRequest, SessionState};
use serde_json::{Map, Value, json};

/// The literal that clients resubmit their query on.
const FORGOTTEN: &str = "Forgotten search";

/// Shows how far the search `id` is, waiting a moment for it to end.
pub(super) async fn poll(
    api: &Context,
    caller: &Caller,
    id: &str,
    form: RowForm,
    explain: bool,
) -> Result<Value> {
    let session = match id.strip_prefix(life::PREFIX) {
        Some(life_id) => life::session(api, caller, life_id).await?,
        None => {
            let patience = api.settings.poll_hold.to_std();
            let session = api.sessions.wait(caller.user.id, id, patience).await;
            session.filter(|session| still_permitted(&caller.user, &session.request))
        }
    };
    let session = session.ok_or_else(|| Error::Refused(FORGOTTEN.to_owned()))?;
    let request = &session.request;
    match session.state {
        SessionState::Running => Ok(running(id, request)),
        SessionState::Done { result, elapsed } => {
            let mut reply = done(id, request, &result, elapsed, |row, at| {
                form.row(row, at, &api.settings.server_name)
            });
            if explain {
                reply["explain"] = explained(&request.plan, Some(&result.looked_at));
            }
            Ok(reply)
        }
        SessionState::Failed { message } => Err(Error::Refused(message)),
    }
}

/// A permission that was taken away counts for results that are still there, too.
pub(crate) fn still_permitted(user: &User, request: &SearchRequest) -> bool {
    let repos = &request.repos;
    user.sees_all_repos() || !repos.is_empty() && repos.iter().all(|repo| user.may_search(repo))
}

fn common(id: &str, request: &SearchRequest, kind: QueryKind) -> Value {
    let window = Window {
        from: request.from,
        to: request.to,
    };
    json!({
        "success": true,
        "orig_search_id": id,
        "query_type": rows::kind_word(kind),
        "time_range": window.to_wire(),
        "status": {},
        "fields": [],
        "interesting_fields": [],
        "next_starts": {},
        "showAdditionalPanels": false,
    })
}

fn running(id: &str, request: &SearchRequest) -> Value {
    let mut reply = common(id, request, request.plan.kind());
    reply["final"] = false.into();
    reply["complete"] = false.into();
    reply["rows"] = json!([]);
    reply["version"] = 0.into();
    reply["elapsed_seconds"] = 0.0.into();
    // A client that polls until this is 0 must not stop here.
    reply["totalPages"] = 1.into();
    // The keys of the whole result, so that a client may index them at any poll.
    if request.plan.kind() == QueryKind::Simple {
        reply["estim_count"] = 0.into();
    } else {
        reply["num_aggregated"] = 0.into();
        for name in ["columns", "aliases", "grouping", "extra_fields"] {
            reply[name] = json!([]);
        }
    }
    reply
}

#[cfg(test)]
mod tests;

fn done(
    id: &str,
    request: &SearchRequest,
    result: &ResultSet,
    elapsed: Duration,
    simple: impl Fn(Map<String, Value>, usize) -> Value,
) -> Value {
    let mut reply = common(id, request, result.kind);
    reply["final"] = true.into();
    reply["complete"] = (!result.truncated && result.missing.is_empty()).into();
    // A key of our own: other instances that were not searched and event files that are lost,
    // each with the reason.
    if !result.missing.is_empty() {
        let not_searched = result.missing.iter().map(|m| format!("not searched: {m}"));
        reply["warnings"] = not_searched.collect::<Vec<_>>().into();
    }
    reply["version"] = 1.into();
    reply["elapsed_seconds"] = elapsed.as_secs_f64().into();
    reply["totalPages"] = 1.into();
    let rows = result.rows.iter();
    if result.kind == QueryKind::Simple {
        let rows: Vec<Value> = rows
            .enumerate()
            .map(|(at, row)| simple(row.to_json(), at))
            .collect();
        reply["rows"] = rows.into();
        reply["estim_count"] = result.total.into();
    } else {
        let rows: Vec<Value> = rows
            .map(|row| rows::chart(row.to_json(), &result.grouping))
            .collect();
        reply["rows"] = rows.into();
        reply["num_aggregated"] = result.aggregated.into();
        reply["columns"] = json!(result.columns);
        reply["aliases"] = json!(result.columns);
        reply["grouping"] = json!(result.grouping);
        reply["extra_fields"] = json!([]);
    }
    reply
}
