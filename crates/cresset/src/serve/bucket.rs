//! Object storage as the configuration names it.

use crate::config::{Config, S3, S3_SECRET};
use anyhow::{Context, ensure};
use cresset_model::{Entropy, ObjectId, SecretString, Timestamp};
use cresset_store::{Bucket, LocalFolder, S3Settings, S3Storage, Storage};
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Handle;

/// In the data directory: whose files are in the bucket.
const OWNER: &str = "storage-owner";
/// In the data directory: copies of what was read.
const COPIES: &str = "copies";

/// The bucket that is named, to which no request is made yet.
pub(crate) fn connect(s3: &S3) -> anyhow::Result<Bucket> {
    let timeout = s3.timeout.to_std();
    let http = cresset_notify::storage_client(&s3.endpoint, s3.ca_file.as_deref(), timeout)?;
    let settings = S3Settings {
        endpoint: s3.endpoint.clone(),
        bucket: s3.bucket.clone(),
        prefix: s3.prefix.clone(),
        region: s3.region.clone(),
        access_key_id: s3.access_key_id.clone(),
        secret_access_key: secret(s3)?,
        path_style: s3.path_style,
        patience: timeout,
    };
    // The threads of the caller's runtime, which this call is made on.
    Ok(Bucket::new(&settings, http, Handle::try_current()?)?)
}

fn secret(s3: &S3) -> anyhow::Result<SecretString> {
    let text = match &s3.secret_file {
        Some(path) => std::fs::read_to_string(path)
            .with_context(|| format!("s3.secret_access_key_file: {}", path.display()))?,
        None => std::env::var(S3_SECRET).with_context(|| S3_SECRET.to_owned())?,
    };
    let text = text.trim_end_matches(['\r', '\n']);
    ensure!(!text.is_empty(), "the secret access key of s3 is empty");
    Ok(SecretString::new(text))
}

/// Whether the bucket can be written, read and listed, and objects deleted.
pub(crate) async fn probe(bucket: Bucket, name: ObjectId) -> anyhow::Result<Bucket> {
    tokio::task::spawn_blocking(move || {
        bucket.probe(name)?;
        Ok(bucket)
    })
    .await?
}

/// Where the configuration keeps event files. To be called with the data directory locked.
pub(super) async fn storage(
    config: &Config,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> anyhow::Result<Arc<dyn Storage>> {
    let Some(s3) = &config.s3 else {
        return Ok(Arc::new(LocalFolder::new(config.data_dir.join("events"))));
    };
    let id = ObjectId::generate(now, entropy);
    let bucket = probe(connect(s3)?, id).await?;
    let owner = owner(&config.data_dir.join(OWNER), id)?;
    let (copies, most) = (config.data_dir.join(COPIES), s3.cache);
    let opened =
        tokio::task::spawn_blocking(move || S3Storage::open(bucket, owner, copies, most)).await??;
    tracing::info!(place = %opened.root().display(), "event files are in object storage");
    Ok(Arc::new(opened))
}

/// The same for a command, while the server may run. Nothing is to be opened there.
pub(crate) async fn storage_beside_server(config: &Config) -> anyhow::Result<Arc<dyn Storage>> {
    let Some(s3) = &config.s3 else {
        return Ok(Arc::new(LocalFolder::new(config.data_dir.join("events"))));
    };
    let path = config.data_dir.join(OWNER);
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("{}: the server makes it at its start", path.display()))?;
    let owner = owner_in(&text, &path)?;
    let bucket = connect(s3)?;
    // The server's own copies are none of the command's business.
    let copies = config.data_dir.join(COPIES).join("command");
    let opened = tokio::task::spawn_blocking(move || S3Storage::open(bucket, owner, copies, 0));
    Ok(Arc::new(opened.await??))
}

/// The id in the file, which is made with `new` if it is not there.
fn owner(path: &Path, new: ObjectId) -> anyhow::Result<ObjectId> {
    let shown = || path.display().to_string();
    match std::fs::read_to_string(path) {
        Ok(text) => owner_in(&text, path),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            std::fs::write(path, format!("{new}\n")).with_context(shown)?;
            Ok(new)
        }
        Err(e) => Err(e).with_context(shown),
    }
}

fn owner_in(text: &str, path: &Path) -> anyhow::Result<ObjectId> {
    let id = text.trim().parse().ok();
    id.with_context(|| format!("{}: no id; restore it from a backup", path.display()))
}
