//! `PUT /setting/admins/{id}`

use super::body::{EXTRAS, UserBody};
use super::{found, update};
use crate::error::{Error, Result};
use crate::logicmonitor::call::Call;
use crate::logicmonitor::envelope::Reply;
use crate::logicmonitor::extras;
use crate::state::Api;
use axum::extract::State;
use serde_json::Map;

/// Replaces a user: what the body does not give gets its default. What decides over access
/// and over the meaning of the user's rules stays until it is given: `status`, `apionly`,
/// `timezone` and the password.
pub(crate) async fn replace(State(api): State<Api>, call: Call) -> Result<Reply> {
    call.rights.write_users()?;
    let account = found(&api, &call).await?;
    let mut body = whole(UserBody::read(&call.json()?)?)?;
    let mut extra = Map::new();
    extras::show(EXTRAS, &std::mem::take(&mut body.extra), &mut extra);
    update::carry_out(&api, &call, account, body, Some(extra)).await
}

fn whole(body: UserBody) -> Result<UserBody> {
    for (key, is_given) in [
        ("username", body.username.is_some()),
        ("roles", body.roles.is_some()),
    ] {
        if !is_given {
            return Err(Error::Malformed(format!("{key} is required")));
        }
    }
    let or_empty = |text: Option<String>| Some(text.unwrap_or_default());
    Ok(UserBody {
        email: or_empty(body.email),
        first_name: or_empty(body.first_name),
        last_name: or_empty(body.last_name),
        note: or_empty(body.note),
        ..body
    })
}
