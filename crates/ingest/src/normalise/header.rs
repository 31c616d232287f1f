//! Syslog headers: RFC 5424, RFC 3164 and what is sent under that name.

use super::formats::Format;
use super::structured;
use crate::found::Found;
use crate::stamp::{Stamp, take};
use cresset_model::Value;

/// Words that stand where a host could.
const LEVELS: [&str; 9] = [
    "trace", "debug", "info", "notice", "warn", "warning", "error", "fatal", "critical",
];
/// Longest tag, host or program that counts as one.
const MAX_WORD: usize = 255;

/// A line taken apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Header<'a> {
    /// Facility and severity.
    pub(super) pri: Option<u8>,
    /// The stamp, still without zone or year.
    pub(super) stamp: Option<Stamp>,
    /// The stamp as it was written.
    pub(super) stamp_text: &'a str,
    /// The sender's name for itself.
    pub(super) host: Option<&'a str>,
    /// The program, without directory.
    pub(super) program: Option<&'a str>,
    /// `pam_unix` of `sshd(pam_unix)`.
    pub(super) module: Option<&'a str>,
    /// The process id, or whatever stands in its place.
    pub(super) pid: Option<&'a str>,
    /// RFC 5424 MSGID.
    pub(super) message_id: Option<&'a str>,
    /// RFC 5424 structured data.
    pub(super) structured: &'a str,
    /// The rest.
    pub(super) body: &'a str,
}

impl<'a> Header<'a> {
    /// Takes `line` apart; a line without a header is all body.
    pub(super) fn parse(line: &'a str) -> Self {
        let (pri, mut rest) = take_pri(line).map_or((None, line), |(pri, rest)| (Some(pri), rest));
        if pri.is_some()
            && let Some(newer) = rest.strip_prefix("1 ")
        {
            if let Some(header) = Self::rfc5424(newer) {
                return Self { pri, ..header };
            }
            // Some senders of CEF and LEEF end the header after the host.
            if take(newer).is_some() {
                rest = newer;
            }
        }
        let mut header = Self {
            pri,
            body: rest,
            ..Self::default()
        };
        let stamped = rest.trim_start_matches([' ', '*']);
        match take(stamped) {
            // A name of a month is no header; neither is a number that goes on.
            Some((stamp, len)) if stamped[len..].starts_with([' ', ':']) => {
                header.stamp = Some(stamp);
                header.stamp_text = &stamped[..len];
                header.take_host_and_tag(stamped[len..].trim_start_matches([' ', ':']));
            }
            _ if pri.is_some() => header.take_tag(rest.trim_start()),
            // Without any other header, only a process id tells a tag from prose.
            _ if Tag::parse(rest).is_some_and(|tag| tag.pid.is_some()) => header.take_tag(rest),
            _ => {}
        }
        header
    }

    /// True if the line had no header.
    pub(super) const fn is_empty(&self) -> bool {
        self.pri.is_none() && self.stamp.is_none() && self.program.is_none()
    }

    fn rfc5424(rest: &'a str) -> Option<Self> {
        let mut header = Self::default();
        let (stamp, rest) = word(rest)?;
        if let Some(text) = stamp {
            let (found, len) = take(text)?;
            if len != text.len() {
                return None;
            }
            header.stamp = Some(found);
            header.stamp_text = text;
        }
        let (host, rest) = word(rest)?;
        let (program, rest) = word(rest)?;
        let (pid, rest) = word(rest)?;
        let (message_id, rest) = word(rest)?;
        let (structured, body) = structured::split(rest)?;
        Some(Self {
            host,
            program: program.map(without_directory),
            pid,
            message_id,
            structured,
            body: body.strip_prefix('\u{feff}').unwrap_or(body),
            ..header
        })
    }

    /// `host tag[pid]: body`, where local senders leave out the host.
    fn take_host_and_tag(&mut self, rest: &'a str) {
        self.body = rest;
        let Some((first, after)) = rest.split_once(' ') else {
            return;
        };
        if first.len() > MAX_WORD || first.is_empty() {
            return;
        }
        if first.ends_with(':') && Tag::parse(rest).is_some() {
            return self.take_tag(rest);
        }
        let after = after.trim_start();
        // Syslog's own stamp has a host behind it. Other stamps begin the lines of
        // many programs: only a tag tells that the word before it is a host.
        let syslog = matches!(self.stamp, Some(Stamp::Yearless(_)));
        let level = LEVELS.iter().any(|level| first.eq_ignore_ascii_case(level));
        if !first.starts_with(['[', '(', '{', '"'])
            && (syslog || (!level && (Tag::parse(after).is_some() || self.is_formatted(after))))
        {
            self.host = Some(first);
            self.take_tag(after);
        }
    }

    /// True if `body` is in a format that makes the word before it a host. An application
    /// may well write a word before its JSON, but hardly behind a priority.
    fn is_formatted(&self, body: &str) -> bool {
        Format::of(body).is_some_and(|format| format.stands_alone() || self.pri.is_some())
    }

    fn take_tag(&mut self, rest: &'a str) {
        self.body = rest;
        if let Some(tag) = Tag::parse(rest) {
            self.program = Some(without_directory(tag.program));
            self.module = tag.module;
            self.pid = tag.pid;
            self.body = tag.body;
        }
    }

    /// Adds the header's fields.
    pub(super) fn put_fields(&self, found: &mut Found) {
        let mut put = |name: &str, text: Option<&str>| {
            if let Some(text) = text {
                found.put(name, Value::str(text));
            }
        };
        put("device_name", self.host);
        put("process", self.program);
        put("message_id", self.message_id);
        if let Some(pid) = self.pid {
            found.put(
                "process_id",
                pid.parse().map_or_else(|_| Value::str(pid), Value::Int),
            );
        }
        if let Some(pri) = self.pri {
            found.put("facility", Value::str(facility(pri / 8)));
            found.put("severity", Value::str(SEVERITIES[usize::from(pri % 8)]));
        }
        structured::put_fields(self.structured, found);
    }
}

/// `<0>` to `<191>`.
fn take_pri(line: &str) -> Option<(u8, &str)> {
    let rest = line.strip_prefix('<')?;
    let (digits, rest) = rest.split_once('>')?;
    let good = (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    let pri = digits.parse().ok().filter(|pri| good && *pri <= 191)?;
    Some((pri, rest))
}

/// The next word of an RFC 5424 header; `-` is nothing.
fn word(rest: &str) -> Option<(Option<&str>, &str)> {
    let (word, rest) = rest.split_once(' ')?;
    (!word.is_empty() && word.len() <= MAX_WORD).then_some(((word != "-").then_some(word), rest))
}

fn without_directory(program: &str) -> &str {
    match program.strip_prefix('/').and_then(|p| p.rsplit('/').next()) {
        Some(name) if !name.is_empty() => name,
        _ => program,
    }
}

/// `sshd[123]: `, `sshd(pam_unix)[123]: `, `kernel: `.
struct Tag<'a> {
    program: &'a str,
    module: Option<&'a str>,
    pid: Option<&'a str>,
    body: &'a str,
}

impl<'a> Tag<'a> {
    fn parse(rest: &'a str) -> Option<Self> {
        let end = rest
            .bytes()
            .take(MAX_WORD)
            .position(|b| matches!(b, b':' | b'[' | b'(' | b' '))?;
        let (program, mut rest) = rest.split_at(end);
        // `CEF: 0|...` is a body.
        if program.is_empty() || matches!(program, "CEF" | "LEEF") {
            return None;
        }
        let module = bracketed(&mut rest, '(', ')');
        let pid = bracketed(&mut rest, '[', ']');
        let body = match rest.strip_prefix(':') {
            Some(body) => body,
            // Some senders leave out the colon after the process id.
            None if pid.is_some() && (rest.is_empty() || rest.starts_with(' ')) => rest,
            None => return None,
        };
        // `12:34` or `fe80::1` is no tag.
        if module.is_none() && pid.is_none() && !(body.is_empty() || body.starts_with(' ')) {
            return None;
        }
        Some(Self {
            program,
            module,
            pid,
            body: body.trim_start(),
        })
    }
}

fn bracketed<'a>(rest: &mut &'a str, open: char, close: char) -> Option<&'a str> {
    let inside = rest.strip_prefix(open)?;
    let end = inside
        .bytes()
        .take(MAX_WORD)
        .position(|b| b == close as u8)?;
    let found = &inside[..end];
    *rest = &inside[end + 1..];
    Some(found)
}

const SEVERITIES: [&str; 8] = [
    "emergency",
    "alert",
    "critical",
    "error",
    "warning",
    "notice",
    "info",
    "debug",
];

const fn facility(code: u8) -> &'static str {
    const NAMES: [&str; 24] = [
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron",
        "authpriv", "ftp", "ntp", "audit", "alert", "clock", "local0", "local1", "local2",
        "local3", "local4", "local5", "local6", "local7",
    ];
    NAMES[(code % 24) as usize]
}
