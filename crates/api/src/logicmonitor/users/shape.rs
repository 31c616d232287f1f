//! A user as clients see it (spec §6.2). There is no key for the password.

use super::body::EXTRAS;
use crate::logicmonitor::extras;
use cresset_model::Timestamp;
use cresset_model::account::Account;
use cresset_model::role::Right;
use serde_json::{Map, Value, json};

/// What a caller sees of a user, with its roles and tokens as the caller sees them; `right`
/// is what the caller may do with the user.
pub(super) fn user(
    account: &Account,
    roles: Vec<Value>,
    tokens: Vec<Value>,
    right: Right,
) -> Value {
    let user = &account.user;
    let mut object = Map::new();
    extras::show(EXTRAS, &account.extra, &mut object);
    let known = json!({
        "id": user.number,
        "username": user.username,
        "email": user.email,
        "firstName": account.first_name,
        "lastName": account.last_name,
        "note": account.note,
        "status": if user.disabled { "suspended" } else { "active" },
        "apionly": account.api_only,
        "roles": roles,
        "apiTokens": tokens,
        "timezone": user.timezone,
        "createdBy": account.created_by,
        "createdOn": user.created_at.secs(),
        // There is no page to log in to.
        "lastLoginOn": 0,
        "lastActionOn": seconds(account.last_action_at),
        "lastAccessOn": seconds(account.last_action_at),
        "lastActionOnLocal": local(account.last_action_at, &user.timezone),
        "userPermission": right.as_str(),
    });
    if let Value::Object(known) = known {
        object.extend(known);
    }
    Value::Object(object)
}

/// Seconds since the epoch, 0 for never.
fn seconds(at: Option<Timestamp>) -> i64 {
    at.map_or(0, Timestamp::secs)
}

/// A moment as a clock in the zone shows it; empty for never.
pub(in crate::logicmonitor) fn local(at: Option<Timestamp>, zone: &str) -> String {
    let Some(moment) = at.and_then(|at| jiff::Timestamp::from_microsecond(at.0).ok()) else {
        return String::new();
    };
    let zone = jiff::tz::TimeZone::get(zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let moment = moment.to_zoned(zone);
    moment.strftime("%Y-%m-%d %H:%M:%S %Z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use cresset_model::ObjectId;
    use cresset_model::user::{DateFormat, HourFormat, User};

    fn account() -> Account {
        Account {
            user: User {
                id: ObjectId::from_bytes([1; 12]),
                number: 33,
                username: "ci@x".to_owned(),
                email: String::new(),
                roles: vec!["tok-admins".to_owned()],
                disabled: true,
                timezone: "Europe/Berlin".to_owned(),
                date_format: DateFormat::default(),
                hour_format: HourFormat::default(),
                repos: None,
                created_at: Timestamp::from_secs(1_700_000_000),
            },
            first_name: "C".to_owned(),
            last_name: "I".to_owned(),
            note: "n".to_owned(),
            api_only: true,
            has_password: false,
            roles: Vec::new(),
            created_by: "root".to_owned(),
            last_action_at: Some(Timestamp::from_secs(1_700_000_060)),
            extra: json!({"phone": "12", "unknown": "x"})
                .as_object()
                .unwrap()
                .clone(),
        }
    }

    #[test]
    fn a_user_is_complete() {
        let token = json!({"id": 248});
        let role = json!({"name": "tok-admins", "privileges": []});
        let shown = user(&account(), vec![role], vec![token], Right::Read);
        let check = |key: &str, expected: Value| assert_eq!(shown[key], expected, "{key}");
        check("id", json!(33));
        check("username", json!("ci@x"));
        check("email", json!(""));
        check("status", json!("suspended"));
        check("apionly", json!(true));
        check("phone", json!("12"));
        check("smsEmailFormat", json!("sms"));
        check("contactMethod", json!("email"));
        check("viewPermission", json!({}));
        check("adminGroupIds", json!([]));
        check("apiTokens", json!([{"id": 248}]));
        check("createdBy", json!("root"));
        check("lastLoginOn", json!(0));
        check("lastActionOn", json!(1_700_000_060));
        check("lastAccessOn", json!(1_700_000_060));
        check("lastActionOnLocal", json!("2023-11-14 23:14:20 CET"));
        check("userPermission", json!("read"));
        check("unknown", json!(null));
        check("roles", json!([{"name": "tok-admins", "privileges": []}]));
        let object = shown.as_object().unwrap();
        assert!(object.values().all(|value| !value.is_null()));
        assert!(
            !object
                .keys()
                .any(|key| key.to_lowercase().starts_with("password"))
        );
    }

    #[test]
    fn local_times() {
        assert_eq!(local(None, "UTC"), "");
        let at = Some(Timestamp::from_secs(0));
        assert_eq!(local(at, "UTC"), "1970-01-01 00:00:00 UTC");
        assert_eq!(local(at, "Nowhere"), "1970-01-01 00:00:00 UTC");
    }
}
