//! What the body of a role says.

use crate::error::Result;
use crate::logicmonitor::extras::{self, Extra, Kind};
use crate::logicmonitor::given::Given;
use cresset_catalog::port::{NewRole, RoleChange};
use cresset_model::role::Privilege;
use serde_json::{Map, Value};

/// Longest name in characters: four bytes each still fit the catalog.
const LONGEST_NAME: usize = 63;
const LONGEST_DESCRIPTION: usize = 4_096;
/// Longest part of a privilege, in characters.
const LONGEST_PART: usize = 255;
/// Most privileges of a role. The catalog bounds their whole size too.
const MOST_PRIVILEGES: usize = 1_000;

/// Keys that are kept and answered, and have no effect.
pub(super) const EXTRAS: &[Extra] = &[
    Extra::new("customHelpLabel", Kind::Line(255)),
    Extra::new("customHelpURL", Kind::Line(1_024)).or("customHelpUrl"),
    Extra::new("requireEULA", Kind::Flag).or("requireEula"),
    Extra::new("twoFARequired", Kind::Flag),
    Extra::new("roleGroupId", Kind::Number(i32::MAX as i64, 1)),
];

/// What a body gives; `None` for what it does not.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct RoleBody {
    pub(super) name: Option<String>,
    pub(super) description: Option<String>,
    pub(super) privileges: Option<Vec<Privilege>>,
    pub(super) extra: Map<String, Value>,
}

impl RoleBody {
    /// Reads a body.
    pub(super) fn read(body: &Map<String, Value>) -> Result<Self> {
        let given = Given::body(body);
        let name = given.line("name", LONGEST_NAME)?;
        if name.as_deref() == Some("") {
            return Err(given.refuse("name", "must not be empty"));
        }
        Ok(Self {
            name,
            description: given.text("description", LONGEST_DESCRIPTION)?,
            privileges: privileges(given)?,
            extra: extras::read(EXTRAS, given)?,
        })
    }

    /// The whole role: name and privileges must be given, the rest has defaults.
    pub(super) fn whole(self) -> Result<NewRole> {
        let (none, mut extra) = (Map::new(), Map::new());
        let given = Given::body(&none);
        extras::show(EXTRAS, &self.extra, &mut extra);
        Ok(NewRole {
            name: given.demand("name", self.name)?,
            description: self.description.unwrap_or_default(),
            privileges: given.demand("privileges", self.privileges)?,
            extra,
        })
    }

    /// Only what is given; `stored` are the other keys that the role has.
    pub(super) fn change(self, stored: &Map<String, Value>) -> RoleChange {
        RoleChange {
            name: self.name,
            description: self.description,
            privileges: self.privileges,
            extra: extras::merged(stored, self.extra),
        }
    }
}

fn privileges(given: Given<'_>) -> Result<Option<Vec<Privilege>>> {
    let Some(items) = given.list("privileges", MOST_PRIVILEGES)? else {
        return Ok(None);
    };
    let read = |(place, item): (usize, &Value)| privilege(&format!("privileges[{place}]"), item);
    items
        .iter()
        .enumerate()
        .map(read)
        .collect::<Result<_>>()
        .map(Some)
}

fn privilege(place: &str, item: &Value) -> Result<Privilege> {
    let given = Given::within(place, item)?;
    // Ids of groups are sent as numbers too.
    let number = given.value("objectId").filter(|value| value.is_number());
    let object_id = match number {
        Some(number) => Some(number.to_string()),
        None => given.line("objectId", LONGEST_PART)?,
    };
    let mut extra = Map::new();
    for key in ["objectName", "subOperation"] {
        if let Some(text) = given.line(key, LONGEST_PART)? {
            extra.insert(key.to_owned(), Value::from(text));
        }
    }
    Ok(Privilege {
        object_type: given.demand("objectType", given.line("objectType", LONGEST_PART)?)?,
        object_id: given.demand("objectId", object_id)?,
        operation: given.demand("operation", given.line("operation", LONGEST_PART)?)?,
        extra,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: &Value) -> Result<RoleBody> {
        RoleBody::read(body.as_object().unwrap())
    }

    fn privilege(parts: [&str; 3], extra: &Value) -> Privilege {
        let [object_type, object_id, operation] = parts.map(str::to_owned);
        Privilege {
            object_type,
            object_id,
            operation,
            extra: extra.as_object().unwrap().clone(),
        }
    }

    #[test]
    fn roles_of_real_clients() {
        let body = json!({"privileges": [{"operation": "write", "objectId": "useraccess.*",
            "objectType": "setting"}], "name": "tok-admins"});
        let users = privilege(["setting", "useraccess.*", "write"], &json!({}));
        let role = read(&body).unwrap().whole().unwrap();
        assert_eq!(
            (role.name.as_str(), &role.privileges),
            ("tok-admins", &vec![users])
        );
        assert_eq!(role.extra["roleGroupId"], json!(1));
        // As it was read before, with what the server alone says.
        let body = json!({"id": 10, "name": "r", "description": "d", "associatedUserCount": 4,
        "customHelpUrl": "https://x.example/", "requireEula": true, "userPermission": "write",
        "privileges": [
            {"objectType": "host_group", "objectId": 7, "objectName": "Web", "operation": "ack",
             "subOperation": null},
            {"objectType": "help", "objectId": "", "operation": "none", "new": 1},
        ]});
        let role = read(&body).unwrap().whole().unwrap();
        let expected = [
            privilege(["host_group", "7", "ack"], &json!({"objectName": "Web"})),
            privilege(["help", "", "none"], &json!({})),
        ];
        assert_eq!(role.privileges, expected);
        assert_eq!(role.extra["customHelpURL"], json!("https://x.example/"));
        assert_eq!(role.extra["requireEULA"], json!(true));
    }

    #[test]
    fn a_change_keeps_what_is_not_given() {
        let stored = json!({"requireEULA": true, "customHelpLabel": "a"});
        let stored = stored.as_object().unwrap();
        let change = |body: Value| read(&body).unwrap().change(stored);
        assert_eq!(change(json!({})), RoleChange::default());
        let changed = change(json!({"description": "", "customHelpLabel": "b"}));
        assert_eq!(changed.description.as_deref(), Some(""));
        assert_eq!(changed.privileges, None);
        let extra = json!({"requireEULA": true, "customHelpLabel": "b"});
        assert_eq!(changed.extra.map(Value::Object), Some(extra));
    }

    #[test]
    fn mistakes_are_named() {
        let check = |body: Value, expected: &str| {
            let error = read(&body)
                .and_then(RoleBody::whole)
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected), "{body}: {error}");
        };
        let with = |privilege: Value| json!({"name": "r", "privileges": [privilege]});
        check(json!({}), "name is required");
        check(json!({"name": "  "}), "name must not be empty");
        check(json!({"name": "r"}), "privileges is required");
        check(
            json!({"name": "r", "privileges": {}}),
            "privileges must be a list",
        );
        check(
            json!({"name": "r", "privileges": ["x"]}),
            "privileges[0] must be an object",
        );
        check(
            with(json!({"objectId": "*", "operation": "read"})),
            "privileges[0].objectType is required",
        );
        check(
            with(json!({"objectType": "setting", "operation": "read"})),
            "privileges[0].objectId is required",
        );
        check(
            with(json!({"objectType": "setting", "objectId": "*"})),
            "privileges[0].operation is required",
        );
        check(
            with(json!({"objectType": 1, "objectId": "*", "operation": "read"})),
            "must be a string",
        );
        check(
            json!({"name": "r", "privileges": vec![json!({}); 1_001]}),
            "more than 1000",
        );
        check(
            json!({"name": "r", "privileges": [], "roleGroupId": "x"}),
            "roleGroupId must be",
        );
    }
}
