//! What a server answered, in any of the three envelopes.

use anyhow::{Context, bail};
use reqwest::StatusCode;
use serde_json::Value;

/// Largest answer, in bytes.
const MAX_ANSWER: usize = 64 << 20;
/// How much of an answer that is no JSON is shown, in characters.
const SHOWN: usize = 300;

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    status: StatusCode,
    text: String,
    value: Option<Value>,
    /// What headers say about an error.
    hint: Option<String>,
}

impl Answer {
    /// Reads a reply to its end.
    pub(super) async fn read(mut reply: reqwest::Response) -> anyhow::Result<Self> {
        let (status, hint) = (reply.status(), hint(&reply));
        let mut bytes = Vec::new();
        while let Some(piece) = reply.chunk().await.context("the answer broke off")? {
            if bytes.len() + piece.len() > MAX_ANSWER {
                bail!("the answer is larger than {MAX_ANSWER} bytes; ask with a smaller size=");
            }
            bytes.extend_from_slice(&piece);
        }
        let text = String::from_utf8_lossy(&bytes).trim().to_owned();
        Ok(Self::new(status, text, hint))
    }

    fn new(status: StatusCode, text: String, hint: Option<String>) -> Self {
        let value = serde_json::from_str(&text).ok();
        Self {
            status,
            text,
            value,
            hint,
        }
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// The answer for another program: as it came, but that no terminal obeys it.
    pub(super) fn text(&self) -> String {
        if self.value.is_none() {
            return crate::cmd::plain_lines(&self.text);
        }
        // JSON has control characters of this kind within strings only.
        let inert = |c: char| match c {
            '\u{7f}'..='\u{9f}' => format!("\\u{:04x}", u32::from(c)),
            c => c.to_string(),
        };
        self.text.chars().map(inert).collect()
    }

    /// The answer for a person. Order and numbers are as they came.
    pub(super) fn indented(&self) -> String {
        match self.value {
            Some(_) => indented(&self.text()),
            None => self.text(),
        }
    }

    /// What went wrong, in the server's words.
    pub(super) fn error(&self) -> Option<String> {
        let said = match &self.value {
            None if self.is_empty() && self.status.is_success() => None,
            None => Some(format!("the answer is no JSON: {}", self.beginning())),
            Some(value) => refusal(value).or_else(|| {
                let mut keys = ["message", "error", "detail"].iter();
                let text = keys.find_map(|key| value.get(key)?.as_str());
                (!self.status.is_success()).then(|| text.unwrap_or("no reason given").to_owned())
            }),
        }?;
        let hint = self.hint.as_deref().unwrap_or_default();
        Some(format!("the server answers {}: {said}{hint}", self.status))
    }

    fn beginning(&self) -> String {
        let mut shown: String = self.text.chars().take(SHOWN).collect();
        if shown.len() < self.text.len() {
            shown.push('…');
        }
        shown
    }
}

/// The error in an envelope of version 1, 2 or 3.
fn refusal(value: &Value) -> Option<String> {
    let number = |key: &str| value.get(key).and_then(Value::as_i64);
    let text = |key: &str| value.get(key).and_then(Value::as_str);
    if let (Some(status), Some(message)) = (number("status"), text("errmsg")) {
        return (status != 200).then(|| format!("{message} (status {status})"));
    }
    let message = text("errorMessage")?;
    Some(match number("errorCode") {
        Some(code) => format!("{message} (errorCode {code})"),
        None => message.to_owned(),
    })
}

fn hint(reply: &reqwest::Response) -> Option<String> {
    let text = |name: &str| reply.headers().get(name)?.to_str().ok();
    if reply.status().is_redirection() {
        return text("location").map(|to| format!("; it is at {to}, which is not followed"));
    }
    if reply.status() == StatusCode::TOO_MANY_REQUESTS {
        return text("x-rate-limit-window").map(|window| format!("; wait {window} seconds"));
    }
    text("x-auth-failure-reason").map(|reason| format!("; {reason}"))
}

/// JSON on many lines, two spaces per level.
fn indented(json: &str) -> String {
    let mut out = String::with_capacity(json.len() * 2);
    let (mut level, mut in_string, mut escaped) = (0_usize, false, false);
    let mut chars = json.chars().filter(|c| !c.is_control()).peekable();
    while let Some(c) = chars.next() {
        if in_string {
            out.push(c);
            in_string = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            ' ' => {}
            '"' => {
                in_string = true;
                out.push(c);
            }
            '{' | '[' => {
                out.push(c);
                while chars.next_if_eq(&' ').is_some() {}
                if let Some(end) = chars.next_if(|c| matches!(c, '}' | ']')) {
                    out.push(end);
                } else {
                    level += 1;
                    new_line(&mut out, level);
                }
            }
            '}' | ']' => {
                level = level.saturating_sub(1);
                new_line(&mut out, level);
                out.push(c);
            }
            ',' => {
                out.push(c);
                new_line(&mut out, level);
            }
            ':' => out.push_str(": "),
            _ => out.push(c),
        }
    }
    out
}

fn new_line(out: &mut String, level: usize) {
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", level));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, text: &str) -> Answer {
        Answer::new(StatusCode::from_u16(status).unwrap(), text.to_owned(), None)
    }

    #[test]
    fn errors_are_found_in_every_envelope() {
        let check = |status: u16, text: &str, error: Option<&str>| {
            let error = error.map(|said| format!("the server answers {said}"));
            assert_eq!(answer(status, text).error(), error, "{text}");
        };
        check(200, r#"{"status":200,"errmsg":"OK","data":null}"#, None);
        check(200, r#"{"id":5,"status":1,"note":"disabled"}"#, None);
        check(200, r#"{"status":"active","username":"a"}"#, None);
        check(200, "{}", None);
        check(200, "[]", None);
        check(204, "", None);
        check(
            200,
            r#"{"status":1401,"errmsg":"Authentication failed","data":null}"#,
            Some("200 OK: Authentication failed (status 1401)"),
        );
        check(
            404,
            r#"{"errorMessage":"No such token","errorCode":1404,"errorDetail":null}"#,
            Some("404 Not Found: No such token (errorCode 1404)"),
        );
        check(200, r#"{"errorMessage":"odd"}"#, Some("200 OK: odd"));
        check(
            429,
            r#"{"status":1429,"errmsg":"Too many requests","data":null}"#,
            Some("429 Too Many Requests: Too many requests (status 1429)"),
        );
        check(
            401,
            r#"{"success":false,"message":"no"}"#,
            Some("401 Unauthorized: no"),
        );
        check(
            500,
            "{}",
            Some("500 Internal Server Error: no reason given"),
        );
        check(200, "<html>", Some("200 OK: the answer is no JSON: <html>"));
        check(400, "", Some("400 Bad Request: the answer is no JSON: "));
    }

    #[test]
    fn a_person_sees_what_came_on_many_lines() {
        let json = r#"{"z":1.50,"a":[ ],"b":{},"s":"{\"a\": [,\\","l":[1,{"x":null}],"big":12345678901234567890123}"#;
        let lines = [
            "{",
            r#"  "z": 1.50,"#,
            r#"  "a": [],"#,
            r#"  "b": {},"#,
            r#"  "s": "{\"a\": [,\\","#,
            r#"  "l": ["#,
            "    1,",
            "    {",
            r#"      "x": null"#,
            "    }",
            "  ],",
            r#"  "big": 12345678901234567890123"#,
            "}",
        ];
        assert_eq!(answer(200, json).indented(), lines.join("\n"));
        let spread = "{\r\n\t\"z\" :1.50,\n\"a\": [\n ]}";
        assert_eq!(
            answer(200, spread).indented(),
            "{\n  \"z\": 1.50,\n  \"a\": []\n}"
        );
    }

    #[test]
    fn a_terminal_obeys_nothing() {
        let hostile = "{\"a\":\"\u{9b}2J\u{7f}\"}";
        assert_eq!(answer(200, hostile).text(), r#"{"a":"\u009b2J\u007f"}"#);
        assert_eq!(answer(502, "\u{1b}[2J").text(), "\u{fffd}[2J");
    }
}
