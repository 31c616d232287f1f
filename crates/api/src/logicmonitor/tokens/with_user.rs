//! The tokens within a user: shown with it, and made along with a new one.

use super::authority::Viewer;
use super::create::{name_of, new_token};
use super::limits::Limits;
use super::{draft, shape};
use crate::error::{Error, Result};
use crate::logicmonitor::call::Call;
use crate::logicmonitor::given::Given;
use crate::state::Context;
use cresset_catalog::port::TokenChange;
use cresset_model::account::Account;
use cresset_model::role::Right;
use cresset_model::token::TokenKind;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// The key of a user that holds them.
const KEY: &str = "apiTokens";
/// Most tokens that are made along with a user.
const MOST: usize = 20;

/// The tokens of a user, as the caller sees them; none if `fields` leaves them out. Of a user
/// with many they are [`cresset_catalog::port::TOKENS_WITH_USER`]; the list of the user's tokens has all.
pub(in crate::logicmonitor) async fn of(
    api: &Context,
    call: &Call,
    account: &Account,
) -> Result<Vec<Value>> {
    let mut shown = of_each(api, call, std::slice::from_ref(account)).await?;
    Ok(shown.pop().unwrap_or_default())
}

/// The same for many users, in their order, with one question for all.
pub(in crate::logicmonitor) async fn of_each(
    api: &Context,
    call: &Call,
    accounts: &[Account],
) -> Result<Vec<Vec<Value>>> {
    let fields = call.param("fields").unwrap_or("*");
    let mut fields = fields.split(',').map(str::trim);
    if !fields.any(|name| matches!(name, "*" | KEY)) {
        return Ok(vec![Vec::new(); accounts.len()]);
    }
    let number = |account: &Account| account.user.number;
    let owners: Vec<i64> = accounts.iter().map(number).collect();
    let tokens = api.catalog.tokens_of(&owners).await?;
    let viewer = Viewer::of(api, call).await?;
    let mut shown: HashMap<i64, Vec<Value>> = HashMap::new();
    for token in &tokens {
        let object = shape::of(token, viewer.right(token)).to_value();
        shown.entry(token.user_number).or_default().push(object);
    }
    let of = |owner| shown.remove(owner).unwrap_or_default();
    Ok(owners.iter().map(of).collect())
}

/// A token that a body wants.
pub(in crate::logicmonitor) struct Wanted {
    kind: TokenKind,
    draft: TokenChange,
    limits: Limits,
}

/// The tokens that the body of a user wants, each of which this caller may make.
pub(in crate::logicmonitor) fn wanted(
    api: &Context,
    call: &Call,
    body: &Map<String, Value>,
) -> Result<Vec<Wanted>> {
    let items = Given::body(body).list(KEY, MOST)?.unwrap_or_default();
    let mine = Limits::of_caller(call);
    let mut all = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let place = format!("{KEY}[{place}]");
        let (kind, draft) = read(&place, item)?;
        let limits = mine.with(&draft);
        mine.demand(&limits)?;
        if limits.expires_at.is_some_and(|end| end <= api.now()) {
            let text = format!("{place}.expiresOn must be in the future");
            return Err(Error::Malformed(text));
        }
        all.push(Wanted {
            kind,
            draft,
            limits,
        });
    }
    Ok(all)
}

fn read(place: &str, item: &Value) -> Result<(TokenKind, TokenChange)> {
    let given = Given::within(place, item)?;
    let bearer = given
        .line("type", 64)?
        .is_some_and(|kind| kind.eq_ignore_ascii_case("bearer"));
    let kind = if bearer {
        TokenKind::Bearer
    } else {
        TokenKind::Lmv1
    };
    let object = item.as_object().cloned().unwrap_or_default();
    let draft = draft::read(&object).map_err(|error| match error {
        Error::Invalid(errors) => Error::Malformed(format!("{place}: {errors}")),
        other => other,
    })?;
    Ok((kind, draft))
}

/// Makes tokens of a user. What is returned holds their secrets.
pub(in crate::logicmonitor) async fn create(
    api: &Context,
    call: &Call,
    account: &Account,
    wanted: Vec<Wanted>,
) -> Result<Vec<Value>> {
    let mut shown = Vec::new();
    for Wanted {
        kind,
        draft,
        limits,
    } in wanted
    {
        let new = new_token(api, call, kind, account.user.number, draft, limits);
        let username = &account.user.username;
        let text = format!("Add new api token - {} for {username}", name_of(&new));
        let told = call.audit_entry(api, "api_token_created", &text);
        let secret = new.secret.clone();
        let token = api.catalog.create_token(new, &told).await?;
        shown.push(shape::with_secret(&token, Right::Write, &secret).to_value());
    }
    Ok(shown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn tokens_in_the_body_of_a_user() {
        let check = |item: Value, kind: TokenKind, note: Option<&str>, disabled: Option<bool>| {
            let (read_kind, draft) = read("apiTokens[0]", &item).unwrap();
            assert_eq!(read_kind, kind, "{item}");
            assert_eq!(draft.note.as_deref(), note, "{item}");
            assert_eq!(draft.disabled, disabled, "{item}");
        };
        check(json!({}), TokenKind::Lmv1, None, None);
        check(
            json!({"note": "a", "status": 1, "type": null}),
            TokenKind::Lmv1,
            Some("a"),
            Some(true),
        );
        check(
            json!({"type": "Bearer", "status": 2}),
            TokenKind::Bearer,
            None,
            Some(false),
        );
        for (bad, expected) in [
            (json!({"status": 3}), "apiTokens[0]: status must be 1"),
            (json!(7), "apiTokens[0] must be an object"),
        ] {
            let error = read("apiTokens[0]", &bad).unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
