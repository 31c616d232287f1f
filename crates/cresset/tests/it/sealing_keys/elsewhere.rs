//! Keys that a command prints, or that stand in the environment.

use super::{Signer, said};
use crate::cli::{cresset, stdout};
use crate::world::{World, binary};
use anyhow::{Result, ensure};
use cresset_testkit::ServerProcess;
use std::path::Path;
use std::process::{Command, Output};

const COMMAND: &str = "CRESSET_SEALING_KEY_COMMAND";
const KEY: &str = "CRESSET_SEALING_KEY";
const FIRST: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const SECOND: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

fn with(dir: &Path, name: &str, value: &str, args: &[&str]) -> Result<Output> {
    let mut command = Command::new(binary());
    command.args(args).arg("--data-dir").arg(dir);
    Ok(command.env(name, value).output()?)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_of_a_command_change_while_the_server_runs() -> Result<()> {
    let vault = tempfile::tempdir()?;
    let file = vault.path().join("keys");
    std::fs::write(&file, FIRST)?;
    let command = format!("cat '{}'", file.display());
    let mut world = World::with(|server| server.env(COMMAND, &command)).await?;
    let dir = world.server.data_dir().to_owned();
    assert!(!dir.join("sealing.key").exists());
    let first = Signer::first(&world);
    let other = first.with(&first.create().await?)?;
    let keys = |args: &[&str]| with(&dir, COMMAND, &command, &[&["keys"][..], args].concat());

    let refused = said(&keys(&["rotate"])?);
    ensure!(
        refused.contains("let that give a new key first"),
        "{refused}"
    );
    let unset = said(&cresset(&dir, &["keys", "list"])?);
    ensure!(unset.contains(COMMAND), "{unset}");

    std::fs::write(&file, format!("{SECOND}\n{FIRST}\n"))?;
    first.list().await?;
    let done = stdout(&keys(&["reseal"])?)?;
    ensure!(done.contains("All secrets are sealed with key"), "{done}");
    first.list().await?;
    other.list().await?;
    let third = first.with(&first.create().await?)?;
    std::fs::write(&file, SECOND)?;
    third.list().await?;
    let listed = stdout(&keys(&["list"])?)?;
    assert_eq!(listed.lines().count(), 2, "{listed}");
    ensure!(listed.contains("current"), "{listed}");

    world.server.terminate().await?;
    world.server.run().await?;
    for token in [&first, &other, &third] {
        token.list().await?;
    }
    std::fs::write(&file, FIRST)?;
    let wrong = said(&keys(&["list"])?);
    ensure!(wrong.contains("sealing.key_command has"), "{wrong}");
    for text in [&refused, &done, &listed, &wrong, &world.server.output()] {
        for key in [FIRST, SECOND] {
            assert!(!text.contains(key), "a key was printed: {text}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_command_that_fails_stops_the_start_with_its_words() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut server = ServerProcess::new(binary(), folder.path().join("data"))?.env(
        COMMAND,
        format!("echo {FIRST}; echo 'vault is locked' >&2; exit 4"),
    );
    let error = format!("{:#}", server.run().await.unwrap_err());
    ensure!(error.contains("vault is locked"), "{error}");
    ensure!(!error.contains(FIRST), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_key_from_the_environment_serves_the_server_and_commands() -> Result<()> {
    let mut world = World::with(|server| server.env(KEY, FIRST)).await?;
    let dir = world.server.data_dir().to_owned();
    assert!(!dir.join("sealing.key").exists());
    Signer::first(&world).list().await?;
    let listed = stdout(&with(&dir, KEY, FIRST, &["keys", "list"])?)?;
    ensure!(listed.contains("current"), "{listed}");
    let refused = said(&with(&dir, KEY, FIRST, &["keys", "rotate"])?);
    ensure!(refused.contains(KEY), "{refused}");
    let both = format!("{SECOND},{FIRST}");
    world.server.terminate().await?;
    stdout(&with(&dir, KEY, &both, &["keys", "reseal"])?)?;
    let listed = stdout(&with(&dir, KEY, SECOND, &["keys", "list"])?)?;
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let wrong = said(&with(&dir, KEY, FIRST, &["keys", "list"])?);
    ensure!(wrong.contains("sealed with key"), "{wrong}");
    Ok(())
}
