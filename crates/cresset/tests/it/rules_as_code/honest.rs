//! What plan, apply and export must say: all that will be done, and what was done.

use super::files::Files;
use super::listed;
use crate::world::World;
use anyhow::Result;
use std::fs;

fn hooked(name: &str, hook: &str) -> String {
    format!(
        "name: {name}\nquery: a=b\nover: 10m\nrisk: low\nnotifications:\n  http:\n    method: POST\n{hook}"
    )
}

#[tokio::test]
async fn what_was_done_in_part_and_what_cannot_be_done() -> Result<()> {
    let world = World::new().await?;
    let files = Files::new(&[&world])?;
    files.write(
        "half.yaml",
        &hooked("Half a rule", "    url: ftp://x.example\n"),
    )?;
    files.write(
        "secret.yaml",
        &hooked(
            "No secret",
            "    url: http://127.0.0.1:9/\n    auth: {type: bearer, secret_env: NOT_SET_ANYWHERE}\n",
        ),
    )?;
    let plan = files.to(&["a"], &["plan", "rules"]).await?.code(2)?;
    assert!(
        plan.contains("cannot be done: the environment variable NOT_SET_ANYWHERE holds no secret"),
        "{plan}"
    );
    let told = files
        .to(&["a"], &["apply", "rules", "--yes"])
        .await?
        .code(1)?;
    for part in [
        "1 created",
        "2 failed",
        "Half a rule: the rule is there now and active, but not its HTTP notification: ",
    ] {
        assert!(told.contains(part), "{part:?} is not in\n{told}");
    }
    assert_eq!(listed(&world).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn deletions_are_named_and_so_are_files_of_rules_that_are_gone() -> Result<()> {
    const RULES: usize = 25;
    let world = World::new().await?;
    let files = Files::new(&[&world])?;
    for n in 0..RULES {
        let text = format!("name: Rule number {n}\nquery: a=b\nover: 10m\nrisk: low\n");
        files.write(&format!("r{n}.yaml"), &text)?;
    }
    files.write("r7.test.yaml", "- {name: quiet, expect: {fires: false}}\n")?;
    let plan = files.to(&["a"], &["plan", "rules"]).await?.code(2)?;
    assert!(
        plan.contains("+ create 5 more (--all names them)"),
        "{plan}"
    );
    let all = files
        .to(&["a"], &["plan", "rules", "--all"])
        .await?
        .code(2)?;
    assert_eq!(all.matches("+ create Rule number").count(), RULES);
    files.applied(&["a"]).await?;

    let rules = files.dir.path().join("rules");
    for n in 1..RULES {
        fs::rename(
            rules.join(format!("r{n}.yaml")),
            rules.join(format!("r{n}.kept")),
        )?;
    }
    fs::rename(rules.join("r7.test.yaml"), rules.join("r7.test.kept"))?;
    let pruned = files
        .to(&["a"], &["plan", "rules", "--prune"])
        .await?
        .code(2)?;
    assert_eq!(pruned.matches("- delete Rule number").count(), RULES - 1);
    files
        .to(&["a"], &["apply", "rules", "--prune", "--yes"])
        .await?
        .code(0)?;
    fs::rename(rules.join("r7.kept"), rules.join("r7.yaml"))?;
    fs::rename(rules.join("r7.test.kept"), rules.join("r7.test.yaml"))?;

    let told = files.to(&["a"], &["export", "rules"]).await?.code(0)?;
    for part in [
        "not on the server: rules/r7.yaml, rules/r7.test.yaml (Rule number 7)",
        "0 file(s) written, 1 unchanged, 1 not on the server (--prune removes them)",
    ] {
        assert!(told.contains(part), "{part:?} is not in\n{told}");
    }
    assert!(rules.join("r7.yaml").exists());
    let told = files
        .to(&["a"], &["export", "rules", "--prune"])
        .await?
        .code(0)?;
    assert!(told.contains("1 unchanged, 1 removed"), "{told}");
    assert!(!rules.join("r7.yaml").exists() && !rules.join("r7.test.yaml").exists());
    assert!(rules.join("r0.yaml").exists());
    Ok(())
}

#[tokio::test]
async fn a_name_with_blanks_around_it_finds_its_file_again() -> Result<()> {
    let world = World::new().await?;
    let files = Files::new(&[&world])?;
    files.write(
        "padded.yaml",
        "name: ' Padded rule '\nquery: a=b\nover: 10m\nrisk: low\n",
    )?;
    files.applied(&["a"]).await?;
    let told = files.to(&["a"], &["export", "rules"]).await?.code(0)?;
    assert!(told.contains("0 file(s) written, 1 unchanged\n"), "{told}");
    assert_eq!(fs::read_dir(files.dir.path().join("rules"))?.count(), 1);
    Ok(())
}
