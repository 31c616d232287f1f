//! Files of a test and runs of the command on them.

use super::{COUNT, LISTS};
use crate::world::{World, binary};
use anyhow::{Context, Result, ensure};
use std::fmt::Write as _;
use std::fs;
use std::process::{Output, Stdio};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// A folder with rules, and a profile with the servers `a`, `b`, ….
pub(super) struct Files {
    pub(super) dir: TempDir,
}

impl Files {
    pub(super) fn new(worlds: &[&World]) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let mut profile = String::new();
        for (world, name) in worlds.iter().zip(["a", "b", "c"]) {
            let key = format!("{name}.key");
            fs::write(dir.path().join(&key), &world.credentials.api_access_key)?;
            let url = world.server.url("");
            writeln!(
                profile,
                "[[target]]\nname = \"{name}\"\nurl = \"{url}\"\nuser = \"admin\"\nsecret_file = \"{key}\"\n"
            )?;
        }
        fs::write(dir.path().join("targets.toml"), profile)?;
        fs::create_dir(dir.path().join("rules"))?;
        Ok(Self { dir })
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Result<()> {
        Ok(fs::write(self.dir.path().join("rules").join(name), text)?)
    }

    /// [`COUNT`] rules, of which every third is off and every second has notifications, and
    /// [`LISTS`] lists.
    pub(super) fn many(&self) -> Result<()> {
        let lists = self.dir.path().join("rules/lists");
        fs::create_dir(&lists)?;
        for n in 0..LISTS {
            let values: String = (0..500).map(|v| format!("value-{n}-{v}\n")).collect();
            fs::write(lists.join(format!("known_{n}.txt")), values)?;
        }
        for n in 0..COUNT {
            let active = n % 3 != 0;
            let told = if n % 2 == 0 {
                "notifications:\n  email:\n    to: [soc@example.com]\n    subject: S\n  http:\n    \
                 url: http://127.0.0.1:9/x\n    method: POST\n    auth:\n      type: bearer\n      \
                 secret_env: HOOK_TOKEN\n"
            } else {
                ""
            };
            let list = n % LISTS;
            let text = format!(
                "name: Rule number {n}\nquery: |-\n  label=Fail user=u{n} -host in KNOWN_{list}\n  | chart count() as cnt by user\n\
                 every: 1m\nover: 1h\nrisk: high\nactive: {active}\nmitre: [T1078, t1110.001]\nmetadata:\n  number: '{n}'\n{told}"
            );
            self.write(&format!("rule-{n}.yaml"), &text)?;
        }
        Ok(())
    }

    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(binary());
        command
            .current_dir(self.dir.path())
            .arg("rules")
            .args(args)
            .env("HOOK_TOKEN", "the-hooks-secret")
            .env("HOME", self.dir.path())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    pub(super) async fn run(&self, args: &[&str]) -> Result<Ran> {
        let output = self.command(args).output().await?;
        Ok(Ran(output))
    }

    /// A run with the profile and these targets.
    pub(super) fn command_to(&self, targets: &[&str], args: &[&str]) -> Command {
        let mut all = args.to_vec();
        all.extend(["--profile", "targets.toml"]);
        for target in targets {
            all.extend(["--to", target]);
        }
        let mut command = self.command(&all);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs with the profile and these targets.
    pub(super) async fn to(&self, targets: &[&str], args: &[&str]) -> Result<Ran> {
        Ok(Ran(self.command_to(targets, args).output().await?))
    }

    /// Applies the folder to these targets without asking; all must go well.
    pub(super) async fn applied(&self, targets: &[&str]) -> Result<String> {
        let ran = self.to(targets, &["apply", "rules", "--yes"]).await?;
        ran.code(0)
    }

    /// What one server exports goes into an apply to these targets; all must go well.
    pub(super) async fn piped(&self, from: &str, targets: &[&str]) -> Result<String> {
        let stream = self.to(&[from], &["export"]).await?;
        stream.code(0)?;
        let mut child = self
            .command_to(targets, &["apply", "-", "--yes", "--prune"])
            .stdin(Stdio::piped())
            .spawn()?;
        let mut input = child.stdin.take().context("no stdin")?;
        input.write_all(&stream.0.stdout).await?;
        drop(input);
        Ran(child.wait_with_output().await?).code(0)
    }
}

pub(super) struct Ran(pub(super) Output);

impl Ran {
    pub(super) fn code(&self, code: i32) -> Result<String> {
        let text = String::from_utf8_lossy(&self.0.stdout).into_owned();
        let errors = String::from_utf8_lossy(&self.0.stderr);
        ensure!(
            self.0.status.code() == Some(code),
            "exit code {:?} instead of {code}\n{text}\n{errors}",
            self.0.status.code()
        );
        Ok(text + &errors)
    }
}
