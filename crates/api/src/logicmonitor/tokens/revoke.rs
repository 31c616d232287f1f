//! `POST /setting/admins/apitokens/revoke`
//!
//! Unlike in lists, everything is in the body: an LMv1 signature covers that and not the query
//! string, and a dry run that somebody caught must not become a deletion.

use super::authority::{Viewer, demand_write_of_all};
use super::query::{UNUSED_SINCE, condition, narrowed, selection};
use super::{kind_named, shape};
use crate::error::{Error, Result};
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;
use crate::logicmonitor::given::Given;
use crate::logicmonitor::rights::demand;
use crate::state::{Api, Context};
use axum::extract::State;
use cresset_catalog::port::Revocation;
use cresset_model::filter::{Filter, ListQuery, Op, Pattern};
use cresset_model::role::Right;
use cresset_model::token::{ApiToken, TokenKind};
use serde_json::{Map, Value, json};

/// Most tokens that are revoked at once.
const MOST: u32 = 1000;
/// What the body may say.
const KEYS: [&str; 5] = ["filter", UNUSED_SINCE, "type", "action", "dryRun"];
/// What only lists know. Here these would be read as if fewer tokens were meant.
const OF_LISTS: [&str; 3] = ["size", "offset", "sort"];
/// Longest filter, in characters; the filter's own limits are narrower.
const MAX_FILTER: usize = 32 << 10;

/// Disables the tokens that a filter selects, or deletes them if `action` is `delete`: all, in one
/// transaction, or none. With `dryRun` it tells which those are. The token that
/// the request is sent with is never among them.
pub(in crate::logicmonitor) async fn revoke(State(api): State<Api>, call: Call) -> Result<Reply> {
    let rights = &call.rights;
    let most = rights.users.max(rights.own_tokens);
    demand(most, Right::Write, "revoke API tokens")?;
    refuse_in_query(&call)?;
    let Wish {
        filter,
        unused,
        kinds,
        how,
        dry,
    } = Wish::read(&call.json()?)?;
    let viewer = Viewer::of(&api, &call).await?;
    let filter = selection(filter.as_deref(), unused.as_deref(), &viewer)?;
    let tokens = selected(&api, &call, filter, kinds, how).await?;
    demand_write_of_all(&api, &call, &viewer, &tokens).await?;
    let tokens = if dry || tokens.is_empty() {
        tokens
    } else {
        let ids: Vec<i64> = tokens.iter().map(|token| token.id).collect();
        let told = call.audit_entry(&api, "api_token_revoked", " in a bulk revocation");
        api.catalog.revoke_tokens(&ids, how, &told).await?
    };
    let items = tokens.iter();
    let items = items.map(|token| shape::of(token, viewer.right(token)));
    Ok(call.object(json!({
        "action": match how {
            Revocation::Disable => "disable",
            Revocation::Delete => "delete",
        },
        "dryRun": dry,
        "total": tokens.len(),
        "items": items.collect::<Vec<_>>(),
    })))
}

fn refuse_in_query(call: &Call) -> Result<()> {
    let known = |name: &&String| KEYS.iter().chain(&OF_LISTS).any(|key| key == name);
    let Some(name) = call.params.0.keys().find(known) else {
        return Ok(());
    };
    Err(Error::Malformed(if KEYS.contains(&name.as_str()) {
        format!(
            "{name} in the query string is not taken; send it in the body, which the signature covers"
        )
    } else {
        format!("{name} is for lists; the filter in the body says which tokens to revoke")
    }))
}

/// What a body asks for.
#[derive(Debug, PartialEq, Eq)]
struct Wish {
    filter: Option<String>,
    unused: Option<String>,
    kinds: Vec<TokenKind>,
    how: Revocation,
    dry: bool,
}

impl Wish {
    /// Only what is understood whole is done: no key that is unknown, and no `null`.
    fn read(body: &Map<String, Value>) -> Result<Self> {
        let given = Given::body(body);
        for (key, value) in body {
            if !KEYS.contains(&key.as_str()) {
                let (known, key) = (KEYS.join(", "), key.chars().take(64));
                let key: String = key.collect();
                let text = format!("the body has the unknown key {key:?}; known are {known}");
                return Err(Error::Malformed(text));
            }
            if value.is_null() {
                return Err(given.refuse(key, "must not be null; leave it out"));
            }
        }
        let blank = |text: &String| text.trim().is_empty();
        let filter = given.text("filter", MAX_FILTER)?;
        let unused = given.value(UNUSED_SINCE).map(|value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        });
        let none = filter.is_none() && unused.is_none();
        if none || filter.as_ref().is_some_and(blank) || unused.as_ref().is_some_and(blank) {
            return Err(Error::Malformed(format!(
                "say in the body which tokens to revoke: filter or {UNUSED_SINCE} is required, and must not be blank"
            )));
        }
        let kinds = match given.line("type", 64)? {
            Some(text) => vec![kind_named(&text)?],
            None => vec![TokenKind::Lmv1, TokenKind::Bearer],
        };
        let how = match given.line("action", 64)?.as_deref() {
            None | Some("disable") => Revocation::Disable,
            Some("delete") => Revocation::Delete,
            Some(_) => return Err(given.refuse("action", "must be disable or delete")),
        };
        let dry = given.flag("dryRun")?.unwrap_or(false);
        Ok(Self {
            filter,
            unused,
            kinds,
            how,
            dry,
        })
    }
}

/// The tokens that the request means, and of those that are to be disabled only the enabled.
async fn selected(
    api: &Context,
    call: &Call,
    filter: Option<Filter>,
    kinds: Vec<TokenKind>,
    how: Revocation,
) -> Result<Vec<ApiToken>> {
    let mut query = ListQuery {
        filter,
        sort: Vec::new(),
        offset: 0,
        size: MOST,
    };
    if how == Revocation::Disable {
        let enabled = vec![Pattern::exactly(shape::ENABLED.to_string())];
        let enabled = condition("status", Op::Equal, enabled);
        query.filter = Some(narrowed(query.filter, &[enabled]));
    }
    // Who may not see the tokens of others does not learn of them here either.
    let own = call.caller.user.number;
    let owner = (call.rights.users < Right::Read).then_some(own);
    let (mut total, mut tokens) = (0, Vec::new());
    for kind in kinds {
        let page = api.catalog.tokens(kind, owner, &query, None).await?;
        total += page.total;
        tokens.extend(page.items.iter().cloned());
    }
    if total > u64::from(MOST) {
        return Err(Error::Refused(format!(
            "the filter selects {total} tokens, and at most {MOST} are revoked at once; narrow it and repeat"
        )));
    }
    tokens.retain(|token| call.token.as_ref().is_none_or(|used| used.id != token.id));
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_body_asks_for() {
        let read = |body: &Value| Wish::read(body.as_object().unwrap());
        let check = |body: Value, kinds: usize, how: Revocation, dry: bool| {
            let wish = read(&body).unwrap();
            let told = (wish.kinds.len(), wish.how, wish.dry);
            assert_eq!(told, (kinds, how, dry), "{body}");
        };
        let (disable, delete) = (Revocation::Disable, Revocation::Delete);
        check(json!({"filter": "id:1"}), 2, disable, false);
        check(json!({"unusedSince": 7, "dryRun": true}), 2, disable, true);
        check(
            json!({"unusedSince": "7", "dryRun": "true"}),
            2,
            disable,
            true,
        );
        check(
            json!({"filter": "id:1", "action": "delete", "type": "bearer"}),
            1,
            delete,
            false,
        );
        for (bad, word) in [
            (json!({}), "filter or unusedSince is required"),
            (json!({"dryRun": true}), "filter or unusedSince is required"),
            (json!({"filter": " "}), "blank"),
            (json!({"filter": "", "unusedSince": 1}), "blank"),
            (json!({"filter": "id:1", "unusedSince": ""}), "blank"),
            (json!({"filter": "id:1", "dryrun": true}), "\"dryrun\""),
            (json!({"filter": "id:1", "size": 1}), "\"size\""),
            (json!({"filter": "id:1", "dryRun": null}), "dryRun must"),
            (json!({"filter": "id:1", "dryRun": 1}), "dryRun must"),
            (json!({"filter": ["id:1"]}), "filter must"),
            (json!({"filter": "id:1", "type": "all"}), "type must"),
            (json!({"filter": "id:1", "action": "burn"}), "action must"),
        ] {
            let error = read(&bad).unwrap_err().to_string();
            assert!(error.contains(word), "{bad}: {error}");
        }
    }
}
