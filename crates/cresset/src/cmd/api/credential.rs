//! What proves who asks: a key that signs, or a bearer token.

use super::args::{ApiArgs, TokenArgs};
use crate::cli::DataDir;
use crate::cmd::credentials::{open_catalog, read_at_most, secret_env, secret_file};
use crate::cmd::profile::{Entry, Profile};
use crate::config::{ACCESS_ID, ACCESS_KEY, BEARER_TOKEN};
use crate::system::SystemClock;
use anyhow::{Context, anyhow, bail};
use cresset_auth::lmv1;
use cresset_catalog::port::{ApiTokens, SigningToken, Users};
use cresset_model::filter::ListQuery;
use cresset_model::token::TokenKind;
use cresset_model::{Clock, SecretString};
use serde::Deserialize;
use std::path::Path;

/// Largest file with a token, in bytes.
const MAX_FILE: u64 = 64 << 10;
/// How many of a user's tokens are looked at; there cannot be more.
const TOKENS: u32 = 1000;

/// A credential that is ready for use.
#[derive(Debug)]
pub(crate) enum Credential {
    /// Signs requests.
    Lmv1 {
        access_id: String,
        key: SecretString,
    },
    /// Is sent along.
    Bearer(SecretString),
}

/// A file with a token; it may hold other things as well.
#[derive(Deserialize)]
struct TokenFile {
    access_id: String,
    access_key: SecretString,
}

impl Credential {
    /// The value of the `Authorization` header.
    pub(crate) fn header(&self, method: &str, path: &str, body: &[u8], epoch: i64) -> SecretString {
        SecretString::new(match self {
            Self::Lmv1 { access_id, key } => {
                lmv1::header(access_id, key, method, path, body, epoch)
            }
            Self::Bearer(token) => format!("Bearer {}", token.expose()),
        })
    }

    fn lmv1(access_id: &str, key: SecretString) -> anyhow::Result<Self> {
        let access_id = access_id.trim();
        let plain = |c: char| c.is_ascii_graphic() && c != ':';
        if access_id.is_empty() || access_id.len() > 128 || !access_id.chars().all(plain) {
            bail!("{access_id:?} is no access id, which is about 20 letters and digits");
        }
        Ok(Self::Lmv1 {
            access_id: access_id.to_owned(),
            key,
        })
    }

    fn in_file(path: &Path) -> anyhow::Result<Self> {
        let told = || format!("cannot read the credentials in {}", path.display());
        let file = std::fs::File::open(path).with_context(told)?;
        let bytes = read_at_most(file, MAX_FILE).with_context(told)?;
        // The parser's own words could quote the secret.
        let token: TokenFile = serde_json::from_slice(&bytes).map_err(|_| {
            anyhow!(
                "{} is no JSON with access_id and access_key, as `cresset user api-token` writes it",
                path.display()
            )
        })?;
        if token.access_key.expose().is_empty() {
            bail!("the access_key in {} is empty", path.display());
        }
        Self::lmv1(&token.access_id, token.access_key)
    }
}

/// The token that flags or the environment name, for a signature.
pub(crate) fn signing(args: &TokenArgs) -> anyhow::Result<Option<Credential>> {
    match of_flags(args)? {
        None => of_environment_signing(),
        found => Ok(found),
    }
}

/// The credential for a server: of the flags, of its `entry` in the profile, of the environment.
pub(super) fn of_args(
    args: &ApiArgs,
    profile: &Profile,
    entry: Option<&Entry>,
) -> anyhow::Result<Option<Credential>> {
    if let Some(file) = &args.bearer_file {
        return Ok(Some(Credential::Bearer(told(secret_file(file))?)));
    }
    if let Some(found) = of_flags(&args.token)? {
        return Ok(Some(found));
    }
    if let Some(found) = entry.map(|entry| of_profile(profile, entry)).transpose()?
        && found.is_some()
    {
        return Ok(found);
    }
    let bearer = is_set(BEARER_TOKEN).then(|| told(secret_env(BEARER_TOKEN)));
    match (bearer.transpose()?, of_environment_signing()?) {
        (Some(_), Some(_)) => bail!(
            "the environment holds both {BEARER_TOKEN} and {ACCESS_ID}; it is not clear which one is meant"
        ),
        (Some(token), None) => Ok(Some(Credential::Bearer(token))),
        (None, found) => Ok(found),
    }
}

fn of_flags(args: &TokenArgs) -> anyhow::Result<Option<Credential>> {
    if let Some(file) = &args.credentials {
        return Credential::in_file(file).map(Some);
    }
    let id = match (&args.access_id, &args.access_key_file) {
        (None, None) => return Ok(None),
        (Some(id), _) => id.clone(),
        (None, Some(_)) => std::env::var(ACCESS_ID).map_err(|_| {
            anyhow!("--access-key-file wants --access-id, or {ACCESS_ID} in the environment")
        })?,
    };
    let key = match &args.access_key_file {
        Some(file) => told(secret_file(file))?,
        None => secret_env(ACCESS_KEY).map_err(|_| {
            anyhow!("--access-id wants --access-key-file, or {ACCESS_KEY} in the environment")
        })?,
    };
    Credential::lmv1(&id, key).map(Some)
}

fn of_profile(profile: &Profile, entry: &Entry) -> anyhow::Result<Option<Credential>> {
    let secret = |file: Option<&Path>, variable: Option<&str>| match (file, variable) {
        (Some(file), _) => Some(told(secret_file(&profile.file(file)))),
        (None, Some(name)) => Some(told(secret_env(name))),
        (None, None) => None,
    };
    let bearer = secret(entry.bearer_file.as_deref(), entry.bearer_env.as_deref());
    let key = secret(
        entry.access_key_file.as_deref(),
        entry.access_key_env.as_deref(),
    );
    match (bearer, &entry.access_id, key) {
        (None, None, None) => Ok(None),
        (Some(token), None, None) => Ok(Some(Credential::Bearer(token?))),
        (None, Some(id), Some(key)) => Credential::lmv1(id, key?).map(Some),
        (Some(_), ..) => bail!("a target of the profile has either a bearer token or an access id"),
        _ => {
            bail!("a target of the profile needs access_id, and access_key_file or access_key_env")
        }
    }
}

fn of_environment_signing() -> anyhow::Result<Option<Credential>> {
    match (is_set(ACCESS_ID), is_set(ACCESS_KEY)) {
        (true, true) => {
            let id = told(secret_env(ACCESS_ID))?;
            Credential::lmv1(id.expose(), told(secret_env(ACCESS_KEY))?).map(Some)
        }
        (true, false) => bail!("the environment holds {ACCESS_ID} but no {ACCESS_KEY}"),
        (false, true) => bail!("the environment holds {ACCESS_KEY} but no {ACCESS_ID}"),
        (false, false) => Ok(None),
    }
}

/// A usable API token of a user in a data directory, if possible one without limits.
pub(crate) async fn of_data_dir(user: &str, data: &DataDir) -> anyhow::Result<Credential> {
    let catalog = open_catalog(data).await.context(format!(
        "name an API token with --credentials, with --access-id and --access-key-file, or in the \
         environment as {ACCESS_ID} and {ACCESS_KEY}"
    ))?;
    let Some(found) = catalog.user_by_name(user).await? else {
        bail!("there is no user {user:?}; `cresset user list` shows them");
    };
    let query = ListQuery {
        filter: None,
        sort: Vec::new(),
        offset: 0,
        size: TOKENS,
    };
    let page = catalog.tokens(TokenKind::Lmv1, Some(found.number), &query, None);
    let now = SystemClock.now();
    let page = page.await?;
    let usable = page.items.iter().filter(|t| t.is_usable(now));
    let token = usable.min_by_key(|t| t.scopes.is_some() || !t.networks.is_empty());
    let opened = match token {
        Some(token) => catalog.signing_token(&token.access_id).await?,
        None => None,
    };
    let Some(SigningToken { token, key, .. }) = opened else {
        bail!(
            "user {user:?} has no API token that can be used; make one with `cresset user api-token {user}`"
        );
    };
    Credential::lmv1(&token.access_id, key.secret().clone())
}

fn is_set(variable: &str) -> bool {
    std::env::var_os(variable).is_some_and(|value| !value.is_empty())
}

fn told(found: Result<SecretString, String>) -> anyhow::Result<SecretString> {
    found.map_err(|problem| anyhow!(problem))
}
