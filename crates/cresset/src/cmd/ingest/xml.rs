//! Event logs of Windows exported as XML: each event as one line.
//!
//! Event Viewer writes a whole log as one line, `evtx_dump` writes an event over many, and
//! puts text between them. Events are sent as lines, so line ends in values become `&#10;`,
//! which is the same to whoever reads the XML; blanks that only lay it out are dropped.

use super::lines::LINE_BYTES;
use std::io::{BufRead, Read, Result};

/// What ends an event.
const END: &[u8] = b"</Event>";

/// True if a file that begins like this holds events in XML.
pub(super) fn looks_like(start: &[u8]) -> bool {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let start = start.trim_ascii_start();
    // What `evtx_dump` writes before each event.
    let named = start.strip_prefix(b"Record ").and_then(|rest| {
        rest.iter()
            .position(|b| *b == b'\n')
            .map(|at| &rest[at + 1..])
    });
    let start = named.unwrap_or(start);
    start.starts_with(b"<?xml") || start.starts_with(b"<Event")
}

/// The events of a reader as lines.
pub(super) struct EventLines<R> {
    source: R,
    line: Vec<u8>,
    read: usize,
}

impl<R: BufRead> EventLines<R> {
    pub(super) const fn new(source: R) -> Self {
        Self {
            source,
            line: Vec::new(),
            read: 0,
        }
    }

    /// Reads the next event; nothing at the end. An event without its end is a line as well:
    /// the server says what is wrong with it.
    fn fill(&mut self) -> Result<()> {
        self.line.clear();
        self.read = 0;
        let mut piece = Vec::new();
        loop {
            piece.clear();
            let taken = (&mut self.source)
                .take(LINE_BYTES as u64)
                .read_until(b'>', &mut piece)?;
            let tag = piece.iter().rposition(|b| *b == b'<').unwrap_or(0);
            if self.line.is_empty() {
                if taken == 0 {
                    return Ok(());
                }
                if is_event(&piece[tag..]) {
                    append(&piece[tag..], &mut self.line);
                }
                continue;
            }
            if self.line.len() < LINE_BYTES {
                append(&piece, &mut self.line);
            }
            if taken == 0 || piece[tag..] == *END {
                self.line.push(b'\n');
                return Ok(());
            }
        }
    }
}

impl<R: BufRead> Read for EventLines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        if self.read == self.line.len() {
            self.fill()?;
        }
        let rest = &self.line[self.read..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.read += count;
        Ok(count)
    }
}

/// `<Event>` or `<Event xmlns=…>`, but not `<Events>`.
fn is_event(tag: &[u8]) -> bool {
    let next = tag.strip_prefix(b"<Event").and_then(<[u8]>::first);
    next.is_some_and(|b| *b == b'>' || b.is_ascii_whitespace())
}

/// Appends the text up to the end of a tag, without line ends: in a value they are written
/// as XML writes them, in a tag they are blanks.
fn append(piece: &[u8], line: &mut Vec<u8>) {
    let is_layout = piece
        .iter()
        .position(|b| *b == b'<')
        .is_some_and(|tag| line.last() == Some(&b'>') && piece[..tag].trim_ascii().is_empty());
    let piece = if is_layout {
        // A value of blanks only would be lost: `<Data> </Data>` is kept as it is.
        let closes = piece.trim_ascii_start().starts_with(b"</");
        let blank_value = closes && !piece.starts_with(b"\n") && !piece.starts_with(b"\r");
        if blank_value {
            piece
        } else {
            piece.trim_ascii_start()
        }
    } else {
        piece
    };
    let tag = piece
        .iter()
        .rposition(|b| *b == b'<')
        .unwrap_or(piece.len());
    for (at, byte) in piece.iter().enumerate() {
        match byte {
            b'\n' | b'\r' if at > tag => line.push(b' '),
            b'\n' => line.extend_from_slice(b"&#10;"),
            b'\r' => line.extend_from_slice(b"&#13;"),
            byte => line.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> String {
        let mut out = String::new();
        #[expect(clippy::disallowed_methods, reason = "a text of this test")]
        EventLines::new(text.as_bytes())
            .read_to_string(&mut out)
            .unwrap();
        out
    }

    #[test]
    fn each_event_is_a_line() {
        let check = |text: &str, expect: &str| assert_eq!(lines(text), expect, "{text}");
        check(
            "<?xml version=\"1.0\"?><Events><Event xmlns='n'><a/></Event><Event><b>x > y</b></Event></Events>",
            "<Event xmlns='n'><a/></Event>\n<Event><b>x > y</b></Event>\n",
        );
        check(
            "Record 1\n<?xml version=\"1.0\"?>\n<Event\n  xmlns=\"n\">\n  <System>\n    <EventID>1</EventID>\n  </System>\n  <EventData>\n    <Data Name=\"t\">one\r\n two</Data>\n    <Data Name=\"b\"> </Data>\n  </EventData>\n</Event>\nRecord 2\n<Event></Event>",
            "<Event   xmlns=\"n\"><System><EventID>1</EventID></System><EventData><Data Name=\"t\">one&#13;&#10; two</Data><Data Name=\"b\"> </Data></EventData></Event>\n<Event></Event>\n",
        );
        check("<Event><a>", "<Event><a>\n");
        check("<Events></Events>", "");
        check("", "");
    }

    #[test]
    fn files_of_xml() {
        let check =
            |text: &str, expect: bool| assert_eq!(looks_like(text.as_bytes()), expect, "{text}");
        check("\u{feff}<?xml version=\"1.0\"?><Events>", true);
        check("\n<Event xmlns='n'>", true);
        check("Record 1\n<?xml", true);
        check("<13>May  4 10:11:12 h a: <Event>", false);
        check("Record of events", false);
        check("", false);
    }
}
