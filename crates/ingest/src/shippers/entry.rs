//! One log before it is normalised.

use cresset_model::{FieldName, Timestamp, Value};
use std::borrow::Cow;

/// One log of a shipper: its text, and what the protocol says about it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry<'a> {
    /// The repo that it asks for, which need not exist.
    pub(crate) repo: Option<Cow<'a, str>>,
    /// What was logged.
    pub(crate) text: Text<'a>,
    /// When, as the protocol says.
    pub(crate) time: Option<Time<'a>>,
    /// The program that wrote it, where the protocol knows: it selects the signatures.
    pub(crate) program: Option<Cow<'a, str>>,
    /// What the protocol says besides. Of equal names the first keeps its name.
    pub(crate) fields: Vec<(FieldName, Value)>,
}

impl<'a> Entry<'a> {
    /// An entry of which nothing but the text is known.
    pub(crate) fn of(text: Text<'a>) -> Self {
        Self {
            repo: None,
            text,
            time: None,
            program: None,
            fields: Vec::new(),
        }
    }
}

/// What was logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Text<'a> {
    /// A JSON object, or else it is refused.
    Object(Cow<'a, [u8]>),
    /// A line, which may be a JSON object.
    Line(Cow<'a, [u8]>),
}

/// A time of the protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Time<'a> {
    /// When it happened.
    At(Timestamp),
    /// When it happened, in one of the ways in which logs write it.
    Written(Cow<'a, str>),
    /// When a collector saw it: good where the text itself says nothing.
    Seen(Timestamp),
}
