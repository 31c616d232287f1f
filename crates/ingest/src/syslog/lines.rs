//! Messages that wait to become one batch.

use std::net::IpAddr;

/// Received messages with their senders, in one buffer. They stay text until
/// they are appended, so that an append can be repeated.
#[derive(Debug, Clone, Default)]
pub struct Lines {
    text: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    end: usize,
    peer: IpAddr,
    cut: bool,
}

/// One message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// The text.
    pub text: &'a [u8],
    /// Who sent it.
    pub peer: IpAddr,
    /// True if its end was cut off because it is too long.
    pub cut: bool,
}

impl Lines {
    /// Adds a message; an empty one is no message.
    pub fn push(&mut self, text: &[u8], peer: IpAddr, cut: bool) {
        if !text.trim_ascii().is_empty() {
            self.text.extend_from_slice(text);
            self.entries.push(Entry {
                end: self.text.len(),
                peer,
                cut,
            });
        }
    }

    /// The messages in order of arrival.
    pub fn iter(&self) -> impl Iterator<Item = Line<'_>> {
        let starts = std::iter::once(0).chain(self.entries.iter().map(|e| e.end));
        starts.zip(&self.entries).map(|(start, entry)| Line {
            text: &self.text[start..entry.end],
            peer: entry.peer,
            cut: entry.cut,
        })
    }

    /// Number of messages.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// True if there is none.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of text.
    pub const fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Removes all messages and keeps the memory, unless it has become large.
    pub fn clear(&mut self) {
        self.text.clear();
        self.text.shrink_to(1 << 20);
        self.entries.clear();
    }

    /// The messages in two parts; `None` if there are fewer than two.
    pub fn halves(&self) -> Option<(Self, Self)> {
        (self.len() > 1).then(|| {
            let (mut first, mut second) = (Self::default(), Self::default());
            for (n, line) in self.iter().enumerate() {
                let half = if n < self.len() / 2 {
                    &mut first
                } else {
                    &mut second
                };
                half.push(line.text, line.peer, line.cut);
            }
            (first, second)
        })
    }
}
