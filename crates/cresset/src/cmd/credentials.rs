//! Files that hold credentials, and how commands find their secret.

use crate::cli::DataDir;
use crate::config::SEALING_COMMAND;
use crate::sealing_keys::KeyPlace;
use anyhow::{Context, anyhow, bail};
use cresset_catalog::Error;
use cresset_catalog::port::Users;
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_model::SecretString;
use serde::{Deserialize, Serialize};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Name of the catalog, inside the data directory.
pub(crate) const CATALOG: &str = "catalog.db";
/// Name of the first credentials, inside the data directory.
pub(crate) const INITIAL: &str = "initial-credentials.json";

/// Largest file with a secret, in bytes.
const MAX_SECRET: u64 = 64 << 10;

/// What a new server hands to its first user.
#[derive(Serialize, Deserialize)]
pub(crate) struct InitialCredentials {
    pub(crate) username: String,
    pub(crate) password: String,
    pub(crate) api_access_key: String,
    pub(crate) access_id: String,
    pub(crate) access_key: String,
    pub(crate) url: String,
}

impl InitialCredentials {
    /// The file in `dir`, if there is one.
    pub(crate) fn read(dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = dir.join(INITIAL);
        match std::fs::read(&path) {
            Ok(bytes) => {
                Ok(Some(serde_json::from_slice(&bytes).with_context(|| {
                    format!("{} does not read", path.display())
                })?))
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(e).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Writes the file in `dir` with mode 0600.
    pub(crate) fn write(&self, dir: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_string_pretty(self)? + "\n";
        write_private(&dir.join(INITIAL), &text)
    }
}

/// Writes `text` durably to `path` with mode 0600, replacing what was there.
pub(crate) fn write_private(path: &Path, text: &str) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let temporary = path.with_extension("tmp");
        let _ = std::fs::remove_file(&temporary);
        let mut options = std::fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// Opens the catalog of a data directory that a server has used.
pub(crate) async fn open_catalog(data: &DataDir) -> anyhow::Result<SqliteCatalog> {
    let path = data.data_dir.join(CATALOG);
    if !path.exists() {
        bail!(
            "{} holds no Cresset data; name the server's directory with --data-dir, or start one with `cresset serve --data-dir {}`",
            data.data_dir.display(),
            data.data_dir.display()
        );
    }
    let place = KeyPlace::of_command_line(&data.data_dir);
    let hint = |error: Error| match &place {
        KeyPlace::File(_) => anyhow!(
            "{error}; if the server has its keys from a command, set {SEALING_COMMAND} to it here, too"
        ),
        _ => anyhow!("{error}; the keys have to be those of the server"),
    };
    let sealer = place.sealer().map_err(hint)?;
    let opened = SqliteCatalog::open(&path, sealer).await;
    opened.map_err(|error| match error {
        Error::Seal(_) => hint(error),
        other => other.into(),
    })
}

/// The API access key of `user`: from the file if one is named, else from the data directory.
pub(crate) async fn access_key_of(
    user: &str,
    file: Option<&PathBuf>,
    data: &DataDir,
) -> anyhow::Result<SecretString> {
    if let Some(file) = file {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("cannot read the secret file {}", file.display()))?;
        let key = text.trim();
        if key.is_empty() {
            bail!("the secret file {} is empty", file.display());
        }
        return Ok(SecretString::new(key));
    }
    let catalog = open_catalog(data).await?;
    let Some(found) = catalog.user_by_name(user).await? else {
        bail!("there is no user {user:?}; `cresset user list` shows them");
    };
    let key = catalog.api_access_key(found.id).await?;
    key.with_context(|| format!("user {user:?} has no API access key; make one with `cresset user access-key {user} --regenerate`"))
}

/// All that `source` holds, unless it is more than `most` bytes.
pub(crate) fn read_at_most(source: impl Read, most: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::copy(&mut source.take(most + 1), &mut bytes)?;
    if bytes.len() as u64 > most {
        bail!("it is larger than {most} bytes");
    }
    Ok(bytes)
}

/// The secret in an environment variable; the error is for people.
pub(crate) fn secret_env(name: &str) -> Result<SecretString, String> {
    match std::env::var(name) {
        Ok(value) if !value.trim().is_empty() => Ok(SecretString::new(value.trim())),
        _ => Err(format!("the environment variable {name} holds no secret")),
    }
}

/// The secret in a file; the error is for people.
pub(crate) fn secret_file(path: &Path) -> Result<SecretString, String> {
    let told = |e: std::io::Error| format!("cannot read the secret file {}: {e}", path.display());
    let size = std::fs::metadata(path).map_err(told)?.len();
    if size > MAX_SECRET {
        return Err(format!("the secret file {} is too large", path.display()));
    }
    let text = std::fs::read_to_string(path).map_err(told)?;
    match text.trim() {
        "" => Err(format!("the secret file {} is empty", path.display())),
        secret => Ok(SecretString::new(secret)),
    }
}
