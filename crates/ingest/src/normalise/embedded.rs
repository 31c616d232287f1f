//! Bodies of lines in a format of their own.

use super::formats::Format;
use super::json::{DISPLACED_MSG, Timed, described};
use super::windows::xml;
use super::{Normaliser, Text};
use crate::found::Found;
use crate::ndjson::{Flat, Limits, Marks, flatten};
use crate::stamp::Reader;
use cresset_model::{Event, Value};

/// Texts inside one another that are read: a line, its JSON, and the message of that.
const MAX_DEPTH: u8 = 2;
/// Most fields of such a text. They are added to others one by one.
const MAX_FIELDS: usize = 1_000;
/// Says why a text that looked like a format is read as text.
const PARSE_ERROR: &str = "_parse_error";

impl Normaliser {
    /// Reads `body` if it is in a format of its own; false if it is not.
    pub(super) fn read_format(&self, body: &str, whole: Text, found: &mut Found) -> bool {
        if whole.depth >= MAX_DEPTH {
            return false;
        }
        let Some(format) = Format::of(body) else {
            return false;
        };
        let times = Reader {
            zone: &self.zone,
            now: whole.now,
        };
        let limits = Limits {
            fields: self.limits.fields.min(MAX_FIELDS),
            ..self.limits
        };
        let read = match format {
            Format::Json(text) => {
                flatten(text, &limits).map(|flat| self.read_fields("JSON", flat, whole, found))
            }
            Format::Xml(text) => xml::read(text, &limits)
                .map(|flat| self.read_fields(format.name(), flat, whole, found)),
            Format::Cef(text) => self.formats.cef(text, times, found),
            Format::Leef(text) => self.formats.leef(text, times, found),
            Format::Audit(text) => self.formats.audit(text, times, found),
        };
        match (read, format) {
            (Ok(()), Format::Json(_) | Format::Xml(_)) => true,
            (Ok(()), _) => {
                found.note(|| format.name().to_owned());
                true
            }
            (Err(reason), _) => {
                let told = format!("no {}: {reason}", format.name());
                found.refuse(|| told.clone());
                found.put(PARSE_ERROR, Value::from(told));
                metrics::counter!("cresset_ingest_unparsed_total", "format" => format.name())
                    .increment(1);
                false
            }
        }
    }

    /// Adds the fields of an event that stands in a line.
    fn read_fields(&self, format: &str, flat: Flat, whole: Text, found: &mut Found) {
        let mut fields = flat.fields;
        let (places, shape) = self.places(&mut fields);
        // `msg` is the line. What has no other name is only there.
        let is_free = |name: &&str| !fields.iter().any(|(n, _)| n == name);
        let other = ["message", DISPLACED_MSG].into_iter().find(is_free);
        if let Some(other) = other
            && let Some((name, _)) = fields.iter_mut().find(|(name, _)| name == "msg")
        {
            *name = other.into();
        }
        // A forwarder of Windows events names the machine, the header the forwarder. In
        // other events `host` may be anything, such as that of a request.
        match places.device_name.and_then(|(_, at)| fields.get(at)) {
            Some((_, device)) if places.is_windows() => found.set("device_name", device.clone()),
            Some((_, device)) => found.put("device_name", device.clone()),
            None => {}
        }
        found.told_all(&fields);
        found.note(|| described(format, shape));
        let mut inner = Event {
            fields,
            ..Event::new(whole.now, whole.now)
        };
        let timed = self.set_time(&mut inner, &places, whole.now, found);
        if places.is_windows() {
            let mut names = Marks::of(&inner.fields);
            self.add_windows(&mut inner, &places, &mut names, found);
        } else if let Some((_, at)) = places.message {
            let text = Text {
                depth: whole.depth + 1,
                ..whole
            };
            self.read_message(&inner, at, &places, text, found);
        }
        self.drop_spent_times(&mut inner, &places, timed);
        if let Some(at) = inner.fields.iter().position(|(name, _)| name == "label")
            && let Value::List(labels) = &inner.fields[at].1
        {
            for label in labels {
                found.label(label);
            }
            inner.fields.remove(at);
        }
        match timed {
            Timed::By(_) => found.stamp = Some(Ok(inner.log_ts)),
            Timed::Unreadable | Timed::No => {}
        }
        found.cut.extend(flat.cut);
        found.set_all(inner.fields);
    }
}
