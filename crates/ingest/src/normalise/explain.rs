//! The same as for every event, and how it came about.

use super::header::Header;
use super::{Normaliser, Origin};
use crate::found::{Found, Step};
use cresset_model::Event;

/// What an input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// One JSON object.
    Json,
    /// A line of text.
    Line,
}

/// What becomes of an input, and why.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// The event as it would be stored, or why the input would be refused.
    pub event: Result<Event, String>,
    /// What was recognised, in order.
    pub steps: Vec<Step>,
}

impl Normaliser {
    /// Does what [`Normaliser::json`] or [`Normaliser::line`] does, and remembers how.
    pub fn explain(&self, text: &[u8], input: Input, origin: &Origin<'_>) -> Explanation {
        let mut found = Found::with_story();
        let event = match input {
            Input::Json => self
                .json_found(text, origin, &mut found)
                .map(|(event, _)| event),
            Input::Line => Ok(self.line_found(text, &Header::default(), origin, &mut found)),
        };
        if let Ok(event) = &event
            && event.log_ts == origin.received
        {
            found.note(|| "time of arrival".to_owned());
        }
        Explanation {
            event,
            steps: found.take_story(),
        }
    }
}
