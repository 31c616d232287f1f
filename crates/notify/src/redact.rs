//! Keeps secrets out of records: a destination may echo what it was sent.

use crate::template;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use cresset_model::notification::{HttpAuth, HttpNotification};
use minijinja::machinery::{Token, tokenize};
use reqwest::Url;
use std::collections::{BTreeSet, HashMap};

/// Shortest text that is taken for a secret, in bytes: shorter ones are words of ordinary
/// replies.
const SHORTEST: usize = 6;
/// From this length on a word counts as a secret although it has no digit.
const LONG_WORD: usize = 20;
/// Stands between the literal texts of a template, where a tag was.
const TAG: char = '\u{0}';

/// Texts that must not appear in a record, by their first byte.
pub(crate) struct Secrets {
    by_first: HashMap<u8, Vec<String>>,
    longest: usize,
}

impl Secrets {
    /// Everything secret in a notification that goes to `url`: the address itself, the
    /// credentials, and what the templates of its body hold literally.
    pub(crate) fn of(notification: &HttpNotification, url: &Url) -> Self {
        let mut texts = vec![url.to_string(), notification.url.expose().to_owned()];
        texts.extend(url.query().map(str::to_owned));
        // A destination that complains about a token shows it alone, and decoded.
        let pairs = url.query().into_iter().flat_map(|query| query.split('&'));
        texts.extend(pairs.filter_map(|pair| Some(pair.split_once('=')?.1.to_owned())));
        texts.extend(url.query_pairs().map(|(_, value)| value.into_owned()));
        texts.extend(url.path_segments().into_iter().flatten().map(str::to_owned));
        texts.extend(url.password().map(str::to_owned));
        match &notification.auth {
            HttpAuth::None => {}
            HttpAuth::ApiToken { value, .. } => texts.push(value.expose().to_owned()),
            HttpAuth::Basic { user, password } => {
                texts.push(BASE64.encode(format!("{user}:{}", password.expose())));
                texts.push(password.expose().to_owned());
            }
            HttpAuth::Bearer { token } => texts.push(token.expose().to_owned()),
        }
        // A longer template is not rendered, and a method without a body sends none.
        let body = &notification.body;
        if notification.method.has_body() && body.len() <= template::MAX_SOURCE {
            literals(body, &mut texts);
        }
        Self::new(texts)
    }

    fn new(texts: Vec<String>) -> Self {
        let unique: BTreeSet<String> = texts
            .into_iter()
            .map(|text| text.trim().to_owned())
            .filter(|text| text.len() >= SHORTEST)
            .collect();
        let longest = unique.iter().map(String::len).max().unwrap_or(0);
        let mut by_first: HashMap<u8, Vec<String>> = HashMap::new();
        for text in unique {
            by_first.entry(text.as_bytes()[0]).or_default().push(text);
        }
        Self { by_first, longest }
    }

    /// How much of a text must be known to redact its first `kept` bytes.
    pub(crate) const fn needed(&self, kept: usize) -> usize {
        kept + self.longest
    }

    /// The first `kept` bytes of `text`, without secrets and control characters.
    pub(crate) fn redact(&self, text: &str, kept: usize) -> String {
        let hidden = self.hidden(text.as_bytes(), kept);
        let mut redacted = String::new();
        let mut inside = false;
        for (at, c) in text.char_indices().take_while(|(at, _)| *at < kept) {
            let hide = hidden.get(at).copied().unwrap_or(false);
            match (hide, inside) {
                (true, false) => redacted.push_str("***"),
                (true, true) => {}
                (false, _) => redacted.push(if c.is_control() { ' ' } else { c }),
            }
            inside = hide;
        }
        redacted
    }

    /// Which of the first `kept` bytes belong to a secret; secrets may overlap.
    fn hidden(&self, text: &[u8], kept: usize) -> Vec<bool> {
        let mut hidden = vec![false; text.len()];
        for at in 0..text.len().min(kept) {
            let here = &text[at..];
            let length = self
                .by_first
                .get(&text[at])
                .into_iter()
                .flatten()
                .filter(|secret| here.starts_with(secret.as_bytes()))
                .map(String::len)
                .max()
                .unwrap_or(0);
            hidden[at..at + length].fill(true);
        }
        hidden
    }
}

/// What a template holds literally and may be a key: the values of JSON strings and form
/// fields, texts in tags, and words that look like tokens. Names of JSON members are not
/// among them, so that a destination's complaint about one stays readable.
fn literals(source: &str, found: &mut Vec<String>) {
    let mut text = String::new();
    for token in tokenize(source, false, Default::default()) {
        match token {
            Ok((Token::TemplateData(data), _)) => text.push_str(data),
            Ok((Token::Str(literal), _)) => found.push(literal.to_owned()),
            Ok((Token::String(literal), _)) => found.push(literal.to_string()),
            Ok((Token::VariableStart | Token::BlockStart, _)) => text.push(TAG),
            Ok(_) => {}
            // It will not render either, but may be put right before the next attempt.
            Err(_) => break,
        }
    }
    strings(&text, found);
    for field in text.split(['&', '\n', TAG]) {
        found.extend(field.split_once('=').map(|(_, value)| value.to_owned()));
    }
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || "-._~+/".contains(c)));
    found.extend(words.filter(|word| looks_secret(word)).map(str::to_owned));
}

/// The quoted strings of `text` that no colon follows, as written and as meant.
fn strings(text: &str, found: &mut Vec<String>) {
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('"') {
        let mut escaped = false;
        let end = after.char_indices().find(|(_, c)| {
            let ends = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            ends
        });
        let Some((end, _)) = end else {
            found.extend(after.split(TAG).map(str::to_owned));
            return;
        };
        let (content, behind) = (&after[..end], &after[end + 1..]);
        if !behind.trim_start().starts_with(':') {
            for piece in content.split(TAG) {
                found.push(piece.to_owned());
                found.extend(serde_json::from_str::<String>(&format!("\"{piece}\"")));
            }
        }
        rest = behind;
    }
}

fn looks_secret(word: &str) -> bool {
    let has = |is: fn(&u8) -> bool| word.as_bytes().iter().any(is);
    let mixed = has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic);
    word.len() >= LONG_WORD || (word.len() >= SHORTEST && mixed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cresset_model::SecretString;
    use cresset_model::notification::{DispatchOption, HttpMethod};

    fn secrets(url: &str, query: &str, body: &str) -> Secrets {
        let notification = HttpNotification {
            enabled: true,
            url: SecretString::new(url),
            protocol: "HTTPS".to_owned(),
            method: HttpMethod::Post,
            query_string: String::new(),
            format_query: String::new(),
            body: body.to_owned(),
            auth: HttpAuth::Basic {
                user: "key1".into(),
                password: SecretString::new("hunter22"),
            },
            dispatch: DispatchOption::Auto,
            threshold: None,
        };
        let url = crate::webhook::address(&notification, query).unwrap();
        Secrets::of(&notification, &url)
    }

    #[test]
    fn addresses_and_credentials() {
        let url = "https://hooks.example/services/T0SECRET/x";
        let check = |query: &str, echo: &str, expect: &str| {
            assert_eq!(secrets(url, query, "").redact(echo, 4096), expect);
        };
        check(
            "token=abcdef",
            "got /services/T0SECRET/x?token=abcdef with Basic a2V5MTpodW50ZXIyMg== hunter22\u{1b}[1m",
            "got /***/***/x?*** with Basic *** *** [1m",
        );
        check(
            "key=s3cr%20et&other=1",
            "bad key s3cr et, bad key s3cr%20et",
            "bad key ***, bad key ***",
        );
    }

    #[test]
    fn literals_of_the_body() {
        let check = |body: &str, echo: &str, expect: &str| {
            let secrets = secrets("https://hooks.example/", "", body);
            assert_eq!(secrets.redact(echo, 4096), expect, "{body}");
        };
        let events = r#"{"routing_key": "R0ABCDEFGH", "payload": {"summary": "{{ alert_name }}"}}"#;
        check(
            events,
            "invalid routing_key R0ABCDEFGH in payload",
            "invalid routing_key *** in payload",
        );
        check(
            r#"{"key":"pass\"word\u0041","n":1}"#,
            r#"key pass"wordA is wrong, so is pass\"word\u0041"#,
            "key *** is wrong, so is ***",
        );
        check(r#"{"auth":"Token q7w8e9"}"#, "bad q7w8e9", "bad ***");
        check(
            r#"{"auth":"key-{{ rows_count }}-sesame"}"#,
            "bad key-7-sesame",
            "bad key-7***",
        );
        check(
            "token=sesameopen&text={{ alert_name }}",
            "token sesameopen",
            "token ***",
        );
        check(
            "{% set key = 'sesameopen' %}{\"k\": \"{{ key }}\"}",
            "key sesameopen",
            "key ***",
        );
        check(r#"{"unfinished": "sesameopen"#, "key sesameopen", "key ***");
        check(events, "R0ABCDEF", "R0ABCDEF");
    }

    #[test]
    fn secrets_at_the_cut_and_over_each_other() {
        let secrets = Secrets::new(vec!["abcdefgh".into(), "efghijklmn".into()]);
        assert_eq!(secrets.needed(8), 18);
        assert_eq!(secrets.redact("x abcdefghijklmn y", 99), "x *** y");
        assert_eq!(secrets.redact("12345 abcdefgh", 8), "12345 ***");
        assert_eq!(secrets.redact("abcdefgh abcdefgh", 10), "*** ***");
        assert_eq!(secrets.redact("äöü abcdefgh", 4), "äö");
        assert_eq!(secrets.redact("", 4), "");
    }
}
