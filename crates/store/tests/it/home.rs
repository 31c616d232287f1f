//! A catalog and a storage, of either kind, that tests open stores over.

use crate::server::{self, Served};
use cresset_catalog::port::{FileEntry, Files, FlushCommit};
use cresset_catalog::seal::Sealer;
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_model::event::LoggedEvent;
use cresset_model::{Clock, Entropy, ManualClock, ObjectId, Timestamp};
use cresset_store::{
    Bucket, EventStore, LocalFolder, Result, S3Settings, S3Storage, Storage, StoreSettings,
};
use futures::TryStreamExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path as Key;
use object_store::{ObjectStore as _, ObjectStoreExt as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Entropy that never repeats and is the same in every run.
#[derive(Default)]
pub(crate) struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, buf: &mut [u8]) {
        for byte in buf.chunks_mut(8) {
            let n = self
                .0
                .fetch_add(1, Ordering::Relaxed)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15);
            byte.copy_from_slice(&n.to_le_bytes()[..byte.len()]);
        }
    }
}

/// A data folder with a catalog.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    pub(crate) catalog: Arc<SqliteCatalog>,
    pub(crate) clock: Arc<ManualClock>,
    entropy: Arc<Counting>,
    bucket: Option<InBucket>,
}

struct InBucket {
    settings: S3Settings,
    raw: AmazonS3,
    _server: Arc<Served>,
}

/// 2026-01-01, when the tests' clock starts.
pub(crate) const START: Timestamp = Timestamp::from_secs(1_767_225_600);
/// Whose files are in the bucket.
pub(crate) const OWNER: ObjectId = ObjectId::from_bytes([7; 12]);

impl Home {
    /// On the local disk.
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let entropy = Arc::new(Counting::default());
        let sealer = Sealer::generate_file(&folder.path().join("key"), &*entropy).unwrap();
        let catalog = SqliteCatalog::open(&folder.path().join("catalog.db"), sealer)
            .await
            .unwrap();
        let clock = Arc::new(ManualClock::at(START));
        Self {
            folder,
            catalog: Arc::new(catalog),
            clock,
            entropy,
            bucket: None,
        }
    }

    /// In a bucket, below a prefix of its own; `None` without a server.
    pub(crate) async fn in_bucket() -> Option<Self> {
        let server = server::shared().await?;
        let settings = server.settings();
        let raw = AmazonS3Builder::new()
            .with_bucket_name(&settings.bucket)
            .with_region(&settings.region)
            .with_access_key_id(&settings.access_key_id)
            .with_secret_access_key(settings.secret_access_key.expose())
            .with_endpoint(&settings.endpoint)
            .with_allow_http(true)
            .with_http_connector(server::Lent(server::http(&settings)))
            .build()
            .unwrap();
        let mut home = Self::new().await;
        home.bucket = Some(InBucket {
            settings,
            raw,
            _server: server,
        });
        Some(home)
    }

    /// How the bucket is reached.
    pub(crate) fn settings(&self) -> S3Settings {
        self.bucket.as_ref().unwrap().settings.clone()
    }

    /// The folder, or the prefix in the bucket.
    pub(crate) fn root(&self) -> PathBuf {
        match &self.bucket {
            None => self.folder.path().join("events"),
            Some(bucket) => PathBuf::from(&bucket.settings.prefix),
        }
    }

    pub(crate) fn storage(&self) -> Result<Arc<dyn Storage>> {
        match &self.bucket {
            None => Ok(Arc::new(LocalFolder::new(self.root()))),
            Some(bucket) => self.storage_of(&bucket.settings, 1 << 30),
        }
    }

    /// The bucket as these settings reach it.
    pub(crate) fn storage_of(
        &self,
        settings: &S3Settings,
        copies: u64,
    ) -> Result<Arc<dyn Storage>> {
        let bucket = bucket(settings)?;
        let folder = self.copies();
        Ok(Arc::new(S3Storage::open(bucket, OWNER, folder, copies)?))
    }

    /// Where local copies are.
    pub(crate) fn copies(&self) -> PathBuf {
        self.folder.path().join("copies")
    }

    pub(crate) async fn open(&self) -> Result<EventStore> {
        self.open_in(self.storage()?).await
    }

    pub(crate) async fn open_in(&self, storage: Arc<dyn Storage>) -> Result<EventStore> {
        let clock: Arc<dyn Clock> = self.clock.clone();
        let (catalog, entropy) = (self.catalog.clone(), self.entropy.clone());
        EventStore::open_in(storage, catalog, clock, entropy, StoreSettings::default()).await
    }

    /// Writes and registers.
    pub(crate) async fn flush(&self, store: &EventStore, events: &[LoggedEvent]) {
        self.register(&store.write(events).await.unwrap()).await;
    }

    /// Registers files that were written.
    pub(crate) async fn register(&self, files: &[FileEntry]) {
        let commit = FlushCommit {
            files: files.to_vec(),
            flushed_to: files.iter().map(|f| f.max_seq).max().unwrap(),
            batch_keys: Vec::new(),
        };
        self.catalog.register_flush(commit).await.unwrap();
    }

    fn key(&self, path: &str) -> Key {
        Key::parse(format!("{}/{path}", self.root().display())).unwrap()
    }

    /// What is stored under a name, behind the back of the store.
    pub(crate) async fn read(&self, path: &str) -> Vec<u8> {
        match &self.bucket {
            None => std::fs::read(self.root().join(path)).unwrap(),
            Some(bucket) => {
                let got = bucket.raw.get(&self.key(path)).await.unwrap();
                got.bytes().await.unwrap().to_vec()
            }
        }
    }

    pub(crate) async fn put(&self, path: &str, content: &[u8]) {
        match &self.bucket {
            None => {
                let path = self.root().join(path);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, content).unwrap();
            }
            Some(bucket) => {
                let content = content.to_vec().into();
                bucket.raw.put(&self.key(path), content).await.unwrap();
            }
        }
    }

    pub(crate) async fn delete(&self, path: &str) {
        match &self.bucket {
            None => std::fs::remove_file(self.root().join(path)).unwrap(),
            Some(bucket) => bucket.raw.delete(&self.key(path)).await.unwrap(),
        }
    }

    /// All that is stored, relative to the root, but the note whose it is.
    pub(crate) async fn stored(&self) -> Vec<String> {
        let mut found = match &self.bucket {
            None => self.on_disk(),
            Some(bucket) => {
                let prefix = self.key("");
                let listed = bucket.raw.list(Some(&prefix));
                let objects: Vec<_> = listed.try_collect().await.unwrap();
                let strip = format!("{prefix}/");
                let names = objects.iter().map(|o| o.location.as_ref());
                names
                    .filter_map(|n| n.strip_prefix(&strip))
                    .filter(|n| *n != ".cresset-owner")
                    .map(str::to_owned)
                    .collect()
            }
        };
        found.sort();
        found
    }

    /// Whether anything that is stored, or a local copy of it, has these bytes.
    pub(crate) async fn holds(&self, text: &str) -> bool {
        let within = |bytes: &[u8]| bytes.windows(text.len()).any(|w| w == text.as_bytes());
        for path in self.stored().await {
            if within(&self.read(&path).await) {
                return true;
            }
        }
        let copies = std::fs::read_dir(self.copies());
        let mut copies = copies.into_iter().flatten();
        copies.any(|copy| within(&std::fs::read(copy.unwrap().path()).unwrap()))
    }

    /// All registered files.
    pub(crate) async fn files(&self) -> Vec<FileEntry> {
        let all = self.catalog.files(&[], Timestamp::MIN, Timestamp::MAX);
        all.await.unwrap()
    }

    /// All files below the root, relative to it.
    pub(crate) fn on_disk(&self) -> Vec<String> {
        let (root, mut found) = (self.root(), Vec::new());
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    found.push(path.strip_prefix(&root).unwrap().display().to_string());
                }
            }
        }
        found.sort();
        found
    }
}

/// A bucket whose requests run on the test's threads.
pub(crate) fn bucket(settings: &S3Settings) -> Result<Bucket> {
    let runtime = tokio::runtime::Handle::current();
    Bucket::new(settings, server::http(settings), runtime)
}
