//! docs/normalising.md: each line becomes what stands below it.

use crate::memory::utc;
use cresset_ingest::{IngestSettings, Normaliser, Origin, SignatureText, signature_problems};
use cresset_model::Event;

const PAGE: &str = include_str!("../../../../docs/normalising.md");

/// The fenced blocks of the page, with what is said about their language.
fn blocks() -> Vec<(&'static str, &'static str)> {
    let mut blocks = Vec::new();
    let mut rest = PAGE;
    while let Some(start) = rest.find("```") {
        let (language, after) = rest[start + 3..].split_once('\n').unwrap();
        let (text, after) = after.split_once("\n```").unwrap();
        blocks.push((language, text));
        rest = after;
    }
    blocks
}

fn event(normaliser: &Normaliser, line: &str) -> Event {
    let origin = Origin {
        repo: "default",
        peer: None,
        col_type: "syslog",
        received: utc("2024-06-01T00:00:00Z"),
    };
    if line.starts_with('{') {
        return normaliser.json(line.as_bytes(), &origin).unwrap();
    }
    normaliser.line(line.as_bytes(), &origin)
}

#[test]
fn lines_become_what_the_page_says() {
    let normaliser = Normaliser::new(&IngestSettings::default()).unwrap();
    let blocks = blocks();
    let mut examples = 0;
    for pair in blocks.windows(2) {
        let [("log", line), (next, fields)] = pair else {
            continue;
        };
        assert_eq!(*next, "becomes", "{line}");
        examples += 1;
        let event = event(&normaliser, line);
        for expect in fields.lines() {
            let (name, value) = expect.split_once('=').unwrap();
            let found = match name {
                "log_ts" => {
                    assert_eq!(event.log_ts, utc(value), "{line}");
                    continue;
                }
                name => event.get(name),
            };
            let found = found.map(|v| v.text().into_owned());
            assert_eq!(found.as_deref(), Some(value), "{name} of {line}");
        }
    }
    assert!(examples > 8, "{examples}");
}

#[test]
fn the_signatures_of_the_page_pass_their_tests() {
    let files: Vec<_> = blocks()
        .into_iter()
        .filter(|(language, _)| *language == "signatures")
        .map(|(_, text)| SignatureText {
            name: "page.toml".to_owned(),
            text: text.to_owned(),
        })
        .collect();
    assert!(!files.is_empty());
    let settings = IngestSettings {
        signatures: files,
        ..IngestSettings::default()
    };
    assert_eq!(signature_problems(&settings), []);
}
