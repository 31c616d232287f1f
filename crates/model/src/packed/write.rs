//! Numbers, texts and values as they are packed.

use super::read::{FALSE, FRACTION, LIST, TEXT, TRUE, WHOLE};
use crate::{Timestamp, Value};

pub(super) fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Str(text) => {
            out.push(TEXT);
            put_text(out, text);
        }
        Value::Int(n) => {
            out.push(WHOLE);
            put_signed(out, *n);
        }
        Value::Float(n) => {
            out.push(FRACTION);
            out.extend_from_slice(&n.to_bits().to_le_bytes());
        }
        Value::Bool(b) => out.push(if *b { TRUE } else { FALSE }),
        Value::List(items) => {
            out.push(LIST);
            put_number(out, items.len() as u64);
            for item in items {
                put_text(out, item);
            }
        }
    }
}

pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

pub(super) fn put_time(out: &mut Vec<u8>, time: Timestamp, before: Timestamp) {
    put_signed(out, time.0.wrapping_sub(before.0));
}

fn put_signed(out: &mut Vec<u8>, n: i64) {
    put_number(out, ((n << 1) ^ (n >> 63)).cast_unsigned());
}

pub(super) fn put_number(out: &mut Vec<u8>, mut n: u64) {
    while n > 0x7f {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}
