use super::pattern::naive_match;
use super::*;
use crate::{ConditionIndex, compile};
use cresset_model::{Event, Timestamp, Value};
use proptest::prelude::*;

struct Lists;

impl ListLookup for Lists {
    fn contains(&self, list: &str, value: &str) -> bool {
        let entries: &[&str] = match list {
            "ADMINS" => &["root", "adm*"],
            "PORTS" => &["22"],
            _ => &[],
        };
        entries.iter().any(|e| wildcard_match(e, value))
    }
}

/// 2024-05-04 was a Saturday; 23:30:15 UTC is Sunday 01:30:15 in Berlin.
const SATURDAY: i64 = 1_714_865_415;

fn event() -> Event {
    let mut e = Event::new(
        Timestamp::from_secs(SATURDAY),
        Timestamp::from_secs(SATURDAY + 60),
    );
    e.add_label("Login");
    e.add_label("Fail");
    e.set("user", "Jürgen");
    e.set("host", "SRV-DB01");
    e.set("path", r"C:\Windows\Temp\");
    e.set("event_id", Value::Int(4625));
    e.set("port", "0022");
    e.set("big", "9007199254740993");
    e.set("load", Value::Float(0.5));
    e.set("ok", Value::Bool(true));
    e.set("empty", "");
    e.set("none", Value::List(Vec::new()));
    e.set("start_ts", "2024-05-04T23:59:59Z");
    e.set("source_address", "10.0.0.9");
    e.set(
        "msg",
        "sshd[12]: Failed password for JÜRGEN from 10.0.0.9 port 4_2, user_x",
    );
    e
}

fn matches(query: &str, zone: &str) -> bool {
    let plan = compile(query).unwrap_or_else(|e| panic!("{}", e[0].render(query)));
    let timezone = jiff::tz::TimeZone::get(zone).unwrap();
    let met = plan.filter().matches(
        &event(),
        &Context {
            lists: &Lists,
            timezone,
            ..Context::bare()
        },
    );
    let mut index = ConditionIndex::default();
    index.insert(7, plan.filter());
    let mut found = Vec::new();
    index.candidates(&event(), &mut found);
    assert!(found.contains(&7) || !met, "the index misses {query}");
    met
}

#[track_caller]
fn check(query: &str, expect: bool) {
    assert_eq!(matches(query, "UTC"), expect, "{query}");
}

#[test]
fn values() {
    check("label=login label=FAIL", true);
    check("label=login label=success", false);
    check("label=lo* -label=succ*", true);
    check("user=jÜRGEN", true);
    check("user=j?rgen", true);
    check("user=*ürg*", true);
    check("user=JUERGEN", false);
    check(
        "host=srv-db01 host=*DB01 host=Srv* host=*v-d* host=s*-*1",
        true,
    );
    check("host=srv-db0", false);
    check("host=*db0", false);
    check(r#"path="c:\windows\temp\" path="*\temp\*" path=*\"#, true);
    check(
        "event_id=4625 event_id=\"4625\" event_id=46* event_id=4625.0",
        true,
    );
    check("event_id=462", false);
    check("port=22 port=0022 port=*22", true);
    check("port=\"22*\"", false);
    check("big=9007199254740993", true);
    check("big=9007199254740992", false);
    check("load=.5 load=0.50 load=0.*", true);
    check("ok=TRUE", true);
}

#[test]
fn equal_numbers_are_equal_exactly() {
    let check = |literal: &str, value: Value, expect: bool| {
        let mut event = event();
        event.set("x", value.clone());
        for query in [format!("x={literal}"), format!("x in [a, {literal}]")] {
            let plan = compile(&query).unwrap();
            let found = plan.filter().matches(&event, &Context::bare());
            assert_eq!(found, expect, "{query} {value:?}");
        }
    };
    let long = "123456789012345678901234567890123456789";
    let text = Value::str;
    check(long, text(long), true);
    check(long, text("123456789012345678901234567890123456788"), false);
    check(&format!("0{long}"), text(long), false);
    check("0e462097431906509", text("0e830400451993494"), false);
    check("0e46", text("0"), false);
    check("0", text("0e46"), false);
    check("1e2", text("100"), false);
    check("100", text("1E2"), false);
    check("1e2", text("1E2"), true);
    check("1e2", Value::Int(100), true);
    check("2.5e-1", Value::Float(0.25), true);
    check("1e300", Value::Float(1e300), true);
    check("0.1", text("00.10"), true);
    check("-.5", Value::Float(-0.5), true);
    check("-0", text("+0.0"), true);
    check("5.", text("5"), true);
    check("0.1000000000000000055", text("0.1"), false);
    check("9007199254740993", Value::Int(9_007_199_254_740_993), true);
    check("9007199254740992", Value::Int(9_007_199_254_740_993), false);
    check(
        "12345678901234567890123456789012345678.0",
        text("12345678901234567890123456789012345678"),
        true,
    );
    check("-", text("+"), false);
    check(".", text(""), false);
}

#[test]
fn absence() {
    check("user=* empty=* empty=\"\"", true);
    check("user=\"\"", false);
    check("nope=*", false);
    check("-nope=* nope!=* nope!=x -nope=x -(nope>5)", true);
    check("nope=\"\"", false);
    check("none=*", false);
    check("user!=bob -user=jürgen", false);
    check("hour(nope)<30", false);
    check("hour(user)<30", false);
}

#[test]
fn sets_and_lists() {
    check("user in [a, b, \"J*gen\"]", true);
    check("event_id in [1, 2, 3, 4, 5, 6, \"04625\"]", true);
    check("host in [a, b, c, d, e, f, \"SRV-db01\"]", true);
    check("user in [a, b, c, d, e, f, \"JÜRGEN\"]", true);
    check("host in [a, b, c, d, e, f]", false);
    check("label in [x, fail]", true);
    check("label not in [x, fail]", false);
    check("nope in [x]", false);
    check("user in ADMINS", false);
    check("-user in UNKNOWN -nope in ADMINS user not in ADMINS", true);
    check("port in PORTS", true);
}

#[test]
fn order() {
    check(
        "event_id>4624 event_id>=4625 event_id<=4625 event_id<10000",
        true,
    );
    check("event_id>4625", false);
    check("port<100 port>3", true);
    check("load>0 load<=.5", true);
    check("user>a user<k", true);
    check("user>JZ", true);
    check("source_address<10.0.0.10 source_address>9.255.0.0", true);
    check("label>k", true);
    check("nope<5", false);
    check("big>9007199254740992", true);
    check("event_id<abc", true);
    check("user>500", false);
    check("user<500", false);
    check("-user>500 -user<=500 -empty>=0 -ok>0 -label>0", true);
    check("start_ts>5", false);
    check("ok>false ok<TRUE1", true);
    check("source_address>5", false);
}

#[test]
fn words() {
    check("failed password", true);
    check("fail", false);
    check("fail* *ssword", true);
    check("f*d fa?led", true);
    check("f*word", false);
    check("?sshd*", false);
    check("faile? ?ailed ??iled fail?? \"?shd[12]\"", true);
    check("fail? ?iled", false);
    check("fail?", false);
    check("?iled", false);
    check("use?", false);
    check("user_? ?ser_x", true);
    check("?ser", false);
    check("JÜRGE? ?ÜRGEN", true);
    check("\"failed passwor?\" \"?assword for\"", true);
    check("\"failed pass?\"", false);
    check("password?", false);
    check("sshd?", true);
    check("fai?* *?led", true);
    check("f*? ?*d", true);
    check("? ???", true);
    check("?????????????", false);
    check("\"password for\" \"failed password\"", true);
    check("\"word for\"", false);
    check("\"*word for\"", true);
    check("jürgen", true);
    check("sshd \"sshd[12]:\" 10.0.0.9 12", true);
    check("user", false);
    check("user_x user*", true);
    check("4_2 -4", true);
    check("* \"**\"", true);
    check("-missing", true);
}

#[test]
fn time_functions() {
    check("day_of_week(log_ts)=saturday day_of_week(log_ts)=7", true);
    check(
        "day_of_week(log_ts) in [Saturday, Sunday] day_of_week(log_ts)>6",
        true,
    );
    check(
        "hour(log_ts)=23 minute(log_ts)=30 second(log_ts)=15 day(log_ts)=4 month(log_ts)=5",
        true,
    );
    check("minute(col_ts)=31 second(start_ts)=59", true);
    check("log_ts=1714865415 col_ts>1714865415", true);
    check("lower(user)=jürgen upper(user)=J*", true);
    assert!(matches(
        "hour(log_ts)=1 day_of_week(log_ts)=1 day(log_ts)=5",
        "Europe/Berlin"
    ));
}

#[test]
fn folding() {
    let check = |text: &str, expect: &str| assert_eq!(fold(text), expect);
    check("abc", "abc");
    check("ABC", "abc");
    check("ÄΣςſKẞß", "äσσskßß");
    check("İıI", "İıi");
    assert!(Pattern::new("ſſh*").matches_text("SSHD"));
    assert!(Pattern::new("*kelvin").matches_text("0 \u{212a}elvin"));
}

#[test]
fn arithmetic_is_exact_or_absent() {
    let check = |formula: &str, expect: Option<Value>| {
        let query = format!("| chart max({formula}) as m");
        let plan = compile(&query).unwrap();
        let mut run = plan.executor(Context::bare());
        run.push(&event());
        let rows = run.finish().rows;
        assert_eq!(rows[0].value("m"), expect.as_ref(), "{formula}");
    };
    check("event_id*2-1", Some(Value::Int(9249)));
    check("big+1", Some(Value::Int(9_007_199_254_740_994)));
    check("-(event_id-4624)/2", Some(Value::Float(-0.5)));
    check("col_ts-log_ts", Some(Value::Int(60)));
    check("event_id/0", None);
    check("user+1", None);
    check("nope+1", None);
    check("1e308*10", None);
}

fn pattern_text() -> impl Strategy<Value = String> {
    proptest::string::string_regex("[abAB*?äÄK\\\\ ]{0,9}").unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn patterns_agree_with_the_definition(
        pattern in pattern_text(),
        text in "[abABäÄkK\u{212a}\\\\ ]{0,14}",
    ) {
        let naive = naive_match(
            &pattern.chars().collect::<Vec<_>>(),
            &text.chars().collect::<Vec<_>>(),
        );
        prop_assert_eq!(Pattern::new(&pattern).matches_text(&text), naive);
        prop_assert_eq!(ValueSet::new([pattern.as_str()]).matches(&Value::str(&text)), naive);
        for many in [
            ["1x", "2x", "3x", "4x", "5x", pattern.as_str()],
            ["1*", "*2", "*3*", "4?*5", "6", pattern.as_str()],
        ] {
            prop_assert_eq!(ValueSet::new(many).matches(&Value::str(&text)), naive);
        }
    }

    #[test]
    fn plain_words_agree_with_the_definition(word in "[aB_. ]{1,4}", msg in "[abA_. ä]{0,12}") {
        let word_char = |c: &char| c.is_alphanumeric() || *c == '_';
        let chars = |s: &str| s.chars().map(|c| c.to_ascii_lowercase()).collect::<Vec<_>>();
        let (w, m) = (chars(&word), chars(&msg));
        let naive = (0..=m.len().saturating_sub(w.len())).any(|i| {
            let fits = m[i..].starts_with(&w);
            let before = i > 0 && word_char(&w[0]) && word_char(&m[i - 1]);
            let after = m.get(i + w.len()).is_some_and(word_char) && word_char(&w[w.len() - 1]);
            fits && !before && !after
        });
        prop_assert_eq!(Words::new(&word).unwrap().matches_text(&msg), naive);
    }

    #[test]
    fn order_is_total(a in number(), b in number(), c in number()) {
        let (a, b, c) = (Num::parse(&a), Num::parse(&b), Num::parse(&c));
        let (Some(a), Some(b), Some(c)) = (a, b, c) else { return Ok(()) };
        prop_assert_eq!(a.order(b), b.order(a).reverse());
        prop_assert_eq!(a.order(b).is_eq(), a.key() == b.key());
        if a.order(b).is_le() && b.order(c).is_le() {
            prop_assert!(a.order(c).is_le());
        }
    }
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        "-?[0-9]{1,3}",
        "-?[0-9]{1,2}\\.[05]",
        "9007199254740[0-9]{3}",
        "[1-9]e3[78]"
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A word with `?` is found where the word with some character in its place is.
    #[test]
    fn question_marks_stand_for_one_character(word in "[ab_.?]{1,4}", msg in "[ab_. ]{0,10}") {
        let spellings = word.chars().fold(vec![String::new()], |all, c| {
            let choices: Vec<char> = if c == '?' { "ab_.".chars().collect() } else { vec![c] };
            let longer = |s: &String| choices.iter().map(|c| format!("{s}{c}")).collect::<Vec<_>>();
            all.iter().flat_map(longer).collect()
        });
        let some = spellings.iter().any(|s| Words::new(s).unwrap().matches_text(&msg));
        prop_assert_eq!(Words::new(&word).unwrap().matches_text(&msg), some);
    }
}

#[test]
fn ascii_needles_in_other_texts() {
    for (needle, text, expect) in [
        ("*skill*", "é ſKiLL é", true),
        ("*skill*", "é sKiLL é", true),
        ("*skill*", "é skil é", false),
        ("*ok*", "é O\u{212a} é", true),
        ("*no*", "é \u{212a} é", false),
        ("*no*", "é NO é", true),
        ("*i*", "é ı İ é", false),
    ] {
        assert_eq!(
            Pattern::new(needle).matches_text(text),
            expect,
            "{needle} {text}"
        );
        let words = Words::new(needle.trim_matches('*')).unwrap();
        let alone = expect && text != "é skil é";
        assert_eq!(words.matches_text(text), alone, "{needle} {text} as a word");
    }
}
