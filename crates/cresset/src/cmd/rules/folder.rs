//! Rules, tests, lists and macros in a folder.

use super::lists::List;
use super::place::Mistake;
use crate::cmd::credentials::read_at_most;
use anyhow::{Context, bail};
use cresset_fleet::document::{MacroDoc, Mended, Problem, RuleDoc, TestCase};
use cresset_fleet::plan::Folder;
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
/// Name of the folder with macros.
pub(crate) const MACROS: &str = "macros";
const NOT_UTF8: &str = "the file is not UTF-8 text";

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
    /// The test files, each with how many of the other tests it holds.
    pub(crate) test_files: Vec<(String, usize)>,
}

/// A rule's file that does not read.
pub(crate) struct Broken {
    /// The file as it is named to people.
    pub(crate) file: String,
    /// Its text, and what of it does read.
    pub(crate) mended: Option<(String, Mended)>,
    /// Names of its tests, which cannot be run.
    pub(crate) tests: Vec<String>,
}

/// Where a file's rule is to be found in [`Contents`].
#[derive(Clone, Copy)]
enum Home {
    Rule(usize),
    Broken(usize),
}

/// A YAML file.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct File {
    path: PathBuf,
    /// The path without what a test's file has and its rule's has not.
    stem: PathBuf,
    /// Whether it is `NAME.test.yaml`.
    tests: bool,
}

impl File {
    fn of(path: PathBuf) -> Option<Self> {
        let (stem, ending) = path.file_name()?.to_str()?.rsplit_once('.')?;
        let is = |text: &str, word: &str| text.eq_ignore_ascii_case(word);
        if !is(ending, "yaml") && !is(ending, "yml") {
            return None;
        }
        let base = stem.rsplit_once('.').filter(|(_, last)| is(last, "test"));
        let tests = base.is_some();
        let stem = path.with_file_name(base.map_or(stem, |(base, _)| base));
        Some(Self { path, stem, tests })
    }
}

/// What a folder holds, and what is wrong with it.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) rules: Vec<Loaded>,
    /// What stands in files that do not read.
    pub(crate) broken: Vec<Broken>,
    pub(crate) lists: BTreeMap<String, List>,
    pub(crate) macros: BTreeMap<String, MacroDoc>,
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
            contents.single(path)?;
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
            lists: self
                .lists
                .into_iter()
                .map(|(name, list)| (name, list.file))
                .collect(),
            macros: self.macros,
        };
        Ok((folder, self.root))
    }

    fn folder(&mut self, root: &Path) -> anyhow::Result<()> {
        let mut files = Vec::new();
        walk(root, 0, &mut files)?;
        files.sort();
        let (tests, rules): (Vec<_>, Vec<_>) = files.into_iter().partition(|f| f.tests);
        let mut homes: BTreeMap<PathBuf, Vec<Home>> = BTreeMap::new();
        for file in &rules {
            let home = self.rule_file(&file.path)?;
            homes.entry(file.stem.clone()).or_default().push(home);
        }
        for file in &tests {
            let home = homes.get(&file.stem).map_or(&[][..], Vec::as_slice);
            self.test_file(file, home)?;
        }
        self.read_beside(root)
    }

    /// One rule's file with the tests beside it.
    fn single(&mut self, path: &Path) -> anyhow::Result<()> {
        let Some(file) = File::of(path.to_owned()) else {
            bail!("{} is no YAML file", path.display());
        };
        if file.tests {
            bail!(
                "{} holds tests; name its rule's file or the folder",
                path.display()
            );
        }
        let home = self.rule_file(path)?;
        let parent = match path.parent() {
            Some(parent) if parent != Path::new("") => parent,
            _ => Path::new("."),
        };
        let mut tests = Vec::new();
        for entry in std::fs::read_dir(parent)
            .with_context(|| format!("cannot read {}", parent.display()))?
        {
            let found = File::of(path.with_file_name(entry?.file_name()));
            tests.extend(found.filter(|f| f.tests && f.stem == file.stem));
        }
        tests.sort();
        for tests in &tests {
            self.test_file(tests, &[home])?;
        }
        self.read_beside(&self.root.clone())
    }

    fn rule_file(&mut self, path: &Path) -> anyhow::Result<Home> {
        let file = path.display().to_string();
        Ok(match read_text(path)? {
            Some(text) => self.document(file, text),
            None => {
                self.mistakes.push(Mistake::whole(&file, NOT_UTF8));
                self.broken(file, None)
            }
        })
    }

    /// Gives tests to the one rule whose file has the name.
    fn test_file(&mut self, found: &File, homes: &[Home]) -> anyhow::Result<()> {
        let file = found.path.display().to_string();
        let Some(text) = read_text(&found.path)? else {
            self.mistakes.push(Mistake::whole(&file, NOT_UTF8));
            return Ok(());
        };
        let cases = TestCase::list_from_yaml(&text).unwrap_or_else(|e| {
            let mistake = Mistake::at(&file, &text, e.line, e.column, e.message);
            self.mistakes.push(mistake);
            Vec::new()
        });
        let stem = found.stem.display();
        let problem = match homes {
            _ if self.mistakes.last().is_some_and(|m| m.file() == file) => return Ok(()),
            [_] if cases.is_empty() => "the file holds no tests".to_owned(),
            [home] => {
                self.give(*home, &file, cases);
                return Ok(());
            }
            [] => format!(
                "these tests belong to no rule: there is no {stem}.yaml or {stem}.yml beside them"
            ),
            _ => format!("{stem}.yaml and {stem}.yml are both there; which is tested?"),
        };
        self.mistakes.push(Mistake::whole(&file, problem));
        Ok(())
    }

    fn give(&mut self, home: Home, file: &str, cases: Vec<TestCase>) {
        match home {
            Home::Rule(at) => {
                if let Some(rule) = self.rules.get_mut(at) {
                    rule.test_files.push((file.to_owned(), cases.len()));
                    rule.rule.tests.extend(cases);
                }
            }
            Home::Broken(at) => {
                if let Some(broken) = self.broken.get_mut(at) {
                    broken.tests.extend(cases.into_iter().map(|case| case.name));
                }
            }
        }
    }

    fn document(&mut self, file: String, text: String) -> Home {
        match RuleDoc::from_yaml(&text) {
            Ok(rule) => {
                self.rules.push(Loaded {
                    file,
                    text,
                    inline_tests: rule.tests.len(),
                    test_files: Vec::new(),
                    rule,
                });
                Home::Rule(self.rules.len() - 1)
            }
            Err(_) => {
                let (problems, mended) = RuleDoc::mend(&text);
                let told = |e: Problem| Mistake::at(&file, &text, e.line, e.column, e.message);
                self.mistakes.extend(problems.into_iter().map(told));
                self.broken(file, mended.map(|mended| (text, mended)))
            }
        }
    }

    fn broken(&mut self, file: String, mended: Option<(String, Mended)>) -> Home {
        let inline = mended.iter().flat_map(|(_, mended)| &mended.rule.tests);
        self.broken.push(Broken {
            tests: inline.map(|test| test.name.clone()).collect(),
            file,
            mended,
        });
        Home::Broken(self.broken.len() - 1)
    }

    /// The lists and macros that stand beside the rules.
    fn read_beside(&mut self, root: &Path) -> anyhow::Result<()> {
        self.lists = super::lists::read(&root.join(LISTS), &mut self.mistakes)?;
        self.macros = super::macros::read(&root.join(MACROS), &mut self.mistakes)?;
        Ok(())
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

/// The YAML files below `folder`, but neither lists nor macros nor hidden ones.
fn walk(folder: &Path, depth: usize, files: &mut Vec<File>) -> anyhow::Result<()> {
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or("");
        let beside = name == LISTS || depth == 0 && name == MACROS && path.is_dir();
        if name.starts_with('.') || beside {
            continue;
        }
        if path.is_dir() {
            if depth == MAX_DEPTH {
                bail!("{}: folders are nested too deeply", path.display());
            }
            walk(&path, depth + 1, files)?;
        } else if let Some(file) = File::of(path) {
            if files.len() == MAX_FILES {
                bail!("more than {MAX_FILES} files");
            }
            files.push(file);
        }
    }
    Ok(())
}

/// A file's text, or nothing if it is no text.
fn read_text(path: &Path) -> anyhow::Result<Option<String>> {
    let context = || format!("cannot read {}", path.display());
    let file = std::fs::File::open(path).with_context(context)?;
    let bytes = bounded(file).with_context(context)?;
    Ok(String::from_utf8(bytes).ok())
}

pub(super) fn bounded(reader: impl Read) -> anyhow::Result<Vec<u8>> {
    read_at_most(reader, MAX_BYTES)
}
