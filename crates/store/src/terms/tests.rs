use super::*;

fn noted(index: &mut Index, texts: impl Iterator<Item = String>) -> Option<String> {
    let values: Vec<Value> = texts.map(Value::from).collect();
    index.note(values.iter());
    index.end_group()
}

/// The number in letters that are no digits of identifiers.
fn word(n: usize) -> String {
    format!("{n:o}")
        .bytes()
        .map(|b| char::from(b - b'0' + b'g'))
        .collect()
}

#[test]
fn what_is_too_much_has_no_vocabulary_and_the_next_group_has_one() {
    let mut index = Index::default();
    let long = |n: usize| "x".repeat(MAX_KNOWN_BYTES / 4) + &word(n);
    for _ in 0..2 {
        assert_eq!(noted(&mut index, (0..8).map(long)), None);
        let few = noted(
            &mut index,
            ["alice 17".to_owned(), "bob".to_owned()].into_iter(),
        );
        assert_eq!(few.as_deref(), Some(" alice bob "));
        let many = noted(&mut index, (100..MAX_KNOWN + 200).map(word));
        assert_eq!(many, None);
    }
}

#[test]
fn what_is_kept_for_later_files_is_little_and_right() {
    let mut index = Index::default();
    let many = |n: usize| format!("{} many words: {}", word(n + 100), "and more ".repeat(200));
    for n in 0..15_000 {
        index.line_of(&many(n));
    }
    assert!(index.bytes() > SMALL_BYTES);
    index.shrink();
    assert!(index.bytes() <= SMALL_BYTES && !index.terms.is_empty());
    let line = index.line_of(&many(7));
    let expect = format!(" and many more {} words ", word(107));
    let mut expect: Vec<&str> = expect.split(' ').collect();
    expect.sort_unstable();
    let mut found: Vec<&str> = index.line(line).split(' ').collect();
    found.sort_unstable();
    assert_eq!(found, expect);
    let long = |n: usize| "x".repeat(MAX_KNOWN_BYTES / 8) + &word(n);
    (0..6).for_each(|n| index.note_text(&long(n)));
    index.shrink();
    assert!(index.bytes() <= SMALL_BYTES && index.terms.is_empty());
}

#[test]
fn lines_that_were_forgotten_are_made_again() {
    let mut index = Index::default();
    let text = |n: usize| "y".repeat(MAX_KNOWN_BYTES / 8) + " " + &word(n + 100);
    for _ in 0..2 {
        for n in 0..20 {
            let expect = format!(" {} ", {
                let mut terms: Vec<String> = text(n).split(' ').map(str::to_owned).collect();
                terms.sort();
                terms.join(" ")
            });
            let line = index.line_of(&text(n));
            assert!(index.line(line) == expect, "{n}");
        }
    }
    assert!(index.lines_bytes <= MAX_KNOWN_BYTES + (MAX_KNOWN_BYTES >> 2));
    assert!(index.end_group().is_some(), "lines are no terms");
}

#[test]
fn lines_of_messages_that_come_again_are_read_once_and_right() {
    let mut index = Index::default();
    let text = |n: usize| {
        format!(
            "Program started:\r\nImage: C:\\{}\n{}",
            word(n),
            word(n * 7)
        )
    };
    let long = "-".repeat(4_000);
    for n in 0..3_000 {
        let text = text(n % 2_000) + "\nPath: " + &long + &word(n);
        let mut terms = BTreeSet::new();
        each_term(&text, |term| {
            terms.insert(String::from_utf8_lossy(term).into_owned());
        });
        let expect = line(terms.iter().map(String::as_str));
        for _ in 0..3 {
            let line = index.line_of(&text);
            assert_eq!(index.line(line), expect, "{n}");
        }
    }
    assert!(index.pieces.bytes <= Pieces::MAX_BYTES);
    let known = index.pieces.len();
    assert!(known > 0);
    assert!(known < 4_000, "{known}: nothing was ever forgotten");
}

#[test]
fn vocabularies_join_as_far_as_they_may() {
    let joined = union([" alice bob ", " bob carol "].into_iter());
    assert_eq!(joined.as_deref(), Some(" alice bob carol "));
    let many = line(
        (100..MAX_KNOWN + 200)
            .map(word)
            .collect::<BTreeSet<_>>()
            .iter()
            .map(String::as_str),
    );
    assert_eq!(union(std::iter::once(many.as_str())), None);
}
