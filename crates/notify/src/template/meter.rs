//! Counts what a template computes.
//!
//! The engine's fuel counts steps, but one step can double a string or compare lists
//! that share millions of parts. So whatever reads or builds values is charged by the
//! size of what it touches, and memory and time stay in proportion to the sum. A clock
//! ends what takes too long all the same, on a busy machine or for a reason overlooked.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// What a rendering may touch, in bytes.
const BUDGET: i64 = 48 * 1024 * 1024;
/// What one part of a list or map counts besides its content.
const PART: u64 = 64;
/// How deep values may be nested.
const DEPTH: usize = 60;

/// Charges between two looks at the clock.
const UNTIMED: u32 = 64;

/// What is left of a rendering's budget and of its time.
#[derive(Debug)]
pub(super) struct Meter {
    left: AtomicI64,
    charges: AtomicU32,
    until: Instant,
}

impl Meter {
    /// A full budget, to be used within `limit`.
    pub(super) fn new(limit: Duration) -> Self {
        Self {
            left: AtomicI64::new(BUDGET),
            charges: AtomicU32::new(0),
            until: Instant::now() + limit,
        }
    }

    /// Takes `bytes` off the budget; an error once it or the time is used up.
    pub(super) fn charge(&self, bytes: u64) -> Result<(), Error> {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        if self.left.fetch_sub(bytes.min(BUDGET), Ordering::Relaxed) < bytes {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                "the template computes too much; use fewer or smaller values",
            ));
        }
        let charges = self.charges.fetch_add(1, Ordering::Relaxed);
        if bytes as u64 > PART || charges.is_multiple_of(UNTIMED) {
            self.tick()?;
        }
        Ok(())
    }

    /// An error once the time is used up.
    pub(super) fn tick(&self) -> Result<(), Error> {
        if Instant::now() > self.until {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                "the template takes too long; use fewer or smaller values",
            ));
        }
        Ok(())
    }

    /// Charges for reading all of `value`; parts that are shared count each time.
    pub(super) fn weigh(&self, value: &Value) -> Result<(), Error> {
        self.weigh_at(value, 0, 0)
    }

    /// Charges for writing all of `value` with parts on lines of their own, `indent`
    /// spaces deeper than what holds them.
    pub(super) fn weigh_indented(&self, value: &Value, indent: u64) -> Result<(), Error> {
        self.weigh_at(value, 0, indent)
    }

    /// Charges for reading all of `values`.
    pub(super) fn weigh_all(&self, values: &[Value]) -> Result<(), Error> {
        values.iter().try_for_each(|value| self.weigh(value))
    }

    fn weigh_at(&self, value: &Value, depth: usize, indent: u64) -> Result<(), Error> {
        match value.kind() {
            ValueKind::String => self.charge(16 + value.as_str().map_or(0, str::len) as u64),
            ValueKind::Bytes => self.charge(16 + value.as_bytes().map_or(0, <[u8]>::len) as u64),
            ValueKind::Seq | ValueKind::Iterable => self.parts(value, depth, indent, |part| {
                self.weigh_at(&part, depth + 1, indent)
            }),
            ValueKind::Map => self.parts(value, depth, indent, |key| {
                self.weigh_at(&key, depth + 1, indent)?;
                self.weigh_at(&value.get_item(&key)?, depth + 1, indent)
            }),
            _ => self.charge(16),
        }
    }

    fn parts(
        &self,
        value: &Value,
        depth: usize,
        indent: u64,
        weigh: impl Fn(Value) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.charge(PART)?;
        if depth >= DEPTH {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                "a value is nested too deeply",
            ));
        }
        let line = PART + indent.saturating_mul(depth as u64 + 1);
        for part in value.try_iter()? {
            self.charge(line)?;
            weigh(part)?;
        }
        Ok(())
    }
}
