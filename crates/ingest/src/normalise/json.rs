//! JSON events.

use super::header::Header;
use super::roles::Role;
use super::windows::Shape;
use super::{Normaliser, Origin, Pairs, TS_ERROR, Text, add_labels, finish, lossy, put_ts_error};
use crate::found::Found;
use crate::ndjson::{Marks, flatten_marked};
use crate::stamp::{Reader, Reading};
use cresset_model::{Event, FieldName, Timestamp, Value};

/// Where a `msg` goes that is no text, if another field is the message.
pub(super) const DISPLACED_MSG: &str = "_msg";

/// Where an event's own time came from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Timed {
    /// It has no field for it.
    No,
    /// The time field of that rank.
    By(usize),
    /// There are such fields, and none reads.
    Unreadable,
}

/// Where the fields with a role are.
pub(super) struct Places {
    /// By rank, for the bits set in `time_ranks`.
    times: [u32; 64],
    time_ranks: u64,
    pub(super) message: Option<(u8, usize)>,
    pub(super) device_name: Option<(u8, usize)>,
    program: Option<(u8, usize)>,
    event_id: Option<(u8, usize)>,
    channel: Option<(u8, usize)>,
    provider: Option<(u8, usize)>,
}

impl Places {
    const NONE: Self = Self {
        times: [0; 64],
        time_ranks: 0,
        message: None,
        device_name: None,
        program: None,
        event_id: None,
        channel: None,
        provider: None,
    };

    /// True for an event of Windows.
    pub(super) const fn is_windows(&self) -> bool {
        self.event_id.is_some() || self.channel.is_some()
    }
}

/// What is known of an event when the fields that every event has are put.
#[derive(Clone, Copy)]
struct Envelope<'a> {
    /// Its JSON text.
    text: &'a str,
    places: &'a Places,
    names: &'a Marks,
    origin: &'a Origin<'a>,
}

/// Keeps the better of two ranks.
fn prefer(place: &mut Option<(u8, usize)>, rank: u8, at: usize) {
    if place.is_none_or(|(best, _)| rank < best) {
        *place = Some((rank, at));
    }
}

impl Normaliser {
    /// The event of one JSON item. The error is a sentence for the sender.
    pub fn json(&self, item: &[u8], origin: &Origin<'_>) -> Result<Event, String> {
        let (event, _) = self.json_found(item, origin, &mut Found::default())?;
        Ok(event)
    }

    /// [`Self::json`], and whether a field was dropped because `log_ts` says the same.
    pub(super) fn json_found(
        &self,
        item: &[u8],
        origin: &Origin<'_>,
        found: &mut Found,
    ) -> Result<(Event, bool), String> {
        let text = lossy(item, origin.col_type);
        let (mut flat, mut names) = flatten_marked(&text, &self.limits)?;
        let (places, shape) = self.places(&mut flat.fields);
        if shape.is_some() {
            names = Marks::of(&flat.fields);
        }
        let mut event = Event {
            fields: flat.fields,
            ..Event::new(origin.received, origin.received)
        };
        found.told_all(&event.fields);
        found.note(|| described("JSON", shape));
        let timed = self.set_time(&mut event, &places, origin.received, found);
        if timed == Timed::Unreadable {
            names.add(TS_ERROR);
        }
        if places.is_windows() {
            self.add_windows(&mut event, &places, &mut names, found);
        } else if let Some((_, at)) = places.message {
            let text = Text {
                now: origin.received,
                depth: 1,
            };
            self.read_message(&event, at, &places, text, found);
        }
        if timed != Timed::No {
            found.stamp = None;
        }
        let envelope = Envelope {
            text: &text,
            places: &places,
            names: &names,
            origin,
        };
        self.put_envelope(&mut event, envelope, &mut flat.cut);
        flat.cut.append(&mut found.cut);
        let mut event = finish(event, found);
        self.drop_spent_times(&mut event, &places, timed);
        if !flat.cut.is_empty() {
            event
                .fields
                .push(("_truncated".into(), Value::List(flat.cut)));
        }
        let spent = matches!(timed, Timed::By(rank) if self.roles.times[rank].drop);
        Ok((event, spent))
    }

    /// Finds the fields with a role, in a Windows event after it was made flat.
    pub(super) fn places(&self, fields: &mut Vec<(FieldName, Value)>) -> (Places, Option<&Shape>) {
        let mut places = self.places_now(fields);
        let Some((_, at)) = places.event_id.filter(|(rank, _)| *rank > 0) else {
            return (places, None);
        };
        match self.shapes.of(&fields[at].0, fields) {
            None => {
                // Others have numbers of events as well.
                places.event_id = None;
                (places, None)
            }
            Some(shape) => {
                shape.flatten(fields);
                (self.places_now(fields), Some(shape))
            }
        }
    }

    /// Finds the fields with a role, and removes those that only the server sets.
    fn places_now(&self, fields: &mut Vec<(FieldName, Value)>) -> Places {
        let mut places = Places::NONE;
        let mut at = 0;
        while at < fields.len() {
            match self.roles.of(&fields[at].0) {
                None => {}
                Some(Role::Reserved) => {
                    fields.remove(at);
                    continue;
                }
                Some(Role::Time(rank)) => {
                    places.times[usize::from(rank)] = at as u32;
                    places.time_ranks |= 1 << rank;
                }
                Some(Role::Message(rank)) => {
                    if matches!(fields[at].1, Value::Str(_)) {
                        prefer(&mut places.message, rank, at);
                    }
                }
                Some(Role::DeviceName(rank)) => {
                    if matches!(fields[at].1, Value::Str(_)) {
                        prefer(&mut places.device_name, rank, at);
                    }
                }
                Some(Role::Program(rank)) => prefer(&mut places.program, rank, at),
                Some(Role::EventId(rank)) => prefer(&mut places.event_id, rank, at),
                Some(Role::Channel(rank)) => prefer(&mut places.channel, rank, at),
                Some(Role::Provider(rank)) => prefer(&mut places.provider, rank, at),
            }
            at += 1;
        }
        places
    }

    /// Takes `log_ts` from the first field that holds a time.
    pub(super) fn set_time(
        &self,
        event: &mut Event,
        places: &Places,
        now: Timestamp,
        found: &mut Found,
    ) -> Timed {
        let mut unreadable = None;
        for (rank, field) in self.roles.times.iter().enumerate() {
            if places.time_ranks & (1 << rank) == 0 {
                continue;
            }
            let zone = field.zone.as_ref().unwrap_or(&self.zone);
            let times = Reader { zone, now };
            let Some((_, value)) = event.fields.get(places.times[rank] as usize) else {
                continue;
            };
            match times.value(value, field.ambiguous) {
                Reading::Time(time) => {
                    event.log_ts = time;
                    found.note(|| format!("time from the field {}", field.name));
                    return Timed::By(rank);
                }
                Reading::Unreadable => {
                    unreadable.get_or_insert_with(|| (&field.name, value.text().into_owned()));
                }
                Reading::Other => {}
            }
        }
        if let Some((name, spelling)) = unreadable {
            put_ts_error(event, name, &spelling);
            return Timed::Unreadable;
        }
        Timed::No
    }

    /// What the text of the message says, if it is a log line.
    pub(super) fn read_message(
        &self,
        event: &Event,
        at: usize,
        places: &Places,
        text: Text,
        found: &mut Found,
    ) {
        let Some((_, Value::Str(message))) = event.fields.get(at) else {
            return;
        };
        let program = places
            .program
            .and_then(|(_, at)| match event.fields.get(at) {
                Some((_, Value::Str(name))) => Some(name.as_str()),
                _ => None,
            });
        // An event that has fields of its own does not need pairs dug out of its prose.
        let pairs = if event.fields.len() <= 4 {
            Pairs::Read
        } else {
            Pairs::Ignore
        };
        let hint = Header {
            program,
            ..Header::default()
        };
        // Docker keeps the line end.
        let message = message.trim_end_matches(['\n', '\r', '\0']);
        self.read_line(message, &hint, pairs, text, found);
    }

    /// `norm_id`, `event_id`, labels and a few copies for Windows events. Their
    /// own fields stay as they are: rules written for them use those names.
    pub(super) fn add_windows(
        &self,
        event: &mut Event,
        places: &Places,
        names: &mut Marks,
        found: &mut Found,
    ) {
        let field = |at: Option<(u8, usize)>| at.and_then(|(_, at)| event.fields.get(at));
        let channel = field(places.channel).map(|(_, v)| v.text());
        let source = self.roles.source(channel.as_deref().unwrap_or(""));
        let id = field(places.event_id).and_then(|(_, v)| match v {
            Value::Int(n) => Some(*n),
            Value::Str(s) => s.parse().ok(),
            _ => None,
        });
        let known = id.and_then(|id| source.event(id));
        let copies: Vec<_> = known
            .into_iter()
            .flat_map(|k| &k.copy)
            .filter_map(|(from, to)| match event.get(from)? {
                Value::Str(s) if s == "-" || s.is_empty() => None,
                value => Some((to.clone(), value.clone())),
            })
            .collect();
        let provider = field(places.provider.filter(|(rank, _)| *rank > 0));
        let provider = provider.map(|(_, name)| (self.roles.provider.clone(), name.clone()));
        let (number, id) = (id, id.map(|id| ("event_id".into(), Value::Int(id))));
        let norm_id = Some(("norm_id".into(), source.norm_id.clone()));
        for (name, value) in norm_id.into_iter().chain(id).chain(provider).chain(copies) {
            if !names.add(&name) || event.get(&name).is_none() {
                found.told(&name);
                event.fields.push((name, value));
            }
        }
        if let Some(known) = known {
            let labels = known.labels.clone();
            if names.add("label") {
                add_labels(event, labels);
            } else if !labels.is_empty() {
                event.fields.push(("label".into(), Value::List(labels)));
            }
        }
        found.note(|| match number {
            Some(number) => format!("Windows event {number} of {}", source.norm_id.text()),
            None => format!("Windows event of {}", source.norm_id.text()),
        });
    }

    fn put_envelope(&self, event: &mut Event, envelope: Envelope<'_>, cut: &mut Vec<FieldName>) {
        let Envelope {
            text,
            places,
            names,
            origin,
        } = envelope;
        let fields = &mut event.fields;
        let has_ip = names.find(fields, "device_ip").is_some();
        if let Some((_, at)) = places.device_name
            && fields
                .get(at)
                .is_some_and(|(name, _)| name != "device_name")
            && names.find(fields, "device_name").is_none()
        {
            let value = fields[at].1.clone();
            fields.push(("device_name".into(), value));
        }
        let message = places.message.map(|(_, at)| at);
        let is_msg = |at: usize| fields.get(at).is_some_and(|(name, _)| name == "msg");
        let displaced = names.find(fields, "msg");
        let has_room = names.find(fields, DISPLACED_MSG).is_none();
        match message {
            Some(at) if is_msg(at) => {}
            Some(at) if displaced.is_none() || has_room => {
                if let Some(at) = displaced {
                    fields[at].0 = DISPLACED_MSG.into();
                }
                event.keep_as_msg(at);
            }
            _ => {
                let kept = &text[..text.floor_char_boundary(self.limits.value_bytes)];
                if kept.len() < text.len() {
                    cut.push("msg".into());
                }
                // `msg` is always text: what else stood there is in it, or under another name.
                match displaced {
                    Some(at) => fields[at].1 = Value::str(kept),
                    None => fields.push(("msg".into(), Value::str(kept))),
                }
            }
        }
        self.put_origin(&mut event.fields, origin, has_ip);
    }

    /// Drops the field that `log_ts` was taken from where it says nothing else,
    /// and `log_ts` itself, which is no stored field.
    pub(super) fn drop_spent_times(&self, event: &mut Event, places: &Places, timed: Timed) {
        for (rank, field) in self.roles.times.iter().enumerate() {
            if places.time_ranks & (1 << rank) == 0
                || !(field.name == "log_ts" || field.drop && timed == Timed::By(rank))
            {
                continue;
            }
            let is_it = |(name, _): &(FieldName, Value)| *name == field.name;
            let place = Some(places.times[rank] as usize);
            // It stands where it was found, unless one before it was dropped.
            let place = place.filter(|at| event.fields.get(*at).is_some_and(is_it));
            if let Some(at) = place.or_else(|| event.fields.iter().position(is_it)) {
                event.fields.remove(at);
            }
        }
    }
}

/// What was read, for people who ask.
pub(super) fn described(format: &str, shape: Option<&Shape>) -> String {
    match shape {
        Some(shape) => format!("{format}, made flat as {} nests it", shape.name),
        None => format.to_owned(),
    }
}
