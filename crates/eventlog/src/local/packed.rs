//! Events in postcard's format.
//!
//! What is written is what `postcard` writes, and `postcard` reads it. It takes three times as long
//! to write, byte by byte, and every event that comes in is written.
//!
//! - A number is written in groups of seven bits, the lowest first; each byte but the last has
//!   its highest bit set. Numbers with sign are doubled before, and inverted if negative.
//! - Before a text or a sequence stands its length.
//! - Before a [`Value`] stands the number of its variant. Fractions are eight bytes, the lowest first.

use cresset_model::event::Value;
use cresset_model::{Event, Timestamp};

/// Adds the events.
pub(crate) fn put_events(out: &mut Vec<u8>, events: &[Event]) {
    put_number(out, events.len() as u64);
    for event in events {
        let Event {
            log_ts,
            col_ts,
            fields,
        } = event;
        put_time(out, *log_ts);
        put_time(out, *col_ts);
        put_number(out, fields.len() as u64);
        for (name, value) in fields {
            put_text(out, name);
            put_value(out, value);
        }
    }
}

fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Str(text) => {
            out.push(0);
            put_text(out, text);
        }
        Value::Int(n) => {
            out.push(1);
            put_signed(out, *n);
        }
        Value::Float(n) => {
            out.push(2);
            out.extend_from_slice(&n.to_bits().to_le_bytes());
        }
        Value::Bool(b) => out.extend_from_slice(&[3, u8::from(*b)]),
        Value::List(items) => {
            out.push(4);
            put_number(out, items.len() as u64);
            for item in items {
                put_text(out, item);
            }
        }
    }
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn put_time(out: &mut Vec<u8>, Timestamp(micros): Timestamp) {
    put_signed(out, micros);
}

fn put_signed(out: &mut Vec<u8>, n: i64) {
    put_number(out, ((n << 1) ^ (n >> 63)).cast_unsigned());
}

fn put_number(out: &mut Vec<u8>, mut n: u64) {
    while n > 0x7f {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<String>().prop_map(Value::from),
            "[a-z]{120,300}".prop_map(Value::from),
            any::<i64>().prop_map(Value::Int),
            (-200_i64..200).prop_map(Value::Int),
            any::<f64>().prop_map(Value::Float),
            any::<bool>().prop_map(Value::Bool),
            prop::collection::vec(any::<String>(), 0..3)
                .prop_map(|items| Value::List(items.into_iter().map(Into::into).collect())),
        ]
    }

    fn event() -> impl Strategy<Value = Event> {
        let fields = prop::collection::vec((any::<String>(), value()), 0..5);
        (any::<i64>(), any::<i64>(), fields).prop_map(|(log_ts, col_ts, fields)| Event {
            fields: fields.into_iter().map(|(n, v)| (n.into(), v)).collect(),
            ..Event::new(Timestamp(log_ts), Timestamp(col_ts))
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_postcard_writes(events in prop::collection::vec(event(), 0..4)) {
            let mut packed = Vec::new();
            put_events(&mut packed, &events);
            prop_assert_eq!(packed, postcard::to_allocvec(&events).unwrap());
        }
    }
}
