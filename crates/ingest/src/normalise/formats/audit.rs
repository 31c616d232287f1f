//! Records of the Linux audit system, one event per record.
//!
//! `[node=NAME ]type=TYPE msg=audit(SECONDS.MILLIS:SERIAL): key=value ...`. Records of one
//! event share what stands in the brackets: the field `audit_id`. Values are quoted, bare,
//! or hexadecimal digits; messages of user programs stand in `msg='...'` and hold pairs
//! again. Behind a GS character come interpretations (`UID="root"`). Source: the record
//! formats of linux-audit.

use super::MAX_PAIRS;
use crate::SetupError;
use crate::found::Found;
use crate::signature::pairs::{PairFile, PairNames};
use crate::stamp::Reader;
use compact_str::CompactString;
use cresset_model::Value;
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, Ipv6Addr};

const FILE: (&str, &str) = ("auditd.toml", include_str!("../../../data/auditd.toml"));
/// Before it stands what identifies a record.
const STAMP: &str = "audit(";
/// How far the stamp may be from the start.
const HEAD_BYTES: usize = 320;

/// `data/auditd.toml`.
pub(super) struct Audit {
    hex: HashSet<String>,
    nothing: HashSet<String>,
    unset: HashSet<String>,
    types: HashMap<String, TypeSpec>,
    numbers: HashMap<String, String>,
    names: PairNames,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AuditFile {
    hex: HashSet<String>,
    nothing: HashSet<String>,
    unset: HashSet<String>,
    #[serde(rename = "type")]
    types: HashMap<String, TypeSpec>,
    number: HashMap<String, String>,
    pairs: PairFile,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TypeSpec {
    labels: Vec<CompactString>,
    /// True if `res` tells `Successful` from `Fail`.
    #[serde(default)]
    outcome: bool,
}

/// The record that `text` seems to be.
pub(super) fn record(text: &str) -> Option<&str> {
    let text = text.strip_prefix("audit: ").unwrap_or(text);
    let good = text.starts_with("type=") || text.starts_with("node=");
    let head = &text.as_bytes()[..text.len().min(HEAD_BYTES)];
    (good && memchr::memmem::find(head, STAMP.as_bytes()).is_some()).then_some(text)
}

impl Audit {
    pub(super) fn built_in() -> Result<Self, SetupError> {
        let (name, text) = FILE;
        let file: AuditFile = toml::from_str(text).map_err(|e| SetupError::Data {
            file: name.to_owned(),
            detail: e.to_string(),
        })?;
        Ok(Self {
            hex: file.hex,
            nothing: file.nothing,
            unset: file.unset,
            types: file.types,
            numbers: file.number,
            names: file.pairs.into(),
        })
    }

    pub(super) fn read(
        &self,
        text: &str,
        times: Reader<'_>,
        found: &mut Found,
    ) -> Result<(), String> {
        let (head, rest) = text.split_once(STAMP).ok_or("there is no audit(...)")?;
        let (id, body) = rest.split_once(')').ok_or("there is no ) after audit(")?;
        let (time, _) = id.split_once(':').ok_or("there is no serial number")?;
        let word = |name: &str| head.split(' ').find_map(|word| word.strip_prefix(name));
        let kind = word("type=").ok_or("there is no type=")?;
        let kind = self.numbers.get(kind).map_or(kind, String::as_str);
        // What relayed the record says nothing about it.
        found.take("process");
        found.take("process_id");
        found.put("norm_id", Value::str("Auditd"));
        found.put("event_type", Value::str(kind));
        found.put("audit_id", Value::str(id));
        if let Some(node) = word("node=") {
            found.set("device_name", Value::str(node));
        }
        found.stamp = Some(times.text(time).ok_or_else(|| time.to_owned()));
        let mut record = Record {
            audit: self,
            is_execve: kind == "EXECVE",
            arguments: Vec::new(),
            result: None,
            left: MAX_PAIRS,
        };
        record.pairs(body.trim_start_matches(':'), true, found);
        record.finish(self.types.get(kind), found);
        Ok(())
    }
}

/// A record being read.
struct Record<'a, 't> {
    audit: &'a Audit,
    is_execve: bool,
    arguments: Vec<Cow<'t, str>>,
    result: Option<bool>,
    left: usize,
}

impl<'t> Record<'_, 't> {
    fn pairs(&mut self, text: &'t str, may_nest: bool, found: &mut Found) {
        let mut rest = text;
        while self.left > 0 {
            rest = rest.trim_start_matches([' ', '\x1d', ',', '\n']);
            let Some(equals) = rest.find(['=', ' ']) else {
                return;
            };
            let (name, after) = (&rest[..equals], &rest[equals + 1..]);
            // A word without a value, as `user` in older records.
            if rest.as_bytes()[equals] == b' ' {
                rest = after;
                continue;
            }
            self.left -= 1;
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\''));
            let quoted = quote.and_then(|quote| after[1..].split_once(quote).map(|v| (quote, v)));
            match quoted {
                Some(('\'', (inner, after))) if may_nest && name == "msg" => {
                    self.pairs(inner, false, found);
                    rest = after;
                }
                Some((_, (value, after))) => {
                    self.pair(name, Cow::Borrowed(value), found);
                    rest = after;
                }
                None => {
                    let end = after.find([' ', '\x1d']).unwrap_or(after.len());
                    let value = &after[..end];
                    self.pair(name, self.decoded(name, value), found);
                    rest = &after[end..];
                }
            }
        }
    }

    /// The text of a bare value.
    fn decoded(&self, name: &str, value: &'t str) -> Cow<'t, str> {
        let argument = self.is_execve && is_argument(name);
        if !argument && !self.audit.hex.contains(name) {
            return Cow::Borrowed(value);
        }
        match from_hex(value) {
            Some(bytes) => {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                Cow::Owned(text.trim_end_matches('\0').replace('\0', " "))
            }
            None => Cow::Borrowed(value),
        }
    }

    fn pair(&mut self, name: &'t str, value: Cow<'t, str>, found: &mut Found) {
        let unset = value == "4294967295" && self.audit.unset.contains(name);
        if unset || self.audit.nothing.contains(value.as_ref()) {
            return;
        }
        match name {
            "res" | "success" => {
                let good = matches!(value.as_ref(), "success" | "yes" | "1");
                self.result = Some(good);
                let status = if good { "success" } else { "failed" };
                found.put("status", Value::str(status));
            }
            "saddr" => {
                if let Some((address, port)) = socket_address(&value) {
                    found.put("destination_address", Value::Str(address));
                    found.put("destination_port", Value::Int(port.into()));
                }
                found.put(name, Value::str(value));
            }
            _ if self.is_execve && is_argument(name) => self.arguments.push(value),
            _ => self.audit.names.put(name, &value, found),
        }
    }

    fn finish(self, kind: Option<&TypeSpec>, found: &mut Found) {
        if !self.arguments.is_empty() {
            found.put("command", Value::from(self.arguments.join(" ")));
        }
        let Some(kind) = kind else { return };
        for label in &kind.labels {
            found.label(label);
        }
        if let (true, Some(good)) = (kind.outcome, self.result) {
            found.label(&CompactString::const_new(if good {
                "Successful"
            } else {
                "Fail"
            }));
        }
    }
}

/// `a0`, `a12`; `a1[0]` is a part of a long one.
fn is_argument(name: &str) -> bool {
    let number = name.strip_prefix('a').unwrap_or("");
    let number = number.split_once('[').map_or(number, |(number, _)| number);
    !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    if text.is_empty() || !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |b: u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'A'..=b'F' => Some(b - b'A' + 10),
        _ => None,
    };
    let pairs = text.as_bytes().chunks_exact(2);
    pairs
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

/// Address and port of a `struct sockaddr`, as a little-endian machine writes it.
fn socket_address(hex: &str) -> Option<(CompactString, u16)> {
    let bytes = from_hex(hex)?;
    let port = u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]);
    let address = match (bytes[0], bytes[1]) {
        (2, 0) => {
            let octets: [u8; 4] = bytes.get(4..8)?.try_into().ok()?;
            compact_str::format_compact!("{}", Ipv4Addr::from(octets))
        }
        (10, 0) => {
            let octets: [u8; 16] = bytes.get(8..24)?.try_into().ok()?;
            compact_str::format_compact!("{}", Ipv6Addr::from(octets))
        }
        _ => return None,
    };
    Some((address, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_values() {
        assert_eq!(from_hex("6C73").as_deref(), Some(&b"ls"[..]));
        for bad in ["", "6", "6c73", "0x6C", "6Cä"] {
            assert_eq!(from_hex(bad), None, "{bad}");
        }
    }

    #[test]
    fn addresses() {
        let check = |hex: &str, expect: Option<(&str, u16)>| {
            let found = socket_address(hex);
            let found = found.as_ref().map(|(a, p)| (a.as_str(), *p));
            assert_eq!(found, expect, "{hex}");
        };
        check("020001BBC6336407", Some(("198.51.100.7", 443)));
        check(
            "0A00005000000000200106780000000000000000000000070000",
            Some(("2001:678::7", 80)),
        );
        check("0100", None);
        check("02000", None);
        check("0200", None);
        check("2F7661722F", None);
    }

    #[test]
    fn records() {
        let check = |text: &str, expect: bool| assert_eq!(record(text).is_some(), expect, "{text}");
        check("type=CWD msg=audit(1.2:3): cwd=\"/\"", true);
        check("node=h type=CWD msg=audit(1.2:3): cwd=\"/\"", true);
        check("audit: type=1400 audit(1.2:3): apparmor=\"DENIED\"", true);
        check("type=x", false);
        check("time to audit(", false);
        check(&format!("type={} audit(", "x".repeat(400)), false);
    }
}
