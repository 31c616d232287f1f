//! `POST /api/v1/explain`

use crate::auth::{Authorized, SearchRead};
use crate::body::JsonObject;
use crate::error::{Error, Result};
use crate::logpoint::search::explained::explained;
use crate::logpoint::search::{rows, start};
use crate::native::schemas::explain::{Explained, ToExplain};
use crate::state::{Api, Context};
use axum::Json;
use axum::extract::State;
use cresset_model::{Duration, ObjectId};
use cresset_query::ResultSet;
use cresset_search::{SearchRequest, SessionState};
use serde_json::{Value, json};
use std::sync::Arc;

/// Before a request's time is up, so that it can still be answered.
const TO_ANSWER: Duration = Duration::seconds(2);

/// Tells how a query is read and how it is searched; with a time range it is searched, to tell
/// what is passed over. It changes nothing: a query that fills lists is explained alone.
#[utoipa::path(
    post, path = "/api/v1/explain", tag = "Search",
    security(("jwt" = ["search:read"])),
    request_body(content = ToExplain, example = json!({
        "query": "label=Fail | chart count() by user", "time_range": "Last 24 hours"
    })),
    responses(
        (status = 200, description = "How the search is done", body = Explained),
        (status = 400, description = "The query has mistakes; `detail` says where"),
        (status = 409, description = "The search failed; `detail` says why"),
    )
)]
pub(crate) async fn explain(
    State(api): State<Api>,
    caller: Authorized<SearchRead>,
    JsonObject(data): JsonObject,
) -> Result<Json<Value>> {
    let plan = start::plan(&api, &data).await?;
    let (kind, warnings) = (rows::kind_word(plan.kind()), start::warnings(&plan));
    let range = data.get("time_range").filter(|range| !range.is_null());
    let why_not = if range.is_none() {
        Some("no time_range was given")
    } else if !plan.lists_fed().is_empty() {
        Some("the query fills lists, which an explanation does not do")
    } else {
        None
    };
    let mut reply = if why_not.is_none() {
        let request = start::request(&api, &caller, &data, plan).await?;
        let plan = Arc::clone(&request.plan);
        let (result, elapsed) = searched(&api, &caller, request).await?;
        let mut reply = explained(&plan, Some(&result.looked_at));
        reply["elapsed_seconds"] = elapsed.as_secs_f64().into();
        reply
    } else {
        let mut reply = explained(&plan, None);
        reply["elapsed_seconds"] = Value::Null;
        reply
    };
    reply["query_type"] = kind.into();
    reply["warnings"] = json!(warnings);
    reply["not_searched"] = json!(why_not);
    Ok(Json(reply))
}

/// A search that ends with the request, also where nobody waits for it any more.
struct Search<'a> {
    api: &'a Context,
    user: ObjectId,
    id: String,
}

impl Drop for Search<'_> {
    fn drop(&mut self) {
        self.api.sessions.cancel(self.user, &self.id);
    }
}

async fn searched(
    api: &Context,
    caller: &Authorized<SearchRead>,
    mut request: SearchRequest,
) -> Result<(Arc<ResultSet>, Duration)> {
    let longest = Duration(api.settings.request_timeout.0 - TO_ANSWER.0).max(TO_ANSWER);
    request.timeout = request.timeout.min(longest);
    let patience = longest.to_std();
    let search = Search {
        api,
        user: caller.user.id,
        id: start::begin(api, caller, request, Arc::default())?,
    };
    let session = api.sessions.wait(search.user, &search.id, patience).await;
    match session.map(|session| session.state) {
        Some(SessionState::Done { result, elapsed }) => Ok((result, elapsed)),
        Some(SessionState::Failed { message }) => Err(Error::Refused(message)),
        Some(SessionState::Running) => Err(Error::Timeout),
        None => Err(Error::Refused("the search was forgotten".to_owned())),
    }
}
