//! `PUT /api/v1/lists/{name}`

use crate::auth::{Authorized, SearchWrite};
use crate::body::{self, PathText};
use crate::error::{Error, Result};
use crate::state::Api;
use axum::Json;
use axum::extract::{Request, State};
use cresset_model::list::{ListKind, valid_name};
use serde_json::{Value, json};

/// Most values of one list.
const MAX_VALUES: usize = 1_000_000;

/// Most values with wildcards: a search tries each of them on every event, while all
/// others cost it one look-up together.
const MAX_PATTERNS: usize = 10_000;

/// Creates a static list or replaces its values. Queries see them at once.
#[utoipa::path(
    put, path = "/api/v1/lists/{name}", tag = "Lists",
    security(("jwt" = ["search:write"])),
    params(("name" = String, Path, description =
        "2 to 100 letters, digits, `_` and `-`; stored in upper case")),
    request_body(content = Vec<String>, description = "The values"),
    responses(
        (status = 200, description = "Name and number of values", body = Value),
        (status = 422, description = "`errors` by field"),
    )
)]
pub(crate) async fn put(
    State(api): State<Api>,
    caller: Authorized<SearchWrite>,
    PathText(name): PathText,
    request: Request,
) -> Result<Json<Value>> {
    if !valid_name(&name) {
        let message = "must be 2 to 100 letters, digits, _ and -, with neither _ nor - at an end";
        return Err(Error::field("name", message));
    }
    let bytes = body::read(&api, request.into_body(), api.settings.max_body_bytes, None).await?;
    let values = values(&bytes)?;
    let (id, now) = (api.new_id(), api.now());
    let list = api
        .catalog
        .put_list(id, &name, ListKind::StaticList, values, now)
        .await?;
    let detail = format!("{} with {} values", list.name, list.len);
    api.audit(&caller.user.username, caller.peer, "list_replaced", detail)
        .await;
    Ok(Json(
        json!({"id": list.id.to_string(), "name": list.name, "values": list.len}),
    ))
}

/// Texts, or numbers, which are kept as they are written.
fn values(bytes: &[u8]) -> Result<Vec<String>> {
    let wrong = || {
        Error::field(
            "values",
            "the body must be a JSON array of strings or numbers",
        )
    };
    let items: Vec<Value> = match serde_json::from_slice(bytes) {
        Ok(Value::Array(items)) => items,
        Ok(_) => return Err(wrong()),
        Err(error) => return Err(Error::Malformed(format!("the body is not JSON: {error}"))),
    };
    if items.len() > MAX_VALUES {
        return Err(Error::field(
            "values",
            format!("at most {MAX_VALUES} values are taken"),
        ));
    }
    let text = |item: Value| match item {
        Value::String(text) => Ok(text.trim().to_owned()),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(wrong()),
    };
    let values: Result<Vec<String>> = items.into_iter().map(text).collect();
    let mut values = values?;
    values.retain(|value| !value.is_empty());
    if values.iter().filter(|v| v.contains(['*', '?'])).count() > MAX_PATTERNS {
        let message = format!("at most {MAX_PATTERNS} values with * or ? are taken");
        return Err(Error::field("values", message));
    }
    Ok(values)
}
