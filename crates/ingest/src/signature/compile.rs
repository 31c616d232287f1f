//! From signature files to regex sets.

use super::file::{SignatureFile, SignatureSpec};
use super::pairs::PairNames;
use super::{Capture, Group, Signature, Signatures};
use crate::SetupError;
use compact_str::CompactString;
use cresset_model::Value;
use regex::{Regex, RegexSetBuilder};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Bytes that one compiled pattern may take.
const PATTERN_BYTES: usize = 4 << 20;

/// Compiles the files in order: of two signatures of one program, the earlier wins.
pub(super) fn compile(
    files: &[(Arc<str>, &str)],
    pairs: PairNames,
) -> Result<Signatures, SetupError> {
    let mut programs: BTreeMap<String, Vec<Signature>> = BTreeMap::new();
    let mut ids: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for (n, (name, text)) in files.iter().enumerate() {
        let file = parse(name, text)?;
        for spec in &file.signature {
            let id = spec.id.as_ref();
            let at = spec.id.span().start;
            match ids.insert(id.clone(), (n, at)) {
                None => {}
                Some((earlier, _)) if earlier == n => {
                    let detail = format!("signature {id:?} occurs twice");
                    return Err(wrong(name, text, at, detail));
                }
                // The earlier is the operator's, who can give it another name.
                Some((earlier, at)) => {
                    let (own, own_text) = &files[earlier];
                    let detail = format!("there is a signature {id:?} in {name} as well");
                    return Err(wrong(own, own_text, at, detail));
                }
            }
            let signature = one(&file, spec, name).map_err(|e| {
                let detail = format!("signature {id:?}: {e}");
                wrong(name, text, spec.pattern.span().start, detail)
            })?;
            for program in spec.programs.as_ref().unwrap_or(&file.programs) {
                programs
                    .entry(program.to_lowercase())
                    .or_default()
                    .push(signature.clone());
            }
        }
    }
    let (mut groups, mut by_program) = (Vec::new(), HashMap::new());
    for (program, signatures) in programs {
        by_program.insert(CompactString::from(program.as_str()), groups.len());
        // The text of a regex does not tell its flags: they have to be those of `one`.
        let set = RegexSetBuilder::new(signatures.iter().map(|s| s.regex.as_str()))
            .size_limit(PATTERN_BYTES.saturating_mul(signatures.len()))
            .dot_matches_new_line(true)
            .build()
            .map_err(|e| SetupError::Data {
                file: format!("signatures of {program:?}"),
                detail: e.to_string(),
            })?;
        groups.push(Group { set, signatures });
    }
    Ok(Signatures {
        groups,
        by_program,
        pairs,
    })
}

/// Reads a file.
pub(super) fn parse(name: &str, text: &str) -> Result<SignatureFile, SetupError> {
    toml::from_str(text).map_err(|e| {
        let at = e.span().map_or(0, |span| span.start);
        wrong(name, text, at, e.message().to_owned())
    })
}

/// Something wrong in a file, with line and column.
pub(super) fn wrong(name: &str, text: &str, at: usize, detail: String) -> SetupError {
    let before = &text[..text.floor_char_boundary(at)];
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before[start..].chars().count() + 1;
    SetupError::Data {
        file: format!("{name}:{line}:{column}"),
        detail,
    }
}

fn one(file: &SignatureFile, spec: &SignatureSpec, name: &Arc<str>) -> Result<Signature, String> {
    let template = format!("^(?:{}{})$", file.prefix, spec.pattern.as_ref());
    let (pattern, integers) = expand(&template)?;
    let regex = regex::RegexBuilder::new(&pattern)
        .size_limit(PATTERN_BYTES)
        .dot_matches_new_line(true)
        .build()
        .map_err(|e| reason(&e))?;
    let captures = captures(&regex, &integers);
    let mut constants = vec![("sig_id".into(), Value::str(spec.id.as_ref()))];
    let norm_id = spec.norm_id.as_ref().unwrap_or(&file.norm_id);
    constants.push(("norm_id".into(), Value::str(norm_id)));
    for (name, value) in spec.set.iter().chain(&file.set) {
        if !constants
            .iter()
            .any(|(n, _): &(CompactString, Value)| n == name)
        {
            constants.push((name.into(), scalar(value)?));
        }
    }
    let labels = spec.labels.iter().map(CompactString::from).collect();
    Ok(Signature {
        id: spec.id.as_ref().into(),
        file: Arc::clone(name),
        regex,
        captures,
        constants,
        labels,
    })
}

/// The last line of a message that draws the pattern first.
fn reason(e: &regex::Error) -> String {
    let text = e.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

fn captures(regex: &Regex, integers: &BTreeSet<String>) -> Vec<(usize, Capture)> {
    let named = regex.capture_names().enumerate();
    named
        .filter_map(|(group, name)| {
            let capture = match name? {
                "log_ts" => Capture::Stamp,
                "pairs" => Capture::Pairs,
                "inner" => Capture::Inner,
                name if integers.contains(name) => Capture::Int(name.into()),
                name => Capture::Text(name.into()),
            };
            Some((group, capture))
        })
        .collect()
}

/// The value of a constant, or of a field that an example expects.
pub(super) fn scalar(value: &toml::Value) -> Result<Value, String> {
    match value {
        toml::Value::String(s) => Ok(Value::str(s)),
        toml::Value::Integer(n) => Ok(Value::Int(*n)),
        toml::Value::Boolean(b) => Ok(Value::Bool(*b)),
        other => Err(format!("{other} cannot be the value of a field")),
    }
}

/// Replaces every `<name:type>` by a named group, and collects the names of
/// whole numbers.
fn expand(template: &str) -> Result<(String, BTreeSet<String>), String> {
    let mut out = String::with_capacity(template.len() * 2);
    let mut integers = BTreeSet::new();
    let mut rest = template;
    while let Some(start) = rest.find('<') {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let end = from.find('>').ok_or("a < without its >")?;
        let inside = &from[1..end];
        match inside.split_once(':') {
            // `(?P<name>…)`, or a look-behind, which the regex compiler refuses.
            None => out.push_str(&from[..=end]),
            Some((name, kind)) => {
                let (kind, own) = kind
                    .split_once('=')
                    .map_or((kind, None), |(k, p)| (k, Some(p)));
                let usual = kind_pattern(kind)
                    .ok_or_else(|| format!("unknown type {kind:?} of {name:?}"))?;
                let pattern = own.unwrap_or(usual);
                if kind == "int" {
                    integers.insert(name.to_owned());
                }
                out.push_str("(?P<");
                out.push_str(name);
                out.push('>');
                out.push_str(pattern);
                out.push(')');
            }
        }
        rest = &from[end + 1..];
    }
    out.push_str(rest);
    Ok((out, integers))
}

fn kind_pattern(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "int" => "[0-9]{1,18}",
        "word" => "[^ ]+",
        "text" => ".*?",
        "rest" => ".*",
        // Also the names and the `UNKNOWN` that daemons print where they have no address.
        "address" => "[A-Za-z0-9_.:%-]+",
        _ => return None,
    })
}
