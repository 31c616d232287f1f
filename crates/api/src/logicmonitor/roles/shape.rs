//! A role as clients see it (spec §6.3).

use super::body::EXTRAS;
use crate::logicmonitor::extras;
use cresset_model::role::{Privilege, Right, Role};
use serde_json::{Map, Value, json};

/// What a caller sees of a role; `right` is what the caller may do with it.
pub(in crate::logicmonitor) fn role(role: &Role, right: Right) -> Value {
    let privileges: Vec<Value> = role.privileges.iter().map(privilege).collect();
    let mut object = Map::new();
    extras::show(EXTRAS, &role.extra, &mut object);
    let known = json!({
        "id": role.id,
        "name": role.name,
        "description": role.description,
        "privileges": privileges,
        "associatedUserCount": role.users,
        "acctRequireTwoFA": false,
        "enableRemoteSessionInCompanyLevel": false,
        "userPermission": right.as_str(),
    });
    if let Value::Object(known) = known {
        object.extend(known);
    }
    Value::Object(object)
}

/// With the two keys that clients expect beside those that were given.
fn privilege(privilege: &Privilege) -> Value {
    let mut object = Map::new();
    object.insert("objectName".to_owned(), Value::from(""));
    object.insert("subOperation".to_owned(), Value::from(""));
    object.extend(privilege.extra.clone());
    let known = [
        ("objectType", &privilege.object_type),
        ("objectId", &privilege.object_id),
        ("operation", &privilege.operation),
    ];
    for (key, text) in known {
        object.insert(key.to_owned(), Value::from(text.as_str()));
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> Role {
        Role {
            id: 10,
            name: "tok-admins".to_owned(),
            description: "d".to_owned(),
            privileges: vec![Privilege {
                object_type: "setting".to_owned(),
                object_id: "useraccess.*".to_owned(),
                operation: "write".to_owned(),
                extra: json!({"objectName": "Users", "objectId": "never this"})
                    .as_object()
                    .unwrap()
                    .clone(),
            }],
            built_in: false,
            extra: json!({"requireEULA": true}).as_object().unwrap().clone(),
            users: 3,
        }
    }

    #[test]
    fn a_role_is_complete() {
        let shown = role(&made(), Right::Write);
        let expected = json!({
            "id": 10, "name": "tok-admins", "description": "d",
            "privileges": [{"objectType": "setting", "objectId": "useraccess.*",
                "operation": "write", "objectName": "Users", "subOperation": ""}],
            "associatedUserCount": 3, "customHelpLabel": "", "customHelpURL": "",
            "requireEULA": true, "twoFARequired": false, "roleGroupId": 1,
            "acctRequireTwoFA": false, "enableRemoteSessionInCompanyLevel": false,
            "userPermission": "write",
        });
        assert_eq!(shown, expected);
    }
}
