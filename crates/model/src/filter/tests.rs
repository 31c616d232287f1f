mod accepted;
mod malformed;
mod meaning;
mod refused;
mod values;

use super::*;

/// Columns as lists of tokens and users have them.
const COLUMNS: &[Column] = &[
    Column::number("id"),
    Column::text("accessId"),
    Column::text("note"),
    Column::number("lastUsedOn"),
    Column::text("lastAuthIp"),
    Column::new("apionly", ColumnKind::Bool),
    Column::texts("roles"),
    Column::text("contact.name"),
    Column::number("status"),
];

/// A row with the values that a test gives it.
struct Sample(Vec<(&'static str, Cell)>);

impl Row for Sample {
    fn columns(&self) -> &[Column] {
        COLUMNS
    }

    fn cell(&self, column: &Column) -> Cell {
        let given = self.0.iter().find(|(name, _)| *name == column.name);
        given.map_or(Cell::Null, |(_, cell)| cell.clone())
    }
}

#[test]
fn a_page_keeps_its_total() {
    let page = Page {
        total: 7,
        items: vec![1, 2],
    };
    let changed = page.map(|n| n.to_string());
    assert_eq!(
        (changed.total, changed.items),
        (7, vec!["1".into(), "2".into()])
    );
    assert_eq!(ListQuery::default().size, 50);
}

#[test]
fn columns_decide_what_can_be_asked() {
    let check = |input: &str, expect: &str| {
        let filter = parse(input).unwrap();
        let said = filter.check(COLUMNS).map_err(|e| e.to_string());
        match (expect, said) {
            ("", said) => assert_eq!(said, Ok(()), "{input}"),
            (expect, said) => {
                let said = said.expect_err(input);
                assert!(said.starts_with("invalid filter: "), "{said}");
                assert!(said.contains(expect), "{input}: {said}");
            }
        }
    };
    for (input, expect) in [
        ("id:5", ""),
        ("ID:5", ""),
        ("id:\"5\"", ""),
        ("id:-5|+6|7.5|\" 8 \"", ""),
        ("id:*", ""),
        ("id:1*", ""),
        ("id~5*6|-", ""),
        ("id~x", "\"x\" is not"),
        ("id:1/*", "\"1/*\" is not"),
        ("id!~\"\"", ""),
        ("id:::empty", ""),
        (
            "id:five",
            "id is a number, and \"five\" is not (at character 1)",
        ),
        ("id:5|six", "\"six\" is not"),
        ("id:\"\"", "\"\" is not"),
        ("id:1e3", "id is a number"),
        ("id:0x10", "id is a number"),
        ("id:5.", "id is a number"),
        ("id:.5", "id is a number"),
        ("note:a,id>five", "(at character 8)"),
        ("apionly:true|FALSE|0|1|*", ""),
        ("apionly!:true", ""),
        ("apionly:::null", ""),
        ("apionly:yes", "apionly is true or false, not \"yes\""),
        ("apionly>0", "takes only : and !:"),
        ("apionly~t", "takes only : and !:"),
        ("roles:a,roles>b,roles~c,roles:::empty", ""),
        ("contact.name:hoo", ""),
        ("contact.phone:1", "there is no field \"contact.phone\""),
        ("contact:1", "there is no field"),
        (
            "accessKey~a",
            "there is no field \"accessKey\"; the fields are id, accessId",
        ),
        ("note:a||nope:b", "(at character 9)"),
        ("_all:a,_ALL!:b,_all~c,_all!~d", ""),
        ("_all>5", "_all takes only"),
        ("_all:::empty", "_all takes only"),
        ("_all!::null", "_all takes only"),
    ] {
        check(input, expect);
    }
}

#[test]
fn sort_orders() {
    let check = |input: &str, expect: &[(&str, bool)]| {
        let sort = Sort::parse(input).expect(input);
        let read: Vec<_> = sort.iter().map(|s| (&*s.column, s.descending)).collect();
        assert_eq!(read, expect, "{input:?}");
    };
    check("+id", &[("id", false)]);
    check(" id", &[("id", false)]);
    check("id", &[("id", false)]);
    check("-id", &[("id", true)]);
    check("  +id  ", &[("id", false)]);
    check("-contact.name", &[("contact.name", true)]);
    check("+note,-id", &[("note", false), ("id", true)]);
    check(" note, id", &[("note", false), ("id", false)]);
    check("", &[]);
    check("   ", &[]);
    for input in [
        "+",
        "-",
        "- id",
        "--id",
        "id desc",
        "id;DROP TABLE x",
        "a,,b",
        "a,",
        "\"id\"",
        "id\0",
    ] {
        let error = Sort::parse(input).expect_err(input).to_string();
        assert!(error.starts_with("invalid sort: "), "{error}");
    }
    assert!(Sort::parse(&"a,".repeat(500_000)).is_err());
    assert!(Sort::parse("a,b,c,d,e,f,g,h,i").is_err());

    let by = |text: &str| {
        let sort = Sort::parse(text).unwrap();
        sort[0].check(COLUMNS).map(|column| column.name)
    };
    assert_eq!(by("-ACCESSID"), Ok("accessId"));
    for input in ["accessKey", "roles", "_all", "nope"] {
        let error = by(input).expect_err(input).to_string();
        assert!(
            error.contains("the fields for that are id, accessId"),
            "{error}"
        );
        assert!(!error.contains("roles,"), "{error}");
    }
}

#[test]
fn second_decoding() {
    let check = |input: &str, expect: &str| assert_eq!(decode(input), expect, "{input}");
    check("", "");
    check("id:5", "id:5");
    check("note:\"a b+c\"", "note:\"a b+c\"");
    check(
        r#"note:"abc-%5C%28test%5C%29-1""#,
        r#"note:"abc-\(test\)-1""#,
    );
    check("note%3a%22a%22", "note:\"a\"");
    check("note:%C3%A9", "note:é");
    check("note:é%20ü", "note:é ü");
    check("100%", "100%");
    check("100%2", "100%2");
    check("100%zz%20", "100%zz ");
    check("%%20", "% ");
    check("%2520", "%20");
    check("%20%", " %");
    check("%2B+", "++");
    check("note:%FF", "note:%FF");
    check("note:%C3", "note:%C3");
    check("a%2", "a%2");
    check("%é0", "%é0");
    check("%00", "\0");
    assert!(matches!(decode("50% off"), std::borrow::Cow::Borrowed(_)));
}
