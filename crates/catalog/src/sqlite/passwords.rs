//! Argon2id.

use crate::{Error, Result};
use argon2::password_hash::{self, PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, PasswordHash, Version};
use cresset_model::SecretString;
use ring::rand::{SecureRandom, SystemRandom};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Memory per hash in KiB, passes, lanes: the first choice of the OWASP cheat
/// sheet, some 20 ms of one core.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
const SALT_LEN: usize = 16;
/// Longest password in bytes.
const MAX_PASSWORD: usize = 1024;
/// Passwords verified at a time, so that a flood of log-ins takes neither the memory nor
/// every core; and as many new ones, which must not wait for the log-ins of strangers.
const AT_ONCE: usize = 2;

/// Hashes and verifies passwords on threads of their own, few at a time.
#[derive(Debug)]
pub(super) struct Passwords {
    claimed: Arc<Semaphore>,
    new: Arc<Semaphore>,
}

impl Passwords {
    pub(super) fn new() -> Self {
        Self {
            claimed: Arc::new(Semaphore::new(AT_ONCE)),
            new: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }

    /// The PHC string of a new hash.
    pub(super) async fn hash(&self, password: &SecretString) -> Result<String> {
        let len = password.expose().len();
        if len == 0 || len > MAX_PASSWORD {
            return Err(Error::Refused(format!(
                "a password has 1 to {MAX_PASSWORD} bytes, not {len}"
            )));
        }
        hash(&self.new, password).await
    }

    /// Whether `password` belongs to the PHC string.
    pub(super) async fn verify(&self, password: &SecretString, phc: String) -> Result<bool> {
        if password.expose().len() > MAX_PASSWORD {
            return Ok(false);
        }
        let password = password.clone();
        run(&self.claimed, move || {
            match hasher()?.verify_password(password.expose().as_bytes(), phc.as_str()) {
                Ok(()) => Ok(true),
                Err(password_hash::Error::PasswordInvalid) => Ok(false),
                Err(e) => Err(e),
            }
        })
        .await
    }

    /// False, after as long as a password takes to verify: how long an answer takes must not
    /// tell who has a password.
    pub(super) async fn refuse(&self, password: &SecretString) -> Result<bool> {
        if (1..=MAX_PASSWORD).contains(&password.expose().len()) {
            hash(&self.claimed, password).await?;
        }
        Ok(false)
    }
}

async fn hash(slots: &Arc<Semaphore>, password: &SecretString) -> Result<String> {
    let password = password.clone();
    run(slots, move || {
        let mut salt = [0; SALT_LEN];
        SystemRandom::new()
            .fill(&mut salt)
            .map_err(|_| password_hash::Error::RngFailure)?;
        hasher()?.hash_password_with_salt(password.expose().as_bytes(), &salt)
    })
    .await
    .map(|hash: PasswordHash| hash.to_string())
}

async fn run<T: Send + 'static>(
    slots: &Arc<Semaphore>,
    work: impl FnOnce() -> password_hash::Result<T> + Send + 'static,
) -> Result<T> {
    let failed = |why: String| Error::Refused(format!("the password could not be hashed: {why}"));
    let slot = Arc::clone(slots)
        .acquire_owned()
        .await
        .map_err(|e| failed(e.to_string()))?;
    // The slot goes with the work: it stays taken if the caller gives up meanwhile.
    tokio::task::spawn_blocking(move || {
        let done = work();
        drop(slot);
        done
    })
    .await
    .map_err(|e| failed(e.to_string()))?
    .map_err(|e| failed(e.to_string()))
}

fn hasher() -> password_hash::Result<Argon2<'static>> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None)
        .map_err(|_| password_hash::Error::ParamsInvalid)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn a_new_password_does_not_wait_for_claimed_ones() {
        let passwords = Passwords::new();
        let taken = Arc::clone(&passwords.claimed)
            .acquire_many_owned(u32::try_from(AT_ONCE).unwrap())
            .await
            .unwrap();
        let password = SecretString::new("correct horse");
        let phc = passwords.hash(&password).await.unwrap();
        let soon = Duration::from_millis(50);
        let verifying = passwords.verify(&password, phc.clone());
        assert!(tokio::time::timeout(soon, verifying).await.is_err());
        let refusing = passwords.refuse(&password);
        assert!(tokio::time::timeout(soon, refusing).await.is_err());
        drop(taken);
        assert!(passwords.verify(&password, phc).await.unwrap());
        assert!(!passwords.refuse(&password).await.unwrap());
    }
}
