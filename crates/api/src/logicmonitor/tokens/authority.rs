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
use std::collections::BTreeSet;

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

/// Lets those pass who may change every one of `tokens`; others learn which one they may not.
pub(super) async fn demand_write_of_all(
    api: &Context,
    call: &Call,
    viewer: &Viewer<'_>,
    tokens: &[ApiToken],
) -> Result<()> {
    for token in tokens {
        let act = format!(
            "change the API token {} of {}; userPermission:write in the filter leaves such out",
            token.label(),
            token.user_name
        );
        demand(viewer.right(token), Right::Write, &act)?;
    }
    let Some((actor, _)) = &viewer.judged else {
        return Ok(());
    };
    let others = tokens.iter().map(|token| token.user_number);
    let others: BTreeSet<i64> = others.filter(|owner| !is_own(call, *owner)).collect();
    for owner in others {
        // Whose owner is gone is gone, too.
        if let Some(account) = api.catalog.account(owner).await? {
            actor.demand_user(&account, "change the API tokens of")?;
        }
    }
    Ok(())
}

/// How far a caller may go with tokens, by whose they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Permissions {
    /// The caller's number.
    pub(super) caller: i64,
    /// With the caller's own.
    pub(super) own: Right,
    /// With those of others …
    pub(super) others: Right,
    /// … who have none of these roles, and with those of who has one.
    pub(super) above: Right,
    /// Names of roles that may do something that the caller may not.
    pub(super) above_roles: Vec<String>,
}

/// Says of many tokens how far the caller may go with each.
pub(super) struct Viewer<'a> {
    call: &'a Call,
    /// Whose rights are compared with the owners', and the names of the roles that may do
    /// something more; for those who may change some users and not others. What several
    /// roles give together is what each gives, so one by one says all.
    judged: Option<(Actor<'a>, BTreeSet<String>)>,
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
            let actor = Actor::of(api, call).await?;
            let one = std::slice::from_ref::<Role>;
            let above = |role: &Role| actor.demand_roles(one(role), "change").is_err();
            let above = roles.into_iter().filter(above).map(|role| role.name);
            let above = above.collect();
            judged = Some((actor, above));
        }
        Ok(Self { call, judged })
    }

    /// The same as [`Viewer::right`], of all tokens at once.
    pub(super) fn permissions(&self) -> Permissions {
        let rights = &self.call.rights;
        let mut above_roles = Vec::new();
        if rights.users == Right::Write && !rights.administrator {
            above_roles.push(ADMINISTRATOR.to_owned());
        }
        if let Some((_, above)) = &self.judged {
            above_roles.extend(above.iter().cloned());
        }
        Permissions {
            caller: self.call.caller.user.number,
            own: rights.users.max(rights.own_tokens),
            others: rights.users,
            above: rights.users.min(Right::Read),
            above_roles,
        }
    }

    /// How far the caller may go with `token`. What its owner may search is not looked at:
    /// that is judged when it comes to a change.
    pub(super) fn right(&self, token: &ApiToken) -> Right {
        let right = right_on_token(self.call, token);
        match &self.judged {
            Some((_, above)) if !is_own(self.call, token.user_number) => {
                if token.roles.iter().any(|role| above.contains(role)) {
                    right.min(Right::Read)
                } else {
                    right
                }
            }
            _ => right,
        }
    }
}
