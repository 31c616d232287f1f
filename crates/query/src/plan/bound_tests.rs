//! What the size of a query, and of what is said about it, is limited to.

use crate::compile;

#[test]
fn findings_are_few_and_short() {
    let names = |n: usize| {
        (0..n)
            .map(|i| format!("c{i:05}"))
            .collect::<Vec<_>>()
            .join(",")
    };
    let queries = [
        format!(
            "| fields {} | search {}",
            names(1_900),
            "q=1 ".repeat(20_000)
        ),
        format!(
            "| fields {} | search {}",
            names(1_900),
            "word ".repeat(20_000)
        ),
        format!(
            "| fields {},{} | search q=1",
            "x".repeat(300_000),
            "y".repeat(300_000)
        ),
        format!("| fields a {}", "| search q=1 ".repeat(900)),
        "logon_typ=1 ".repeat(20_000) + "a<5*",
        "`m` ".repeat(20_000),
    ];
    for query in &queries {
        let errors = compile(query).unwrap_err();
        assert!((1..=50).contains(&errors.len()));
        assert!(errors[0].is_error());
        let helps = errors.iter().filter_map(|e| e.help.as_ref());
        assert!(helps.map(String::len).max().unwrap_or(0) < 2_000);
    }
    let help = |query: &str| compile(query).unwrap_err()[0].help.clone().unwrap();
    assert_eq!(help("| fields a, b | search q=1"), "the columns are a, b");
    assert!(help(&queries[0]).ends_with("c00018, c00019 and 1880 more"));
}

#[test]
fn commands_are_bounded() {
    let check = |query: &str, message: &str| {
        let errors = compile(query).expect_err(message);
        assert_eq!(errors[0].message, message);
    };
    let list = |n: usize, item: &str| vec![item; n].join(",");
    let names = "the commands `fields`, `rename`, `latest` and `order by` of a query name at most \
                 2000 fields";
    let pairs = |n: usize| {
        let pairs: Vec<String> = (0..n).map(|i| format!("a{i} as b{i}")).collect();
        pairs.join(",")
    };
    assert!(compile(&format!("| rename {}", pairs(2_000))).is_ok());
    check(&format!("| rename {}", pairs(60_000)), names);
    check(&format!("| fields {}", list(2_001, "a")), names);
    check(&format!("| latest by {}", list(2_001, "a")), names);
    check(&format!("| order by {}", list(2_001, "a")), names);
    check(
        &format!("| chart count() order by {}", list(2_001, "count()")),
        names,
    );
    check(
        &"| fields a ".repeat(1_000).replace('a', &list(3, "a")),
        names,
    );
    check(
        &"| search a=1 ".repeat(1_001),
        "a query has at most 1000 commands",
    );
    assert!(compile(&"| search a=1 ".repeat(1_000)).is_ok());
    let sums = |n: usize| {
        (0..n)
            .map(|i| format!("sum(a{i})"))
            .collect::<Vec<_>>()
            .join(",")
    };
    assert!(compile(&format!("| chart {}", sums(100))).is_ok());
    check(
        &format!("| chart {}", sums(101)),
        "a chart has at most 100 aggregates",
    );
    check(
        &format!("| chart count() by {}", list(101, "a")),
        "a chart has at most 100 groupings",
    );
    check(
        &"| norm <a:int> ".repeat(21),
        "a query has at most 20 commands `norm` and `rex`",
    );
}
