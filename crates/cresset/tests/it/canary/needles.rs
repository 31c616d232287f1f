//! Secrets, and every form in which one could come to light.

use aho_corasick::{AhoCorasick, MatchKind};
use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use std::collections::BTreeSet;

/// Shorter texts turn up by chance.
const SHORTEST: usize = 10;

/// The secrets that were planted, by name.
#[derive(Default)]
pub(super) struct Vault {
    planted: Vec<(String, Vec<u8>)>,
    /// Looked for as they are only: there is a new one for each request.
    plain: Vec<(String, Vec<u8>)>,
}

impl Vault {
    /// Plants a secret. The same one may come twice.
    pub(super) fn plant(&mut self, name: &str, secret: impl AsRef<[u8]>) {
        let secret = secret.as_ref().to_vec();
        assert!(
            secret.len() >= SHORTEST,
            "{name} is too short to be looked for"
        );
        if !self.planted.iter().any(|(_, known)| *known == secret) {
            self.planted.push((name.to_owned(), secret));
        }
    }

    /// Plants what is looked for as it is.
    pub(super) fn plant_plain(&mut self, name: &str, secret: &str) {
        self.plain
            .push((name.to_owned(), secret.as_bytes().to_vec()));
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.planted.len()
    }

    /// A search for all of them at once.
    pub(super) fn finder(&self) -> Result<Finder> {
        let (mut patterns, mut names) = (Vec::new(), Vec::new());
        for (name, secret) in &self.planted {
            for (form, pattern) in forms(secret) {
                patterns.push(pattern);
                names.push((name.clone(), form));
            }
        }
        for (name, secret) in &self.plain {
            patterns.push(secret.clone());
            names.push((name.clone(), "plain"));
        }
        let search = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .build(&patterns)?;
        Ok(Finder { search, names })
    }
}

/// Looks for secrets.
pub(super) struct Finder {
    search: AhoCorasick,
    names: Vec<(String, &'static str)>,
}

/// A secret that came to light.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Hit {
    pub(super) secret: String,
    pub(super) form: &'static str,
    /// What stands around it.
    pub(super) context: String,
}

impl Finder {
    /// What is found in `text`, each secret once in each form.
    pub(super) fn find(&self, text: &[u8]) -> Vec<Hit> {
        let mut seen = BTreeSet::new();
        let mut hits = Vec::new();
        for found in self.search.find_overlapping_iter(text) {
            let (secret, form) = &self.names[found.pattern().as_usize()];
            if seen.insert((secret, form)) {
                let from = found.start().saturating_sub(120);
                let to = (found.end() + 40).min(text.len());
                hits.push(Hit {
                    secret: secret.clone(),
                    form,
                    context: String::from_utf8_lossy(&text[from..to]).into_owned(),
                });
            }
        }
        hits
    }
}

/// The forms of a secret. Half of one is too much as well.
fn forms(secret: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let mut forms = vec![
        ("plain", secret.to_vec()),
        ("hex", hex(secret, "", false)),
        ("HEX", hex(secret, "", true)),
        ("percent-encoded", hex(secret, "%", true)),
        ("percent-encoded", hex(secret, "%", false)),
        ("URL-encoded", url(secret, true)),
        ("URL-encoded", url(secret, false)),
        (
            "form-encoded",
            form_urlencoded::byte_serialize(secret)
                .collect::<String>()
                .into(),
        ),
        ("list of bytes", bytes(secret, ", ")),
        ("list of bytes", bytes(secret, ",")),
    ];
    let half = secret.len() / 2;
    if half >= SHORTEST {
        forms.push(("first half", secret[..half].to_vec()));
        forms.push(("second half", secret[half..].to_vec()));
    }
    if let Ok(text) = std::str::from_utf8(secret) {
        forms.push(("JSON", inner(&serde_json::json!(text).to_string())));
        forms.push(("{:?}", inner(&format!("{text:?}"))));
        let in_json = serde_json::json!(text).to_string();
        forms.push((
            "JSON in JSON",
            inner(&inner_text(&serde_json::json!(in_json).to_string())),
        ));
    }
    for place in 0..3 {
        forms.push(("base64", base64(&STANDARD_NO_PAD, secret, place)));
        forms.push(("base64url", base64(&URL_SAFE_NO_PAD, secret, place)));
    }
    forms.sort();
    forms.dedup_by(|a, b| a.1 == b.1);
    forms
}

fn hex(secret: &[u8], before: &str, upper: bool) -> Vec<u8> {
    let digits = |b: &u8| {
        if upper {
            format!("{before}{b:02X}")
        } else {
            format!("{before}{b:02x}")
        }
    };
    secret.iter().map(digits).collect::<String>().into_bytes()
}

/// As RFC 3986 has it: all but letters, digits and `-._~`.
fn url(secret: &[u8], upper: bool) -> Vec<u8> {
    let mut text = Vec::new();
    for byte in secret {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(byte) {
            text.push(*byte);
        } else {
            text.extend(hex(&[*byte], "%", upper));
        }
    }
    text
}

fn bytes(secret: &[u8], between: &str) -> Vec<u8> {
    let numbers: Vec<String> = secret.iter().map(u8::to_string).collect();
    numbers.join(between).into_bytes()
}

/// What stands between the quotes.
fn inner(quoted: &str) -> Vec<u8> {
    inner_text(quoted).into_bytes()
}

fn inner_text(quoted: &str) -> String {
    quoted[1..quoted.len() - 1].to_owned()
}

/// The letters that do not depend on what stands around the secret, which begins `place`
/// bytes after a multiple of three.
fn base64(engine: &impl base64::Engine, secret: &[u8], place: usize) -> Vec<u8> {
    let mut whole = vec![0; place];
    whole.extend_from_slice(secret);
    let letters = engine.encode(&whole);
    let from = (place * 8).div_ceil(6);
    let to = whole.len() * 8 / 6;
    letters.as_bytes()[from..to].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    const SECRET: &str = "C4n\"ry+/=&% secret~\\xyz";

    fn hits(text: impl AsRef<[u8]>) -> Vec<Hit> {
        let mut vault = Vault::default();
        vault.plant("it", SECRET);
        vault.finder().unwrap().find(text.as_ref())
    }

    /// The finder is worth nothing unless it finds.
    #[test]
    fn every_form_is_found() {
        let around = |text: &str| format!("level=trace before {text} after");
        let hex = |upper| String::from_utf8(super::hex(SECRET.as_bytes(), "", upper)).unwrap();
        let form: String = form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
        for text in [
            SECRET.to_owned(),
            format!("{SECRET:?}"),
            format!("{:?}", SECRET.as_bytes()),
            serde_json::json!({ "a": SECRET }).to_string(),
            serde_json::json!({ "a": serde_json::json!({"b": SECRET}).to_string() }).to_string(),
            serde_json::json!(SECRET.as_bytes()).to_string(),
            hex(true),
            hex(false),
            form,
            String::from_utf8(url(SECRET.as_bytes(), true)).unwrap(),
            String::from_utf8(url(SECRET.as_bytes(), false)).unwrap(),
            SECRET[..12].to_owned(),
            SECRET[11..].to_owned(),
        ] {
            assert!(!hits(around(&text)).is_empty(), "{text}");
        }
        for before in ["", "u", "us", "user:", "admin:", "0123456"] {
            for after in ["", "a", "ab"] {
                let text = format!("{before}{SECRET}{after}");
                for coded in [STANDARD.encode(&text), URL_SAFE.encode(&text)] {
                    assert!(!hits(around(&coded)).is_empty(), "{text}");
                }
            }
        }
    }

    #[test]
    fn nothing_else_is_found() {
        assert_eq!(hits("C4n\"ry+/= is only the beginning"), []);
        assert_eq!(hits("***"), []);
        assert_eq!(hits(""), []);
    }

    #[test]
    fn each_secret_is_named_once_in_each_form() {
        let twice = format!("{SECRET} and {SECRET}");
        let found = hits(&twice);
        let plain: Vec<&Hit> = found.iter().filter(|hit| hit.form == "plain").collect();
        assert_eq!(plain.len(), 1);
        assert_eq!(plain[0].secret, "it");
        assert!(plain[0].context.contains("and"));
    }
}
