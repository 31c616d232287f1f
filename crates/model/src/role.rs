//! Roles: named bundles of privileges.

use crate::filter::{Column, ColumnKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// One privilege of a role, kept as the client wrote it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Privilege {
    /// The kind of thing, such as `setting`.
    pub object_type: String,
    /// The thing: an id, a name such as `useraccess.*`, or `*`.
    pub object_id: String,
    /// What may be done with it, such as `read`.
    pub operation: String,
    /// The other keys.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl Privilege {
    /// How far the privilege reaches over the setting `name`.
    fn on_setting(&self, name: &str) -> Right {
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        let meant = same(&self.object_type, "setting")
            && (self.object_id == "*" || same(&self.object_id, name));
        if meant && same(&self.operation, "write") {
            Right::Write
        } else if meant && same(&self.operation, "read") {
            Right::Read
        } else {
            Right::None
        }
    }
}

/// A role.
#[derive(Debug, Clone, PartialEq)]
pub struct Role {
    /// Small number counted from 1, never used again; the built-in roles have 1 to 4.
    pub id: i64,
    /// Name, unique without regard to case.
    pub name: String,
    /// Free text.
    pub description: String,
    /// What its users may do.
    pub privileges: Vec<Privilege>,
    /// A built-in role is neither changed nor deleted.
    pub built_in: bool,
    /// Other keys that a client stored, given back as they came.
    pub extra: Map<String, Value>,
    /// How many users have it.
    pub users: u64,
}

/// How far somebody may go with a kind of thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Right {
    /// Not even see it.
    None,
    /// See it.
    Read,
    /// See and change it.
    Write,
}

impl Right {
    /// The right as clients see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// Over users and their tokens: what the strongest of `roles` gives.
pub fn user_access(roles: &[Role]) -> Right {
    strongest(roles, &["useraccess.*"])
}

/// Over roles: what the strongest of `roles` gives.
pub fn role_access(roles: &[Role]) -> Right {
    strongest(roles, &["roleaccess.*", "useraccess.*"])
}

/// Whether a user of `roles` may make and change tokens of its own.
pub fn own_tokens(roles: &[Role]) -> bool {
    strongest(roles, &["useraccess.apitoken", "useraccess.*"]) == Right::Write
}

fn strongest(roles: &[Role], settings: &[&str]) -> Right {
    let privileges = roles.iter().flat_map(|role| &role.privileges);
    let rights = privileges.flat_map(|p| settings.iter().map(|name| p.on_setting(name)));
    rights.max().unwrap_or(Right::None)
}

/// What lists of roles can be filtered and sorted by.
pub const ROLE_COLUMNS: &[Column] = &[
    Column::number("id"),
    Column::text("name"),
    Column::text("description"),
    Column::number("associatedUserCount"),
    Column::number("roleGroupId"),
    Column::text("customHelpLabel"),
    Column::text("customHelpURL"),
    Column::new("requireEULA", ColumnKind::Bool),
    Column::new("twoFARequired", ColumnKind::Bool),
];

/// A role of these privileges, for tests: kind of object, object, operation.
#[cfg(test)]
pub(crate) fn role_of(privileges: &[(&str, &str, &str)]) -> Role {
    let privilege = |(object_type, object_id, operation): &(&str, &str, &str)| Privilege {
        object_type: (*object_type).to_owned(),
        object_id: (*object_id).to_owned(),
        operation: (*operation).to_owned(),
        extra: Map::new(),
    };
    Role {
        id: 9,
        name: "r".to_owned(),
        description: String::new(),
        privileges: privileges.iter().map(privilege).collect(),
        built_in: false,
        extra: Map::new(),
        users: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn privileges_add_up() {
        use Right::{None, Read, Write};
        type Privileges<'a> = &'a [(&'a str, &'a str, &'a str)];
        let check = |roles: &[Privileges<'_>], users: Right, of_roles: Right, own: bool| {
            let made: Vec<Role> = roles.iter().map(|p| role_of(p)).collect();
            assert_eq!(user_access(&made), users, "{roles:?}");
            assert_eq!(role_access(&made), of_roles, "{roles:?}");
            assert_eq!(own_tokens(&made), own, "{roles:?}");
        };
        check(&[], None, None, false);
        check(&[&[]], None, None, false);
        check(&[&[("setting", "*", "write")]], Write, Write, true);
        check(
            &[&[("setting", "useraccess.*", "write")]],
            Write,
            Write,
            true,
        );
        check(
            &[&[("Setting", "UserAccess.*", "WRITE")]],
            Write,
            Write,
            true,
        );
        check(&[&[("setting", "useraccess.*", "read")]], Read, Read, false);
        check(
            &[&[("setting", "roleaccess.*", "write")]],
            None,
            Write,
            false,
        );
        check(
            &[&[("setting", "useraccess.apitoken", "write")]],
            None,
            None,
            true,
        );
        check(
            &[&[("setting", "useraccess.apitoken", "read")]],
            None,
            None,
            false,
        );
        check(&[&[("setting", "useraccess", "write")]], None, None, false);
        check(
            &[&[("setting", "collectorgroup.*", "write")]],
            None,
            None,
            false,
        );
        check(&[&[("dashboard", "*", "write")]], None, None, false);
        check(&[&[("setting", "useraccess.*", "ack")]], None, None, false);
        check(&[&[("setting", "useraccess.*", "none")]], None, None, false);
        let read: Privileges<'_> = &[("setting", "useraccess.*", "read")];
        check(
            &[read, &[("setting", "roleaccess.*", "write")]],
            Read,
            Write,
            false,
        );
        check(
            &[read, &[("setting", "useraccess.*", "write")]],
            Write,
            Write,
            true,
        );
    }

    #[test]
    fn a_privilege_keeps_keys_that_nobody_knows() {
        let written = json!({"objectType": "module", "objectId": "7", "operation": "ack",
            "objectName": "x", "subOperation": "", "new": [1]});
        let read: Privilege = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(read.extra.len(), 3);
        assert_eq!(serde_json::to_value(&read).unwrap(), written);
    }
}
