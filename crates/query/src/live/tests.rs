use crate::{Measure, compile};

#[test]
fn live_shapes() {
    let check = |query: &str, group: &str, measure: Measure, threshold: f64| {
        let shape = compile(query)
            .unwrap()
            .live()
            .unwrap_or_else(|why| panic!("{query}: {why}"));
        assert_eq!(
            (
                shape.group_by.join(" ").as_str(),
                shape.measure,
                shape.threshold
            ),
            (group, measure, threshold),
            "{query}"
        );
    };
    let distinct = |f: &str| Measure::DistinctCount(f.to_owned());
    check("a=1", "", Measure::Rows, 1.0);
    check(
        "a=1 | search b=2 | rename a as c | fields c | order by c",
        "",
        Measure::Rows,
        1.0,
    );
    check("a=1 | rename a as c | search c=2", "", Measure::Any, 1.0);
    check(
        "| chart count() as cnt by u, h | search cnt>=5",
        "u h",
        Measure::Count,
        5.0,
    );
    check(
        "| chart count() as cnt by u | search cnt>5",
        "u",
        Measure::Count,
        6.0,
    );
    check(
        "| chart count() as cnt by u | search cnt>4.5",
        "u",
        Measure::Count,
        5.0,
    );
    check(
        "| chart count() by u | search count()>=4.5 count()>2",
        "u",
        Measure::Count,
        5.0,
    );
    check(
        "| chart count() as c, avg(x) by u | search c>-5 | order by c | fields u",
        "u",
        Measure::Count,
        1.0,
    );
    check(
        "| chart distinct_count(h) as c by u order by c | search c>=3",
        "u",
        distinct("h"),
        3.0,
    );
    check("| chart count(), avg(x) by u", "u", Measure::Count, 1.0);
    check("| chart count()", "", Measure::Count, 1.0);
    check(
        "| chart max(x) as m by u | search m>3",
        "u",
        Measure::Any,
        1.0,
    );
    check(
        "| chart count() as c by u | search c>3 -u=root",
        "u",
        Measure::Any,
        1.0,
    );
    check(
        "| chart count() as c, distinct_count(h) as d by u | search c>3 or d>2",
        "u",
        Measure::Any,
        1.0,
    );
    check(
        "| chart count() as c, distinct_count(h) as d by u | search c>3 | search d>2",
        "u",
        Measure::Any,
        1.0,
    );
    check(
        "| chart count(x=1) as c by u | search c>3",
        "u",
        Measure::Any,
        1.0,
    );
    check(
        "| rename a as u | chart count() as c by u | search c>3",
        "",
        Measure::Any,
        1.0,
    );
}

#[test]
fn why_not_live() {
    let check = |query: &str, why: &str| {
        assert_eq!(
            compile(query).unwrap().live(),
            Err(why.to_owned()),
            "{query}"
        );
    };
    check(
        "a | limit 5",
        "it keeps only the first rows (`limit`), and a later event can push a row out",
    );
    check(
        "a | latest",
        "it keeps only the newest rows (`latest`), and a later event replaces them",
    );
    check(
        "| chart avg(x) as m by u | search m>5",
        "it compares an average, which can fall again when later events arrive (`m`)",
    );
    check(
        "| chart sum(x) as m by u | search m>5",
        "it compares a sum, which can fall again through a negative number when later events arrive (`m`)",
    );
    check(
        "| chart count() as c by u | search c<5",
        "it asks that `c` stays below a value, which can change when later events arrive",
    );
    check(
        "| chart count() as c by u | search c=5",
        "it asks for certain values of `c`, which grows when later events arrive; use `>` or `>=`",
    );
    check(
        "| chart count() as c by u | search -c>5",
        "it asks that something about `c` does not hold, which can change when later events arrive",
    );
    check(
        "| chart count() as c by hour(log_ts) | search c>5",
        "it groups by a computed value",
    );
    check(
        "| timechart count() every 1 hour",
        "it groups by spans of time (`timechart`)",
    );
    check(
        "| chart count() as c by u | chart count()",
        "it aggregates twice",
    );
    check(
        "| chart count() as c by u | rename c as d | search d>5",
        "it filters after columns of the chart were renamed",
    );
}
