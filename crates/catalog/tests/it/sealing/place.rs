//! Keys that are not where the server has its own from.

use super::{ENTROPY, Site, rotate, secret};
use crate::support::told;
use cresset_catalog::Error;
use cresset_catalog::port::{Sealing as _, Users as _};
use cresset_catalog::seal::{KeySource, Sealer, SourceKind};
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_model::{Entropy, SecretString};

/// A source that is not the key file.
#[derive(Debug)]
struct Elsewhere(SecretString, SourceKind);

impl KeySource for Elsewhere {
    fn read(&self) -> cresset_catalog::Result<SecretString> {
        Ok(self.0.clone())
    }

    fn kind(&self) -> SourceKind {
        self.1
    }

    fn name(&self) -> String {
        "elsewhere".to_owned()
    }
}

#[tokio::test]
async fn no_key_is_made_current_where_the_server_does_not_look() {
    let site = Site::new();
    let text = std::fs::read_to_string(site.key_file()).unwrap();
    for (kind, name) in [
        (SourceKind::Command, "CRESSET_SEALING_KEY_COMMAND"),
        (SourceKind::Variable, "CRESSET_SEALING_KEY"),
    ] {
        // The server has the keys from elsewhere; the old file still opens everything.
        let source = Elsewhere(secret(&text), kind);
        let sealer = Sealer::from_source(Box::new(source)).unwrap();
        let server = SqliteCatalog::open(&site.database(), sealer).await.unwrap();
        server.note_key_source().await.unwrap();
        let command = site.open().await;
        for entropy in [Some(&ENTROPY as &dyn Entropy), None] {
            let told = told("switched");
            let error = command.switch_key(entropy, false, &told).await.unwrap_err();
            assert!(matches!(error, Error::Refused(_)), "{error}");
            let error = error.to_string();
            assert!(error.contains(name) && error.contains("--force"), "{error}");
        }
        let unchanged = std::fs::read_to_string(site.key_file()).unwrap();
        assert_eq!(unchanged, text);
        assert!(command.audit_entries(9).await.unwrap().is_empty());
    }
    let command = site.open().await;
    let told = told("switched");
    let forced = command.switch_key(Some(&ENTROPY), true, &told).await;
    let forced = forced.unwrap();
    assert_ne!(forced.from, forced.to);

    // A server that starts with the file makes it the place again.
    site.open().await.note_key_source().await.unwrap();
    rotate(&command).await;
    let given = Elsewhere(
        secret(&std::fs::read_to_string(site.key_file()).unwrap()),
        SourceKind::Command,
    );
    let sealer = Sealer::from_source(Box::new(given)).unwrap();
    let other = SqliteCatalog::open(&site.database(), sealer).await.unwrap();
    let error = other.switch_key(None, false, &told).await.unwrap_err();
    assert!(error.to_string().contains("unset"), "{error}");
}
