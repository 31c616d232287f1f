//! What roles give, besides rights on users, roles and API tokens: the one table.
//!
//! The built-in roles stand in it by name. Roles of one's own give what their privileges on
//! `logs` name; the table in docs/compatibility.md is made from this one.

use crate::role::Role;
use crate::user::Scope;

/// Something that takes a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ability {
    /// What a scope allows. A token has to have the scope as well.
    Scope(Scope),
    /// See incidents, and who could work on them.
    ReadIncidents,
    /// Comment on incidents, assign, resolve, close and reopen them.
    WorkOnIncidents,
}

impl Ability {
    /// The scope, or what would be one if there were tokens for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scope(scope) => scope.as_str(),
            Self::ReadIncidents => "incidents:read",
            Self::WorkOnIncidents => "incidents:ack",
        }
    }

    /// The scope without which a narrowed credential does not pass the ability on.
    pub const fn scope(self) -> Scope {
        match self {
            Self::Scope(scope) => scope,
            Self::ReadIncidents => Scope::AlertrulesRead,
            Self::WorkOnIncidents => Scope::AlertrulesWrite,
        }
    }

    /// Whether one of these built-in roles gives it. Other names give nothing.
    pub fn of_built_in(self, names: &[String]) -> bool {
        let grants = GRANTS.iter().filter(|grant| grant.ability == self);
        let mut built_in = grants.flat_map(|grant| grant.built_in);
        built_in.any(|role| names.iter().any(|name| name == role))
    }

    /// Whether one of these roles gives it.
    pub fn of_roles(self, roles: &[Role]) -> bool {
        let mut grants = GRANTS.iter().filter(|grant| grant.ability == self);
        grants.any(|grant| roles.iter().any(|role| grant.of_role(role)))
    }
}

/// How far a privilege goes; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// See.
    Read,
    /// See, and work on what is found.
    Ack,
    /// All.
    Write,
}

impl Operation {
    /// The word in a privilege.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Ack => "ack",
            Self::Write => "write",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        let all = [Self::Read, Self::Ack, Self::Write];
        all.into_iter()
            .find(|operation| operation.as_str().eq_ignore_ascii_case(word))
    }
}

/// Who has one ability.
#[derive(Debug, Clone, Copy)]
pub struct Grant {
    /// The ability.
    pub ability: Ability,
    /// The built-in roles that give it.
    pub built_in: &'static [&'static str],
    /// The privilege with which another role gives it; `None` for every role.
    pub privilege: Option<Wanted>,
}

/// A privilege that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Its `objectType`.
    pub object_type: &'static str,
    /// Any of these as its `objectId`, or `*`.
    pub object_ids: &'static [&'static str],
    /// At least this `operation`.
    pub operation: Operation,
}

impl Grant {
    fn of_role(&self, role: &Role) -> bool {
        if self.built_in.contains(&role.name.as_str()) {
            return true;
        }
        let Some(wanted) = self.privilege else {
            return true;
        };
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        let meant = |id: &str| id == "*" || wanted.object_ids.iter().any(|known| same(known, id));
        role.privileges.iter().any(|privilege| {
            same(&privilege.object_type, wanted.object_type)
                && meant(&privilege.object_id)
                && Operation::parse(&privilege.operation)
                    .is_some_and(|operation| operation >= wanted.operation)
        })
    }
}

const ALL: &[&str] = &["administrator", "manager", "ackonly", "readonly"];
const NOT_READERS: &[&str] = &["administrator", "manager", "ackonly"];
const WRITERS: &[&str] = &["administrator", "manager"];

const fn logs(
    ability: Ability,
    built_in: &'static [&'static str],
    object_ids: &'static [&'static str],
    operation: Operation,
) -> Grant {
    let privilege = Some(Wanted {
        object_type: "logs",
        object_ids,
        operation,
    });
    Grant {
        ability,
        built_in,
        privilege,
    }
}

/// Every ability once.
pub const GRANTS: &[Grant] = &[
    logs(
        Ability::Scope(Scope::SearchRead),
        ALL,
        &["search"],
        Operation::Read,
    ),
    logs(
        Ability::Scope(Scope::SearchWrite),
        WRITERS,
        &["search"],
        Operation::Write,
    ),
    logs(
        Ability::Scope(Scope::LogsourceRead),
        ALL,
        &["logsource"],
        Operation::Read,
    ),
    logs(
        Ability::Scope(Scope::AlertrulesRead),
        ALL,
        &["alertrules"],
        Operation::Read,
    ),
    logs(
        Ability::Scope(Scope::AlertrulesWrite),
        WRITERS,
        &["alertrules"],
        Operation::Write,
    ),
    logs(
        Ability::Scope(Scope::LogsWrite),
        WRITERS,
        &["logs"],
        Operation::Write,
    ),
    // What is deleted is gone for good: neither managers may, nor roles that may do all with logs.
    Grant {
        ability: Ability::Scope(Scope::LogsDelete),
        built_in: &["administrator"],
        privilege: Some(Wanted {
            object_type: "setting",
            object_ids: &["events.deletion"],
            operation: Operation::Write,
        }),
    },
    logs(Ability::ReadIncidents, ALL, &["incidents"], Operation::Read),
    logs(
        Ability::WorkOnIncidents,
        NOT_READERS,
        &["incidents"],
        Operation::Ack,
    ),
    // Everybody sees their own user and tokens; what else there is to see, privileges on
    // settings say.
    Grant {
        ability: Ability::Scope(Scope::SettingRead),
        built_in: ALL,
        privilege: None,
    },
    Grant {
        ability: Ability::Scope(Scope::SettingWrite),
        built_in: ALL,
        privilege: Some(Wanted {
            object_type: "setting",
            object_ids: &["useraccess.*", "useraccess.apitoken", "roleaccess.*"],
            operation: Operation::Write,
        }),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::role::role_of;
    use crate::user::BUILT_IN_ROLES;

    #[test]
    fn every_ability_stands_there_once_and_every_name_is_a_role() {
        let scopes = Scope::ALL.into_iter().map(Ability::Scope);
        let all: Vec<Ability> = scopes
            .chain([Ability::ReadIncidents, Ability::WorkOnIncidents])
            .collect();
        assert_eq!(GRANTS.len(), all.len());
        for ability in all {
            let rows = GRANTS.iter().filter(|grant| grant.ability == ability);
            assert_eq!(rows.count(), 1, "{ability:?}");
        }
        for name in GRANTS.iter().flat_map(|grant| grant.built_in) {
            assert!(BUILT_IN_ROLES.contains(name), "{name}");
        }
        assert_eq!(ALL, BUILT_IN_ROLES);
    }

    #[test]
    fn roles_of_ones_own_give_what_their_privileges_name() {
        let check = |privileges: &[(&str, &str, &str)], expected: &str| {
            let roles = [role_of(privileges)];
            let given = GRANTS.iter().map(|grant| grant.ability);
            let given = given.filter(|ability| ability.of_roles(&roles));
            let words: Vec<&str> = given.map(Ability::as_str).collect();
            assert_eq!(words.join(" "), expected, "{privileges:?}");
        };
        let reads = "search:read logsource:read alertrules:read incidents:read setting:read";
        let acks = "search:read logsource:read alertrules:read incidents:read incidents:ack \
            setting:read";
        let writes = "search:read search:write logsource:read alertrules:read alertrules:write \
            logs:write incidents:read incidents:ack setting:read";
        check(&[], "setting:read");
        check(&[("logs", "*", "read")], reads);
        check(&[("Logs", "*", "READ")], reads);
        check(&[("logs", "*", "ack")], acks);
        check(&[("logs", "*", "write")], writes);
        check(&[("logs", "*", "none")], "setting:read");
        check(&[("logs", "*", "")], "setting:read");
        check(&[("dashboard", "*", "write")], "setting:read");
        check(&[("*", "*", "write")], "setting:read");
        check(&[("logs", "logs", "write")], "logs:write setting:read");
        check(&[("logs", "logs", "read")], "setting:read");
        check(
            &[("logs", "search", "write")],
            "search:read search:write setting:read",
        );
        check(
            &[("logs", "incidents", "ack"), ("logs", "Search", "read")],
            "search:read incidents:read incidents:ack setting:read",
        );
        check(
            &[("setting", "useraccess.apitoken", "write")],
            "setting:read setting:write",
        );
        check(
            &[("setting", "useraccess.apitoken", "read")],
            "setting:read",
        );
        check(
            &[("setting", "events.deletion", "write")],
            "logs:delete setting:read",
        );
        check(
            &[("setting", "*", "write")],
            "logs:delete setting:read setting:write",
        );
    }

    #[test]
    fn a_built_in_role_counts_by_its_name() {
        let named = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        let check = |names: &[&str], ability: Ability, expected: bool| {
            assert_eq!(ability.of_built_in(&named(names)), expected, "{names:?}");
        };
        let write = Ability::Scope(Scope::AlertrulesWrite);
        check(&["administrator"], write, true);
        check(&["readonly", "manager"], write, true);
        check(&["ackonly"], write, false);
        check(&["night shift"], Ability::Scope(Scope::SettingRead), false);
        check(&["Administrator"], write, false);
        check(&[], Ability::ReadIncidents, false);
        check(&["ackonly"], Ability::WorkOnIncidents, true);
        check(&["readonly"], Ability::WorkOnIncidents, false);
    }
}
