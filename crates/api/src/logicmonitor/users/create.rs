//! `POST /setting/admins`

use super::body::{EXTRAS, UserBody};
use super::{by_id, names, password, resolve, shown};
use crate::error::{Error, Result};
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;
use crate::logicmonitor::extras;
use crate::logicmonitor::rank::Actor;
use crate::logicmonitor::tokens::with_user;
use crate::state::{Api, Context};
use axum::extract::State;
use cresset_catalog::port::{NewAccount, RoleRef};
use cresset_model::SecretString;
use cresset_model::account::Account;
use serde_json::Map;

/// Creates a user, with the tokens that the body asks for. The keys of those are in the
/// answer, and nowhere else.
pub(crate) async fn create(State(api): State<Api>, call: Call) -> Result<Reply> {
    call.rights.write_users()?;
    let json = call.json()?;
    let body = UserBody::read(&json)?;
    let wanted = with_user::wanted(&api, &call, &json)?;
    let username = required("username", body.username.clone())?;
    let roles = resolve(&api, &required("roles", body.roles.clone())?).await?;
    let actor = Actor::of(&api, &call).await?;
    let act = format!("create {username}");
    actor.demand_roles(&roles, &act)?;
    // A new user may search every ordinary repo.
    actor.demand_repos(None, &act)?;
    let new = new_account(&api, &call, body, username, by_id(&roles))?;
    let text = format!("Add a new account {} ({})", new.username, names(&roles));
    let told = call.audit_entry(&api, "user_created", &text);
    let account = api.catalog.create_account(new, &told).await?;
    let tokens = match with_user::create(&api, &call, &account, wanted).await {
        Ok(tokens) => tokens,
        Err(error) => {
            undo(&api, &call, &account).await?;
            return Err(error);
        }
    };
    Ok(call.object(shown(&actor, &account, tokens)))
}

/// Takes back a user whose tokens could not be made: the request failed as a whole.
async fn undo(api: &Context, call: &Call, account: &Account) -> Result<()> {
    let text = format!("Delete account {}", account.user.username);
    let told = call.audit_entry(api, "user_deleted", &text);
    api.catalog
        .delete_account(account.user.number, &told)
        .await?;
    Ok(())
}

fn required<T>(key: &str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| Error::Malformed(format!("{key} is required")))
}

fn new_account(
    api: &Context,
    call: &Call,
    body: UserBody,
    username: String,
    roles: Vec<RoleRef>,
) -> Result<NewAccount> {
    let api_only = body.api_only.unwrap_or(false);
    let (email, password) = if api_only {
        (body.email.unwrap_or_default(), None)
    } else {
        let email = body.email.filter(|email| !email.is_empty());
        let password = required("password", body.password)?;
        password::check(password.expose())?;
        (required("email", email)?, Some(password))
    };
    let mut extra = Map::new();
    extras::show(EXTRAS, &body.extra, &mut extra);
    Ok(NewAccount {
        id: api.new_id(),
        username,
        email,
        first_name: body.first_name.unwrap_or_default(),
        last_name: body.last_name.unwrap_or_default(),
        note: body.note.unwrap_or_default(),
        disabled: body.suspended.unwrap_or(false),
        api_only,
        timezone: body.timezone,
        roles,
        password,
        api_access_key: new_key(api),
        extra,
        created_at: api.now(),
        created_by: call.caller.user.username.clone(),
    })
}

/// The key of Logpoint's API, which `cresset user` shows or replaces.
fn new_key(api: &Context) -> SecretString {
    cresset_auth::keys::generate_api_access_key(api.entropy.as_ref())
}
