//! Counts what a template computes.
//!
//! The engine's fuel counts steps, but one step can double a string or compare lists
//! that share millions of parts. So whatever reads or builds values is charged by the
//! size of what it touches, and memory and time stay in proportion to the sum.

use minijinja::value::ValueKind;
use minijinja::{Error, ErrorKind, Value};
use std::sync::atomic::{AtomicI64, Ordering};

/// What a rendering may touch, in bytes.
const BUDGET: i64 = 48 * 1024 * 1024;
/// What one part of a list or map counts besides its content.
const PART: u64 = 64;
/// How deep values may be nested.
const DEPTH: usize = 60;

/// What is left of a rendering's budget.
#[derive(Debug)]
pub(super) struct Meter(AtomicI64);

impl Default for Meter {
    fn default() -> Self {
        Self(AtomicI64::new(BUDGET))
    }
}

impl Meter {
    /// Takes `bytes` off the budget; an error once it is used up.
    pub(super) fn charge(&self, bytes: u64) -> Result<(), Error> {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        if self.0.fetch_sub(bytes.min(BUDGET), Ordering::Relaxed) < bytes {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                "the template computes too much; use fewer or smaller values",
            ));
        }
        Ok(())
    }

    /// Charges for reading all of `value`; parts that are shared count each time.
    pub(super) fn weigh(&self, value: &Value) -> Result<(), Error> {
        self.weigh_at(value, 0)
    }

    /// Charges for reading all of `values`.
    pub(super) fn weigh_all(&self, values: &[Value]) -> Result<(), Error> {
        values.iter().try_for_each(|value| self.weigh(value))
    }

    fn weigh_at(&self, value: &Value, depth: usize) -> Result<(), Error> {
        match value.kind() {
            ValueKind::String => self.charge(16 + value.as_str().map_or(0, str::len) as u64),
            ValueKind::Bytes => self.charge(16 + value.as_bytes().map_or(0, <[u8]>::len) as u64),
            ValueKind::Seq | ValueKind::Iterable => {
                self.parts(value, depth, |part| self.weigh_at(&part, depth + 1))
            }
            ValueKind::Map => self.parts(value, depth, |key| {
                self.weigh_at(&key, depth + 1)?;
                self.weigh_at(&value.get_item(&key)?, depth + 1)
            }),
            _ => self.charge(16),
        }
    }

    fn parts(
        &self,
        value: &Value,
        depth: usize,
        weigh: impl Fn(Value) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.charge(PART)?;
        if depth >= DEPTH {
            return Err(Error::new(
                ErrorKind::InvalidOperation,
                "a value is nested too deeply",
            ));
        }
        for part in value.try_iter()? {
            self.charge(PART)?;
            weigh(part)?;
        }
        Ok(())
    }
}
