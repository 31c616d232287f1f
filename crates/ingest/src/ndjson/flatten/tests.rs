//! The two readers of JSON agree.

use super::*;
use crate::ndjson::tests::any_json;
use proptest::prelude::*;

/// A piece of text that makes JSON of another kind, or none.
fn edit() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "",
        " ",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "0",
        "1",
        "-",
        "-0",
        ".",
        "e",
        "E9",
        "\u{1}",
        "\n",
        "\t",
        "\u{0}",
        "t",
        "null",
        "\\u12",
        "\\ud800",
        "\\ud83d\\ude00",
        "é",
        "1e999",
        "1e5",
        "-1",
        "00",
        "0.10",
        "99999999999999999999",
        "-99999999999999999999",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "18446744073709551615",
        "18446744073709551616",
        "\"a\":1,",
        "/",
        "NaN",
        "tru",
        "\u{7f}",
    ])
}

/// Without the last bits of fractions, where `serde_json`'s quick reader may err; items of lists are
/// their texts.
fn alike(flat: Flat) -> String {
    let rounded = |n: f64| format!("{n:.12e}");
    let item = |item: &compact_str::CompactString| match item.parse() {
        Ok(n) if item.contains(|c: char| c.is_ascii_digit()) => rounded(n),
        _ => format!("{item:?}"),
    };
    let fields = flat.fields.iter().map(|(name, value)| match value {
        Value::Float(n) => format!("{name:?}: {}", rounded(*n)),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(item).collect();
            format!("{name:?}: {items:?}")
        }
        value => format!("{name:?}: {value:?}"),
    });
    fields.collect::<Vec<_>>().join(", ")
}

proptest! {
    /// What one reader takes, the other takes for the same.
    #[test]
    fn quick_reading_is_right(
        map in prop::collection::btree_map("[a-z\\\\\"é]{1,4}", any_json(), 0..9),
        edits in prop::collection::vec((any::<prop::sample::Index>(), edit()), 0..3),
    ) {
        let mut text = serde_json::Value::Object(map.into_iter().collect()).to_string();
        for (place, new) in edits {
            let at = text.floor_char_boundary(place.index(text.len()));
            let end = text.ceil_char_boundary(at + usize::from(new.len() % 2 == 1));
            text.replace_range(at..end, new);
        }
        let limits = Limits::from(&IngestSettings::default());
        let mut quick = Sink::new(&limits);
        if quick::read(&text, &mut quick) {
            let mut slow = Sink::new(&limits);
            let judged = slowly(&text, &mut slow);
            prop_assert!(judged.is_ok(), "{text}: {judged:?}");
            prop_assert_eq!(alike(quick.flat), alike(slow.flat), "{}", text);
        }
    }
}
