//! Requests to a bucket, each of which blocks the thread that makes it.

use super::told::{SHORTER, told};
use crate::layout::resolve;
use crate::{Error, Result};
use bytes::Bytes;
use cresset_model::{ObjectId, SecretString};
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{ClientOptions, HttpClient, HttpConnector};
use object_store::path::Path as Key;
use object_store::{
    BackoffConfig, MultipartUpload, ObjectStore, ObjectStoreExt as _, PutPayload, RetryConfig,
};
use std::fs::File;
use std::future::Future;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{channel, sync_channel};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

/// How a bucket is reached.
#[derive(Debug, Clone)]
pub struct S3Settings {
    /// URL of the server; empty for Amazon's of the region.
    pub endpoint: String,
    /// Name of the bucket.
    pub bucket: String,
    /// What the names of all objects begin with; empty or folders such as `a/b`.
    pub prefix: String,
    /// The region that requests are signed for.
    pub region: String,
    /// The public half of the credential.
    pub access_key_id: String,
    /// The secret half.
    pub secret_access_key: SecretString,
    /// Whether the bucket's name is in the path of the URL, not in its host.
    pub path_style: bool,
    /// How long a request that fails is tried again.
    pub patience: Duration,
}

/// Most tries of a request after the first.
const RETRIES: usize = 8;
/// Largest file that is sent in one piece.
const WHOLE: u64 = 16 << 20;
/// Size of the pieces of larger ones; S3 takes 10,000 of them.
const PART: u64 = 8 << 20;
/// Pieces that are fetched or wait to be stored at a time, over all readers: each takes
/// memory.
const FETCHES: usize = 8;
/// Pieces that are fetched at a time for one reader.
const AT_ONCE: usize = 4;
/// Tells whose files these are. No repo has such a name.
const OWNER: &str = ".cresset-owner";

/// A bucket, or a folder of one.
pub struct Bucket {
    client: Arc<AmazonS3>,
    root: PathBuf,
    /// Empty, or with `/` at the end.
    prefix: String,
    runtime: Handle,
    fetches: Arc<Semaphore>,
}

impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The client's own would show the credential.
        f.debug_tuple("Bucket").field(&self.root).finish()
    }
}

/// Lends the client that was given.
#[derive(Debug)]
struct Lent(HttpClient);

impl HttpConnector for Lent {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.0.clone())
    }
}

impl Bucket {
    /// A bucket that is reached through `http`, whose requests run on `runtime`. No request
    /// is made yet.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] for settings that cannot be.
    pub fn new(settings: &S3Settings, http: HttpClient, runtime: Handle) -> Result<Self> {
        let prefix = settings.prefix.trim_matches('/');
        let mut root = PathBuf::from(format!("s3://{}", settings.bucket));
        root.push(prefix);
        let retry = RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(100),
                max_backoff: Duration::from_secs(5),
                base: 2.0,
            },
            max_retries: RETRIES,
            retry_timeout: settings.patience,
        };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&settings.bucket)
            .with_region(&settings.region)
            .with_access_key_id(&settings.access_key_id)
            .with_secret_access_key(settings.secret_access_key.expose())
            .with_virtual_hosted_style_request(!settings.path_style)
            .with_allow_http(true)
            .with_retry(retry)
            .with_http_connector(Lent(http));
        if !settings.endpoint.is_empty() {
            builder = builder.with_endpoint(endpoint(settings));
        }
        let client = builder.build().map_err(|e| told(e, &root, &root))?;
        Key::parse(prefix).map_err(|e| told(e.into(), &root, &root))?;
        Ok(Self {
            client: Arc::new(client),
            root,
            prefix: match prefix {
                "" => String::new(),
                _ => format!("{prefix}/"),
            },
            runtime,
            fetches: Arc::new(Semaphore::new(FETCHES)),
        })
    }

    /// The bucket's URL with the prefix, for people.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Writes, reads and deletes an object whose name has `id` in it, and lists, so that what
    /// is wrong with the settings or the rights shows now.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] says what does not work.
    pub fn probe(&self, id: ObjectId) -> Result<()> {
        let (name, content) = (format!(".cresset-check-{id}"), id.to_string());
        self.put(&name, content.clone().into())?;
        let read = self.get(&name);
        let listed = self.list("");
        self.delete(&name)?;
        listed?;
        if read? == content.as_bytes() {
            Ok(())
        } else {
            Err(self.broken("what was written reads otherwise"))
        }
    }

    /// Notes whose files are below the prefix, or refuses to work on those of another.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if they belong to another, or the bucket cannot be used.
    pub fn claim(&self, owner: ObjectId) -> Result<()> {
        let owner = owner.to_string();
        let known = match self.get(OWNER) {
            Err(Error::Missing { .. }) => {
                self.put(OWNER, owner.clone().into())?;
                // Another may have come in between.
                self.get(OWNER)?
            }
            known => known?,
        };
        self.is_of(&owner, &known)
    }

    /// Whether the files below the prefix are still this owner's.
    ///
    /// # Errors
    ///
    /// [`Error::Storage`] if they are not, or the bucket cannot be used.
    pub(super) fn owned_by(&self, owner: ObjectId) -> Result<()> {
        match self.get(OWNER) {
            Err(Error::Missing { .. }) => Err(self.broken(&format!(
                "{} is gone, and with it perhaps all else; restore the bucket",
                self.root.join(OWNER).display()
            ))),
            known => self.is_of(&owner.to_string(), &known?),
        }
    }

    fn is_of(&self, owner: &str, known: &[u8]) -> Result<()> {
        if known == owner.as_bytes() {
            return Ok(());
        }
        Err(self.broken(&format!(
            "its files belong to another server, which would lose them; choose another s3.prefix, or delete {} if that server is gone for good",
            self.root.join(OWNER).display()
        )))
    }

    fn broken(&self, reason: &str) -> Error {
        Error::Storage {
            place: self.root.display().to_string(),
            reason: reason.to_owned(),
        }
    }

    fn key(&self, path: &str) -> Result<Key> {
        resolve(&self.root, path)?;
        let key = format!("{}{path}", self.prefix);
        Key::parse(key).map_err(|e| self.told(e.into(), path))
    }

    fn told(&self, error: object_store::Error, path: &str) -> Error {
        told(error, &self.root, &self.root.join(path))
    }

    /// Runs a request elsewhere and waits for it, on whatever thread this is.
    fn wait<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T> {
        let (sender, done) = sync_channel(1);
        self.runtime.spawn(async move {
            // Nobody waits any more if the thread has died.
            let _ = sender.send(work.await);
        });
        done.recv().map_err(|_| self.stopped())
    }

    fn stopped(&self) -> Error {
        self.broken("the server is stopping")
    }

    fn get(&self, path: &str) -> Result<Bytes> {
        let (client, key) = (Arc::clone(&self.client), self.key(path)?);
        let got = self.wait(async move { client.get(&key).await?.bytes().await })?;
        got.map_err(|e| self.told(e, path))
    }

    fn put(&self, path: &str, content: Bytes) -> Result<()> {
        let (client, key) = (Arc::clone(&self.client), self.key(path)?);
        let put = self.wait(async move { client.put(&key, content.into()).await })?;
        put.map(drop).map_err(|e| self.told(e, path))
    }

    /// Whether there is an object of that name.
    pub(super) fn exists(&self, path: &str) -> Result<bool> {
        match self.size(path) {
            Ok(_) => Ok(true),
            // Without a bucket as well: what is done next says so.
            Err(Error::Missing { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The size of an object.
    pub(super) fn size(&self, path: &str) -> Result<u64> {
        let (client, key) = (Arc::clone(&self.client), self.key(path)?);
        let found = self.wait(async move { client.head(&key).await })?;
        found.map(|meta| meta.size).map_err(|e| self.told(e, path))
    }

    /// Stores a file of `len` bytes.
    pub(super) fn upload(&self, path: &str, file: &File, len: u64) -> Result<()> {
        let read = |range: Range<u64>| -> Result<Bytes> {
            let mut bytes = vec![0; (range.end - range.start) as usize];
            file.read_exact_at(&mut bytes, range.start)
                .map_err(|source| Error::Io {
                    path: self.root.join(path),
                    source,
                })?;
            Ok(bytes.into())
        };
        if len <= WHOLE {
            return self.put(path, read(0..len)?);
        }
        let (client, key) = (Arc::clone(&self.client), self.key(path)?);
        let begun = self.wait(async move { client.put_multipart(&key).await })?;
        let mut upload = begun.map_err(|e| self.told(e, path))?;
        let sent = self.parts(path, &mut upload, len, read);
        let (done, upload) = match sent {
            Ok(()) => self.wait(async move { (upload.complete().await.map(drop), upload) })?,
            Err(error) => {
                self.abort(upload);
                return Err(error);
            }
        };
        done.map_err(|e| {
            self.abort(upload);
            self.told(e, path)
        })
    }

    fn parts(
        &self,
        path: &str,
        upload: &mut Box<dyn MultipartUpload>,
        len: u64,
        read: impl Fn(Range<u64>) -> Result<Bytes>,
    ) -> Result<()> {
        let mut at = 0;
        while at < len {
            let end = (at + PART).min(len);
            let part = upload.put_part(PutPayload::from(read(at..end)?));
            self.wait(part)?.map_err(|e| self.told(e, path))?;
            at = end;
        }
        Ok(())
    }

    /// Gives up the parts that were sent, which are paid for otherwise.
    fn abort(&self, mut upload: Box<dyn MultipartUpload>) {
        if let Ok(Err(error)) = self.wait(async move { upload.abort().await }) {
            tracing::warn!(%error, "parts of an event file stay in the bucket until its lifecycle rule removes them");
        }
    }

    /// Gives pieces of an object to `take`, each with where it begins, in any order.
    pub(super) fn fetch(
        &self,
        path: &str,
        pieces: Vec<Range<u64>>,
        take: &mut dyn FnMut(u64, &[u8]) -> Result<()>,
    ) -> Result<()> {
        let (client, key) = (Arc::clone(&self.client), self.key(path)?);
        let (fetches, wanted) = (Arc::clone(&self.fetches), pieces.len());
        let (sender, fetched) = channel();
        self.runtime.spawn(async move {
            let mut answers = futures::stream::iter(pieces)
                .map(|piece| {
                    let (client, key, fetches) = (&client, &key, Arc::clone(&fetches));
                    async move {
                        // Held until the bytes are stored.
                        let permit = fetches.acquire_owned().await;
                        let got = client.get_range(key, piece.clone()).await;
                        (permit, piece, got)
                    }
                })
                .buffer_unordered(AT_ONCE);
            while let Some(answer) = answers.next().await {
                if sender.send(answer).is_err() {
                    return;
                }
            }
        });
        let mut taken = 0;
        for (_permit, piece, got) in fetched {
            let bytes = got.map_err(|e| self.told(e, path))?;
            metrics::counter!("cresset_store_fetches_total").increment(1);
            metrics::counter!("cresset_store_fetched_bytes_total").increment(bytes.len() as u64);
            if bytes.len() as u64 != piece.end - piece.start {
                return Err(Error::Damaged {
                    path: self.root.join(path),
                    reason: SHORTER.to_owned(),
                });
            }
            take(piece.start, &bytes)?;
            taken += 1;
        }
        if taken == wanted {
            Ok(())
        } else {
            Err(self.stopped())
        }
    }

    /// The names of all objects below the prefix, or in a folder there.
    pub(super) fn list(&self, folder: &str) -> Result<Vec<String>> {
        let client = Arc::clone(&self.client);
        let below = format!("{}{folder}", self.prefix);
        let below = match below.as_str() {
            "" => None,
            below => Some(Key::parse(below).map_err(|e| self.told(e.into(), folder))?),
        };
        let strip = self.prefix.clone();
        let listed = self.wait(async move {
            let names = client.list(below.as_ref()).try_filter_map(|object| {
                let name = object.location.as_ref().strip_prefix(&strip);
                std::future::ready(Ok(name.map(str::to_owned)))
            });
            names.try_collect().await
        })?;
        listed.map_err(|e| self.told(e, folder))
    }

    /// Gives an object another name.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<()> {
        let client = Arc::clone(&self.client);
        let (source, target) = (self.key(from)?, self.key(to)?);
        let copied = self.wait(async move { client.copy(&source, &target).await })?;
        copied.map_err(|e| self.told(e, from))?;
        self.delete(from)
    }

    /// Deletes an object; one that is gone already is fine.
    pub(super) fn delete(&self, path: &str) -> Result<()> {
        let (client, key) = (Arc::clone(&self.client), self.key(path)?);
        match self.wait(async move { client.delete(&key).await })? {
            Err(error) => match self.told(error, path) {
                Error::Missing { .. } => Ok(()),
                error => Err(error),
            },
            Ok(()) => Ok(()),
        }
    }
}

/// The URL of the server, with the bucket's name in the host if it belongs there.
fn endpoint(settings: &S3Settings) -> String {
    let url = settings.endpoint.trim_end_matches('/');
    match url.split_once("://") {
        Some((scheme, host)) if !settings.path_style => {
            format!("{scheme}://{}.{host}", settings.bucket)
        }
        _ => url.to_owned(),
    }
}
