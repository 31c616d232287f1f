//! Signatures: what a line of a known program means.
//!
//! They are data (`signatures/*.toml`, described in `signatures/README.md`). At
//! start every pattern becomes a linear-time regex, and the patterns of one
//! program become one set, so that a line costs one scan to find its signature
//! and one match to take it apart, however many signatures there are.

mod compile;
mod examples;
mod file;
mod folder;
pub(crate) mod pairs;
#[cfg(test)]
mod tests;

pub use examples::signature_problems;
pub use folder::{SignatureText, read_signatures};

use crate::SetupError;
use crate::found::Found;
use crate::stamp::Reader;
use compact_str::CompactString;
use cresset_model::{FieldName, Value};
use pairs::PairNames;
use regex::{Regex, RegexSet};
use std::collections::HashMap;
use std::sync::Arc;

/// The files compiled in: name and text.
pub(crate) const FILES: [(&str, &str); 9] = [
    ("sshd.toml", include_str!("../../signatures/sshd.toml")),
    ("pam.toml", include_str!("../../signatures/pam.toml")),
    (
        "privilege.toml",
        include_str!("../../signatures/privilege.toml"),
    ),
    ("cron.toml", include_str!("../../signatures/cron.toml")),
    (
        "accounts.toml",
        include_str!("../../signatures/accounts.toml"),
    ),
    (
        "systemd.toml",
        include_str!("../../signatures/systemd.toml"),
    ),
    ("kernel.toml", include_str!("../../signatures/kernel.toml")),
    (
        "daemons.toml",
        include_str!("../../signatures/daemons.toml"),
    ),
    ("apache.toml", include_str!("../../signatures/apache.toml")),
];

/// The program name under which signatures for every program are filed.
const ANY_PROGRAM: &str = "*";

/// Who wrote a text.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Author<'a> {
    /// Program name; `None` for lines without a syslog header.
    pub(crate) program: Option<&'a str>,
    /// `x` of a tag such as `sshd(x)`.
    pub(crate) module: Option<&'a str>,
}

/// All signatures, ready to match.
pub(crate) struct Signatures {
    groups: Vec<Group>,
    by_program: HashMap<CompactString, usize>,
    pairs: PairNames,
}

/// The signatures of one program, in order of precedence.
struct Group {
    set: RegexSet,
    signatures: Vec<Signature>,
}

#[derive(Clone)]
struct Signature {
    id: CompactString,
    file: Arc<str>,
    regex: Regex,
    captures: Vec<(usize, Capture)>,
    constants: Vec<(FieldName, Value)>,
    labels: Vec<CompactString>,
}

/// What becomes of the text of a group of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Capture {
    Text(FieldName),
    Int(FieldName),
    /// `log_ts`: the event's time.
    Stamp,
    /// `pairs`: `key=value` pairs.
    Pairs,
    /// `inner`: another message of the same program.
    Inner,
}

impl Signatures {
    /// The operator's signatures, and after them the built-in ones.
    pub(crate) fn with(own: &[SignatureText]) -> Result<Self, SetupError> {
        let own = own.iter().map(|f| (f.name.as_str(), f.text.as_str()));
        let files: Vec<(Arc<str>, &str)> = own
            .chain(FILES)
            .map(|(name, text)| (name.into(), text))
            .collect();
        compile::compile(&files, PairNames::built_in()?)
    }

    /// Names of `key=value` pairs.
    pub(crate) const fn pairs(&self) -> &PairNames {
        &self.pairs
    }

    /// Takes `text` apart with the first signature that matches; false if none does.
    pub(crate) fn apply(
        &self,
        author: Author<'_>,
        text: &str,
        times: Reader<'_>,
        found: &mut Found,
    ) -> bool {
        self.apply_nested(author, text, times, found, true)
    }

    fn apply_nested(
        &self,
        author: Author<'_>,
        text: &str,
        times: Reader<'_>,
        found: &mut Found,
        may_nest: bool,
    ) -> bool {
        let names = [
            author.module,
            Some(author.program.unwrap_or("")),
            Some(ANY_PROGRAM),
        ];
        let hit = names
            .into_iter()
            .flatten()
            .find_map(|name| self.group(name)?.find(text));
        let Some(signature) = hit else { return false };
        let Some(captures) = signature.regex.captures(text) else {
            return false;
        };
        for (group, capture) in &signature.captures {
            let Some(part) = captures.get(*group).map(|m| m.as_str().trim()) else {
                continue;
            };
            match capture {
                Capture::Text(name) => found.put(name, Value::str(part)),
                Capture::Int(name) => {
                    found.put(
                        name,
                        part.parse().map_or_else(|_| Value::str(part), Value::Int),
                    );
                }
                Capture::Stamp => {
                    found.stamp = Some(times.text(part).ok_or_else(|| part.to_owned()));
                }
                Capture::Pairs => {
                    self.pairs.read(part, found);
                }
                Capture::Inner if may_nest => {
                    self.apply_nested(author, part, times, found, false);
                }
                Capture::Inner => {}
            }
        }
        for (name, value) in &signature.constants {
            found.put(name, value.clone());
        }
        for label in &signature.labels {
            found.label(label);
        }
        found.note(|| format!("signature {} ({})", signature.id, signature.file));
        true
    }

    fn group(&self, program: &str) -> Option<&Group> {
        let index = match self.by_program.get(program) {
            Some(index) => index,
            None if program.bytes().any(|b| b.is_ascii_uppercase()) => {
                self.by_program.get(program.to_ascii_lowercase().as_str())?
            }
            None => return None,
        };
        self.groups.get(*index)
    }
}

impl Group {
    fn find(&self, text: &str) -> Option<&Signature> {
        let first = self.set.matches(text).iter().next()?;
        self.signatures.get(first)
    }
}
