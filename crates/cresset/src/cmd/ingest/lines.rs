//! Files as chunks of whole lines, expanded on the way.

use super::xml::{self, EventLines};
use anyhow::Context;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Most bytes of a chunk, unless one line is longer.
const CHUNK_BYTES: usize = 2 << 20;
/// Longest line that is sent; longer ones are cut.
pub(super) const LINE_BYTES: usize = 4 << 20;

/// Consecutive lines.
pub(in crate::cmd) struct Chunk {
    /// Index of the first line, from 0.
    pub(in crate::cmd) first_line: u64,
    /// Number of lines.
    pub(in crate::cmd) count: u64,
    /// The lines with their line feeds.
    pub(in crate::cmd) body: Vec<u8>,
}

/// Reads a file line by line.
pub(in crate::cmd) struct Lines {
    reader: Box<dyn BufRead + Send>,
    read: Arc<AtomicU64>,
    total: Option<u64>,
    next_line: u64,
}

/// Counts the bytes of the file itself, not of what it expands to.
struct Counted<R>(R, Arc<AtomicU64>);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = self.0.read(buf)?;
        self.1.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }
}

impl Lines {
    /// Opens a file, or standard input for `-`.
    pub(in crate::cmd) fn open(path: &Path) -> anyhow::Result<Self> {
        let read = Arc::new(AtomicU64::new(0));
        if path.as_os_str() == "-" {
            let input = Counted(std::io::stdin(), Arc::clone(&read));
            return Ok(Self {
                reader: Box::new(BufReader::new(input)),
                read,
                total: None,
                next_line: 0,
            });
        }
        let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
        let total = file.metadata()?.len();
        let file = Counted(file, Arc::clone(&read));
        let reader = expand(path, file)?;
        Ok(Self {
            reader,
            read,
            total: Some(total),
            next_line: 0,
        })
    }

    /// Size of the file on disk.
    pub(super) fn total_bytes(&self) -> Option<u64> {
        self.total
    }

    /// Bytes of the file read so far.
    pub(super) fn bytes_read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// What the lines seem to be, judged by the first bytes.
    pub(in crate::cmd) fn guess(&mut self) -> anyhow::Result<&'static str> {
        let start = self.reader.fill_buf()?;
        let first = start.iter().copied().find(|b| !b.is_ascii_whitespace());
        Ok(if matches!(first, Some(b'{' | b'[')) {
            "ndjson"
        } else if xml::looks_like(start) {
            "xml"
        } else {
            "syslog"
        })
    }

    /// Goes on with the events of an XML file as lines.
    pub(in crate::cmd) fn of_xml(self) -> Self {
        Self {
            reader: Box::new(BufReader::new(EventLines::new(self.reader))),
            ..self
        }
    }

    /// Passes over lines that were sent before.
    pub(super) fn skip(&mut self, lines: u64) -> anyhow::Result<()> {
        let mut line = Vec::new();
        while self.next_line < lines {
            line.clear();
            if !self.read_line(&mut line)? {
                break;
            }
            self.next_line += 1;
        }
        Ok(())
    }

    /// The next lines, `None` at the end.
    pub(in crate::cmd) fn next_chunk(&mut self) -> anyhow::Result<Option<Chunk>> {
        let mut chunk = Chunk {
            first_line: self.next_line,
            count: 0,
            body: Vec::new(),
        };
        let mut line = Vec::new();
        while chunk.body.len() < CHUNK_BYTES {
            line.clear();
            if !self.read_line(&mut line)? {
                break;
            }
            if line.last() != Some(&b'\n') {
                line.push(b'\n');
            }
            chunk.body.extend_from_slice(&line);
            chunk.count += 1;
            self.next_line += 1;
        }
        Ok((chunk.count > 0).then_some(chunk))
    }

    /// Reads one line, cutting it at [`LINE_BYTES`].
    fn read_line(&mut self, line: &mut Vec<u8>) -> anyhow::Result<bool> {
        let n = (&mut self.reader)
            .take(LINE_BYTES as u64)
            .read_until(b'\n', line)?;
        if n == LINE_BYTES && line.last() != Some(&b'\n') {
            line.push(b'\n');
            self.skip_rest_of_line()?;
        }
        Ok(n > 0)
    }

    fn skip_rest_of_line(&mut self) -> anyhow::Result<()> {
        loop {
            let buffer = self.reader.fill_buf()?;
            let (used, found) = match buffer.iter().position(|b| *b == b'\n') {
                Some(at) => (at + 1, true),
                None => (buffer.len(), buffer.is_empty()),
            };
            self.reader.consume(used);
            if found {
                return Ok(());
            }
        }
    }
}

/// A reader of the file's content, expanding `.gz` and `.zst`.
pub(crate) fn expand(
    path: &Path,
    file: impl Read + Send + 'static,
) -> anyhow::Result<Box<dyn BufRead + Send>> {
    let ending = path
        .extension()
        .and_then(|e| e.to_str())
        .unwrap_or_default();
    Ok(match ending {
        "gz" => Box::new(BufReader::new(flate2::read::MultiGzDecoder::new(file))),
        "zst" | "zstd" => Box::new(BufReader::new(zstd::Decoder::new(file)?)),
        _ => Box::new(BufReader::new(file)),
    })
}
