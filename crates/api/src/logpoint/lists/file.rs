//! The values of a list, and how they stand in an imported file.
//!
//! A TXT file has a value per line and is taken literally. Of a CSV file the first column
//! counts, with commas between columns and `"` around what holds commas or quotes; its
//! first line may be a header, see `is_header`. In both, a byte order mark is skipped,
//! lines may end in CR, LF or both, blanks around values and empty values are left out.

use csv::{ByteRecord, ReaderBuilder};
use std::io::Read as _;
use std::net::IpAddr;

/// Most values of one list.
const MAX_VALUES: usize = 1_000_000;
/// Most values with wildcards: a search tries each of them on every event, while all
/// others cost it one look-up together.
const MAX_PATTERNS: usize = 10_000;
/// Longest value in bytes.
const MAX_VALUE: usize = 64 << 10;

/// A record behind the file. If it does not come back as it is, a quote that was opened
/// before it has swallowed it.
const END: &[u8] = b"\ncresset-end-of-file\n";
/// First cells that nobody means as a value.
const HEADER_WORDS: [&str; 5] = ["value", "values", "list_value", "list value", "list values"];

/// How a file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Columns, of which the first counts.
    Csv,
    /// A value per line.
    Txt,
}

impl Format {
    /// By the file's name, else by its media type.
    pub fn of(file_name: &str, media: &str) -> Option<Self> {
        let ending = file_name.rsplit_once('.').map(|(_, ending)| ending);
        match ending.unwrap_or_default().to_ascii_lowercase().as_str() {
            "csv" => return Some(Self::Csv),
            "txt" => return Some(Self::Txt),
            "" => {}
            _ => return None,
        }
        let media = media.split(';').next().unwrap_or_default().trim();
        match media.to_ascii_lowercase().as_str() {
            "text/csv" | "application/csv" => Some(Self::Csv),
            "text/plain" => Some(Self::Txt),
            _ => None,
        }
    }
}

/// What a file holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Contents {
    /// In the order of the file, duplicates included.
    pub values: Vec<String>,
    /// The first line, if it was taken for a header.
    pub header: Option<String>,
}

/// Reads a file for the list `name`; the error says what is wrong and in which line.
pub fn read(format: Format, bytes: &[u8], name: &str) -> Result<Contents, String> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    check_text(bytes)?;
    let mut contents = match format {
        Format::Txt => Contents {
            values: lines(bytes)?,
            header: None,
        },
        Format::Csv => first_column(bytes)?,
    };
    if format == Format::Csv && is_header(&contents.values, name) {
        contents.header = Some(contents.values.remove(0));
    }
    if contents.values.is_empty() {
        return Err("the file holds no values".to_owned());
    }
    check_number(&contents.values)?;
    Ok(contents)
}

/// Says what keeps a text from being a value of a list.
pub fn check_value(text: &str) -> Result<(), String> {
    if text.len() > MAX_VALUE {
        return Err(format!("has more than {MAX_VALUE} bytes"));
    }
    if text.contains('\0') {
        return Err("holds a NUL byte".to_owned());
    }
    if text.contains(['\n', '\r']) {
        return Err("goes over several lines".to_owned());
    }
    Ok(())
}

/// Says which values are too many for one list.
pub fn check_number(values: &[String]) -> Result<(), String> {
    if values.len() > MAX_VALUES {
        return Err(format!("at most {MAX_VALUES} values are taken"));
    }
    let patterns = values.iter().filter(|v| v.contains(['*', '?']));
    if patterns.count() > MAX_PATTERNS {
        return Err(format!(
            "at most {MAX_PATTERNS} values with * or ? are taken"
        ));
    }
    Ok(())
}

fn check_text(bytes: &[u8]) -> Result<(), String> {
    if let Err(error) = std::str::from_utf8(bytes) {
        let line = line_of(bytes, error.valid_up_to());
        return Err(format!("line {line} is not UTF-8 text"));
    }
    match bytes.iter().position(|b| *b == 0) {
        Some(at) => Err(format!("line {} holds a NUL byte", line_of(bytes, at))),
        None => Ok(()),
    }
}

/// The line of a byte, from 1.
fn line_of(bytes: &[u8], at: usize) -> usize {
    let before = &bytes[..at];
    let ends = |pair: &[u8]| pair[0] == b'\n' || (pair[0] == b'\r' && pair[1] != b'\n');
    let last = before
        .last()
        .is_some_and(|b| *b == b'\n' || (*b == b'\r' && bytes.get(at) != Some(&b'\n')));
    1 + before.windows(2).filter(|pair| ends(pair)).count() + usize::from(last)
}

fn lines(bytes: &[u8]) -> Result<Vec<String>, String> {
    let mut values = Vec::new();
    for line in bytes.split(|b| matches!(b, b'\n' | b'\r')) {
        take(&mut values, line, || line_of(bytes, offset(bytes, line)))?;
    }
    Ok(values)
}

/// Where `part` begins in `whole`, of which it is a part.
fn offset(whole: &[u8], part: &[u8]) -> usize {
    (part.as_ptr() as usize)
        .saturating_sub(whole.as_ptr() as usize)
        .min(whole.len())
}

fn first_column(bytes: &[u8]) -> Result<Contents, String> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(bytes.chain(END));
    let (mut values, mut record) = (Vec::new(), ByteRecord::new());
    let (mut at, mut ended) = (0, false);
    while reader
        .read_byte_record(&mut record)
        .map_err(|e| e.to_string())?
    {
        at = begin_of(&record, bytes);
        let first = record.get(0).unwrap_or_default().trim_ascii();
        ended = at == bytes.len() && record.len() == 1 && first == END.trim_ascii();
        if ended || record.iter().any(|cell| cell.ends_with(END)) {
            break;
        }
        if first.contains(&b'\n') || first.contains(&b'\r') {
            let line = line_of(bytes, at);
            return Err(format!(
                "the value that begins in line {line} goes over several lines; is a quote missing?"
            ));
        }
        take(&mut values, first, || line_of(bytes, at))?;
    }
    if !ended {
        let line = line_of(bytes, at);
        return Err(format!(
            "a quote that is opened in line {line} or after it is not closed"
        ));
    }
    let header = None;
    Ok(Contents { values, header })
}

/// Where a record begins; the reader counts empty lines before it to it.
fn begin_of(record: &ByteRecord, bytes: &[u8]) -> usize {
    let from = record.position().map_or(0, |p| p.byte() as usize);
    let rest = bytes.get(from..).unwrap_or_default();
    let blank = rest
        .iter()
        .take_while(|b| matches!(b, b'\n' | b'\r'))
        .count();
    (from + blank).min(bytes.len())
}

/// Takes a value, if there is one.
fn take(values: &mut Vec<String>, bytes: &[u8], line: impl Fn() -> usize) -> Result<(), String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim();
    check_value(text).map_err(|problem| format!("line {} {problem}", line()))?;
    // One more than allowed, for the header.
    if !text.is_empty() && values.len() <= MAX_VALUES + 1 {
        values.push(text.to_owned());
    }
    Ok(())
}

/// Whether the first value of a CSV file is a header. It is one only if others follow, and
///
/// - it is the name of the list, or one of [`HEADER_WORDS`], in any case; or
/// - it is a single word that begins with a letter, and all other values, at least one,
///   are IP addresses, networks or numbers.
///
/// Anything else is a value: a header too many in a list does little harm, a value that is
/// missing goes unnoticed.
fn is_header(values: &[String], name: &str) -> bool {
    let [first, rest @ ..] = values else {
        return false;
    };
    let lower = first.to_lowercase();
    if lower == name.to_lowercase() || HEADER_WORDS.contains(&lower.as_str()) {
        return !rest.is_empty();
    }
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | ' ');
    let worded = first.starts_with(char::is_alphabetic) && first.chars().all(word);
    worded && !is_numeric(first) && !rest.is_empty() && rest.iter().all(|v| is_numeric(v))
}

/// Whether it is an address, a network or a number.
fn is_numeric(value: &str) -> bool {
    let address = value.split_once('/').map_or(value, |(address, _)| address);
    let number = value
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+'));
    address.parse::<IpAddr>().is_ok() || number
}

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
