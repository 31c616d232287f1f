//! Who may act on whom: nobody gives, or takes hold of, more than they have themselves.
//!
//! Whoever changes a user can set that user's password and make tokens for it, and so act as
//! that user. So a user may be changed only by somebody who has all the rights that the user
//! has before and after.

use super::call::Call;
use crate::error::{Error, Result};
use crate::state::Context;
use cresset_model::account::Account;
use cresset_model::grants::{Ability, GRANTS};
use cresset_model::role::{Right, Role, own_tokens, role_access, user_access};
use cresset_model::user::{ADMINISTRATOR, Scope, Scopes};
use std::collections::BTreeSet;

/// What roles amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rank {
    administrator: bool,
    users: Right,
    roles: Right,
    own_tokens: bool,
    abilities: BTreeSet<Ability>,
}

impl Rank {
    /// What somebody with these roles may do.
    pub(super) fn of(roles: &[Role]) -> Self {
        // What the settings' scopes allow depends on privileges, which are compared as such.
        let counts = |ability: &Ability| {
            let of_settings = matches!(ability.scope(), Scope::SettingRead | Scope::SettingWrite);
            !of_settings && ability.of_roles(roles)
        };
        let abilities = GRANTS.iter().map(|grant| grant.ability);
        Self {
            administrator: roles.iter().any(|role| role.name == ADMINISTRATOR),
            users: user_access(roles),
            roles: role_access(roles),
            own_tokens: own_tokens(roles),
            abilities: abilities.filter(counts).collect(),
        }
    }

    /// What is left of it with a credential that is narrowed to `scopes`.
    fn narrowed(mut self, scopes: Option<Scopes>) -> Self {
        if let Some(scopes) = scopes.filter(|scopes| *scopes != Scopes::ALL) {
            self.administrator = false;
            self.abilities
                .retain(|ability| scopes.contains(ability.scope()));
        }
        self
    }

    /// The first thing that `other` may do and this may not.
    pub(super) fn lacks(&self, other: &Self) -> Option<String> {
        if self.administrator {
            return None;
        }
        if other.administrator {
            return Some("the rights of an administrator".to_owned());
        }
        let rights = [
            ("users", self.users, other.users),
            ("roles", self.roles, other.roles),
        ];
        for (what, own, theirs) in rights {
            if theirs > own {
                return Some(format!("the right to {} {what}", theirs.as_str()));
            }
        }
        if other.own_tokens && !self.own_tokens {
            return Some("the right to make tokens of one's own".to_owned());
        }
        let more = other.abilities.difference(&self.abilities).next();
        more.map(|ability| format!("the right {}", ability.as_str()))
    }
}

/// A caller as one who acts on others.
pub(super) struct Actor<'a> {
    call: &'a Call,
    rank: Rank,
}

impl<'a> Actor<'a> {
    /// Who sends the request.
    pub(super) async fn of(api: &Context, call: &'a Call) -> Result<Self> {
        let roles = api.catalog.roles_of(call.caller.user.id).await?;
        let rank = Rank::of(&roles).narrowed(call.scopes);
        Ok(Self { call, rank })
    }

    /// Refuses if the roles amount to more than the caller has; `act` says what was tried,
    /// such as `change bob`.
    pub(super) fn demand_roles(&self, roles: &[Role], act: &str) -> Result<()> {
        match self.rank.lacks(&Rank::of(roles)) {
            None => Ok(()),
            Some(more) => Err(denied(act, &more)),
        }
    }

    /// Refuses if somebody with these grants may search more than the caller.
    pub(super) fn demand_repos(&self, granted: Option<&BTreeSet<String>>, act: &str) -> Result<()> {
        let caller = &self.call.caller.user;
        let within = match (&caller.repos, granted) {
            (None, None) => true,
            // What was granted by name need not be an ordinary repo.
            (_, Some(theirs)) => theirs.iter().all(|repo| caller.may_search(repo)),
            (Some(_), None) => false,
        };
        if self.rank.administrator || within {
            return Ok(());
        }
        Err(denied(act, "the right to search the same repos"))
    }

    /// Refuses to act on a user who may do more than the caller.
    pub(super) fn demand_user(&self, account: &Account, act: &str) -> Result<()> {
        let act = format!("{act} {}", account.user.username);
        self.demand_roles(&account.roles, &act)?;
        self.demand_repos(account.user.repos.as_ref(), &act)
    }

    /// What the caller may do with a user.
    pub(super) fn right_on_user(&self, account: &Account) -> Right {
        let rights = &self.call.rights;
        let own = account.user.id == self.call.caller.user.id;
        match rights.users {
            Right::Write if self.demand_user(account, "change").is_ok() => Right::Write,
            Right::None if !own => Right::None,
            _ => Right::Read,
        }
    }

    /// What the caller may do with a role.
    pub(super) fn right_on_role(&self, role: &Role) -> Right {
        let built_in = role.built_in;
        match self.call.rights.roles {
            Right::Write if built_in || self.rank.lacks(&Rank::of(from(role))).is_some() => {
                Right::Read
            }
            right => right,
        }
    }
}

const fn from(role: &Role) -> &[Role] {
    std::slice::from_ref(role)
}

fn denied(act: &str, lacking: &str) -> Error {
    Error::Forbidden(format!(
        "Permission denied: to {act} takes {lacking}, which you do not have"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cresset_model::role::Privilege;
    use serde_json::Map;

    fn role(name: &str, settings: &[(&str, &str)]) -> Role {
        let privilege = |(object_id, operation): &(&str, &str)| Privilege {
            object_type: "setting".to_owned(),
            object_id: (*object_id).to_owned(),
            operation: (*operation).to_owned(),
            extra: Map::new(),
        };
        Role {
            id: 9,
            name: name.to_owned(),
            description: String::new(),
            privileges: settings.iter().map(privilege).collect(),
            built_in: false,
            extra: Map::new(),
            users: 0,
        }
    }

    #[test]
    fn nobody_gives_more_than_they_have() {
        let administrator = role("administrator", &[("*", "write")]);
        let manager = role("manager", &[("useraccess.apitoken", "write")]);
        let readonly = role("readonly", &[("useraccess.apitoken", "write")]);
        let users = role("users", &[("useraccess.*", "write")]);
        let viewers = role("viewers", &[("useraccess.*", "read")]);
        let roles = role("roles", &[("roleaccess.*", "write")]);
        let nothing = role("nothing", &[]);
        let check = |caller: &[&Role], target: &[&Role], expected: Option<&str>| {
            let rank = |roles: &[&Role]| {
                let roles: Vec<Role> = roles.iter().map(|role| (*role).clone()).collect();
                Rank::of(&roles)
            };
            let lacks = rank(caller).lacks(&rank(target));
            match (&lacks, expected) {
                (None, None) => {}
                (Some(text), Some(part)) => assert!(text.contains(part), "{text}"),
                other => panic!("{caller:?} {target:?}: {other:?}"),
            }
        };
        check(&[&administrator], &[&administrator, &users], None);
        check(&[&users], &[&administrator], Some("administrator"));
        check(
            &[&users, &manager],
            &[&administrator],
            Some("administrator"),
        );
        check(&[&users], &[&nothing], None);
        check(&[&users], &[&viewers], None);
        check(&[&users], &[&users, &roles], None);
        check(&[&users], &[&readonly], Some("search:read"));
        check(&[&users, &readonly], &[&readonly], None);
        check(&[&users, &readonly], &[&manager], Some("search:write"));
        check(&[&users, &manager], &[&manager, &readonly, &users], None);
        check(&[&viewers], &[&users], Some("write users"));
        check(&[&roles], &[&viewers], Some("read users"));
        check(&[&roles], &[&users], Some("write users"));
        check(&[&nothing], &[&roles], Some("write roles"));
        check(&[&viewers], &[&manager], Some("tokens"));
    }

    /// Lists of tokens judge each role once rather than all roles of each owner.
    #[test]
    fn roles_together_give_what_each_gives() {
        let all = [
            role("administrator", &[("*", "write")]),
            role("manager", &[("useraccess.apitoken", "write")]),
            role("readonly", &[]),
            role("users", &[("useraccess.*", "write")]),
            role("viewers", &[("useraccess.*", "read")]),
            role("roles", &[("roleaccess.*", "write")]),
            role("nothing", &[]),
        ];
        let some = |set: usize| {
            let roles = all.iter().enumerate();
            let roles = roles.filter(|(place, _)| set & 1 << place != 0);
            roles.map(|(_, role)| role.clone()).collect::<Vec<Role>>()
        };
        let sets = 0..1 << all.len();
        for caller in sets.clone() {
            let caller = Rank::of(&some(caller));
            for owner in sets.clone() {
                let owner = some(owner);
                let together = caller.lacks(&Rank::of(&owner)).is_some();
                let one = |role| caller.lacks(&Rank::of(from(role))).is_some();
                assert_eq!(together, owner.iter().any(one), "{caller:?} {owner:?}");
            }
        }
    }

    #[test]
    fn a_narrowed_credential_gives_no_more_than_it_has() {
        let administrator = [role("administrator", &[("*", "write")])];
        let users = [role("users", &[("useraccess.*", "write")])];
        let readonly = [role("readonly", &[("useraccess.apitoken", "write")])];
        let narrowed = |scopes: &[Scope]| {
            let scopes = scopes.iter().copied().collect();
            Rank::of(&administrator).narrowed(Some(scopes))
        };
        let settings = narrowed(&[Scope::SettingWrite]);
        assert!(settings.lacks(&Rank::of(&administrator)).is_some());
        assert!(settings.lacks(&Rank::of(&readonly)).is_some());
        assert_eq!(settings.lacks(&Rank::of(&users)), None);
        let more = [
            Scope::SettingWrite,
            Scope::SearchRead,
            Scope::LogsourceRead,
            Scope::AlertrulesRead,
        ];
        assert_eq!(narrowed(&more).lacks(&Rank::of(&readonly)), None);
        assert_eq!(narrowed(&Scope::ALL).lacks(&Rank::of(&administrator)), None);
        assert_eq!(
            Rank::of(&administrator).narrowed(None).lacks(&settings),
            None
        );
    }
}
