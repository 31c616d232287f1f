use super::framer::Framer;
use proptest::prelude::*;

/// Messages of a stream that arrives in the given pieces, with whether they were cut.
fn frames(pieces: &[&[u8]], max_line: usize) -> Vec<(String, bool)> {
    let mut framer = Framer::new(max_line);
    let mut found = Vec::new();
    let mut emit = |text: &[u8], cut| found.push((String::from_utf8_lossy(text).into_owned(), cut));
    for piece in pieces {
        framer.push(piece, &mut emit);
    }
    framer.finish(true, &mut emit);
    found
}

fn check(stream: &str, expect: &[(&str, bool)]) {
    let stream = stream.as_bytes();
    let expect: Vec<_> = expect
        .iter()
        .map(|(t, cut)| ((*t).to_owned(), *cut))
        .collect();
    for at in 0..=stream.len() {
        let (a, b) = stream.split_at(at);
        assert_eq!(frames(&[a, b], 16), expect, "split at {at}");
    }
    let bytes: Vec<&[u8]> = stream.chunks(1).collect();
    assert_eq!(frames(&bytes, 16), expect, "byte by byte");
}

#[test]
fn line_feeds() {
    check("", &[]);
    check("a\nb\n", &[("a", false), ("b", false)]);
    check(
        "<13>a\r\n\n\r\n<14>b",
        &[("<13>a\r", false), ("<14>b", false)],
    );
    check("12\n", &[("12", false)]);
    check("192.0.2.1 - x\n", &[("192.0.2.1 - x", false)]);
    check("0 <x\n", &[("0 <x", false)]);
    check("10 green\n", &[("10 green", false)]);
    check("123456789 <1\n", &[("123456789 <1", false)]);
}

#[test]
fn octet_counts() {
    check("4 <1>a5 <1>bc", &[("<1>a", false), ("<1>bc", false)]);
    // A line feed inside a counted message, and senders that add one after it.
    check(
        "6 <1>a\nb\n4 <1>c\n",
        &[("<1>a\nb", false), ("<1>c", false)],
    );
    // After the first one, the blank is enough.
    check("4 <1>a3 b c", &[("<1>a", false), ("b c", false)]);
    check("4 <1>a9 <1>b", &[("<1>a", false), ("<1>b", true)]);
    check("6 <1>ä!", &[("<1>ä!", false)]);
}

#[test]
fn mixed_framing() {
    check(
        "4 <1>a<2>line\n5 <1>bc<3>x\n",
        &[
            ("<1>a", false),
            ("<2>line", false),
            ("<1>bc", false),
            ("<3>x", false),
        ],
    );
    check("<2>line\n4 <1>a", &[("<2>line", false), ("<1>a", false)]);
}

#[test]
fn long_messages_are_cut_and_the_next_is_whole() {
    check(
        "<1>45678901234567890\n<1>b\n",
        &[("<1>4567890123456", true), ("<1>b", false)],
    );
    check(
        "20 <1>456789012345678904 <1>b",
        &[("<1>4567890123456", true), ("<1>b", false)],
    );
    check(
        "<1>4567890123456\n<1>b\n",
        &[("<1>4567890123456", false), ("<1>b", false)],
    );
}

#[test]
fn what_a_stop_breaks_off_is_cut() {
    let check = |stream: &str, closed: bool, expect: &[(&str, bool)]| {
        let mut framer = Framer::new(16);
        let mut found = Vec::new();
        let mut emit =
            |text: &[u8], cut| found.push((String::from_utf8_lossy(text).into_owned(), cut));
        framer.push(stream.as_bytes(), &mut emit);
        framer.finish(closed, &mut emit);
        let found: Vec<_> = found.iter().map(|(t, cut)| (t.as_str(), *cut)).collect();
        assert_eq!(found, expect, "{stream:?} closed: {closed}");
    };
    check("<1>a\n<1>b", true, &[("<1>a", false), ("<1>b", false)]);
    check("<1>a\n<1>b", false, &[("<1>a", false), ("<1>b", true)]);
    check("12", true, &[("12", false)]);
    check("12", false, &[("12", true)]);
    check("9 <1>a", true, &[("<1>a", true)]);
    check("9 <1>a", false, &[("<1>a", true)]);
    check("<1>a\n", false, &[("<1>a", false)]);
}

#[test]
fn memory_is_bounded() {
    let mut framer = Framer::new(1_000);
    let mut longest = 0;
    let mut count = 0;
    let chunk = vec![b'x'; 64 << 10];
    for _ in 0..160 {
        framer.push(&chunk, &mut |text, _| longest = longest.max(text.len()));
    }
    framer.push(b"\nnext\n", &mut |text, _| {
        longest = longest.max(text.len());
        count += 1;
    });
    assert_eq!((longest, count), (1_000, 2));
    assert!(format!("{framer:?}").len() < 1_000);
}

proptest! {
    #[test]
    fn pieces_do_not_matter(
        stream in prop::collection::vec(prop::sample::select(b"<1> 2345\nab".to_vec()), 0..80),
        cuts in prop::collection::vec(0usize..80, 0..6),
    ) {
        let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(stream.len())).collect();
        cuts.extend([0, stream.len()]);
        cuts.sort_unstable();
        let pieces: Vec<&[u8]> = cuts.windows(2).map(|w| &stream[w[0]..w[1]]).collect();
        prop_assert_eq!(frames(&pieces, 16), frames(&[&stream], 16));
    }

    #[test]
    fn arbitrary_bytes_stay_within_the_limit(
        stream in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut framer = Framer::new(16);
        let mut longest = 0;
        framer.push(&stream, &mut |text, _| longest = longest.max(text.len()));
        framer.finish(false, &mut |text, _| longest = longest.max(text.len()));
        prop_assert!(longest <= 16);
    }
}
