//! Whether somebody who is proven may do what the request asks for.

use super::{Caller, Kind, Proven};
use crate::error::{Error, Result};
use crate::state::Context;
use cresset_model::grants::Ability;
use cresset_model::user::{BUILT_IN_ROLES, Scope, User};

impl Context {
    /// 403 unless both the credential and the user's role have `scope`.
    pub(crate) async fn permit(&self, proven: Proven, scope: Scope) -> Result<Caller> {
        let kind = proven.kind();
        let Proven { caller, scopes, .. } = proven;
        if scopes.is_some_and(|scopes| !scopes.contains(scope)) {
            let wanted = scope.as_str();
            let refusal = format!("The token's scope does not include {wanted}");
            return Err(self.not_permitted(kind, &caller, refusal).await?);
        }
        self.demand_role(kind, &caller, Ability::Scope(scope))
            .await?;
        Ok(caller)
    }

    /// 403 unless the caller's role gives `ability`.
    pub(crate) async fn demand_role(
        &self,
        kind: Kind,
        caller: &Caller,
        ability: Ability,
    ) -> Result<()> {
        if self.may(&caller.user, ability).await? {
            return Ok(());
        }
        let refusal = match ability {
            Ability::WorkOnIncidents => {
                "your role may only read; ask an administrator for another".to_owned()
            }
            other => format!("The user's role does not permit {}", other.as_str()),
        };
        Err(self.not_permitted(kind, caller, refusal).await?)
    }

    /// Whether the user's roles give `ability`. What built-in roles give is known; others are
    /// looked up.
    pub(crate) async fn may(&self, user: &User, ability: Ability) -> Result<bool> {
        if ability.of_built_in(&user.roles) {
            return Ok(true);
        }
        let built_in = |role: &String| BUILT_IN_ROLES.contains(&role.as_str());
        if user.roles.iter().all(built_in) {
            return Ok(false);
        }
        let roles = self.catalog.roles_of(user.id).await?;
        Ok(ability.of_roles(&roles))
    }

    /// Records the refusal, and gives it back as an error.
    async fn not_permitted(&self, kind: Kind, caller: &Caller, refusal: String) -> Result<Error> {
        let (name, peer) = (&caller.user.username, caller.peer);
        self.auth_failed(kind, name, peer, "forbidden", false)
            .await?;
        Ok(Error::Forbidden(refusal))
    }
}
