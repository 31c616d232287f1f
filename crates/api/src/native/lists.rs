//! `PUT /api/v1/lists/{name}`

use crate::auth::{Authorized, SearchWrite};
use crate::body::{self, PathText};
use crate::error::{Error, Result};
use crate::logpoint::lists::file;
use crate::native::schemas::{ListInfoRow, NewList};
use crate::state::Api;
use axum::Json;
use axum::extract::{Request, State};
use cresset_model::list::{ListInfo, MAX_AGE_LIMIT_MINUTE, valid_name};
use serde_json::{Map, Value, json};

/// Creates a static list or replaces its values, which queries see at once; or creates a
/// dynamic list, which queries fill, or changes its age limit.
#[utoipa::path(
    put, path = "/api/v1/lists/{name}", tag = "Lists",
    security(("jwt" = ["search:write"])),
    params(("name" = String, Path, description =
        "2 to 100 letters, digits, `_` and `-`; stored in upper case")),
    request_body(content = NewList, description = "An array of values, or of objects, \
        which are the rows of a table; or `{\"kind\": \
        \"dynamic\", \"age_limit_minute\": 60}` for a list that `process toList` fills"),
    responses(
        (status = 200, description = "Name, kind and number of values", body = ListInfoRow),
        (status = 409, description = "There is a list of the other kind"),
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
    let list = match parsed(&bytes)? {
        Value::Array(items) => put_static(&api, &caller, &name, items).await?,
        Value::Object(settings) => put_dynamic(&api, &caller, &name, &settings).await?,
        _ => return Err(wrong()),
    };
    Ok(Json(shown(&list)))
}

/// A list as our own endpoints show it.
pub(super) fn shown(list: &ListInfo) -> Value {
    json!({
        "id": list.id.to_string(),
        "name": list.name,
        "kind": list.kind,
        "values": list.len,
        "age_limit_minute": list.age_limit_minute,
        "updated_at": list.updated_at.to_rfc3339(),
    })
}

async fn put_static(
    api: &Api,
    caller: &Authorized<SearchWrite>,
    name: &str,
    items: Vec<Value>,
) -> Result<ListInfo> {
    let values = values(items)?;
    let (id, now) = (api.new_id(), api.now());
    let list = api.catalog.put_list(id, name, values, now).await?;
    let detail = format!("{} with {} values", list.name, list.len);
    api.audit(&caller.user.username, caller.peer, "list_replaced", detail)
        .await;
    Ok(list)
}

async fn put_dynamic(
    api: &Api,
    caller: &Authorized<SearchWrite>,
    name: &str,
    settings: &Map<String, Value>,
) -> Result<ListInfo> {
    if settings.get("kind").and_then(Value::as_str) != Some("dynamic") {
        let message = "must be dynamic; for a static list send an array of values";
        return Err(Error::field("kind", message));
    }
    let limit = settings.get("age_limit_minute").and_then(Value::as_u64);
    let limit = limit
        .and_then(|n| u32::try_from(n).ok())
        .filter(|n| (1..=MAX_AGE_LIMIT_MINUTE).contains(n));
    let Some(limit) = limit else {
        let message = format!("must be a whole number from 1 to {MAX_AGE_LIMIT_MINUTE}");
        return Err(Error::field("age_limit_minute", message));
    };
    let (id, now) = (api.new_id(), api.now());
    let list = api.catalog.put_dynamic_list(id, name, limit, now).await?;
    let detail = format!("{} with an age limit of {limit} minutes", list.name);
    api.audit(
        &caller.user.username,
        caller.peer,
        "list_configured",
        detail,
    )
    .await;
    Ok(list)
}

fn parsed(bytes: &[u8]) -> Result<Value> {
    serde_json::from_slice(body::without_mark(bytes))
        .map_err(|error| Error::Malformed(format!("the body is not JSON: {error}")))
}

fn wrong() -> Error {
    refused(
        "the body must be a JSON array of strings, whole numbers, or objects, which are the rows of a \
         table; send others as text",
    )
}

fn refused(message: impl Into<String>) -> Error {
    Error::field("values", message)
}

/// Texts, whole numbers, or rows of a table. Of others it would not be known how they were written.
fn values(items: Vec<Value>) -> Result<Vec<String>> {
    let mut values = Vec::with_capacity(items.len());
    for (at, item) in items.into_iter().enumerate() {
        let text = match item {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) if !number.is_f64() => number.to_string(),
            // A row of a table.
            row @ Value::Object(_) => row.to_string(),
            _ => return Err(wrong()),
        };
        file::check_value(&text)
            .map_err(|problem| refused(format!("the value at {at}, counted from 0, {problem}")))?;
        if !text.is_empty() {
            values.push(text);
        }
    }
    file::check_number(&values).map_err(refused)?;
    Ok(values)
}
