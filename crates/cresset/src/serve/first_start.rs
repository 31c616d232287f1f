//! What a data directory needs before the server can run on it.

use crate::cmd::{CATALOG, InitialCredentials};
use crate::config::Config;
use crate::sealing_keys::KeyPlace;
use anyhow::Context;
use cresset_auth::keys;
use cresset_catalog::port::{
    ApiTokens as _, AuditEntry, NewToken, NewUser, Repos, Sealing as _, Users,
};
use cresset_catalog::seal::Sealer;
use cresset_catalog::sqlite::SqliteCatalog;
use cresset_model::repo::{DEFAULT_REPO, OWN_REPO, Repo};
use cresset_model::{Entropy, ObjectId, SecretString, Timestamp};
use std::collections::BTreeSet;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

/// Name of the first user.
const FIRST_USER: &str = "admin";
/// Who made what no user made.
const SYSTEM: &str = "system";

/// Creates the directory (0700) and, if keys are kept there, the sealing key (0600) where they are
/// missing, and opens the catalog.
pub(super) async fn open(config: &Config, entropy: &dyn Entropy) -> anyhow::Result<SqliteCatalog> {
    let dir = config.data_dir.as_path();
    if !dir.exists() {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder
            .create(dir)
            .with_context(|| format!("cannot create {}", dir.display()))?;
    }
    std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o700))
        .with_context(|| format!("cannot restrict {} to its owner", dir.display()))?;
    let place = KeyPlace::of(dir, &config.key_command);
    if let KeyPlace::File(key) = &place
        && !key.exists()
    {
        if dir.join(CATALOG).exists() {
            anyhow::bail!(
                "{} is missing although {} exists: without it no stored secret can be read; restore it from your backup",
                key.display(),
                dir.join(CATALOG).display()
            );
        }
        Sealer::generate_file(key, entropy)?;
    }
    let catalog = SqliteCatalog::open(&dir.join(CATALOG), place.sealer()?).await?;
    catalog.note_key_source().await?;
    Ok(catalog)
}

/// Creates the built-in repos, the repo of syslog and the first user where they are missing, and keeps
/// the address in the credentials file current.
///
/// The file is written before the user, so that a crash between the two leaves a
/// file that the next start overwrites, never a user whose password nobody knows.
pub(super) async fn populate(
    catalog: &SqliteCatalog,
    config: &Config,
    url: &str,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> anyhow::Result<()> {
    let dir = config.data_dir.as_path();
    let repos = catalog.repos().await?;
    // Syslog has no reply to say that its repo is missing.
    let wanted = BTreeSet::from([DEFAULT_REPO, OWN_REPO, &config.syslog_repo]);
    for name in wanted {
        if !repos.iter().any(|r| r.name == name) {
            catalog
                .create_repo(Repo {
                    name: name.to_owned(),
                    retention_days: config.retention_days,
                })
                .await?;
        }
    }
    if catalog.users().await?.is_empty() {
        create_first_user(catalog, dir, url, now, entropy).await?;
    }
    if let Some(mut initial) = InitialCredentials::read(dir)? {
        // Finishes a first start that crashed between the user and its token. A token that
        // somebody deleted stays away.
        if !catalog.has_made_tokens()?
            && let Some(user) = catalog.user_by_name(&initial.username).await?
        {
            create_first_token(catalog, &initial, user.number, now).await?;
        }
        if initial.url != url {
            url.clone_into(&mut initial.url);
            initial.write(dir)?;
        }
    }
    Ok(())
}

async fn create_first_user(
    catalog: &SqliteCatalog,
    dir: &Path,
    url: &str,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> anyhow::Result<()> {
    let password = keys::generate_password(entropy);
    let key = keys::generate_api_access_key(entropy);
    let initial = InitialCredentials {
        username: FIRST_USER.to_owned(),
        password: password.expose().to_owned(),
        api_access_key: key.expose().to_owned(),
        access_id: keys::generate_access_id(entropy),
        access_key: keys::generate_access_key(entropy).expose().to_owned(),
        url: url.to_owned(),
    };
    initial.write(dir)?;
    let user = catalog
        .create_user(NewUser {
            id: ObjectId::generate(now, entropy),
            username: FIRST_USER.to_owned(),
            email: String::new(),
            roles: vec!["administrator".to_owned()],
            password: Some(password),
            api_access_key: key,
            created_at: now,
        })
        .await?;
    create_first_token(catalog, &initial, user.number, now).await
}

async fn create_first_token(
    catalog: &SqliteCatalog,
    initial: &InitialCredentials,
    user: i64,
    now: Timestamp,
) -> anyhow::Result<()> {
    let key = SecretString::new(initial.access_key.clone());
    let new = NewToken {
        note: "made at the first start".to_owned(),
        created_by: SYSTEM.to_owned(),
        ..NewToken::signing(initial.access_id.clone(), key, user, now)
    };
    let told = AuditEntry {
        at: now,
        actor: SYSTEM.to_owned(),
        address: String::new(),
        action: "api_token_created".to_owned(),
        detail: format!("{} for {}", initial.access_id, initial.username),
    };
    catalog.create_token(new, &told).await?;
    Ok(())
}
