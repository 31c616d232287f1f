//! From text to an event: time, origin, and what the signatures know.
//!
//! Fields that every event has: `msg`, `repo_name`, `col_type`, `collected_at`
//! and, where the sender's address is known, `device_ip`. `msg` of a line is the
//! line as it came. `msg` of a JSON event is its own message (the first of the
//! fields named in `data/fields.toml` that holds text); that field itself stays as
//! well, because rules name it, but its text is kept once (`model::event::SAME_AS_MSG`).
//! An event without a message gets its JSON text as `msg`, so that bare words find it. A
//! `msg` that holds no text, beside another message, is kept as `_msg`.
//!
//! The body of a line, and the message of a JSON event, may be in a format of its own
//! (`formats`); what such a format says wins over the header around it. Text that looks
//! like one and is none is read as any other text, and `_parse_error` says why.

mod embedded;
mod entry;
mod explain;
mod formats;
mod header;
mod json;
mod roles;
mod structured;
#[cfg(test)]
mod tests;
mod windows;

pub use explain::{Explanation, Input};

use crate::found::Found;
use crate::ndjson::Limits;
use crate::signature::{Author, Signatures};
use crate::stamp::{Reader, Zone};
use crate::{IngestSettings, SetupError};
use compact_str::{CompactString, format_compact};
use cresset_model::{Event, FieldName, Timestamp, Value};
use formats::Formats;
use header::Header;
use roles::Roles;
use std::borrow::Cow;
use std::cell::RefCell;
use std::net::IpAddr;
use windows::Shapes;

/// Fields that a line has besides those found in it, at most.
const OWN_FIELDS: usize = 8;

/// Says why an event's own time was not taken.
const TS_ERROR: &str = "_ts_error";

/// Where a text came from, and when.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The repo it goes to.
    pub repo: &'a str,
    /// The sender's address.
    pub peer: Option<IpAddr>,
    /// How it came: `http` or `syslog`.
    pub col_type: &'static str,
    /// When it came.
    pub received: Timestamp,
}

/// Turns lines and JSON items into events.
pub struct Normaliser {
    signatures: Signatures,
    roles: Roles,
    shapes: Shapes,
    formats: Formats,
    zone: Zone,
    limits: Limits,
    server_name: Value,
}

impl Normaliser {
    /// Compiles the signatures; takes some milliseconds.
    pub fn new(settings: &IngestSettings) -> Result<Self, SetupError> {
        let zone = Zone::named(&settings.default_timezone)
            .ok_or_else(|| SetupError::TimeZone(settings.default_timezone.clone()))?;
        Ok(Self {
            signatures: Signatures::with(&settings.signatures)?,
            roles: Roles::built_in()?,
            shapes: Shapes::built_in()?,
            formats: Formats::built_in()?,
            zone,
            limits: Limits::from(settings),
            server_name: Value::str(&settings.server_name),
        })
    }

    /// The event of one line of text, with or without a syslog header. Invalid
    /// UTF-8 is replaced; line ends and NUL at the end are dropped.
    pub fn line(&self, line: &[u8], origin: &Origin<'_>) -> Event {
        self.line_found(line, &Header::default(), origin, &mut Found::default())
    }

    /// [`Self::line`], where `hint` is used if the line has no header of its own.
    fn line_found(
        &self,
        line: &[u8],
        hint: &Header<'_>,
        origin: &Origin<'_>,
        found: &mut Found,
    ) -> Event {
        let text = lossy(line, origin.col_type);
        let text = text.trim_end_matches(['\n', '\r', '\0']);
        let whole = Text {
            now: origin.received,
            depth: 0,
        };
        self.read_line(text, hint, Pairs::Read, whole, found);
        let mut event = Event::new(origin.received, origin.received);
        event.fields.reserve_exact(found.fields.len() + OWN_FIELDS);
        event.fields.push(("msg".into(), Value::str(text)));
        // What the line says about its device is better known than who relayed it.
        let device = found.take("device_ip");
        let has_ip = device.is_some();
        event.fields.extend(device);
        self.put_origin(&mut event.fields, origin, has_ip);
        let mut event = finish(event, found);
        if !found.cut.is_empty() {
            let cut = std::mem::take(&mut found.cut);
            event.fields.push(("_truncated".into(), Value::List(cut)));
        }
        event
    }

    /// Reads what `text` says about itself. What `hint` knows is used where the
    /// text has no header of its own.
    fn read_line(
        &self,
        text: &str,
        hint: &Header<'_>,
        pairs: Pairs,
        whole: Text,
        found: &mut Found,
    ) {
        let times = Reader {
            zone: &self.zone,
            now: whole.now,
        };
        let own = Header::parse(text);
        let header = if own.is_empty() {
            Header {
                body: text,
                ..*hint
            }
        } else {
            own
        };
        header.put_fields(found);
        if !own.is_empty() {
            found.note(|| "syslog header".to_owned());
        }
        let formatted = self.read_format(header.body, whole, found);
        if !formatted {
            self.read_body(&header, pairs, times, found);
        }
        // A time in a format of its own is that of the event, not of its relay.
        if let Some(stamp) = header.stamp
            && !(formatted && matches!(found.stamp, Some(Ok(_))))
        {
            let spelling = || header.stamp_text.to_owned();
            found.stamp = Some(times.resolve(stamp).ok_or_else(spelling));
            found.note(|| "time from the header".to_owned());
        }
    }

    /// What the signatures know about a text, or else the pairs in it.
    fn read_body(&self, header: &Header<'_>, pairs: Pairs, times: Reader<'_>, found: &mut Found) {
        let author = Author {
            program: header.program,
            module: header.module,
        };
        let known = self.signatures.apply(author, header.body, times, found);
        if !known && matches!(pairs, Pairs::Read) {
            self.signatures.pairs().read(header.body, found);
            found.note(|| "no signature; key=value pairs".to_owned());
        }
    }

    fn put_origin(&self, fields: &mut Vec<(FieldName, Value)>, origin: &Origin<'_>, has_ip: bool) {
        if let Some(peer) = origin.peer
            && !has_ip
        {
            fields.push(("device_ip".into(), Value::Str(address(peer))));
        }
        fields.push(("repo_name".into(), Value::str(origin.repo)));
        fields.push(("col_type".into(), Value::str(origin.col_type)));
        fields.push(("collected_at".into(), self.server_name.clone()));
    }
}

/// What is known about a text before it is read.
#[derive(Debug, Clone, Copy)]
struct Text {
    /// When it came.
    now: Timestamp,
    /// How many texts it stands in.
    depth: u8,
}

/// Whether `key=value` pairs are looked for in text that no signature knows.
#[derive(Clone, Copy)]
enum Pairs {
    Read,
    Ignore,
}

/// Adds what was found, without touching what the event has.
fn finish(mut event: Event, found: &mut Found) -> Event {
    let own = event.fields.len();
    let is_asked = !found.fields.is_empty();
    let message = is_asked.then(|| event.same_as_msg().cloned()).flatten();
    for (name, value) in found.fields.drain(..) {
        let known = event.fields[..own].iter().any(|(n, _)| *n == name);
        if !known && message.as_ref() != Some(&name) {
            event.fields.push((name, value));
        }
    }
    match found.stamp.take() {
        Some(Ok(stamp)) => event.log_ts = stamp,
        Some(Err(spelling)) => put_ts_error(&mut event, "the line's stamp", &spelling),
        None => {}
    }
    add_labels(&mut event, std::mem::take(&mut found.labels));
    event
}

fn put_ts_error(event: &mut Event, source: &str, spelling: &str) {
    let shown: String = spelling.chars().take(100).collect();
    let detail = format!("{source} is not a time of the years 1 to 9999: {shown}");
    // A text and the one around it may both have one.
    if event.get(TS_ERROR).is_none() {
        event
            .fields
            .push((TS_ERROR.into(), Value::Str(detail.into())));
    }
    metrics::counter!("cresset_ingest_unreadable_times_total").increment(1);
}

fn add_labels(event: &mut Event, labels: Vec<CompactString>) {
    if labels.is_empty() {
        return;
    }
    if event.get("label").is_some() {
        for label in &labels {
            event.add_label(label);
        }
    } else {
        event.fields.push(("label".into(), Value::List(labels)));
    }
}

/// The address as people write it: an IPv4 address even if it came over IPv6.
fn address(ip: IpAddr) -> CompactString {
    thread_local! {
        /// The last one, which many events have in a row.
        static LAST: RefCell<Option<(IpAddr, CompactString)>> = const { RefCell::new(None) };
    }
    LAST.with_borrow_mut(|last| match last {
        Some((known, text)) if *known == ip => text.clone(),
        _ => {
            let text = format_compact!("{}", ip.to_canonical());
            *last = Some((ip, text.clone()));
            text
        }
    })
}

/// The text of `bytes`, counting events whose bytes were not UTF-8.
fn lossy<'a>(bytes: &'a [u8], source: &'static str) -> Cow<'a, str> {
    // Asked first, because it is quick where the other looks at each character.
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    metrics::counter!("cresset_ingest_invalid_utf8_total", "source" => source).increment(1);
    String::from_utf8_lossy(bytes)
}
