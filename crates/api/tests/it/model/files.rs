//! Files of lists as people make them, and the values that are meant.

/// A value as it stands in a list, how it is written in a CSV file, whether it is a single
/// word, and whether it is an address, a network or a number.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) text: &'static str,
    csv: &'static str,
    word: bool,
    numeric: bool,
}

const fn sample(text: &'static str, csv: &'static str, word: bool, numeric: bool) -> Sample {
    Sample {
        text,
        csv,
        word,
        numeric,
    }
}

pub(super) const SAMPLES: [Sample; 16] = [
    sample("10.1.1.1", "10.1.1.1", false, true),
    sample("10.0.0.0/8", "\"10.0.0.0/8\"", false, true),
    sample("4625", " 4625 ", false, true),
    sample("-7.5", "-7.5", false, true),
    sample("Admin", "Admin", true, false),
    sample("admin", "\"admin\"", true, false),
    sample("ÄPFEL", "ÄPFEL", true, false),
    sample("äpfel", "  äpfel", true, false),
    sample("ip", "ip", true, false),
    sample("value", "value", true, false),
    sample("bad_hosts", "bad_hosts", true, false),
    sample("a,b", "\"a,b\"", false, false),
    sample("say \"hi\"", "\"say \"\"hi\"\"\"", false, false),
    sample("ev?l*.example.com", "ev?l*.example.com", false, false),
    sample("two words", "two words\t", true, false),
    sample("", "  ", false, false),
];

/// A file to import.
#[derive(Debug, Clone)]
pub(super) struct FileDraft {
    pub(super) ending: &'static str,
    /// Places in [`SAMPLES`].
    pub(super) samples: Vec<usize>,
    pub(super) line_end: &'static str,
    pub(super) byte_order_mark: bool,
    /// A second column, in a CSV file.
    pub(super) columns: bool,
    /// A quote that is not closed, in a CSV file.
    pub(super) broken: bool,
}

impl FileDraft {
    fn is_csv(&self) -> bool {
        self.ending == "csv"
    }

    fn given(&self) -> impl Iterator<Item = &'static Sample> {
        self.samples.iter().map(|at| &SAMPLES[*at])
    }

    pub(super) fn content(&self) -> String {
        let mut content = String::new();
        if self.byte_order_mark {
            content.push('\u{feff}');
        }
        for sample in self.given() {
            content += if self.is_csv() {
                sample.csv
            } else {
                sample.text
            };
            if self.is_csv() && self.columns {
                content += ",a note";
            }
            content += self.line_end;
        }
        if self.is_csv() && self.broken {
            content += "\"open";
        }
        content
    }

    /// The values for the list of that name, repetitions included; `None` if it does not read.
    pub(super) fn values(&self, list: &str) -> Option<Vec<String>> {
        if self.ending == "exe" || (self.is_csv() && self.broken) {
            return None;
        }
        let mut samples: Vec<&Sample> = self.given().filter(|s| !s.text.is_empty()).collect();
        if let [first, rest @ ..] = samples.as_slice()
            && self.is_csv()
            && !rest.is_empty()
        {
            let known = first.text.eq_ignore_ascii_case(list) || first.text == "value";
            if known || (first.word && rest.iter().all(|s| s.numeric)) {
                samples.remove(0);
            }
        }
        let values: Vec<String> = samples.iter().map(|s| s.text.to_owned()).collect();
        (!values.is_empty()).then_some(values)
    }
}

/// Without those that differ from an earlier one in case only.
pub(super) fn folded(values: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    for value in values {
        if kept
            .iter()
            .all(|k| k.to_lowercase() != value.to_lowercase())
        {
            kept.push(value);
        }
    }
    kept
}
