//! What `PUT` and `PATCH` of a user have in common.

use super::body::UserBody;
use super::{by_id, no_user, password, resolve, shown};
use crate::body::parse_flag;
use crate::error::{Error, Result};
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;
use crate::logicmonitor::rank::Actor;
use crate::logicmonitor::tokens::with_user;
use crate::state::Context;
use cresset_catalog::port::AccountChange;
use cresset_model::SecretString;
use cresset_model::account::Account;
use serde_json::{Map, Value};

/// Carries out what `body` gives; `extra` are the other keys as they shall be from now on.
/// With `validationOnly` everything is checked and nothing changes.
pub(super) async fn carry_out(
    api: &Context,
    call: &Call,
    account: Account,
    body: UserBody,
    extra: Option<Map<String, Value>>,
) -> Result<Reply> {
    let actor = Actor::of(api, call).await?;
    actor.demand_user(&account, "change")?;
    let roles = match &body.roles {
        None => None,
        Some(named) => Some(resolve(api, named).await?),
    };
    if let Some(roles) = &roles {
        let act = format!("give {} these roles", account.user.username);
        actor.demand_roles(roles, &act)?;
    }
    let change = AccountChange {
        password: new_password(call, &account, &body)?,
        username: body.username,
        email: body.email,
        first_name: body.first_name,
        last_name: body.last_name,
        note: body.note,
        disabled: body.suspended,
        api_only: body.api_only,
        timezone: body.timezone,
        roles: roles.as_deref().map(by_id),
        extra,
    };
    demand_email(&account, &change)?;
    let only_checks = flag(call, "validationOnly")?;
    let account = match told(&account, &change) {
        Some(text) if !only_checks => change_account(api, call, &account, &change, &text).await?,
        _ => account,
    };
    let tokens = with_user::of(api, call, &account).await?;
    Ok(call.object(shown(&actor, &account, tokens)))
}

async fn change_account(
    api: &Context,
    call: &Call,
    account: &Account,
    change: &AccountChange,
    text: &str,
) -> Result<Account> {
    let number = account.user.number;
    let entry = call.audit_entry(api, "user_changed", text);
    let changed = api.catalog.change_account(number, change, &entry);
    changed.await?.ok_or_else(|| no_user(number))
}

/// The password that `changePassword` asks to set. Without it a password in the body, which
/// forms send along, changes nothing.
fn new_password(call: &Call, account: &Account, body: &UserBody) -> Result<Option<SecretString>> {
    let changes = flag(call, "changePassword")?;
    let api_only = body.api_only.unwrap_or(account.api_only);
    let refuse = |text: &str| Err(Error::Malformed(text.to_owned()));
    if api_only {
        if changes {
            return refuse("changePassword does not go with a user who is API-only");
        }
        return Ok(None);
    }
    match &body.password {
        Some(password) if changes => {
            password::check(password.expose())?;
            Ok(Some(password.clone()))
        }
        None if changes => refuse("password is required with changePassword=true"),
        _ if account.has_password => Ok(None),
        _ if account.api_only => refuse(
            "a user who is no longer API-only needs a password: send it with changePassword=true",
        ),
        // Made on the command line for the API alone.
        _ => Ok(None),
    }
}

/// Only API-only users do without a mail address, and those who never had one.
fn demand_email(account: &Account, change: &AccountChange) -> Result<()> {
    let api_only = change.api_only.unwrap_or(account.api_only);
    let had_none = account.user.email.is_empty() && !account.api_only;
    let email = change.email.as_ref().unwrap_or(&account.user.email);
    if email.is_empty() && !api_only && !had_none {
        return Err(Error::Malformed(
            "email is required for a user who is not API-only".to_owned(),
        ));
    }
    Ok(())
}

fn flag(call: &Call, name: &str) -> Result<bool> {
    let Some(text) = call.param(name) else {
        return Ok(false);
    };
    parse_flag(text).ok_or_else(|| Error::Malformed(format!("{name} must be true or false")))
}

/// What the audit log says of a change; `None` if nothing is to be changed.
fn told(account: &Account, change: &AccountChange) -> Option<String> {
    let given = [
        ("username", change.username.is_some()),
        ("email", change.email.is_some()),
        ("firstName", change.first_name.is_some()),
        ("lastName", change.last_name.is_some()),
        ("note", change.note.is_some()),
        ("status", change.disabled.is_some()),
        ("apionly", change.api_only.is_some()),
        ("timezone", change.timezone.is_some()),
        ("roles", change.roles.is_some()),
        ("password", change.password.is_some()),
        ("others", change.extra.is_some()),
    ];
    let given = given.iter().filter(|(_, is_given)| *is_given);
    let names: Vec<&str> = given.map(|(name, _)| *name).collect();
    if names.is_empty() {
        return None;
    }
    let username = &account.user.username;
    Some(format!("Update account {username} ({})", names.join(", ")))
}
