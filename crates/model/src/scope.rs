//! Scopes: what a credential may be narrowed to, and sets of them.

use crate::grants::Ability;
use std::fmt;
use std::str::FromStr;

/// What a token may do (spec/logpoint-api.md §1.1, and our own `logs:write`,
/// `logs:delete`, `setting:read` and `setting:write`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// List user-defined lists.
    SearchRead,
    /// Import static lists.
    SearchWrite,
    /// List instances and their repos.
    LogsourceRead,
    /// Read alert rules and notifications.
    AlertrulesRead,
    /// Change alert rules and notifications.
    AlertrulesWrite,
    /// Send logs.
    LogsWrite,
    /// See users, roles and API tokens, as far as the roles permit.
    SettingRead,
    /// Change users, roles and API tokens, as far as the roles permit.
    SettingWrite,
    /// Delete events.
    LogsDelete,
}

/// The text names no known scope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown scope")]
pub struct UnknownScope;

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 9] = [
        Self::SearchRead,
        Self::SearchWrite,
        Self::LogsourceRead,
        Self::AlertrulesRead,
        Self::AlertrulesWrite,
        Self::LogsWrite,
        Self::SettingRead,
        Self::SettingWrite,
        Self::LogsDelete,
    ];

    /// The scope as it stands in a token.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SearchRead => "search:read",
            Self::SearchWrite => "search:write",
            Self::LogsourceRead => "logsource:read",
            Self::AlertrulesRead => "alertrules:read",
            Self::AlertrulesWrite => "alertrules:write",
            Self::LogsWrite => "logs:write",
            Self::SettingRead => "setting:read",
            Self::SettingWrite => "setting:write",
            Self::LogsDelete => "logs:delete",
        }
    }

    /// Whether one of these built-in roles gives this scope, by the table in
    /// [`crate::grants`]. What roles of one's own give depends on their privileges.
    pub fn allowed_for(self, roles: &[String]) -> bool {
        Ability::Scope(self).of_built_in(roles)
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    /// Reads a scope; the plural `logsources:read` of the vendor's sample
    /// command counts as `logsource:read`.
    fn from_str(s: &str) -> Result<Self, UnknownScope> {
        // As constants, since a token is read with every request.
        Ok(match s {
            "search:read" => Self::SearchRead,
            "search:write" => Self::SearchWrite,
            "logsource:read" | "logsources:read" => Self::LogsourceRead,
            "alertrules:read" => Self::AlertrulesRead,
            "alertrules:write" => Self::AlertrulesWrite,
            "logs:write" => Self::LogsWrite,
            "setting:read" => Self::SettingRead,
            "setting:write" => Self::SettingWrite,
            "logs:delete" => Self::LogsDelete,
            _ => return Err(UnknownScope),
        })
    }
}

/// A set of scopes, small enough to be copied with every request.
///
/// ```
/// use cresset_model::user::{Scope, Scopes};
///
/// let scopes: Scopes = [Scope::LogsWrite, Scope::SearchRead].into_iter().collect();
/// assert!(scopes.contains(Scope::SearchRead) && !scopes.contains(Scope::SearchWrite));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Scopes(u16);

impl Scopes {
    /// Every scope.
    pub const ALL: Self = Self((1 << Scope::ALL.len()) - 1);

    const fn bit(scope: Scope) -> u16 {
        1 << scope as u8
    }

    /// Whether `scope` is one of them.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & Self::bit(scope) != 0
    }

    /// The scopes in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL
            .into_iter()
            .filter(move |scope| self.contains(*scope))
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        Self(
            scopes
                .into_iter()
                .map(Self::bit)
                .fold(0, |all, bit| all | bit),
        )
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_reads_as_it_is_written() {
        for scope in Scope::ALL {
            assert_eq!(scope.as_str().parse(), Ok(scope));
        }
        assert_eq!("logsources:read".parse(), Ok(Scope::LogsourceRead));
        for unknown in ["", "search", "search:Read", "search:read ", "user:read"] {
            assert_eq!(unknown.parse::<Scope>(), Err(UnknownScope), "{unknown}");
        }
    }

    #[test]
    fn a_set_has_what_was_put_in() {
        assert_eq!(Scope::ALL.into_iter().collect::<Scopes>(), Scopes::ALL);
        for scope in Scope::ALL {
            let one = Scopes::from_iter([scope, scope]);
            assert_eq!(one.iter().collect::<Vec<_>>(), [scope]);
            assert!(
                Scope::ALL
                    .iter()
                    .all(|other| one.contains(*other) == (*other == scope))
            );
            assert_eq!(format!("{one:?}"), format!("{{{scope:?}}}"));
        }
        assert_eq!(Scopes::default().iter().next(), None);
    }
}
