//! A mail as the sink received it.

use crate::mime;
use std::time::Instant;

/// A mail.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The sender of the envelope.
    pub from: String,
    /// The recipients of the envelope.
    pub to: Vec<String>,
    /// Headers and body as sent, lines ending with CR LF, dots unstuffed.
    pub raw: String,
    /// User and password, if the client logged in.
    pub login: Option<(String, String)>,
    /// When its last byte arrived.
    pub at: Instant,
}

/// A leaf of a mail's MIME tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The content type without parameters, in lower case, such as `text/html`.
    pub content_type: String,
    /// The content, decoded to text with LF line ends.
    pub text: String,
}

impl Mail {
    /// The first value of a header, unfolded, encoded words as they are; any case.
    pub fn header(&self, name: &str) -> Option<String> {
        mime::header(mime::split(&self.raw).0, name)
    }

    /// The parts of the mail, decoded; one if it is not multipart.
    pub fn parts(&self) -> Vec<Part> {
        mime::parts(&self.raw)
    }

    /// The text of the first part of a content type such as `text/plain`.
    pub fn text_of(&self, content_type: &str) -> Option<String> {
        self.parts()
            .into_iter()
            .find(|p| p.content_type == content_type)
            .map(|p| p.text)
    }
}
