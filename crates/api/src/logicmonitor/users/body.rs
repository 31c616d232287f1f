//! What the body of a user says of the user itself, before anybody asks whether it may be
//! done. Tokens in it are read by `tokens::with_user`.

use crate::error::{Error, Result};
use crate::logicmonitor::extras::{self, Extra, Kind};
use crate::logicmonitor::given::Given;
use cresset_catalog::port::{MAX_ROLES_OF_USER, RoleRef};
use cresset_model::SecretString;
use serde_json::{Map, Value};

/// Longest user name in characters: four bytes each still fit the catalog.
const LONGEST_USERNAME: usize = 63;
const LONGEST_NAME: usize = 255;
const LONGEST_NOTE: usize = 1_024;
/// Longest password that is looked at, in characters; its own rules are in `password`.
const LONGEST_PASSWORD: usize = 1_024;
const INT32: i64 = i32::MAX as i64;

/// Keys that are kept and answered, and have no effect.
pub(super) const EXTRAS: &[Extra] = &[
    Extra::new("phone", Kind::Line(64)),
    Extra::new("smsEmail", Kind::Line(LONGEST_NAME)),
    Extra::new("smsEmailFormat", Kind::Word(&["sms", "fullText"])),
    Extra::new("contactMethod", Kind::Word(&["email", "smsemail"])),
    Extra::new("viewPermission", Kind::Flags),
    Extra::new("twoFAEnabled", Kind::Flag),
    Extra::new("forcePasswordChange", Kind::Flag),
    Extra::new("acceptEULA", Kind::Flag),
    Extra::new("persistentSessionEnabled", Kind::Flag),
    Extra::new("inactiveSessionTimeoutInSeconds", Kind::Number(INT32, 0)),
    Extra::new("tenantId", Kind::Number(INT32, 0)),
    Extra::new("userType", Kind::Line(64)),
    Extra::new("trainingEmail", Kind::Line(LONGEST_NAME)),
    Extra::new("adminGroupIds", Kind::Numbers),
];

/// What a body gives; `None` for what it does not.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct UserBody {
    pub(super) username: Option<String>,
    pub(super) email: Option<String>,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
    pub(super) note: Option<String>,
    pub(super) password: Option<SecretString>,
    pub(super) suspended: Option<bool>,
    pub(super) api_only: Option<bool>,
    pub(super) roles: Option<Vec<RoleRef>>,
    pub(super) timezone: Option<String>,
    pub(super) extra: Map<String, Value>,
}

impl UserBody {
    /// Reads a body.
    pub(super) fn read(body: &Map<String, Value>) -> Result<Self> {
        let given = Given::body(body);
        let status = given.word("status", &["active", "suspended"])?;
        Ok(Self {
            username: username(given)?,
            email: email(given)?,
            first_name: given.line("firstName", LONGEST_NAME)?,
            last_name: given.line("lastName", LONGEST_NAME)?,
            note: given.text("note", LONGEST_NOTE)?,
            password: password(given)?,
            suspended: status.map(|word| word == "suspended"),
            api_only: given.flag("apionly")?,
            roles: roles(given)?,
            timezone: timezone(given)?,
            extra: extras::read(EXTRAS, given)?,
        })
    }
}

fn username(given: Given<'_>) -> Result<Option<String>> {
    let name = given.line("username", LONGEST_USERNAME)?;
    if name.as_deref() == Some("") {
        return Err(given.refuse("username", "must not be empty"));
    }
    Ok(name)
}

/// A mail address as far as it can be told by its looks, or nothing.
fn email(given: Given<'_>) -> Result<Option<String>> {
    let email = given.line("email", LONGEST_NAME)?;
    let reads = |email: &String| {
        let halves = email.rsplit_once('@');
        let named = halves.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
        email.is_empty() || named && !email.contains(char::is_whitespace)
    };
    match email {
        Some(email) if !reads(&email) => Err(given.refuse("email", "must be a mail address")),
        other => Ok(other),
    }
}

fn password(given: Given<'_>) -> Result<Option<SecretString>> {
    let password = given.text("password", LONGEST_PASSWORD)?;
    Ok(password
        .filter(|text| !text.is_empty())
        .map(SecretString::new))
}

/// A zone of the IANA database; blank means the default.
fn timezone(given: Given<'_>) -> Result<Option<String>> {
    let Some(zone) = given.line("timezone", 64)?.filter(|zone| !zone.is_empty()) else {
        return Ok(None);
    };
    let known = jiff::tz::TimeZone::get(&zone).is_ok();
    let message = "must be a time zone of the IANA database, such as Europe/Berlin";
    known
        .then_some(Some(zone))
        .ok_or_else(|| given.refuse("timezone", message))
}

fn roles(given: Given<'_>) -> Result<Option<Vec<RoleRef>>> {
    let Some(items) = given.list("roles", MAX_ROLES_OF_USER)? else {
        return Ok(None);
    };
    if items.is_empty() {
        return Err(given.refuse("roles", "must name at least one role"));
    }
    let mut roles = Vec::new();
    for (place, item) in items.iter().enumerate() {
        let role = role(&format!("roles[{place}]"), item)?;
        if !roles.contains(&role) {
            roles.push(role);
        }
    }
    Ok(Some(roles))
}

/// By id if there is one, else by name. Clients that were written in Go or C# send an id of 0
/// for none.
fn role(place: &str, item: &Value) -> Result<RoleRef> {
    let given = Given::within(place, item)?;
    if let Some(id) = given.number("id", 0..=i64::MAX)?.filter(|id| *id > 0) {
        return Ok(RoleRef::Id(id));
    }
    let name = given.line("name", LONGEST_NAME)?;
    let name = name.filter(|name| !name.is_empty());
    name.map(RoleRef::Name)
        .ok_or_else(|| Error::Malformed(format!("{place} must have an id or a name")))
}

#[cfg(test)]
mod tests;
