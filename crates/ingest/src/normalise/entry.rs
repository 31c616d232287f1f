//! Entries of shippers: a text, and what a protocol says about it.
//!
//! The text makes the event, as it would without a protocol, and its fields stay as they are.
//! What the protocol says comes after them: a name that the event has with another value gets
//! an underscore before it (`_host`). `@timestamp` of the event itself beats the time of the
//! protocol, which beats every other time.

use super::header::Header;
use super::roles::Role;
use super::{Normaliser, Origin, put_ts_error};
use crate::found::Found;
use crate::ndjson::Limits;
use crate::shippers::{Entry, Text, Time};
use crate::stamp::{Reader, in_range};
use cresset_model::{Event, FieldName, Value};
use std::collections::HashSet;

/// Up to so many comparisons, a look at all names beats a set of them.
const FEW_COMPARISONS: usize = 2_048;

impl Normaliser {
    /// The largest sizes of an event.
    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    /// The event of an entry, of whose text at most `max_line` bytes are kept where it is no
    /// JSON. The error is a sentence for the sender.
    pub(crate) fn entry(
        &self,
        entry: Entry<'_>,
        max_line: usize,
        origin: &Origin<'_>,
    ) -> Result<Event, String> {
        let (mut event, own_time) = match &entry.text {
            Text::Object(text) => self.json_found(text, origin, &mut Found::default())?,
            Text::Line(text) => match self.object(text, origin) {
                Some(read) => read,
                None => (self.cut_line(text, max_line, &entry, origin), false),
            },
        };
        if !own_time {
            self.set_protocol_time(&mut event, entry.time, origin);
        }
        self.put_protocol_fields(&mut event, entry.fields)?;
        Ok(event)
    }

    /// A line that is a JSON object.
    fn object(&self, text: &[u8], origin: &Origin<'_>) -> Option<(Event, bool)> {
        let text = text.trim_ascii();
        let looks = text.starts_with(b"{") && text.ends_with(b"}");
        looks.then(|| self.json_found(text, origin, &mut Found::default()).ok())?
    }

    fn cut_line(&self, text: &[u8], max: usize, entry: &Entry<'_>, origin: &Origin<'_>) -> Event {
        let hint = Header {
            program: entry.program.as_deref(),
            ..Header::default()
        };
        let kept = &text[..text.len().min(max)];
        let mut event = self.line_found(kept, &hint, origin, &mut Found::default());
        if kept.len() < text.len() {
            event.set("_truncated", Value::List(vec!["msg".into()]));
        }
        event
    }

    fn set_protocol_time(&self, event: &mut Event, time: Option<Time<'_>>, origin: &Origin<'_>) {
        let (found, spelling) = match time {
            None => return,
            Some(Time::Seen(at)) => {
                // Where the text says nothing, the event has the time of its arrival.
                if event.log_ts == origin.received
                    && let Some(at) = in_range(at.0)
                {
                    event.log_ts = at;
                }
                return;
            }
            Some(Time::At(at)) => (in_range(at.0), at.0.to_string()),
            Some(Time::Written(text)) => {
                let times = Reader {
                    zone: &self.zone,
                    now: origin.received,
                };
                (times.text(&text), text.into_owned())
            }
        };
        match found {
            Some(at) => event.log_ts = at,
            None if event.get("_ts_error").is_none() => {
                put_ts_error(event, "the time of the protocol", &spelling);
            }
            None => {}
        }
    }

    fn put_protocol_fields(
        &self,
        event: &mut Event,
        fields: Vec<(FieldName, Value)>,
    ) -> Result<(), String> {
        let many = event.fields.len() * fields.len() > FEW_COMPARISONS;
        let mut names: Option<HashSet<FieldName>> =
            many.then(|| event.shown().map(|(name, _)| name.clone()).collect());
        let mut cut = Vec::new();
        for (mut name, value) in fields {
            let role = self.roles.of(&name);
            if matches!(role, Some(Role::Reserved)) || name == "log_ts" {
                continue;
            }
            if matches!(role, Some(Role::DeviceName(_)))
                && name != "device_name"
                && matches!(value, Value::Str(_))
                && event.get("device_name").is_none()
            {
                event.fields.push(("device_name".into(), value.clone()));
                if let Some(names) = &mut names {
                    names.insert("device_name".into());
                }
            }
            if !many && event.get(&name) == Some(&value) {
                continue;
            }
            if name.is_empty() {
                name = "_".into();
            }
            // What the server itself may still add keeps its name.
            while matches!(self.roles.of(&name), Some(Role::Reserved))
                || match &names {
                    Some(names) => names.contains(&name),
                    None => event.get(&name).is_some(),
                }
            {
                name.insert(0, '_');
            }
            if name.len() > self.limits.name_bytes {
                let limit = self.limits.name_bytes;
                return Err(format!("a field name is longer than {limit} bytes"));
            }
            if event.fields.len() >= self.limits.fields {
                return Err(format!("more than {} fields", self.limits.fields));
            }
            let value = self.cut_value(&name, value, &mut cut);
            if let Some(names) = &mut names {
                names.insert(name.clone());
            }
            event.fields.push((name, value));
        }
        if !cut.is_empty() {
            match event
                .fields
                .iter_mut()
                .find(|(name, _)| name == "_truncated")
            {
                Some((_, Value::List(names))) => names.append(&mut cut),
                _ => event.fields.push(("_truncated".into(), Value::List(cut))),
            }
        }
        Ok(())
    }

    fn cut_value(&self, name: &FieldName, value: Value, cut: &mut Vec<FieldName>) -> Value {
        match value {
            Value::Str(text) if text.len() > self.limits.value_bytes => {
                cut.push(name.clone());
                Value::str(&text[..text.floor_char_boundary(self.limits.value_bytes)])
            }
            other => other,
        }
    }
}
