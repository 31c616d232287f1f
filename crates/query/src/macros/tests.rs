use super::*;
use crate::compile_with;
use crate::parse::MAX_TEXT;
use cresset_model::Timestamp;

fn one(name: &str, parameters: &[&str], text: &str) -> Macro {
    Macro {
        name: name.to_owned(),
        parameters: parameters.iter().map(ToString::to_string).collect(),
        text: text.to_owned(),
        description: String::new(),
        updated_at: Timestamp(0),
    }
}

fn macros() -> Macros {
    let mut all = vec![
        one("FAIL", &[], "label=Login or label=Logon label=Fail"),
        one("MANY", &[], "| chart count() as cnt by user | search cnt>5"),
        one("TOP", &["n"], "order by cnt desc | limit $n$"),
        one("ALL", &[], "`fail` | `many`"),
        one(
            "OF",
            &["who", "what"],
            "user=$who$ msg=\"*$what$*\" -path='C:\\$Recycle.Bin$\\*'",
        ),
        one("LOOP", &[], "a=1 -`pool`"),
        one("POOL", &[], "`loop`"),
        one("BIG", &[], &"x ".repeat(MAX_TEXT / 32)),
        one("BROKEN", &[], "label="),
        one("TYPO", &[], "| chart count() as cnt | search cnd>1"),
        one("LOST", &[], "a=1 `nowhere`"),
        one("PAIR", &[], "[a=1] as x followed by [b=1] as y on x.c=y.c"),
        one("FEED", &[], "process toList(SEEN, user)"),
    ];
    for n in 0..=MAX_DEPTH {
        all.push(one(&format!("DEEP{n}"), &[], &format!("`deep{}`", n + 1)));
    }
    let hundred = "`a0` ".repeat(100);
    all.push(one("A0", &[], "x=1"));
    all.push(one("MANYFOLD", &[], &hundred));
    all.into_iter().collect()
}

#[test]
fn macros_are_put_in() {
    let macros = macros();
    let check = |query: &str, expect: &str| {
        let plan =
            compile_with(query, &macros).unwrap_or_else(|d| panic!("{}", d[0].render(query)));
        assert_eq!(plan.text(), expect, "{query}");
        assert_eq!(plan.written(), query);
    };
    let fail = "(label=Login or label=Logon label=Fail)";
    let many = "chart count() as cnt by user | search cnt>5";
    check("`fail`", fail);
    check("user=bob -`FAIL`", &format!("user=bob -{fail}"));
    check("a=1 or `fail`|`many`", &format!("a=1 or {fail}|{many}"));
    check("`all`", &format!("{fail} | {many}"));
    check(
        "`ALL` | `top(5)`",
        &format!("{fail} | {many} | order by cnt desc | limit 5"),
    );
    check("`many`", &format!("| {many}"));
    check(
        "[`fail` | `many`] as s join [b=1] as t on s.user=t.user",
        &format!("[{fail} | {many}] as s join [b=1] as t on s.user=t.user"),
    );
    check(
        "`pair` | limit 5",
        "[a=1] as x followed by [b=1] as y on x.c=y.c | limit 5",
    );
    check("| search `fail`", &format!("| search {fail}"));
    check(
        "| chart count(`fail`) as c",
        &format!("| chart count({fail}) as c"),
    );
    // Back-ticks in quotes are none.
    check("user=\"`fail`\"", "user=\"`fail`\"");
    let of = |who: &str, what: &str| {
        format!("(user={who} msg=\"*{what}*\" -path='C:\\$Recycle.Bin$\\*')")
    };
    check("`of(bob, 'a b')`", &of("bob", "a b"));
    check("`of( \"bob or amy\" ,x)`", &of("\"bob or amy\"", "x"));
    check("`of(*, \"\")`", &of("*", ""));
    let plan = compile_with("`all`", &macros).unwrap();
    let names: Vec<&str> = plan.macros().iter().map(String::as_str).collect();
    assert_eq!(names, ["ALL", "FAIL", "MANY"]);
}

#[test]
fn a_mistake_is_told_where_the_query_has_it() {
    let macros = macros();
    let check = |query: &str, at: &str, expect: &str| {
        let mistakes = compile_with(query, &macros).map(|_| ()).unwrap_err();
        let first = &mistakes[0];
        assert_eq!(&query[first.span.clone()], at, "{query}: {first:?}");
        assert!(first.message.contains(expect), "{query}: {first:?}");
    };
    check(
        "a=1 `nowhere(5)` b=2",
        "`nowhere(5)`",
        "there is no macro `nowhere`",
    );
    check(
        "a=1 `lost`",
        "`lost`",
        "in the macro `LOST`: there is no macro `nowhere`",
    );
    check("a=1 `broken`", "`broken`", "in the macro `BROKEN`: ");
    check(
        "a=1 `fail` | `typo`",
        "`typo`",
        "in the macro `TYPO`: there is no column `cnd`",
    );
    check(
        "`fail` | `many` | search cnd>1",
        "cnd",
        "there is no column `cnd`",
    );
    check("`fail` | chrat count()", "chrat", "chrat");
    check(
        "`of(bob)`",
        "`of(bob)`",
        "takes 2 arguments (who, what), and is given 1",
    );
    check(
        "`fail(x)`",
        "`fail(x)`",
        "takes 0 arguments, and is given 1",
    );
    check("| `top`", "`top`", "takes 1 argument (n), and is given 0");
    check("`of(bob, amy`", "`of(bob, amy`", "a `)` is missing");
    check("`of(bob, a b)`", "`of(bob, a b)`", "put it in quotes");
    check("`of(bob, 'a)`", "`of(bob, 'a)`", "a ' is missing");
    check("`of(bob,)`", "`of(bob,)`", "an argument is missing");
    check("`of(,bob)`", "`of(,bob)`", "an argument is missing");
    check("`of(bob, 'a\"b')`", "`of(bob, 'a\"b')`", "it holds \"");
    check("a=1 `many`", "`many`", "write it behind a pipe");
    check("a=1 `all`", "`all`", "is a whole query");
    check(
        "[`all`] as a join [b=1] as b on a.c=b.c",
        "`all`",
        "is a whole query",
    );
    check(
        "| `fail`",
        "`fail`",
        "is a condition: write `search` before it",
    );
    check("b=1 | `fail` | limit 1", "`fail`", "is a condition");
    check(
        "`loop`",
        "`loop`",
        "calls itself: `LOOP` calls `POOL` calls `LOOP`",
    );
    check("`deep0`", "`deep0`", "more than 10 deep");
    check(
        &"`big` ".repeat(40),
        "`big`",
        "with its macros the query is longer than",
    );
    check(
        &"`manyfold` ".repeat(11),
        "`manyfold`",
        "at most 1000 times",
    );
}

#[test]
fn places_behind_a_macro_are_those_of_the_query() {
    let macros = macros();
    let query = "`fail` bob | `feed` | process toList(OTHER, user)";
    let plan = compile_with(query, &macros).unwrap();
    let fed = plan.lists_fed();
    assert_eq!(&query[fed["SEEN"].clone()], "`feed`");
    assert_eq!(&query[fed["OTHER"].clone()], "OTHER");
    let query = "`fail` usre=bob";
    let plan = compile_with("`fail` sourc_address=bob", &macros).unwrap();
    let warning = &plan.warnings()[0];
    assert_eq!(
        &"`fail` sourc_address=bob"[warning.span.clone()],
        "sourc_address"
    );
    assert!(compile_with(query, &macros).is_ok());
}

#[test]
fn a_macro_is_checked_before_it_is_kept() {
    let macros = macros();
    let check = |parameters: &[&str], text: &str, expect: Option<&str>| {
        let new = one("NEW", parameters, text);
        let found = macros.clone().with(new.clone()).check(&new);
        match (found, expect) {
            (Ok(()), None) => {}
            (Err(why), Some(part)) => assert!(why.contains(part), "{text}: {why}"),
            (found, _) => panic!("{text}: {found:?}"),
        }
    };
    check(&[], "a=1 b=2", None);
    check(&[], "| limit 5", None);
    check(&[], "limit 5", None);
    check(&[], "a=1 | limit 5", None);
    check(&[], "`all`", None);
    check(&["n", "by"], "chart count() as c by $by$ | limit $n$", None);
    check(&["n", "by", "c", "d", "e", "f"], "a=$n$ b=$by$", None);
    check(&[], "a=(", Some("in the macro `NEW`"));
    check(&[], "a=1 `new`", Some("calls itself"));
    check(&["n"], "| limit $m$", Some("in the macro `NEW`"));
    check(
        &[],
        "a=1 `new_one`",
        Some("calls the macro `new_one`, which there is not"),
    );
    check(&[], "a=1 `lost`", Some("calls the macro `nowhere`"));
}
