//! Who may see and change whose tokens.
//!
//! A token acts as its owner, so whoever makes one for somebody can act as them: except for
//! one's own, that takes all the rights that the owner has ([`Actor`]).

use super::super::call::Call;
use super::super::rank::Actor;
use super::super::rights::demand;
use super::no_user;
use crate::error::Result;
use crate::state::Context;
use cresset_model::filter::ListQuery;
use cresset_model::role::{Right, Role};
use cresset_model::token::ApiToken;
use cresset_model::user::ADMINISTRATOR;

/// How far the caller may go with the tokens of users at all, or of itself.
fn right_on(call: &Call, owner: i64) -> Right {
    let rights = &call.rights;
    if is_own(call, owner) {
        rights.users.max(rights.own_tokens)
    } else {
        rights.users
    }
}

/// How far the caller may go with `token`, where only an administrator's is told from others.
pub(super) fn right_on_token(call: &Call, token: &ApiToken) -> Right {
    let right = right_on(call, token.user_number);
    let of_administrator = token.roles.iter().any(|role| role == ADMINISTRATOR);
    if of_administrator && !call.rights.administrator && !is_own(call, token.user_number) {
        right.min(Right::Read)
    } else {
        right
    }
}

/// Whether the caller asks about tokens of its own.
pub(super) fn is_own(call: &Call, owner: i64) -> bool {
    call.caller.user.number == owner
}

/// Lets those pass who may see the tokens of `owner`.
pub(super) fn demand_read(call: &Call, owner: i64) -> Result<()> {
    demand(
        right_on(call, owner),
        Right::Read,
        "see the API tokens of this user",
    )
}

/// Lets those pass who may change the tokens of `owner`.
pub(super) async fn demand_write(api: &Context, call: &Call, owner: i64) -> Result<()> {
    // Before anything is looked up, so that who may not does not learn who exists.
    demand(
        right_on(call, owner),
        Right::Write,
        "change the API tokens of this user",
    )?;
    if is_own(call, owner) {
        return Ok(());
    }
    let account = api.catalog.account(owner).await?;
    let account = account.ok_or_else(|| no_user(owner))?;
    Actor::of(api, call)
        .await?
        .demand_user(&account, "change the API tokens of")
}

/// Says of many tokens how far the caller may go with each.
pub(super) struct Viewer<'a> {
    call: &'a Call,
    /// Whose rights are compared with the owners', and every role; for those who may change
    /// some users and not others.
    judged: Option<(Actor<'a>, Vec<Role>)>,
}

impl<'a> Viewer<'a> {
    /// For the sender of `call`.
    pub(super) async fn of(api: &Context, call: &'a Call) -> Result<Self> {
        let above_all = call.rights.administrator && call.scopes.is_none();
        let mut judged = None;
        if call.rights.users == Right::Write && !above_all {
            let all = ListQuery {
                size: ListQuery::MAX_SIZE,
                ..ListQuery::default()
            };
            let roles = api.catalog.roles(&all).await?.items;
            judged = Some((Actor::of(api, call).await?, roles));
        }
        Ok(Self { call, judged })
    }

    /// How far the caller may go with `token`. What its owner may search is not looked at:
    /// that is judged when it comes to a change.
    pub(super) fn right(&self, token: &ApiToken) -> Right {
        let right = right_on_token(self.call, token);
        match &self.judged {
            Some((actor, roles)) if !is_own(self.call, token.user_number) => {
                let of_owner = |role: &&Role| token.roles.contains(&role.name);
                let roles: Vec<Role> = roles.iter().filter(of_owner).cloned().collect();
                if actor.demand_roles(&roles, "change").is_ok() {
                    right
                } else {
                    right.min(Right::Read)
                }
            }
            _ => right,
        }
    }
}
