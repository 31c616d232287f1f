//! `./dev` in an empty folder, with stand-ins for the tools that it calls.

use anyhow::Result;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

/// A folder with the script and the stand-ins, each a name and what its shell script does.
fn folder(tools: &[(&str, &str)]) -> Result<TempDir> {
    let dir = tempfile::tempdir()?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dev");
    std::fs::copy(script, dir.path().join("dev"))?;
    // What is installed from PyPI; stand-ins install nothing.
    let list = "crates/cresset/tests/conformance/requirements.txt";
    std::fs::create_dir_all(dir.path().join(list).parent().unwrap_or(dir.path()))?;
    std::fs::write(dir.path().join(list), "")?;
    for (name, body) in tools {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(dir.path()))?;
        std::fs::write(&path, format!("#!/bin/sh\n{body}\n"))?;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(dir)
}

fn dev(dir: &TempDir, args: &[&str], env: &[(&str, &str)]) -> Result<Output> {
    let path = format!("{}/bin:/usr/bin:/bin", dir.path().display());
    Ok(Command::new(dir.path().join("dev"))
        .args(args)
        .env_clear()
        .env("PATH", path)
        .env("HOME", dir.path())
        .envs(env.iter().copied())
        .output()?)
}

fn text(output: &Output) -> String {
    let (out, err) = (&output.stdout, &output.stderr);
    format!(
        "{}{}",
        String::from_utf8_lossy(out),
        String::from_utf8_lossy(err)
    )
}

#[test]
fn run_leaves_the_data_directory_to_who_names_it() -> Result<()> {
    let dir = folder(&[
        ("bin/cargo", "exit 0"),
        ("target/release/cresset", "echo \"$@\""),
    ])?;
    std::fs::write(
        dir.path().join("with.toml"),
        "[server]\ndata_dir = \"/x\"\n",
    )?;
    std::fs::write(dir.path().join("without.toml"), "[server]\n")?;
    let named = [("CRESSET_SERVER_DATA_DIR", "/x")];
    let check = |args: &[&str], env: &[(&str, &str)], expected: &str| -> Result<()> {
        let all = [&["run"], args].concat();
        let output = dev(&dir, &all, env)?;
        let said = text(&output);
        assert_eq!(said.lines().last(), Some(expected), "{args:?}");
        Ok(())
    };
    check(&[], &[], "serve")?;
    check(&["--demo"], &[], "serve --data-dir data-demo --demo")?;
    check(&["--data-dir", "/x"], &[], "serve --data-dir /x")?;
    check(&["--data-dir=/x"], &[], "serve --data-dir=/x")?;
    check(
        &["--demo", "--data-dir=/x"],
        &[],
        "serve --demo --data-dir=/x",
    )?;
    check(&["--config", "with.toml"], &[], "serve --config with.toml")?;
    check(
        &["--demo", "--config=with.toml"],
        &[],
        "serve --demo --config=with.toml",
    )?;
    check(
        &["--demo", "--config", "without.toml"],
        &[],
        "serve --data-dir data-demo --demo --config without.toml",
    )?;
    check(&[], &named, "serve")?;
    check(&["--demo"], &named, "serve --demo")
}

/// Which step of `cargo deny` fails is in the variable FAILS.
const CARGO: &str = r#"
case "$*" in
  "deny --locked check bans licenses sources") step=bans ;;
  "deny --locked fetch") step=fetch ;;
  "deny --locked check --disable-fetch advisories") step=advisories ;;
  *) exit 0 ;;
esac
[ "$step" = "$FAILS" ] || exit 0
echo "error: $step: RUSTSEC-2024-0001: a flaw in the network code, error 403 of dns" >&2
exit 1
"#;

#[test]
fn check_leaves_out_only_a_database_that_cannot_be_fetched() -> Result<()> {
    let dir = folder(&[("bin/cargo", CARGO)])?;
    std::fs::create_dir_all(dir.path().join("target"))?;
    for (fails, succeeds) in [
        ("none", true),
        ("fetch", true),
        ("advisories", false),
        ("bans", false),
    ] {
        let output = dev(&dir, &["check"], &[("FAILS", fails)])?;
        let said = text(&output);
        assert_eq!(output.status.success(), succeeds, "{fails}: {said}");
        let left_out = said.contains("advisories: NOT CHECKED");
        assert_eq!(left_out, fails == "fetch", "{fails}: {said}");
    }
    let absent = folder(&[(
        "bin/cargo",
        r#"case "$*" in "deny --version") exit 1 ;; esac"#,
    )])?;
    let output = dev(&absent, &["check"], &[("CI", "true")])?;
    assert!(output.status.success());
    assert!(text(&output).contains("dependencies: NOT CHECKED"));
    Ok(())
}

/// An image whose package lists are empty, as Debian's are.
#[test]
fn setup_fetches_the_package_lists_before_it_installs() -> Result<()> {
    let dir = folder(&[
        ("bin/cargo", "exit 0"),
        ("bin/id", "echo 0"),
        (
            "bin/apt-get",
            r#"cd "$HOME"
            case "$1" in
              update) touch lists ;;
              install) [ -e lists ] && touch installed ;;
            esac"#,
        ),
        (
            "bin/python3",
            r#"[ -e "$HOME/installed" ] || exit 1
            mkdir -p target/venv/bin
            for name in pip python; do
              printf '#!/bin/sh\n' > target/venv/bin/$name
              chmod +x target/venv/bin/$name
            done"#,
        ),
    ])?;
    let output = dev(&dir, &["setup"], &[])?;
    assert!(output.status.success(), "{}", text(&output));
    assert!(dir.path().join("target/venv/requirements.txt").exists());
    // What is there already is not installed again; what is broken, or a changed list, is.
    let installs = || -> Result<bool> {
        let said = text(&dev(&dir, &["setup"], &[])?);
        Ok(said.contains("installing the servers"))
    };
    assert!(!installs()?);
    std::fs::write(dir.path().join("target/venv/bin/python"), "#!/gone\n")?;
    assert!(installs()? && !installs()?);
    std::fs::write(
        dir.path()
            .join("crates/cresset/tests/conformance/requirements.txt"),
        "more==1.0",
    )?;
    assert!(installs()?);
    Ok(())
}
