//! `POST /getsearchlogs`: starts a search, or asks for its result

use super::rows::RowForm;
use super::{poll, start};
use crate::auth::CredentialRequest;
use crate::error::Result;
use crate::logpoint::schemas::search::{SearchBody, SearchForm, SearchReply};
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use serde_json::Value;

/// Starts a search if `requestData` holds a `query`, else shows how far one is.
///
/// While a search runs a poll answers `{"final": false, "rows": []}`, and the whole result
/// once with `final: true`, because clients disagree on whether chunks add up.
#[utoipa::path(
    post, path = "/getsearchlogs", tag = "Search",
    request_body(content(
        (SearchForm = "application/x-www-form-urlencoded"),
        (SearchForm = "multipart/form-data"),
        (SearchBody = "application/json"),
    )),
    responses((status = 200, description = "Always, with `success` true or false", body = SearchReply))
)]
pub(crate) async fn get_search_logs(
    State(api): State<Api>,
    request: CredentialRequest,
) -> Result<Json<Value>> {
    let data = request.request_data()?;
    let id = ["search_id", "searchId"]
        .iter()
        .find_map(|key| data.get(*key)?.as_str());
    let reply = match id {
        Some(id) => {
            let form = RowForm::asked(data.get("typed_rows"));
            let explain = data.get("explain") == Some(&Value::Bool(true));
            poll::poll(&api, &request.caller, id, form, explain).await?
        }
        None => start::start(&api, &request.caller, &data).await?,
    };
    Ok(Json(reply))
}
