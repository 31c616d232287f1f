//! Users, roles, scopes and the credentials that name them.

use crate::instance::is_remote;
use crate::repo::OWN_REPO;
use crate::{ObjectId, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::str::FromStr;

pub use crate::account::{Account, USER_COLUMNS};
pub use crate::scope::{Scope, Scopes, UnknownScope};

/// A person or a program that may use the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Unique id.
    pub id: ObjectId,
    /// Small number counted from 1, never used again, as LogicMonitor's clients expect it.
    pub number: i64,
    /// Unique name, compared exactly.
    pub username: String,
    /// Mail address, empty if none is known.
    pub email: String,
    /// Names of the user's roles.
    pub roles: Vec<String>,
    /// A disabled user's credentials are all refused.
    pub disabled: bool,
    /// IANA time zone for relative times and formats.
    pub timezone: String,
    /// How the user writes dates.
    pub date_format: DateFormat,
    /// How the user writes hours.
    pub hour_format: HourFormat,
    /// The repos that were granted; `None` means every ordinary one. Of no account for
    /// administrators: see [`User::may_search`].
    pub repos: Option<BTreeSet<String>>,
    /// Time of creation.
    pub created_at: Timestamp,
}

impl User {
    /// True for administrators, who may search every repo.
    pub fn sees_all_repos(&self) -> bool {
        self.roles.iter().any(|role| role == ADMINISTRATOR)
    }

    /// Whether the user may search `repo`, a name here or an address at another instance.
    /// The server's own log and what is elsewhere are for administrators unless granted.
    pub fn may_search(&self, repo: &str) -> bool {
        self.sees_all_repos() || is_permitted(self.repos.as_ref(), repo)
    }

    /// What the user may search of the repos that exist.
    pub fn repo_access<'a>(&self, existing: impl IntoIterator<Item = &'a str>) -> RepoAccess {
        if self.sees_all_repos() {
            return RepoAccess::All;
        }
        let permitted = existing.into_iter().filter(|repo| self.may_search(repo));
        RepoAccess::Only(permitted.map(str::to_owned).collect())
    }
}

/// Whether somebody who is no administrator may search `repo` with these grants. What is at
/// another instance is searched with that instance's credentials, so it takes a grant.
pub fn is_permitted(granted: Option<&BTreeSet<String>>, repo: &str) -> bool {
    match granted {
        Some(granted) => granted.contains(repo),
        None => repo != OWN_REPO && !is_remote(repo),
    }
}

/// Which repos somebody may search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepoAccess {
    /// Every one, also those that come later.
    All,
    /// These; possibly none.
    Only(BTreeSet<String>),
}

impl RepoAccess {
    /// Whether `repo` is among them.
    pub fn allows(&self, repo: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(permitted) => permitted.contains(repo),
        }
    }
}

/// Order and separator of the parts of a date, in the letters of `strftime`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateFormat(&'static str);

/// The text is none of [`DateFormat::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the date format must be one of {}", DateFormat::ALL.join(" "))]
pub struct UnknownDateFormat;

impl DateFormat {
    /// Every format.
    pub const ALL: [&'static str; 9] = [
        "%Y/%m/%d", "%d/%m/%Y", "%m/%d/%Y", "%Y-%m-%d", "%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d",
        "%d.%m.%Y", "%m.%d.%Y",
    ];

    /// The format as clients see it.
    pub const fn as_str(self) -> &'static str {
        self.0
    }

    /// The letters `Y`, `m` and `d` in the order of the parts.
    pub fn order(self) -> impl Iterator<Item = char> {
        self.0.chars().filter(char::is_ascii_alphabetic)
    }
}

impl Default for DateFormat {
    fn default() -> Self {
        Self(Self::ALL[0])
    }
}

impl FromStr for DateFormat {
    type Err = UnknownDateFormat;

    fn from_str(s: &str) -> Result<Self, UnknownDateFormat> {
        let known = Self::ALL.into_iter().find(|known| *known == s);
        known.map(Self).ok_or(UnknownDateFormat)
    }
}

impl Serialize for DateFormat {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0)
    }
}

impl<'de> Deserialize<'de> for DateFormat {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// How hours are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum HourFormat {
    /// 0 to 23.
    #[default]
    #[serde(rename = "24 Hour")]
    TwentyFour,
    /// 1 to 12 with AM and PM.
    #[serde(rename = "12 Hour")]
    Twelve,
}

impl HourFormat {
    /// The format as clients see it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TwentyFour => "24 Hour",
            Self::Twelve => "12 Hour",
        }
    }

    /// A time of day in the letters of `strftime`.
    pub const fn time_format(self) -> &'static str {
        match self {
            Self::TwentyFour => "%H:%M:%S",
            Self::Twelve => "%I:%M:%S %p",
        }
    }
}

/// How times are shown to a user, and how the user's texts about times are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preferences {
    /// IANA time zone.
    pub timezone: String,
    /// How dates are written.
    pub date_format: DateFormat,
    /// How hours are written.
    pub hour_format: HourFormat,
}

/// The role that may do and see everything.
pub const ADMINISTRATOR: &str = "administrator";

/// The four built-in roles, strongest first (spec/logicmonitor-api.md §6.3).
pub const BUILT_IN_ROLES: [&str; 4] = ["administrator", "manager", "ackonly", "readonly"];

#[cfg(test)]
mod tests {
    use super::*;

    fn user(role: &str, repos: Option<&[&str]>) -> User {
        User {
            id: ObjectId::from_bytes([1; 12]),
            number: 1,
            username: "ann".to_owned(),
            email: String::new(),
            roles: vec![role.to_owned()],
            disabled: false,
            timezone: "UTC".to_owned(),
            date_format: DateFormat::default(),
            hour_format: HourFormat::default(),
            repos: repos.map(|repos| repos.iter().map(|r| (*r).to_owned()).collect()),
            created_at: Timestamp(0),
        }
    }

    #[test]
    fn who_may_search_what() {
        let check = |role: &str, repos: Option<&[&str]>, expected: Option<&[&str]>| {
            let user = user(role, repos);
            let access = user.repo_access(["_cresset", "default", "web"]);
            let expected = expected.map_or(RepoAccess::All, |names| {
                RepoAccess::Only(names.iter().map(|n| (*n).to_owned()).collect())
            });
            assert_eq!(access, expected, "{role} {repos:?}");
            for repo in ["_cresset", "default", "web"] {
                assert_eq!(access.allows(repo), user.may_search(repo), "{repo}");
            }
        };
        check("administrator", None, None);
        check("administrator", Some(&[]), None);
        check("manager", None, Some(&["default", "web"]));
        check("readonly", Some(&["web", "gone"]), Some(&["web"]));
        check("manager", Some(&["_cresset"]), Some(&["_cresset"]));
        check("manager", Some(&[]), Some(&[]));
    }

    #[test]
    fn who_may_search_what_elsewhere() {
        let check = |repos: Option<&[&str]>, address: &str, expected: bool| {
            let may = user("manager", repos).may_search(address);
            assert_eq!(may, expected, "{repos:?} {address}");
        };
        check(None, "10.0.0.7:7077/web", false);
        check(None, "10.0.0.7:7077/_cresset", false);
        check(Some(&["web"]), "10.0.0.7:7077/web", false);
        check(Some(&["10.0.0.7:7077/web"]), "10.0.0.7:7077/web", true);
    }

    #[test]
    fn date_formats_are_those_of_the_list() {
        for text in DateFormat::ALL {
            let format: DateFormat = text.parse().unwrap();
            assert_eq!(format.as_str(), text);
            let mut letters: Vec<char> = format.order().collect();
            letters.sort_unstable();
            assert_eq!(letters, ['Y', 'd', 'm']);
            let json = serde_json::to_string(&format).unwrap();
            assert_eq!(serde_json::from_str::<DateFormat>(&json).unwrap(), format);
        }
        for bad in ["", "%Y/%m", "%y/%m/%d", "%Y/%m-%d", "%d/%m/%Y ", "%H"] {
            assert_eq!(bad.parse::<DateFormat>(), Err(UnknownDateFormat), "{bad}");
        }
    }
}
