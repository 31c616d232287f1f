//! Which fields rows have at a point of a plan, as far as that is known.

use crate::ast::Name;
use crate::diag::{Diagnostic, Findings, Severity, nearest};
use std::collections::HashSet;
use std::ops::Range;

/// Fields that many sources have; only used to guess at slips of the pen.
const TAXONOMY: [&str; 58] = [
    "norm_id",
    "label",
    "log_ts",
    "col_ts",
    "device_ip",
    "device_name",
    "col_type",
    "collected_at",
    "repo_name",
    "logpoint_name",
    "sig_id",
    "msg",
    "user",
    "caller_user",
    "target_user",
    "domain",
    "host",
    "workstation",
    "source_address",
    "destination_address",
    "source_port",
    "destination_port",
    "event_id",
    "event_source",
    "event_category",
    "channel",
    "image",
    "process",
    "parent_process",
    "parent_image",
    "command",
    "parent_command",
    "file",
    "path",
    "target_file",
    "target_object",
    "detail",
    "hash",
    "hash_sha1",
    "hash_sha256",
    "hash_import",
    "url",
    "resource",
    "request_method",
    "status_code",
    "action",
    "object",
    "access",
    "datasize",
    "sent_datasize",
    "received_datasize",
    "sender",
    "receiver",
    "subject",
    "severity",
    "message",
    "integrity_level",
    "logon_type",
];

/// Shortest name that is taken for a slip: short names differ little by nature.
const MIN_GUESS: usize = 5;

/// Most columns named in advice, and most characters of each.
const SHOWN: usize = 20;
const SHOWN_CHARS: usize = 60;

/// The fields that rows have.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) enum Scope {
    /// Any field may occur.
    #[default]
    Open,
    /// Only these occur, because `chart` or `fields` made the rows.
    Columns(Columns),
    /// The fields of streams, each behind the name of its stream and a dot.
    Streams(Streams),
}

/// What rows of a pattern have.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Streams {
    aliases: Vec<(String, Scope)>,
    /// Besides: the times, and what commands have made since.
    made: HashSet<String>,
}

impl Streams {
    fn check(&self, field: &Name, findings: &mut Findings) {
        let own = self.aliases.iter().find_map(|(alias, scope)| {
            let rest = field.text.strip_prefix(alias)?.strip_prefix('.')?;
            Some((scope, rest))
        });
        if let Some((scope, rest)) = own {
            let text = rest.to_owned();
            let span = field.span.clone();
            return scope.check(&Name { text, span }, findings);
        }
        if self.made.contains(&field.text) || findings.is_full(Severity::Error) {
            return;
        }
        let names: Vec<String> = self
            .aliases
            .iter()
            .map(|(alias, _)| format!("`{alias}.{}`", field.text))
            .collect();
        let message = format!("`{}` does not say of which stream it is", field.text);
        let help = format!("write {}", names.join(" or "));
        findings.push(Diagnostic::error(field.span.clone(), message).with_help(help));
    }
}

/// Different names in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Columns {
    names: Vec<String>,
    known: HashSet<String>,
}

impl Columns {
    fn add(&mut self, name: &str) {
        if self.known.insert(name.to_owned()) {
            self.names.push(name.to_owned());
        }
    }

    fn has(&self, name: &str) -> bool {
        self.known.contains(name)
    }

    /// The names for a sentence, cut to a length that can be read.
    fn shown(&self) -> String {
        let short = |n: &String| match n.char_indices().nth(SHOWN_CHARS) {
            Some((end, _)) => format!("{}…", &n[..end]),
            None => n.clone(),
        };
        let names: Vec<String> = self.names.iter().take(SHOWN).map(short).collect();
        let names = names.join(", ");
        match self.names.len().saturating_sub(SHOWN) {
            0 => names,
            more => format!("{names} and {more} more"),
        }
    }
}

impl Scope {
    pub(super) fn columns<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut columns = Columns::default();
        names.into_iter().for_each(|n| columns.add(n));
        Self::Columns(columns)
    }

    /// What rows of a pattern have whose streams are called so, and have that.
    pub(super) fn streams(aliases: Vec<(String, Self)>) -> Self {
        let made = ["log_ts", "col_ts"].map(str::to_owned).into();
        Self::Streams(Streams { aliases, made })
    }

    pub(super) const fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    /// Reports a field that cannot be there, or that looks like a slip.
    pub(super) fn check(&self, field: &Name, findings: &mut Findings) {
        let name = field.text.as_str();
        match self {
            Self::Open => {
                if name.len() >= MIN_GUESS
                    && !findings.is_full(Severity::Warning)
                    && !TAXONOMY.contains(&name)
                    && let Some(known) = TAXONOMY.iter().find(|k| one_slip_apart(name, k))
                {
                    let message = format!("`{name}` is not a common field");
                    let help = format!("did you mean `{known}`?");
                    let warning = Diagnostic::warning(field.span.clone(), message);
                    findings.push(warning.with_help(help));
                }
            }
            Self::Streams(streams) => streams.check(field, findings),
            Self::Columns(columns) => {
                if columns.has(name) || findings.is_full(Severity::Error) {
                    return;
                }
                let help = match nearest(name, columns.names.iter().map(String::as_str)) {
                    Some(column) => format!("did you mean `{column}`?"),
                    None => format!("the columns are {}", columns.shown()),
                };
                let message = format!("there is no column `{name}` at this point of the query");
                findings.push(Diagnostic::error(field.span.clone(), message).with_help(help));
            }
        }
    }

    /// Reports a word that is sought although rows have no raw text.
    pub(super) fn check_words(&self, span: &Range<usize>, findings: &mut Findings) {
        if let Self::Columns(columns) = self
            && !columns.has("msg")
            && !findings.is_full(Severity::Error)
        {
            let message = "a word is sought in the raw text `msg`, which is gone at this point";
            let help = format!(
                "compare one of the columns {}, or put the word before the command",
                columns.shown()
            );
            findings.push(Diagnostic::error(span.clone(), message).with_help(help));
        }
    }

    /// The fields after a command that gives rows these, too.
    pub(super) fn add(&mut self, made: &[&str]) {
        match self {
            Self::Open => {}
            Self::Columns(columns) => made.iter().for_each(|name| columns.add(name)),
            Self::Streams(streams) => {
                let made = made.iter().map(|name| (*name).to_owned());
                streams.made.extend(made);
            }
        }
    }

    /// The fields after `rename`.
    pub(super) fn rename(&mut self, sources: &HashSet<&str>, targets: &[&str]) {
        if let Self::Columns(columns) = self {
            columns.names.retain(|c| !sources.contains(c.as_str()));
            columns.known.retain(|c| !sources.contains(c.as_str()));
        }
        self.add(targets);
    }
}

/// Whether two different names differ by one byte that was added, left out or
/// replaced, or by two that were swapped.
fn one_slip_apart(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let shorter = a.len().min(b.len());
    let same_start = a.iter().zip(b).take_while(|(x, y)| x == y).count();
    let same_end = a
        .iter()
        .rev()
        .zip(b.iter().rev())
        .take_while(|(x, y)| x == y)
        .count();
    let rest = |s: &[u8]| s.len() - same_start - same_end.min(shorter - same_start);
    match (rest(a), rest(b)) {
        (0 | 1, 0 | 1) => true,
        (2, 2) => a[same_start] == b[same_start + 1] && a[same_start + 1] == b[same_start],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::one_slip_apart;

    #[test]
    fn slips() {
        let check = |a: &str, b: &str, expect: bool| {
            assert_eq!(
                (one_slip_apart(a, b), one_slip_apart(b, a)),
                (expect, expect),
                "{a} {b}"
            );
        };
        check("source", "sorce", true);
        check("source", "sourcee", true);
        check("source", "sourec", true);
        check("source", "soarce", true);
        check("source", "osurce", true);
        check("source", "xsource", true);
        check("source", "sosurce", true);
        check("source", "sorc", false);
        check("source", "soucer", false);
        check("aa", "aaa", true);
        check("aaa", "aaaaa", false);
    }
}
