//! Rotation with a secret that does not open, and with keys that the server does not read.

use super::{Signer, keys, said, world};
use crate::cli::{cresset, stdout};
use crate::world::{World, binary};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Makes the API access key of the first user one that no key opens.
fn damage(dir: &Path) -> Result<()> {
    let database = rusqlite::Connection::open(dir.join("catalog.db"))?;
    database.busy_timeout(Duration::from_secs(10))?;
    let sql = "UPDATE users SET api_access_key = substr(api_access_key, 1, 12) || 'AAAA'
               WHERE username = 'admin'";
    ensure!(database.execute(sql, [])? == 1, "there is no such user");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_that_does_not_open_keeps_no_other_with_an_old_key() -> Result<()> {
    let world = world().await?;
    let dir = world.server.data_dir().to_owned();
    let first = Signer::first(&world);
    let oldest = keys(&dir)?[0].0.clone();
    damage(&dir)?;
    let mut current = oldest.clone();
    for round in 0..3 {
        let output = cresset(&dir, &["keys", "rotate", "--json"])?;
        ensure!(!output.status.success(), "round {round}: {}", said(&output));
        let text = said(&output);
        ensure!(
            text.contains("users.api_access_key of") && text.contains("1 secrets could not"),
            "round {round}: {text}"
        );
        let told: Value = serde_json::from_slice(&output.stdout).context("no JSON")?;
        assert_eq!(told["rotated"], true, "{told}");
        assert_eq!(told["unopened"], 1, "{told}");
        let now = keys(&dir)?;
        ensure!(
            now[0].0 != current && now[0].2 > 0,
            "round {round}: {now:?}"
        );
        current.clone_from(&now[0].0);
        let left: Vec<_> = now
            .iter()
            .filter(|(_, current, n)| !current && *n > 0)
            .collect();
        ensure!(
            matches!(left.as_slice(), [(id, _, 1)] if *id == oldest),
            "round {round}: {now:?}"
        );
        first.list().await?;
    }
    // Set again, it is like all others.
    let out = dir.join("shown");
    let out = out.to_str().context("path")?;
    let again = ["user", "access-key", "admin", "--regenerate", "--out", out];
    stdout(&cresset(&dir, &again)?)?;
    let told: Value =
        serde_json::from_str(&stdout(&cresset(&dir, &["keys", "rotate", "--json"])?)?)?;
    assert_eq!(told["rotated"], true, "{told}");
    assert_eq!(told["unopened"], 0, "{told}");
    stdout(&cresset(&dir, &["keys", "forget"])?)?;
    assert_eq!(keys(&dir)?.len(), 1);
    first.list().await?;
    Ok(())
}

/// A server that moved from its key file to a command leaves the file behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_the_server_no_longer_reads_gets_no_new_key() -> Result<()> {
    let vault = tempfile::tempdir()?;
    let file = vault.path().join("keys");
    let config = vault.path().join("cresset.toml");
    let command = format!("cat '{}'", file.display());
    std::fs::write(&config, "")?;
    let mut world =
        World::with(|server| server.arg("--config").arg(config.display().to_string())).await?;
    let dir = world.server.data_dir().to_owned();
    let first = Signer::first(&world);
    world.server.terminate().await?;
    std::fs::copy(dir.join("sealing.key"), &file)?;
    std::fs::write(&config, format!("[sealing]\nkey_command = \"{command}\"\n"))?;
    world.server.run().await?;
    first.list().await?;

    let before = std::fs::read(dir.join("sealing.key"))?;
    for action in ["rotate", "reseal"] {
        let refused = cresset(&dir, &["keys", action])?;
        ensure!(!refused.status.success(), "{action}");
        let refused = said(&refused);
        ensure!(
            refused.contains("CRESSET_SEALING_KEY_COMMAND") && refused.contains("--force"),
            "{action}: {refused}"
        );
    }
    assert_eq!(std::fs::read(dir.join("sealing.key"))?, before);
    let made = first.create().await?;
    first.with(&made)?.list().await?;
    let mut same = Command::new(binary());
    same.args(["keys", "reseal", "--json", "--data-dir"])
        .arg(&dir);
    let told = stdout(&same.env("CRESSET_SEALING_KEY_COMMAND", &command).output()?)?;
    let told: Value = serde_json::from_str(&told)?;
    assert_eq!(told["rotated"], false, "{told}");
    Ok(())
}
