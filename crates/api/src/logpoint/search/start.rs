//! The first half of `/getsearchlogs`.

use super::time_range::{self, Custom, Window};
use super::{problem, problems, rows};
use crate::auth::Caller;
use crate::error::{Error, Result};
use crate::logpoint::fields::whole;
use crate::state::Context;
use cresset_model::Duration;
use cresset_model::grants::Ability;
use cresset_model::user::Scope;
use cresset_query::Plan;
use cresset_search::{Progress, SearchRequest, StartError};
use serde_json::{Map, Value, json};
use std::sync::Arc;

const DEFAULT_LIMIT: usize = 100;
const DEFAULT_TIMEOUT: Duration = Duration::seconds(300);

/// Starts a search and answers with its id.
pub(super) async fn start(
    api: &Context,
    caller: &Caller,
    data: &Map<String, Value>,
) -> Result<Value> {
    let (request, warnings) = prepare(api, caller, data).await?;
    let window = Window {
        from: request.from,
        to: request.to,
    };
    let kind = request.plan.kind();
    let id = begin(api, caller, request, Arc::default())?;
    let mut reply = json!({
        "success": true,
        "search_id": id,
        "searchId": id,
        "client_type": "UI",
        "clientType": "UI",
        "query_filter": "",
        "latest": false,
        "lookup": false,
        "query_type": rows::kind_word(kind),
        "time_range": window.to_wire(),
    });
    // A key of our own, which Logpoint's clients ignore.
    if !warnings.is_empty() {
        reply["warnings"] = json!(warnings);
    }
    Ok(reply)
}

/// The search that `data` describes, and what is to be said about its query.
pub(crate) async fn prepare(
    api: &Context,
    caller: &Caller,
    data: &Map<String, Value>,
) -> Result<(SearchRequest, Vec<String>)> {
    let plan = plan(api, data).await?;
    may_fill_lists(api, caller, &plan).await?;
    let warnings = warnings(&plan);
    let request = request(api, caller, data, plan).await?;
    Ok((request, warnings))
}

/// Refuses a query that fills lists to a user whose role may not.
pub(super) async fn may_fill_lists(api: &Context, caller: &Caller, plan: &Plan) -> Result<()> {
    let write = Ability::Scope(Scope::SearchWrite);
    if plan.lists_fed().is_empty() || api.may(&caller.user, write).await? {
        return Ok(());
    }
    Err(Error::Forbidden(
        "The user's role does not permit to fill lists (`process toList`)".to_owned(),
    ))
}

/// Starts a search of `caller`, if there is room for one.
pub(crate) fn begin(
    api: &Context,
    caller: &Caller,
    request: SearchRequest,
    progress: Arc<Progress>,
) -> Result<String> {
    let user = caller.user.id;
    let started = api.sessions.start_watched(user, request, progress);
    started.map_err(|full| {
        let (message, retry_after) = (full.to_string(), Duration::seconds(5));
        match full {
            StartError::TooManyOfUser(_) => Error::OverShare {
                message,
                retry_after,
            },
            StartError::TooMany(_) => Error::Busy {
                message,
                retry_after,
            },
        }
    })
}

/// What is doubtful about a query.
pub(crate) fn warnings(plan: &Plan) -> Vec<String> {
    let shown = |warning| problem(plan.written(), warning);
    plan.warnings().iter().map(shown).collect()
}

/// What `data` asks to be searched with `plan`.
pub(crate) async fn request(
    api: &Context,
    caller: &Caller,
    data: &Map<String, Value>,
    plan: Plan,
) -> Result<SearchRequest> {
    let custom = Custom::of(&caller.user);
    let range = data.get("time_range").unwrap_or(&Value::Null);
    let window = time_range::parse(range, api.now(), &custom).map_err(Error::Malformed)?;
    let directory = api.repo_directory(&caller.user).await?;
    let addresses = addresses(data.get("repos"))?;
    let repos = directory
        .resolve(addresses.iter().map(String::as_str))
        .map_err(|problem| Error::Malformed(problem.to_string()))?;
    let settings = &api.settings;
    let limit = number(data, "limit")?.map_or(DEFAULT_LIMIT, |n| n as usize);
    let timeout = number(data, "timeout")?.map_or(DEFAULT_TIMEOUT, |n| Duration::seconds(n as i64));
    Ok(SearchRequest {
        plan: Arc::new(plan),
        repos,
        from: window.from,
        to: window.to,
        part_of: None,
        timezone: caller.user.timezone.clone(),
        limit: limit.min(settings.max_search_rows),
        up_to_seq: None,
        timeout: timeout.min(settings.max_search_time),
    })
}

/// The plan of the query in `data`.
pub(crate) async fn plan(api: &Context, data: &Map<String, Value>) -> Result<Plan> {
    let query = match data.get("query") {
        Some(Value::String(query)) => query,
        Some(_) => return Err(Error::Malformed("query must be a string".to_owned())),
        None => {
            return Err(Error::Malformed(
                "query or search_id is required".to_owned(),
            ));
        }
    };
    let macros = api.macros.current().await?;
    cresset_query::compile_with(query, &macros)
        .map_err(|mistakes| Error::Malformed(problems(query, &mistakes)))
}

/// A whole number of at least 1; clients send `null` for what they do not set,
/// and numbers as text.
fn number(data: &Map<String, Value>, name: &str) -> Result<Option<u64>> {
    const MOST: u64 = 1 << 40;
    let number = match data.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(value) => whole(value),
    };
    match number.filter(|n| *n >= 1) {
        Some(number) => Ok(Some(number.min(MOST))),
        None => Err(Error::Malformed(format!(
            "{name} must be a whole number of at least 1"
        ))),
    }
}

/// `repos` in all its forms: an array, nothing, or one text with commas.
fn addresses(value: Option<&Value>) -> Result<Vec<String>> {
    let wrong = || Error::Malformed("repos must be a list of repo addresses".to_owned());
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(text.split(',').map(str::to_owned).collect()),
        Some(Value::Array(items)) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong))
            .collect(),
        Some(_) => Err(wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repos_in_every_form() {
        let check = |value: Value, expected: Option<&[&str]>| {
            let found = addresses(Some(&value)).ok();
            let expected = expected.map(|e| e.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>());
            assert_eq!(found, expected, "{value}");
        };
        check(json!(null), Some(&[]));
        check(json!([]), Some(&[]));
        check(json!([""]), Some(&[""]));
        check(json!("a,b"), Some(&["a", "b"]));
        check(json!(["127.0.0.1:5504/x"]), Some(&["127.0.0.1:5504/x"]));
        check(json!([1]), None);
        check(json!({}), None);
        check(json!(true), None);
        assert_eq!(addresses(None).ok(), Some(Vec::new()));
    }

    #[test]
    fn numbers_in_every_form() {
        let check = |value: Value, expected: Option<Option<u64>>| {
            let data = json!({ "limit": value });
            let found = number(data.as_object().unwrap(), "limit").ok();
            assert_eq!(found, expected, "{data}");
        };
        check(json!(null), Some(None));
        check(json!(""), Some(None));
        check(json!(50_000), Some(Some(50_000)));
        check(json!("10"), Some(Some(10)));
        check(json!(10.0), Some(Some(10)));
        check(json!(u64::MAX), Some(Some(1 << 40)));
        check(json!(0), None);
        check(json!(-5), None);
        check(json!(1.5), None);
        check(json!(true), None);
        check(json!("ten"), None);
        check(json!([]), None);
    }
}
