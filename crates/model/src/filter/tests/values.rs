use super::*;
use proptest::prelude::*;

#[test]
fn whole_numbers_of_a_comparison() {
    const MIN: i64 = i64::MIN;
    const MAX: i64 = i64::MAX;
    let check = |op: Op, value: &str, expect: Option<(i64, i64)>| {
        let numbers = range(op, value).filter(|numbers| !numbers.is_empty());
        let ends = numbers.map(|numbers| (*numbers.start(), *numbers.end()));
        assert_eq!(ends, expect, "{op:?} {value}");
    };
    check(Op::Equal, "5", Some((5, 5)));
    check(Op::Equal, "-5.000", Some((-5, -5)));
    check(Op::Equal, "5.5", None);
    check(Op::Equal, "9223372036854775807", Some((MAX, MAX)));
    check(Op::Equal, "9223372036854775808", None);
    check(Op::Equal, "-9223372036854775808", Some((MIN, MIN)));
    check(Op::Equal, "-9223372036854775809", None);
    check(Op::Greater, "5", Some((6, MAX)));
    check(Op::Greater, "5.5", Some((6, MAX)));
    check(Op::Greater, "-5.5", Some((-5, MAX)));
    check(Op::Greater, "9223372036854775807", None);
    check(Op::Greater, "-9223372036854775809", Some((MIN, MAX)));
    check(Op::GreaterOrEqual, "5", Some((5, MAX)));
    check(Op::GreaterOrEqual, "5.5", Some((6, MAX)));
    check(Op::GreaterOrEqual, "-5.5", Some((-5, MAX)));
    check(Op::Less, "5", Some((MIN, 4)));
    check(Op::Less, "5.5", Some((MIN, 5)));
    check(Op::Less, "-5.5", Some((MIN, -6)));
    check(Op::Less, "-9223372036854775808", None);
    check(
        Op::Less,
        "99999999999999999999999999999999999999999999",
        Some((MIN, MAX)),
    );
    check(Op::LessOrEqual, "5", Some((MIN, 5)));
    check(Op::LessOrEqual, "-5.5", Some((MIN, -6)));
    check(Op::LessOrEqual, "-99999999999999999999.5", None);
    check(Op::LessOrEqual, "-0.0", Some((MIN, 0)));
    for value in [
        "", "-", "+", ".", "5.", ".5", "1e3", "--5", "0x5", "5 5", "٣", "inf", "1.5.5",
    ] {
        assert_eq!(range(Op::Equal, value), None, "{value}");
    }
    assert_eq!(range(Op::Contains, "5"), None);
}

#[test]
fn pairs_of_letters() {
    for (c, expect) in [
        ('a', Some(('a', 'A'))),
        ('Z', Some(('z', 'Z'))),
        ('é', Some(('é', 'É'))),
        ('Ü', Some(('ü', 'Ü'))),
        ('Ж', Some(('ж', 'Ж'))),
        ('σ', Some(('σ', 'Σ'))),
        ('Σ', Some(('σ', 'Σ'))),
        ('ς', None),
        ('ß', None),
        ('ẞ', None),
        ('İ', None),
        ('ı', None),
        ('\u{212a}', None),
        ('ſ', None),
        ('µ', None),
        ('1', None),
        ('日', None),
        ('*', None),
    ] {
        assert_eq!(case_pair(c), expect, "{c}");
    }
}

#[test]
fn pairs_are_symmetric_and_keep_to_ascii_or_to_the_rest() {
    for c in '\0'..=char::MAX {
        if let Some((lower, upper)) = case_pair(c) {
            assert!(c == lower || c == upper, "{c}");
            assert_eq!(case_pair(lower), Some((lower, upper)), "{c}");
            assert_eq!(case_pair(upper), Some((lower, upper)), "{c}");
            assert_eq!(lower.is_ascii(), upper.is_ascii(), "{c}");
        }
    }
}

#[test]
fn stars() {
    let pattern = |text: &str| Pattern::between_stars(text.split('*').map(str::to_owned));
    let check = |value: &str, text: &str, expect: bool| {
        assert_eq!(pattern(value).equals(text), expect, "{value} {text}");
    };
    check("", "", true);
    check("", "a", false);
    check("*", "", true);
    check("*", "abc", true);
    check("a*", "a", true);
    check("*a", "ba", true);
    check("a*a", "a", false);
    check("a*a", "aa", true);
    check("a*b*c", "axxbyyc", true);
    check("a*b*c", "acb", false);
    check("*ab*ab*", "abab", true);
    check("*ab*ab*", "aab", false);
    check("ab*bc", "abc", false);
    check("a**c", "abc", true);
    check("É*", "éa", true);
    assert_eq!(pattern("a***b"), pattern("a*b"));
    assert_eq!(pattern("***"), pattern("*"));
    assert!(pattern("**").is_any() && !pattern("*a").is_any() && !pattern("").is_any());
    assert_eq!(pattern("a").anywhere(), pattern("*a*"));
    assert_eq!(pattern("*a").anywhere(), pattern("*a*"));
    assert_eq!(pattern("").anywhere(), pattern("*"));
}

/// Filters made of what the grammar is made of.
fn scraps() -> impl Strategy<Value = String> {
    let scrap = prop_oneof![
        "[a-c.:~!<>=,|*\"\\\\ ]{1,4}",
        Just("id:5".to_owned()),
        Just("note:\"x\"".to_owned()),
        Just("||".to_owned()),
        Just(":::empty".to_owned()),
        Just("_all~".to_owned()),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(scrap, 0..12).prop_map(|scraps| scraps.concat())
}

fn filters() -> impl Strategy<Value = Filter> {
    let value = prop::collection::vec("[ -~éÜ]{0,6}", 1..3).prop_map(Pattern::between_stars);
    let asked = (
        prop::sample::select(vec![Op::Equal, Op::NotEqual, Op::Contains, Op::NotContains]),
        prop::collection::vec(value, 1..4),
    );
    let compared = (
        prop::sample::select(vec![
            Op::Greater,
            Op::GreaterOrEqual,
            Op::Less,
            Op::LessOrEqual,
        ]),
        prop::collection::vec("[ -~é]{0,6}".prop_map(Pattern::exactly), 1..3),
    );
    let absent = prop::sample::select(vec![
        Op::Is(Absence::Empty),
        Op::Is(Absence::Null),
        Op::IsNot(Absence::Empty),
        Op::IsNot(Absence::Null),
    ]);
    let question = prop_oneof![asked, compared, absent.prop_map(|op| (op, Vec::new()))];
    let condition = ("[a-z][a-zA-Z0-9_-]{0,5}(\\.[a-z]{1,3})?", question);
    let condition = condition.prop_map(|(field, (op, values))| Condition {
        field,
        op,
        values,
        character: 1,
    });
    let group = prop::collection::vec(condition, 1..4);
    prop::collection::vec(group, 1..4).prop_map(|any| Filter { any })
}

fn without_places(mut filter: Filter) -> Filter {
    filter
        .any
        .iter_mut()
        .flatten()
        .for_each(|c| c.character = 1);
    filter
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in scraps()) {
        match parse(&decode(&text)) {
            Ok(filter) => {
                let printed = filter.to_string();
                let again = parse(&printed).unwrap();
                prop_assert_eq!(without_places(again), without_places(filter.clone()));
                let _ = filter.check(COLUMNS);
                let _ = filter.matches(&Sample(Vec::new()));
            }
            Err(error) => {
                let end = decode(&text).chars().count() + 1;
                prop_assert!(error.character.is_some_and(|at| (1..=end).contains(&at)));
            }
        }
    }

    #[test]
    fn every_filter_is_printed_and_read_back(filter in filters()) {
        let again = parse(&filter.to_string()).unwrap();
        prop_assert_eq!(without_places(again), filter);
    }

    #[test]
    fn exactly_one_of_less_equal_and_greater(text in "[a-cA-CéÉß]{0,3}", value in "[a-cA-CéÉß]{0,3}") {
        let row = Sample(vec![("note", Cell::Text(text))]);
        let is = |op: &str| parse(&format!("note{op}\"{value}\"")).unwrap().matches(&row);
        prop_assert_eq!([is("<"), is(":"), is(">")].iter().filter(|b| **b).count(), 1);
        prop_assert_eq!(is("<:"), is("<") || is(":"));
        prop_assert_eq!(is(">:"), is(">") || is(":"));
    }
}
