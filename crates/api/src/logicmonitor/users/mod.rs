//! Users, which this API calls admins (spec §6.1 and §6.2), below `/setting/admins`.

mod body;
pub(crate) mod change;
pub(crate) mod create;
pub(crate) mod delete;
mod group_filter;
pub(crate) mod list;
mod password;
pub(crate) mod read;
pub(crate) mod replace;
pub(in crate::logicmonitor) mod shape;
mod update;

use super::call::Call;
use super::rank::Actor;
use super::roles::shape as role_shape;
use crate::error::{Error, Result};
use crate::state::Context;
use cresset_catalog::port::RoleRef;
use cresset_model::account::Account;
use cresset_model::filter::{Condition, Filter, ListQuery, Op, Pattern};
use cresset_model::role::Role;
use serde_json::Value;

fn no_user(number: i64) -> Error {
    Error::NotFound(format!("there is no user with the id {number}"))
}

/// The user that the path names.
async fn found(api: &Context, call: &Call) -> Result<Account> {
    let number = call.number("adminId")?;
    let account = api.catalog.account(number).await?;
    account.ok_or_else(|| no_user(number))
}

/// A user as the caller sees it, with these tokens.
fn shown(actor: &Actor<'_>, account: &Account, tokens: Vec<Value>) -> Value {
    let role = |role: &Role| role_shape::role(role, actor.right_on_role(role));
    let roles = account.roles.iter().map(role).collect();
    shape::user(account, roles, tokens, actor.right_on_user(account))
}

/// The roles that a body names. One that does not exist is a mistake of the body.
async fn resolve(api: &Context, named: &[RoleRef]) -> Result<Vec<Role>> {
    let mut roles: Vec<Role> = Vec::new();
    for reference in named {
        let role = match reference {
            RoleRef::Id(id) => api.catalog.role(*id).await?,
            RoleRef::Name(name) => role_by_name(api, name).await?,
        };
        let role = role.ok_or_else(|| {
            Error::Malformed(match reference {
                RoleRef::Id(id) => format!("roles names the role {id}, which does not exist"),
                RoleRef::Name(name) => {
                    format!("roles names the role {name:?}, which does not exist")
                }
            })
        })?;
        if !roles.iter().any(|known| known.id == role.id) {
            roles.push(role);
        }
    }
    Ok(roles)
}

async fn role_by_name(api: &Context, name: &str) -> Result<Option<Role>> {
    let named = Condition {
        field: "name".to_owned(),
        op: Op::Equal,
        values: vec![Pattern::exactly(name)],
        character: 1,
    };
    let query = ListQuery {
        filter: Some(Filter {
            any: vec![vec![named]],
        }),
        size: 1,
        ..ListQuery::default()
    };
    Ok(api.catalog.roles(&query).await?.items.pop())
}

fn by_id(roles: &[Role]) -> Vec<RoleRef> {
    roles.iter().map(|role| RoleRef::Id(role.id)).collect()
}

/// Names of roles for the audit log.
fn names(roles: &[Role]) -> String {
    let names: Vec<&str> = roles.iter().map(|role| role.name.as_str()).collect();
    names.join(", ")
}
