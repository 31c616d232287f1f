//! User name and password (spec/logicmonitor-api.md §1.5), where the settings allow them.
//!
//! Unlike keys, passwords can be guessed and cost much to check. So each counts as a wrong guess
//! before it is looked at, those of who guessed too often are not looked at, the right one
//! neither, and few are checked at a time ([`super::guesses`]).

use super::api_token::FAILED;
use super::{Caller, Kind, Proven};
use crate::error::{Error, Result};
use crate::state::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cresset_model::user::User;
use cresset_model::{ObjectId, SecretString};
use std::net::IpAddr;
use std::sync::Arc;

/// Longest accepted header value, in bytes.
const MAX_BYTES: usize = 4 << 10;

impl Context {
    /// The caller behind `credentials`, base64 of `user:password`.
    pub(crate) async fn prove_basic(&self, credentials: &str, peer: IpAddr) -> Result<Proven> {
        let refuse = || Error::Unauthenticated(FAILED.to_owned());
        let Some((name, password)) = read(credentials) else {
            self.auth_failed(Kind::Basic, "", peer, "malformed", false)
                .await?;
            return Err(refuse());
        };
        let guesses = &self.guesses;
        let standing = guesses.allowed(&name, peer, self.now())?;
        let _place = guesses.place(peer, standing).await?;
        // Only now, so that right ones that come at once do not hold each other back.
        let guess = guesses.guess(&name, peer, self.now())?;
        let checked = self.check_basic(&name, &password).await;
        match checked.inspect_err(|_| guesses.unseen(&guess))? {
            Ok(user) => {
                guesses.right(&guess, self.now());
                Ok(Proven {
                    caller: Caller {
                        user: Arc::new(user),
                        peer,
                    },
                    token: None,
                    scopes: None,
                    seen: None,
                })
            }
            Err(reason) => {
                // It is counted already, and not where failures with keys are: those cost
                // nothing, and must neither push a guess out nor, succeeding, forgive it.
                self.auth_failed(Kind::Basic, &name, peer, reason, false)
                    .await?;
                Err(refuse())
            }
        }
    }

    /// The user, or why it is not one, as a constant word.
    async fn check_basic(
        &self,
        name: &str,
        password: &SecretString,
    ) -> Result<std::result::Result<User, &'static str>> {
        let user = self.catalog.user_by_name(name).await?;
        // That of nobody takes as long, so that names cannot be told by time.
        let id = user
            .as_ref()
            .map_or(ObjectId::from_bytes([0; 12]), |user| user.id);
        let fits = self.catalog.check_password(id, password).await?;
        Ok(match user {
            None => Err("unknown_user"),
            Some(_) if !fits => Err("password"),
            Some(user) if user.disabled => Err("user_disabled"),
            Some(user) => Ok(user),
        })
    }
}

/// The name and the password, which may hold colons.
fn read(credentials: &str) -> Option<(String, SecretString)> {
    if credentials.len() > MAX_BYTES {
        return None;
    }
    let text = STANDARD.decode(credentials.trim()).ok()?;
    let text = String::from_utf8(text).ok()?;
    let (name, password) = text.split_once(':')?;
    let given = !name.is_empty() && !password.is_empty();
    given.then(|| (name.to_owned(), SecretString::new(password)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_and_a_password() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let found = read(&STANDARD.encode(text));
            let found = found.map(|(name, password)| (name, password.expose().to_owned()));
            let expected = expected.map(|(name, p)| (name.to_owned(), p.to_owned()));
            assert_eq!(found, expected, "{text}");
        };
        check("ann:secret", Some(("ann", "secret")));
        check("ann:se:cret:", Some(("ann", "se:cret:")));
        check("ann", None);
        check("ann:", None);
        check(":secret", None);
        check("", None);
        assert!(read("ann:secret").is_none());
        assert!(read(&STANDARD.encode([b'a', b':', 0xff])).is_none());
        assert!(read(&STANDARD.encode("a:".to_owned() + &"b".repeat(MAX_BYTES))).is_none());
    }
}
