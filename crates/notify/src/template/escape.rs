//! Writes values into the result, escaped for where they land.

use super::MAX_OUTPUT;
use super::meter::Meter;
use cresset_model::html;
use minijinja::value::{Object, ValueKind};
use minijinja::{AutoEscape, Error, ErrorKind, Output, State, Value};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Name of the escaping for JSON documents.
pub(super) const JSON: &str = "json";
/// Name of the escaping for query strings.
pub(super) const QUERY: &str = "query";

/// Literal text of a template, which is never escaped.
#[derive(Debug)]
pub(super) struct Raw(Box<str>);

impl Raw {
    pub(super) fn value(text: &str) -> Value {
        Value::from_object(Self(text.into()))
    }
}

impl Object for Raw {
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What has been written so far, as far as escaping and limits need to know.
#[derive(Debug)]
pub(super) struct OutputState {
    meter: Arc<Meter>,
    written: AtomicUsize,
    /// Inside a string of the JSON document.
    in_string: AtomicBool,
    /// After a backslash in such a string.
    escaped: AtomicBool,
}

impl OutputState {
    pub(super) const fn new(meter: Arc<Meter>) -> Self {
        Self {
            meter,
            written: AtomicUsize::new(0),
            in_string: AtomicBool::new(false),
            escaped: AtomicBool::new(false),
        }
    }

    /// Writes one value; the engine's formatter.
    pub(super) fn write(
        &self,
        out: &mut Output<'_>,
        vm: &mut State<'_, '_>,
        value: &Value,
    ) -> Result<(), Error> {
        let json = *vm.auto_escape() == AutoEscape::Custom(JSON.into());
        if let Some(raw) = value.downcast_object_ref::<Raw>() {
            return self.put(out, &raw.0, json);
        }
        self.meter.weigh(value)?;
        match vm.auto_escape() {
            AutoEscape::Custom(name) if name == JSON => {
                let text = self.json(value);
                self.put(out, &text, true)
            }
            _ if value.is_safe() => self.put(out, &value.to_string(), false),
            AutoEscape::Html => self.put(out, &html::escape(&value.to_string()), false),
            AutoEscape::Custom(name) if name == QUERY => {
                self.put(out, &percent_encode(&value.to_string()), false)
            }
            AutoEscape::None => self.put(out, &value.to_string(), false),
            _ => Err(Error::new(
                ErrorKind::InvalidOperation,
                "use {% autoescape %} with true, false, \"html\" or \"none\"",
            )),
        }
    }

    fn put(&self, out: &mut Output<'_>, text: &str, json: bool) -> Result<(), Error> {
        self.meter.charge(text.len() as u64)?;
        if self.written.fetch_add(text.len(), Ordering::Relaxed) + text.len() > MAX_OUTPUT {
            return Err(Error::new(
                ErrorKind::WriteFailure,
                format!("the template writes more than {MAX_OUTPUT} bytes"),
            ));
        }
        if json {
            self.follow(text);
        }
        out.write_str(text).map_err(Error::from)
    }

    /// Keeps track of whether the document's next character is inside a string.
    fn follow(&self, text: &str) {
        let mut in_string = self.in_string.load(Ordering::Relaxed);
        let mut escaped = self.escaped.load(Ordering::Relaxed);
        for byte in text.bytes() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' if in_string => escaped = true,
                b'"' => in_string = !in_string,
                _ => {}
            }
        }
        self.in_string.store(in_string, Ordering::Relaxed);
        self.escaped.store(escaped, Ordering::Relaxed);
    }

    fn json(&self, value: &Value) -> String {
        if self.in_string.load(Ordering::Relaxed) {
            let text = match value.kind() {
                ValueKind::Seq | ValueKind::Map | ValueKind::Iterable => document(value),
                _ => value.to_string(),
            };
            return string_content(&text);
        }
        match value.as_str() {
            _ if value.is_safe() => value.to_string(),
            Some(text) if is_separator(text) || is_scalar(text) => text.to_owned(),
            _ if value.is_undefined() => String::new(),
            _ => document(value),
        }
    }
}

/// Templates write separators between items as values: `{{ "," if not loop.last }}`.
fn is_separator(text: &str) -> bool {
    text.bytes().all(|b| b == b',' || b.is_ascii_whitespace())
}

/// Numbers and the three words arrive as text from logs.
fn is_scalar(text: &str) -> bool {
    matches!(text, "true" | "false" | "null")
        || (text.len() < 40 && serde_json::from_str::<serde_json::Number>(text).is_ok())
}

fn document(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

/// `text` as it stands between the quotes of a JSON string.
pub(super) fn string_content(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Percent-encodes everything but letters, digits and `-._~`.
pub(crate) fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            for nibble in [byte >> 4, byte & 15] {
                encoded.push(char::from(b"0123456789ABCDEF"[usize::from(nibble)]));
            }
        }
    }
    encoded
}
