//! `cresset rules export`: a server's rules as files or as one stream.

use super::args::TargetArgs;
use super::folder::{Contents, Loaded};
use super::targets::members;
use crate::cmd::told::plain;
use anyhow::{Context, bail};
use cresset_fleet::document::RuleDoc;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

pub(crate) async fn run(
    folder: &Path,
    prune: bool,
    targets: &TargetArgs,
) -> anyhow::Result<ExitCode> {
    let members = members(targets).await?;
    let [member] = members.as_slice() else {
        bail!("export reads one server; name it with one --to");
    };
    let rules = cresset_fleet::rollout::export(member, &|_, _| {}).await?;
    if folder == Path::new("-") {
        if prune {
            bail!("--prune removes files, so it needs a folder to write to");
        }
        return stream(&rules);
    }
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let known = Contents::read(folder)?;
    if !known.mistakes.is_empty() {
        for mistake in &known.mistakes {
            eprintln!("{mistake}");
        }
        bail!("{} has mistakes; mend them first", folder.display());
    }
    let gone = Gone::all(&known, &rules);
    if prune && rules.is_empty() && !gone.is_empty() {
        bail!("the server has no rules; --prune would remove every rule's file");
    }
    let (written, same) = write(folder, known, rules, member.user())?;
    let mut numbers = format!("{written} file(s) written, {same} unchanged");
    let (one, all) = if prune {
        ("removed", "removed")
    } else {
        (
            "not on the server",
            "not on the server (--prune removes them)",
        )
    };
    for gone in &gone {
        if prune {
            gone.remove()?;
        }
        println!("{one}: {} ({})", gone.files.join(", "), plain(&gone.name));
    }
    if !gone.is_empty() {
        numbers.push_str(&format!(", {} {all}", gone.len()));
    }
    println!("{numbers}");
    Ok(ExitCode::SUCCESS)
}

/// Writes the rules whose files say something else, and counts those and the others.
fn write(
    folder: &Path,
    known: Contents,
    rules: Vec<RuleDoc>,
    user: &str,
) -> anyhow::Result<(usize, usize)> {
    let here: BTreeMap<String, (PathBuf, RuleDoc)> = known
        .rules
        .into_iter()
        .map(|mut loaded| {
            // Tests in a file of their own stay there.
            loaded.rule.tests.truncate(loaded.inline_tests);
            let path = PathBuf::from(loaded.file);
            (loaded.rule.name.trim().to_owned(), (path, loaded.rule))
        })
        .collect();
    let (mut written, mut same) = (0, 0);
    for rule in rules {
        let (path, rule) = match here.get(rule.name.trim()) {
            Some((_, old)) if comparable(old, user) == comparable(&rule, user) => {
                same += 1;
                continue;
            }
            Some((path, old)) => (path.clone(), with_kept(rule, old, user)),
            None => (free_path(folder, &rule.name), rule),
        };
        let text = yaml(&rule)?;
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        written += 1;
    }
    Ok((written, same))
}

/// A rule that the server does not have.
struct Gone {
    name: String,
    /// Its file and those of its tests.
    files: Vec<String>,
}

impl Gone {
    /// Those of `known` that are not among the server's `rules`.
    fn all(known: &Contents, rules: &[RuleDoc]) -> Vec<Self> {
        let there: BTreeSet<&str> = rules.iter().map(|rule| rule.name.trim()).collect();
        let gone = |loaded: &&Loaded| !there.contains(loaded.rule.name.trim());
        known.rules.iter().filter(gone).map(Self::of).collect()
    }

    fn of(loaded: &Loaded) -> Self {
        let tests = loaded.test_files.iter().map(|(file, _)| file.clone());
        Self {
            name: loaded.rule.name.clone(),
            files: std::iter::once(loaded.file.clone()).chain(tests).collect(),
        }
    }

    fn remove(&self) -> anyhow::Result<()> {
        for file in &self.files {
            std::fs::remove_file(file).with_context(|| format!("cannot remove {file}"))?;
        }
        Ok(())
    }
}

fn stream(rules: &[RuleDoc]) -> anyhow::Result<ExitCode> {
    let mut out = std::io::stdout().lock();
    for rule in rules {
        writeln!(out, "---\n{}", yaml(rule)?.trim_end_matches('\n'))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn yaml(rule: &RuleDoc) -> anyhow::Result<String> {
    rule.to_yaml()
        .with_context(|| format!("the rule {:?} cannot be written", rule.name))
}

/// Without what only files hold, and with the assignee named: none is the server's user.
fn comparable(rule: &RuleDoc, user: &str) -> RuleDoc {
    let mut rule = rule.clone().normalised();
    rule.assignee.get_or_insert_with(|| user.to_owned());
    rule.tests.clear();
    let http = rule.notifications.http.take();
    rule.notifications.http = http.map(cresset_fleet::document::Http::without_secret);
    rule
}

/// The rule with the tests and references to secrets that its file had, and without an
/// assignee if the file left that to the server's user.
fn with_kept(mut rule: RuleDoc, old: &RuleDoc, user: &str) -> RuleDoc {
    rule.tests.clone_from(&old.tests);
    if old.assignee.is_none() && rule.assignee.as_deref() == Some(user) {
        rule.assignee = None;
    }
    let before = old
        .notifications
        .http
        .as_ref()
        .and_then(|h| h.auth.as_ref());
    let now = rule
        .notifications
        .http
        .as_mut()
        .and_then(|h| h.auth.as_mut());
    if let (Some(before), Some(now)) = (before, now) {
        now.secret_env.clone_from(&before.secret_env);
        now.secret_file.clone_from(&before.secret_file);
    }
    rule
}

/// A file name made of a rule's name that no other file has.
fn free_path(folder: &Path, name: &str) -> PathBuf {
    const LONGEST: usize = 80;
    let mut slug = String::new();
    for c in name.chars().take(LONGEST) {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    let slug = if slug.is_empty() { "rule" } else { slug };
    let mut path = folder.join(format!("{slug}.yaml"));
    let mut number = 1;
    while path.exists() {
        number += 1;
        path = folder.join(format!("{slug}-{number}.yaml"));
    }
    path
}
