//! `POST /api/v1/searches`

use super::page::Page;
use crate::auth::{Authorized, SearchRead};
use crate::body::JsonObject;
use crate::error::{Error, Result};
use crate::logpoint::search::start::{begin, prepare};
use crate::native::schemas::searches::{NewSearch, SearchBegun};
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use cresset_model::user::Scope;
use cresset_search::Progress;
use serde_json::{Value, json};
use std::sync::Arc;

/// Starts a search.
///
/// `GET /api/v1/searches/{id}` shows it; `DELETE` ends it and frees what it found. A search
/// that nobody asks for in ten minutes is forgotten. A query that fills lists takes the scope
/// `search:write` as well.
#[utoipa::path(
    post, path = "/api/v1/searches", tag = "Search",
    security(("jwt" = ["search:read"])),
    request_body(content = NewSearch, example = json!({
        "query": "label=Login label=Fail", "time_range": "Last 24 hours", "limit": 100
    })),
    responses(
        (status = 201, description = "Begun, or waiting in line", body = SearchBegun),
        (status = 400, description = "The query or another field does not read"),
        (status = 429, description = "The user has too many searches under way; `Retry-After` says when to try again"),
        (status = 503, description = "The server has; `Retry-After` says when to try again"),
    )
)]
pub(crate) async fn start(
    State(api): State<Api>,
    caller: Authorized<SearchRead>,
    JsonObject(body): JsonObject,
) -> Result<(StatusCode, Json<Value>)> {
    let (mut request, warnings) = prepare(&api, &caller, &body).await?;
    let feeds = !request.plan.lists_fed().is_empty();
    if feeds && !caller.credential_has(Scope::SearchWrite) {
        return Err(Error::Forbidden(
            "The token's scope does not include search:write, which `process toList` takes"
                .to_owned(),
        ));
    }
    let progress = match body.get("page") {
        None | Some(Value::Null) => Progress::with_rows(),
        Some(page) => {
            let wrong = || Error::Malformed("page must be the `next` of this search".to_owned());
            let page = page.as_str().and_then(Page::read).ok_or_else(wrong)?;
            let at = page.after.at;
            if at <= request.from || at > request.to || !request.plan.rows_are_events() {
                return Err(wrong());
            }
            request.to = at;
            request.up_to_seq = Some(page.up_to_seq);
            Progress::of_page_after(page.after)
        }
    };
    let id = begin(&api, &caller, request, Arc::new(progress))?;
    let reply = json!({"search_id": id, "warnings": warnings});
    Ok((StatusCode::CREATED, Json(reply)))
}
