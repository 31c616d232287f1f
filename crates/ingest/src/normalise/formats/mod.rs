//! What follows a syslog header may be in a format of its own: JSON, CEF, LEEF, a
//! Windows event in XML, a record of auditd. The first bytes tell.

mod audit;
mod cef;
mod leef;
mod lookup;

use super::windows::xml;
use crate::SetupError;
use crate::found::Found;
use crate::signature::pairs::PairNames;
use crate::stamp::Reader;
use audit::Audit;
use cresset_model::Value;

/// Most pairs that are read from one text.
const MAX_PAIRS: usize = 1_000;

/// A text in a format that is known, without what only says which format it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format<'a> {
    Json(&'a str),
    Xml(&'a str),
    Cef(&'a str),
    Leef(&'a str),
    Audit(&'a str),
}

impl<'a> Format<'a> {
    /// The format that `body` seems to be in.
    pub(super) fn of(body: &'a str) -> Option<Self> {
        let text = body.trim_start();
        match text.as_bytes().first()? {
            b'{' => json(text),
            b'@' => text.strip_prefix("@cee:").and_then(json),
            b'<' => xml::looks_like(text).then_some(Self::Xml(text)),
            b'C' => text.strip_prefix("CEF:").map(Self::Cef),
            b'L' => text.strip_prefix("LEEF:").map(Self::Leef),
            b't' | b'n' | b'a' => audit::record(text).map(Self::Audit),
            _ => None,
        }
    }

    /// True for the formats that follow a host without any tag.
    pub(super) const fn stands_alone(self) -> bool {
        matches!(self, Self::Cef(_) | Self::Leef(_))
    }

    /// What people call it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Json(_) => "JSON",
            Self::Xml(_) => "Windows event in XML",
            Self::Cef(_) => "CEF",
            Self::Leef(_) => "LEEF",
            Self::Audit(_) => "auditd record",
        }
    }
}

/// JSON, or what was JSON before it was cut; prose may begin with a bracket as well.
fn json(text: &str) -> Option<Format<'_>> {
    let text = text.trim_start();
    let inside = text.strip_prefix('{')?.trim_start();
    inside.starts_with('"').then_some(Format::Json(text))
}

/// What the names of each format mean.
pub(super) struct Formats {
    cef: PairNames,
    leef: PairNames,
    audit: Audit,
}

impl Formats {
    pub(super) fn built_in() -> Result<Self, SetupError> {
        Ok(Self {
            cef: PairNames::read_file("cef.toml", include_str!("../../../data/cef.toml"))?,
            leef: PairNames::read_file("leef.toml", include_str!("../../../data/leef.toml"))?,
            audit: Audit::built_in()?,
        })
    }

    /// Reads what the text after `CEF:` says. The error is a sentence, and `found` is as
    /// it was.
    pub(super) fn cef(
        &self,
        text: &str,
        times: Reader<'_>,
        found: &mut Found,
    ) -> Result<(), String> {
        cef::read(text, &self.cef, times, found)
    }

    /// The same for the text after `LEEF:`.
    pub(super) fn leef(
        &self,
        text: &str,
        times: Reader<'_>,
        found: &mut Found,
    ) -> Result<(), String> {
        leef::read(text, &self.leef, times, found)
    }

    /// The same for a record of auditd.
    pub(super) fn audit(
        &self,
        text: &str,
        times: Reader<'_>,
        found: &mut Found,
    ) -> Result<(), String> {
        self.audit.read(text, times, found)
    }
}

/// The fields in the heads of CEF and LEEF, in this order.
const DEVICE: [&str; 3] = ["device_vendor", "device_product", "device_version"];

/// A number if it is one.
fn number_or_text(text: &str) -> Value {
    text.parse().map_or_else(|_| Value::str(text), Value::Int)
}

/// The time that the first of `names` holds; if none reads, the spelling of the first.
fn stamp_of<'p>(
    names: &[&str],
    pairs: impl Iterator<Item = (&'p str, &'p str)> + Clone,
    times: Reader<'_>,
    found: &mut Found,
) {
    let values = names.iter().filter_map(|name| {
        let (_, value) = pairs.clone().find(|(n, _)| n == name)?;
        (!value.trim().is_empty()).then_some(value)
    });
    let mut unreadable = None;
    for value in values {
        match times.text(value) {
            Some(time) => {
                found.stamp = Some(Ok(time));
                return;
            }
            None => unreadable = unreadable.or(Some(value)),
        }
    }
    if let Some(spelling) = unreadable {
        found.stamp = Some(Err(spelling.to_owned()));
    }
}

/// Puts `label`s (`cs1Label=Rule Name`) in the place of the names that they explain, and
/// the pairs into `found`.
fn put_pairs<'p>(
    pairs: impl Iterator<Item = (&'p str, &'p str)>,
    names: &PairNames,
    found: &mut Found,
) {
    let is_there = |label: &str| found.fields.iter().any(|(name, _)| name == label);
    let free = |label: &str| names.is_free(label) && !is_there(label);
    let pairs = lookup::Labelled::new(pairs, free);
    for (name, value) in pairs.iter() {
        match name {
            // The device says who it is; the header's host may be a relay.
            "dvchost" if !value.is_empty() => found.set("device_name", Value::str(value)),
            "dvc" if value.parse::<std::net::IpAddr>().is_ok() => {
                found.set("device_ip", Value::str(value));
            }
            _ => match pairs.label_of(name) {
                Some(label) => found.put(label, number_if_counted(name, value)),
                None if pairs.is_spent(name) => {}
                None => names.put(name, value, found),
            },
        }
    }
}

/// `cn1`, `cfp1` and `flexNumber1` hold numbers, the others text that may look like one.
fn number_if_counted(name: &str, value: &str) -> Value {
    let counted = ["cn", "cfp", "flexNumber", "deviceCustomNumber"]
        .iter()
        .any(|kind| name.starts_with(kind));
    match (counted, cresset_model::event::parse_number(value)) {
        (true, Some(number)) => value.parse().map_or(Value::Float(number), Value::Int),
        _ => Value::str(value),
    }
}
