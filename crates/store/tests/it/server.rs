//! The S3 server of all tests that run at the moment.

use cresset_model::SecretString;
use cresset_store::S3Settings;
use cresset_testkit::{S3Server, installed};
use object_store::client::{ClientOptions, HttpClient, HttpConnector};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::Mutex;

/// A server with a bucket. It ends with the last test that holds it.
pub(crate) struct Served {
    server: S3Server,
    /// After the server, which writes there.
    _folder: tempfile::TempDir,
}

static RUNNING: Mutex<Weak<Served>> = Mutex::const_new(Weak::new());
static PREFIXES: AtomicU64 = AtomicU64::new(0);
const BUCKET: &str = "events";

/// The server; `None` if it is not installed.
pub(crate) async fn shared() -> Option<Arc<Served>> {
    let program = installed("weed")?;
    let mut running = RUNNING.lock().await;
    if let Some(server) = running.upgrade() {
        return Some(server);
    }
    let folder = tempfile::tempdir().unwrap();
    let server = S3Server::start(&program, folder.path()).await.unwrap();
    server.create_bucket(BUCKET).await.unwrap();
    let served = Arc::new(Served {
        server,
        _folder: folder,
    });
    *running = Arc::downgrade(&served);
    Some(served)
}

impl Served {
    /// A prefix of the bucket that nobody else uses.
    pub(crate) fn settings(&self) -> S3Settings {
        let number = PREFIXES.fetch_add(1, Ordering::Relaxed);
        S3Settings {
            endpoint: self.server.endpoint(),
            bucket: BUCKET.to_owned(),
            prefix: format!("tests/{number}"),
            region: "us-east-1".to_owned(),
            access_key_id: S3Server::ACCESS_KEY.to_owned(),
            secret_access_key: SecretString::new(S3Server::SECRET_KEY),
            path_style: true,
            patience: Duration::from_secs(3),
        }
    }
}

/// A client for the server of these settings that waits no longer than a test can.
pub(crate) fn http(settings: &S3Settings) -> HttpClient {
    // An error means that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    cresset_notify::storage_client(&settings.endpoint, None, Duration::from_secs(2)).unwrap()
}

/// Lends a client that was made.
#[derive(Debug)]
pub(crate) struct Lent(pub(crate) HttpClient);

impl HttpConnector for Lent {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.0.clone())
    }
}
