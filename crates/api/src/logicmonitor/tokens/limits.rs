//! A token cannot make or revive one that may do more than itself: neither scopes, nor
//! networks, nor end grow. Of a self-signed token only the scopes count: the key that signed it
//! can sign another one at any time.

use super::super::call::Call;
use crate::error::{Error, Result};
use cresset_catalog::port::TokenChange;
use cresset_model::Timestamp;
use cresset_model::token::ApiToken;
use cresset_model::user::{Scope, Scopes};

/// What a token is limited to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Limits {
    /// `None` for all that the owner may do.
    pub(super) scopes: Option<Vec<String>>,
    /// Empty for everywhere.
    pub(super) networks: Vec<String>,
    /// `None` for never.
    pub(super) expires_at: Option<Timestamp>,
}

impl Limits {
    /// The limits of the credential that the caller uses.
    pub(super) fn of_caller(call: &Call) -> Self {
        let scopes = call.scopes.filter(|scopes| *scopes != Scopes::ALL);
        let words = |scope: Scope| scope.as_str().to_owned();
        let token = call.token.as_ref();
        Self {
            scopes: scopes.map(|scopes| scopes.iter().map(words).collect()),
            networks: token.map_or_else(Vec::new, |token| token.networks.clone()),
            expires_at: token.and_then(|token| token.expires_at),
        }
    }

    /// The limits of `token`.
    pub(super) fn of_token(token: &ApiToken) -> Self {
        Self {
            scopes: token.scopes.clone(),
            networks: token.networks.clone(),
            expires_at: token.expires_at,
        }
    }

    /// These limits where `draft` names no others.
    pub(super) fn with(&self, draft: &TokenChange) -> Self {
        Self {
            scopes: draft.scopes.clone().unwrap_or_else(|| self.scopes.clone()),
            networks: draft
                .networks
                .clone()
                .unwrap_or_else(|| self.networks.clone()),
            expires_at: draft.expires_at.unwrap_or(self.expires_at),
        }
    }

    /// Refuses limits that are wider than these, those of the caller.
    pub(super) fn demand(&self, wanted: &Self) -> Result<()> {
        let scopes = match (&self.scopes, &wanted.scopes) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(mine), Some(wanted)) => wanted.iter().all(|scope| mine.contains(scope)),
        };
        let networks = self.networks.is_empty()
            || !wanted.networks.is_empty()
                && wanted.networks.iter().all(|n| self.networks.contains(n));
        let end = match (self.expires_at, wanted.expires_at) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(mine), Some(wanted)) => wanted <= mine,
        };
        let beyond = if !scopes {
            "scopes that it does not have itself"
        } else if !networks {
            "networks other than its own"
        } else if !end {
            "an end later than its own"
        } else {
            return Ok(());
        };
        Err(Error::Forbidden(format!(
            "Permission denied: this credential may not give a token {beyond}"
        )))
    }

    /// Refuses a change that brings a token back, or sets a limit of it, if the token then has
    /// limits wider than these, those of the caller. To disable one, or to write a note, takes
    /// no more than the right to.
    pub(super) fn demand_of_change(&self, token: &ApiToken, change: &TokenChange) -> Result<()> {
        let revives = token.disabled && change.disabled == Some(false);
        let sets_limits =
            change.scopes.is_some() || change.networks.is_some() || change.expires_at.is_some();
        if revives || sets_limits {
            self.demand(&Self::of_token(token).with(change))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::a_token;

    fn limits(scopes: Option<&[&str]>, networks: &[&str], expires: Option<i64>) -> Limits {
        let owned = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect();
        Limits {
            scopes: scopes.map(owned),
            networks: owned(networks),
            expires_at: expires.map(Timestamp::from_secs),
        }
    }

    #[test]
    fn nothing_grows() {
        let check = |mine: &Limits, wanted: &Limits, expected: bool| {
            assert_eq!(mine.demand(wanted).is_ok(), expected, "{mine:?} {wanted:?}");
        };
        let free = Limits::default();
        let narrow = limits(Some(&["a", "b"]), &["10.0.0.0/8", "192.0.2.7"], Some(100));
        check(&free, &free, true);
        check(&free, &narrow, true);
        check(&narrow, &narrow, true);
        check(&narrow, &free, false);
        check(
            &narrow,
            &limits(Some(&["a"]), &["192.0.2.7"], Some(99)),
            true,
        );
        check(&narrow, &limits(None, &["192.0.2.7"], Some(99)), false);
        check(
            &narrow,
            &limits(Some(&["c"]), &["192.0.2.7"], Some(99)),
            false,
        );
        check(&narrow, &limits(Some(&["a"]), &[], Some(99)), false);
        check(
            &narrow,
            &limits(Some(&["a"]), &["192.0.2.8"], Some(99)),
            false,
        );
        check(
            &narrow,
            &limits(Some(&["a"]), &["192.0.2.7"], Some(101)),
            false,
        );
        check(&narrow, &limits(Some(&["a"]), &["192.0.2.7"], None), false);
    }

    #[test]
    fn a_change_is_judged_by_what_the_token_becomes() {
        let narrow = limits(Some(&["a"]), &["192.0.2.7"], Some(100));
        let wide = token(None, &[], None);
        let within = token(Some(&["a"]), &["192.0.2.7"], Some(90));
        let check = |token: &ApiToken, disabled: bool, change: TokenChange, expected: bool| {
            let token = ApiToken {
                disabled,
                ..token.clone()
            };
            let allowed = narrow.demand_of_change(&token, &change).is_ok();
            assert_eq!(allowed, expected, "{token:?} {change:?}");
        };
        let nothing = TokenChange::default;
        let enabled = || TokenChange {
            disabled: Some(false),
            ..nothing()
        };
        let harmless = || TokenChange {
            note: Some("x".to_owned()),
            disabled: Some(true),
            ..nothing()
        };
        check(&wide, false, nothing(), true);
        check(&wide, false, harmless(), true);
        check(&wide, true, harmless(), true);
        check(&wide, false, enabled(), true);
        check(&wide, true, enabled(), false);
        check(&within, true, enabled(), true);
        let ends = |end: Option<i64>| TokenChange {
            expires_at: Some(end.map(Timestamp::from_secs)),
            ..nothing()
        };
        check(&within, false, ends(Some(95)), true);
        check(&within, false, ends(Some(101)), false);
        check(&within, false, ends(None), false);
        check(&wide, false, ends(Some(95)), false);
        let scopes = TokenChange {
            scopes: Some(None),
            ..nothing()
        };
        check(&within, false, scopes, false);
        let networks = TokenChange {
            networks: Some(Vec::new()),
            ..nothing()
        };
        check(&within, false, networks, false);
    }

    fn token(scopes: Option<&[&str]>, networks: &[&str], expires: Option<i64>) -> ApiToken {
        let limits = limits(scopes, networks, expires);
        ApiToken {
            expires_at: limits.expires_at,
            scopes: limits.scopes,
            networks: limits.networks,
            ..a_token()
        }
    }
}
