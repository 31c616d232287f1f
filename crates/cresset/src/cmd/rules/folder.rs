//! Rules, tests and lists in a folder.

use super::place::Mistake;
use anyhow::{Context, bail};
use cresset_fleet::document::{RuleDoc, TestCase};
use cresset_fleet::plan::{Folder, ListFile};
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Most files of a folder.
const MAX_FILES: usize = 100_000;
/// Levels of folders in folders.
const MAX_DEPTH: usize = 8;
/// Largest stream, and largest list, in bytes.
const MAX_BYTES: u64 = 256 << 20;
/// Name of the folder with lists.
pub(crate) const LISTS: &str = "lists";

/// A rule and the file that it came from.
pub(crate) struct Loaded {
    /// The file as it is named to people.
    pub(crate) file: String,
    /// The file's text, or its part of a stream.
    pub(crate) text: String,
    /// The rule, with the tests of its test file.
    pub(crate) rule: RuleDoc,
    /// How many of the tests, the first, stand in the file itself.
    pub(crate) inline_tests: usize,
}

/// What a folder holds, and what is wrong with it.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) rules: Vec<Loaded>,
    pub(crate) lists: BTreeMap<String, ListFile>,
    pub(crate) mistakes: Vec<Mistake>,
    /// Where secrets are looked for.
    pub(crate) root: PathBuf,
}

impl Contents {
    /// Reads a folder, one file, or `-` for standard input.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let mut contents = Self::default();
        if path == Path::new("-") {
            contents.stream()?;
        } else if path.is_dir() {
            path.clone_into(&mut contents.root);
            contents.folder(path)?;
        } else {
            let parent = path.parent().unwrap_or(Path::new("."));
            parent.clone_into(&mut contents.root);
            contents.rule_file(path)?;
            contents.read_lists(&contents.root.join(LISTS))?;
        }
        contents.look_for_twins();
        Ok(contents)
    }

    /// What a server is to have, or an error that tells all mistakes.
    pub(crate) fn into_folder(self) -> anyhow::Result<(Folder, PathBuf)> {
        if !self.mistakes.is_empty() {
            for mistake in &self.mistakes {
                eprintln!("{mistake}");
            }
            bail!(
                "{} mistake(s) in the files; nothing was done",
                self.mistakes.len()
            );
        }
        let rules = self.rules.into_iter().map(|l| l.rule.normalised());
        let folder = Folder {
            rules: rules.map(|rule| (rule.name.clone(), rule)).collect(),
            lists: self.lists,
        };
        Ok((folder, self.root))
    }

    fn folder(&mut self, root: &Path) -> anyhow::Result<()> {
        let mut files = Vec::new();
        walk(root, 0, &mut files)?;
        files.sort();
        for file in &files {
            self.rule_file(file)?;
        }
        self.read_lists(&root.join(LISTS))
    }

    fn rule_file(&mut self, path: &Path) -> anyhow::Result<()> {
        let text = read_text(path)?;
        self.document(path.display().to_string(), text);
        let tests = path.with_extension("test.yaml");
        if tests.exists() {
            let text = read_text(&tests)?;
            let file = tests.display().to_string();
            match (TestCase::list_from_yaml(&text), self.rules.last_mut()) {
                (Ok(cases), Some(rule)) => rule.rule.tests.extend(cases),
                (Ok(_), None) => {}
                (Err(e), _) => {
                    let mistake = Mistake::at(&file, &text, e.line, e.column, e.message);
                    self.mistakes.push(mistake);
                }
            }
        }
        Ok(())
    }

    fn document(&mut self, file: String, text: String) {
        match RuleDoc::from_yaml(&text) {
            Ok(rule) => self.rules.push(Loaded {
                file,
                text,
                inline_tests: rule.tests.len(),
                rule,
            }),
            Err(e) => {
                let mistake = Mistake::at(&file, &text, e.line, e.column, e.message);
                self.mistakes.push(mistake);
            }
        }
    }

    fn stream(&mut self) -> anyhow::Result<()> {
        let bytes = bounded(std::io::stdin().lock()).context("cannot read standard input")?;
        let text = String::from_utf8(bytes).context("standard input is not UTF-8")?;
        let mut part = String::new();
        let mut number = 0;
        for line in text.lines().chain(std::iter::once("---")) {
            if line.trim_end() != "---" {
                part.push_str(line);
                part.push('\n');
                continue;
            }
            if !part.trim().is_empty() {
                number += 1;
                self.document(format!("document {number}"), std::mem::take(&mut part));
            }
            part.clear();
        }
        Ok(())
    }

    fn read_lists(&mut self, folder: &Path) -> anyhow::Result<()> {
        if !folder.is_dir() {
            return Ok(());
        }
        let entries = std::fs::read_dir(folder)
            .with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let path = entry?.path();
            let extension = path.extension().and_then(|e| e.to_str());
            let (Some("txt" | "csv"), Some(stem)) =
                (extension, path.file_stem().and_then(|s| s.to_str()))
            else {
                continue;
            };
            let name = stem.to_uppercase();
            let open = std::fs::File::open(&path).map_err(anyhow::Error::from);
            let bytes = open
                .and_then(bounded)
                .with_context(|| format!("cannot read {}", path.display()))?;
            let filename = format!("{name}.{}", extension.unwrap_or("txt"));
            if self.lists.contains_key(&name) {
                bail!(
                    "{}: there are two files for the list {name}",
                    path.display()
                );
            }
            self.lists.insert(name, ListFile { filename, bytes });
        }
        Ok(())
    }

    /// A server finds rules by their names, so a name may stand once.
    fn look_for_twins(&mut self) {
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        let mut twins = Vec::new();
        for rule in &self.rules {
            let name = rule.rule.name.trim();
            match seen.get(name) {
                Some(other) => {
                    let message = format!("the rule {name:?} is in {other} already");
                    twins.push(Mistake::at_key(&rule.file, &rule.text, "name", message));
                }
                None => drop(seen.insert(name, &rule.file)),
            }
        }
        self.mistakes.extend(twins);
    }
}

/// The rule files below `folder`: YAML, but neither tests nor lists nor hidden ones.
fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
        if name.starts_with('.') || name == LISTS {
            continue;
        }
        if path.is_dir() {
            if depth == MAX_DEPTH {
                bail!("{}: folders are nested too deeply", path.display());
            }
            walk(&path, depth + 1, files)?;
        } else if is_yaml(name) {
            if files.len() == MAX_FILES {
                bail!("more than {MAX_FILES} files");
            }
            files.push(path);
        }
    }
    Ok(())
}

/// Whether a name is that of a rule file: YAML, but not `NAME.test.yaml`.
fn is_yaml(name: &str) -> bool {
    let Some((stem, "yaml" | "yml")) = name.rsplit_once('.') else {
        return false;
    };
    stem.rsplit_once('.').is_none_or(|(_, last)| last != "test")
}

fn read_text(path: &Path) -> anyhow::Result<String> {
    let context = || format!("cannot read {}", path.display());
    let file = std::fs::File::open(path).with_context(context)?;
    let bytes = bounded(file).with_context(context)?;
    String::from_utf8(bytes).with_context(|| format!("{} is not UTF-8", path.display()))
}

#[expect(clippy::disallowed_methods, reason = "the reader is limited")]
fn bounded(reader: impl Read) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        bail!("larger than {} MiB", MAX_BYTES >> 20);
    }
    Ok(bytes)
}
