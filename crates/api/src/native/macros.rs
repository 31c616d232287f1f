//! `PUT /api/v1/macros/{name}`

use super::macro_calls::refuse_what_breaks;
use crate::auth::{Authorized, SearchWrite};
use crate::body::{JsonObject, Params, PathText};
use crate::error::{Error, Result, ValidationErrors};
use crate::logpoint::fields::Section;
use crate::native::schemas::macros::{MacroRow, NewMacro};
use crate::state::Api;
use axum::Json;
use axum::extract::State;
use cresset_model::macros::Macro;
use serde_json::{Map, Value, json};

/// Creates a macro or replaces it. Searches and active rules that call it use the new one from
/// then on; a change after which one of these rules could not run is refused.
#[utoipa::path(
    put, path = "/api/v1/macros/{name}", tag = "Macros",
    security(("jwt" = ["search:write"])),
    params(
        ("name" = String, Path, description =
            "2 to 100 letters, digits, `_` and `-`; stored in upper case"),
        ("force" = Option<bool>, Query, description =
            "Whether rules and macros may be left that cannot run any more"),
    ),
    request_body(content = NewMacro, example = json!({
        "text": "label=Login label=Fail user=$user$", "parameters": ["user"]
    })),
    responses(
        (status = 200, description = "The macro, and how many active rules call it", body = MacroRow),
        (status = 409, description = "A rule or another macro could not run any more"),
        (status = 422, description = "`errors` by field"),
    )
)]
pub(crate) async fn put(
    State(api): State<Api>,
    caller: Authorized<SearchWrite>,
    PathText(name): PathText,
    params: Params,
    JsonObject(body): JsonObject,
) -> Result<Json<Value>> {
    let force = params.flag("force")?.unwrap_or(false);
    let one = read(&name, &body, api.now())?;
    // One change at a time, so that each is judged by what the one before left.
    let _turn = api.changing_macros.lock().await;
    let before = api.macros.current().await?;
    let after = before.as_ref().clone().with(one.clone());
    if let Err(why) = after.check(&one) {
        return Err(Error::field("text", why));
    }
    let rules = refuse_what_breaks(&api, &caller, &one.name, before, after, force).await?;
    let kept = api.catalog.put_macro(one).await.map_err(refused)?;
    let detail = kept.name.clone();
    api.audit(&caller.user.username, caller.peer, "macro_replaced", detail)
        .await;
    (api.on_rules_changed)();
    let mut reply = shown(&kept);
    reply["rules"] = rules.into();
    Ok(Json(reply))
}

/// A macro as our own endpoints show it.
pub(super) fn shown(one: &Macro) -> Value {
    json!({
        "name": one.name,
        "parameters": one.parameters,
        "text": one.text,
        "description": one.description,
        "updated_at": one.updated_at.to_rfc3339(),
    })
}

/// What the catalog refuses is something about the macro.
fn refused(error: cresset_catalog::Error) -> Error {
    match error {
        cresset_catalog::Error::Refused(why) => Error::field("macro", why),
        other => other.into(),
    }
}

fn read(name: &str, body: &Map<String, Value>, now: cresset_model::Timestamp) -> Result<Macro> {
    let mut errors = ValidationErrors::default();
    let mut root = Section::root(body, &mut errors);
    let one = Macro {
        name: name.to_ascii_uppercase(),
        text: root.required_text("text"),
        parameters: root.texts("parameters"),
        description: root.text("description"),
        updated_at: now,
    };
    errors.into_result(Some(one))
}
