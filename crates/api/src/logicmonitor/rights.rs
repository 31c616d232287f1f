//! What a caller may do here: the privileges of the roles, narrowed by the credential.

use crate::error::{Error, Result};
use cresset_model::role::{self, Right, Role};
use cresset_model::user::{ADMINISTRATOR, Scope, Scopes};

/// How far a credential that is narrowed to `scopes` may go with anything here.
fn most(scopes: Option<Scopes>) -> Right {
    match scopes {
        None => Right::Write,
        Some(scopes) if scopes.contains(Scope::SettingWrite) => Right::Write,
        Some(scopes) if scopes.contains(Scope::SettingRead) => Right::Read,
        Some(_) => Right::None,
    }
}

/// The rights of one caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rights {
    /// On users and on the API tokens of others.
    pub(crate) users: Right,
    /// On roles.
    pub(crate) roles: Right,
    /// On the caller's own API tokens.
    pub(crate) own_tokens: Right,
    /// Whether one of the roles is the administrator's. Nobody else changes an administrator.
    pub(crate) administrator: bool,
}

impl Rights {
    /// What `roles` give; `scopes` is what the credential is narrowed to, if it is.
    pub(crate) fn new(roles: &[Role], scopes: Option<Scopes>) -> Self {
        let most = most(scopes);
        let own = if role::own_tokens(roles) {
            Right::Write
        } else {
            Right::Read
        };
        Self {
            users: role::user_access(roles).min(most),
            roles: role::role_access(roles).min(most),
            own_tokens: own.min(most),
            administrator: roles.iter().any(|role| role.name == ADMINISTRATOR),
        }
    }

    /// The same for somebody who has the administrator's role, perhaps among others.
    pub(crate) fn of_administrator(scopes: Option<Scopes>) -> Self {
        let most = most(scopes);
        Self {
            users: most,
            roles: most,
            own_tokens: most,
            administrator: true,
        }
    }

    /// Lets those pass who may see users.
    pub(crate) fn read_users(&self) -> Result<()> {
        demand(self.users, Right::Read, "see users")
    }

    /// Lets those pass who may change users.
    pub(crate) fn write_users(&self) -> Result<()> {
        demand(self.users, Right::Write, "change users")
    }

    /// Lets those pass who may see roles.
    pub(crate) fn read_roles(&self) -> Result<()> {
        demand(self.roles, Right::Read, "see roles")
    }

    /// Lets those pass who may change roles.
    pub(crate) fn write_roles(&self) -> Result<()> {
        demand(self.roles, Right::Write, "change roles")
    }
}

/// Refuses whose right is less than `wanted`; `act` follows the words "may not".
pub(super) fn demand(right: Right, wanted: Right, act: &str) -> Result<()> {
    if right >= wanted {
        return Ok(());
    }
    Err(Error::Forbidden(format!(
        "Permission denied: the caller may not {act}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cresset_model::role::Privilege;

    #[test]
    fn the_administrators_rights_are_those_of_the_role() {
        let privilege = Privilege {
            object_type: "setting".to_owned(),
            object_id: "*".to_owned(),
            operation: "write".to_owned(),
            extra: serde_json::Map::new(),
        };
        let role = Role {
            id: 1,
            name: ADMINISTRATOR.to_owned(),
            description: String::new(),
            privileges: vec![privilege],
            built_in: true,
            extra: serde_json::Map::new(),
            users: 1,
        };
        let roles = [role];
        let check = |scopes: Option<&[Scope]>| {
            let scopes = scopes.map(|scopes| scopes.iter().copied().collect());
            let known = Rights::of_administrator(scopes);
            assert_eq!(known, Rights::new(&roles, scopes), "{scopes:?}");
        };
        check(None);
        check(Some(&[]));
        check(Some(&[Scope::SettingRead]));
        check(Some(&[Scope::SettingRead, Scope::SettingWrite]));
    }
}
