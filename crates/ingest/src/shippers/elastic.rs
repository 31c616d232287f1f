//! Bodies of Elasticsearch's `_bulk`: a line with an action, and mostly one with a document.
//!
//! ```text
//! {"create":{"_index":"filebeat-8.15.0"}}
//! {"@timestamp":"2025-01-30T10:15:00.123Z","message":"…"}
//! ```
//!
//! Lines end in LF or CRLF, the last one may end with the body, and Filebeat puts a blank line
//! after each document. Of an action `_index` and `_id` are read; the rest (`_type`, `pipeline`,
//! `routing`, …) and `null` are passed over, because shippers send them unasked. `update` stores
//! its `doc`, as Fluent Bit and Logstash write it. `delete` has no document and stores nothing.

use super::{Entry, Fault, Text};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::ops::ControlFlow;

/// Most actions of one body, so that the answer, which names each, stays small. Shippers send
/// some thousands.
pub const MAX_ACTIONS: usize = 250_000;

/// What is to be done with a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Store it, even if there is one of that id.
    Index,
    /// Store it.
    Create,
    /// Change it.
    Update,
    /// Remove it.
    Delete,
}

impl Action {
    /// The word of the protocol.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

/// Whom the decoder tells of each action. A `delete` has an entry without a document, which is
/// not to be stored.
pub(super) type EachAction<'e> =
    &'e mut dyn FnMut(Action, Result<Entry<'_>, Fault>) -> ControlFlow<()>;

/// Hands every action to `each`. The error says that no line is an action.
pub(super) fn decode(text: &[u8], index: Option<&str>, each: EachAction<'_>) -> Result<(), String> {
    let mut lines = Lines { rest: text };
    let (mut actions, mut in_refused) = (0u64, false);
    while let Some(line) = lines.next_written() {
        let Some(asked) = ActionLine::read(line) else {
            // One complaint for a run of such lines: it may be one document on many lines.
            if actions == 0 {
                return Err(
                    "Malformed action/metadata line [1], expected an object with one of \
                    index, create, update and delete"
                        .to_owned(),
                );
            }
            let refusal = Err(Fault::unreadable("this line is no action"));
            if !in_refused && each(Action::Index, refusal).is_break() {
                return Ok(());
            }
            in_refused = true;
            continue;
        };
        (actions, in_refused) = (actions + 1, false);
        let (action, meta) = asked;
        let document = match action {
            Action::Delete => Ok(&b""[..]),
            _ => lines
                .next_written()
                .ok_or_else(|| Fault::unreadable("the document is missing")),
        };
        let document = document.and_then(|line| match action {
            Action::Update => Update::read(line),
            _ => Ok(line),
        });
        let entry = document.map(|document| meta.entry(document, index));
        if each(action, entry).is_break() {
            return Ok(());
        }
    }
    Ok(())
}

/// Whether a body may have more than [`MAX_ACTIONS`].
pub(super) fn has_too_many(text: &[u8]) -> bool {
    text.len() > MAX_ACTIONS && memchr::memchr_iter(b'\n', text).count() > 2 * MAX_ACTIONS
}

struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Lines<'a> {
    /// The next line that is not blank.
    fn next_written(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let end = memchr::memchr(b'\n', self.rest).unwrap_or(self.rest.len());
            let line = self.rest[..end].trim_ascii();
            self.rest = self.rest.get(end + 1..).unwrap_or_default();
            if !line.is_empty() {
                return Some(line);
            }
        }
        None
    }
}

#[derive(Deserialize)]
struct ActionLine<'a> {
    #[serde(borrow)]
    index: Option<Meta<'a>>,
    #[serde(borrow)]
    create: Option<Meta<'a>>,
    #[serde(borrow)]
    update: Option<Meta<'a>>,
    #[serde(borrow)]
    delete: Option<Meta<'a>>,
}

impl<'a> ActionLine<'a> {
    fn read(line: &'a [u8]) -> Option<(Action, Meta<'a>)> {
        let line: Self = serde_json::from_slice(line).ok()?;
        let mut asked = [
            (Action::Create, line.create),
            (Action::Index, line.index),
            (Action::Update, line.update),
            (Action::Delete, line.delete),
        ]
        .into_iter()
        .filter_map(|(action, meta)| Some((action, meta?)));
        // A document may have a field of such a name, but hardly an object under it, and not two.
        asked.next().filter(|_| asked.next().is_none())
    }
}

#[derive(Deserialize)]
struct Meta<'a> {
    #[serde(borrow, rename = "_index")]
    index: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "_id")]
    id: Option<Cow<'a, str>>,
}

impl<'a> Meta<'a> {
    fn entry(self, document: &'a [u8], path: Option<&'a str>) -> Entry<'a> {
        let index = self.index.or(path.map(Cow::Borrowed));
        let texts = [("index", &index), ("_id", &self.id)];
        let fields = texts.into_iter().filter_map(|(name, text)| {
            let text = text.as_deref()?;
            Some((name.into(), text.into()))
        });
        Entry {
            fields: fields.collect(),
            repo: index,
            ..Entry::of(Text::Object(Cow::Borrowed(document)))
        }
    }
}

/// The line after an `update`.
#[derive(Deserialize)]
struct Update<'a> {
    #[serde(borrow)]
    doc: Option<&'a RawValue>,
    script: Option<IgnoredAny>,
}

impl<'a> Update<'a> {
    fn read(line: &'a [u8]) -> Result<&'a [u8], Fault> {
        let read: Self = serde_json::from_slice(line)
            .map_err(|e| Fault::unreadable(format!("the update does not read: {e}")))?;
        match (read.doc, read.script) {
            (Some(doc), _) => Ok(doc.get().as_bytes()),
            (None, Some(_)) => Err(Fault::unreadable("events cannot be changed by a script")),
            (None, None) => Err(Fault::unreadable("the update has no doc")),
        }
    }
}
