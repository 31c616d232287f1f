//! What the SQL looks like.

use super::*;

#[test]
fn conditions() {
    let check = |input: &str, text: &str, bound: &[&str]| {
        let made = of(input, 1).unwrap();
        assert_eq!(made.text, text, "{input}");
        let shown = |value: &Value| match value {
            Value::Text(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            other => format!("{other:?}"),
        };
        let made: Vec<String> = made.bound.iter().map(shown).collect();
        assert_eq!(made, bound, "{input}");
    };
    check("note:a", "((t.note = ?1 COLLATE NOCASE))", &["a"]);
    check(
        "note:a*_%\\",
        "((t.note LIKE ?1 ESCAPE '\\'))",
        &["a%\\_\\%\\\\"],
    );
    check("note~a", "((t.note LIKE ?1 ESCAPE '\\'))", &["%a%"]);
    check("note:*", "((t.note IS NOT NULL))", &[]);
    check(
        "note:Éa[?\\**",
        "(((t.note LIKE ?1 ESCAPE '\\' AND t.note GLOB ?2)))",
        &["_a[?*%", "[éÉ][aA][[][?][*]*"],
    );
    check("note:日ß", "((t.note = ?1 COLLATE NOCASE))", &["日ß"]);
    check("note>b", "((t.note > ?1 COLLATE NOCASE))", &["b"]);
    check(
        "note>é",
        "(((t.note > ?1 COLLATE NOCASE AND NOT (t.note LIKE ?2 ESCAPE '\\' AND t.note GLOB ?3))))",
        &["é", "_", "[éÉ]"],
    );
    check(
        "note<:é",
        "(((t.note <= ?1 COLLATE NOCASE OR (t.note LIKE ?2 ESCAPE '\\' AND t.note GLOB ?3))))",
        &["é", "_", "[éÉ]"],
    );
    check(
        "note!:a|b",
        "(((t.note = ?1 COLLATE NOCASE OR t.note = ?2 COLLATE NOCASE)) IS NOT TRUE)",
        &["a", "b"],
    );
    check("id:5", "((t.id = ?1))", &["5"]);
    check("id:5.5", "((FALSE))", &[]);
    check("id>5|9.5", "((t.id >= ?1 OR t.id >= ?2))", &["6", "10"]);
    check("id<:5", "((t.id <= ?1))", &["5"]);
    check("id>-1", "((t.id >= ?1))", &["0"]);
    check(
        "id~5",
        "((CAST(t.id AS TEXT) LIKE ?1 ESCAPE '\\'))",
        &["%5%"],
    );
    check(
        "apionly:true|0",
        "((t.api_only = 1 OR t.api_only = 0))",
        &[],
    );
    check("note:::empty", "((t.note IS NULL OR t.note = ''))", &[]);
    check("id:::empty", "(t.id IS NULL)", &[]);
    check("note!::null", "((t.note IS NULL) IS NOT TRUE)", &[]);
    check(
        "roles~x|y",
        "(t.id IN (SELECT r.owner FROM roles r WHERE (r.role LIKE ?1 ESCAPE '\\' \
         OR r.role LIKE ?2 ESCAPE '\\')))",
        &["%x%", "%y%"],
    );
    check(
        "_all~x",
        "(((holds_any(?2, t.note, t.name)) OR \
         (EXISTS (SELECT 1 FROM roles r WHERE (r.role LIKE ?1 ESCAPE '\\')) AND \
         t.id IN (SELECT r.owner FROM roles r WHERE (r.role LIKE ?1 ESCAPE '\\')))))",
        &["%x%", "x"],
    );
    check(
        "_all:Ab*c",
        "((((holds_any(?2, t.note, t.name)) AND \
         ((t.note LIKE ?1 ESCAPE '\\') OR (t.name LIKE ?1 ESCAPE '\\'))) OR \
         (EXISTS (SELECT 1 FROM roles r WHERE (r.role LIKE ?1 ESCAPE '\\')) AND \
         t.id IN (SELECT r.owner FROM roles r WHERE (r.role LIKE ?1 ESCAPE '\\')))))",
        &["Ab%c", "ab"],
    );
    check(
        "id:1,note:a||CONTACT.NAME:b",
        "((t.id = ?1) AND (t.note = ?2 COLLATE NOCASE) OR (t.name = ?3 COLLATE NOCASE))",
        &["1", "a", "b"],
    );
}

#[test]
fn parameters_are_numbered_from_where_the_caller_says() {
    assert_eq!(of("id:1|2", 4).unwrap().text, "((t.id = ?4 OR t.id = ?5))");
    let none = condition(None, COLUMNS, None, 4).unwrap();
    assert_eq!((none.text.as_str(), none.bound.len()), ("(TRUE)", 0));
}

#[test]
fn orders() {
    let check = |text: &str, expect: &str| {
        let sort = Sort::parse(text).unwrap();
        assert_eq!(order(&sort, COLUMNS, "t.id").unwrap(), expect);
    };
    check("", "t.id");
    check("+note", "t.note COLLATE NOCASE, t.id");
    check("-NOTE", "t.note COLLATE NOCASE DESC, t.id");
    check(
        "-lastUsedOn,note",
        "t.used DESC, t.note COLLATE NOCASE, t.id",
    );
    let refused = |text: &str| {
        let sort = Sort::parse(text).unwrap();
        order(&sort, COLUMNS, "t.id").unwrap_err().to_string()
    };
    assert!(refused("accessKey").starts_with("invalid sort: there is no sorting by"));
    assert!(refused("roles").starts_with("invalid sort: "));
}

#[test]
fn what_a_list_does_not_have_is_refused() {
    for input in ["accessKey~a", "t.note:a", "id:x", "_all>1", "rowid:1"] {
        match of(input, 1) {
            Err(Error::Refused(said)) => assert!(said.starts_with("invalid filter: "), "{said}"),
            other => panic!("{input}: {other:?}"),
        }
    }
}

#[test]
fn nothing_that_was_written_becomes_sql() {
    let marks = [
        "'", "\"", ";", "--", "/*", "?1", "$1", ":x", "@x", "%", "\\", "[", "DROP", "é",
    ];
    for mark in marks {
        let value = Pattern::exactly(format!("zq{mark}qz"));
        for (op, on_all) in [
            (":", true),
            ("!:", true),
            ("~", true),
            ("!~", true),
            (">", false),
            ("<:", false),
        ] {
            for field in ["note", "roles", "_all"] {
                if field == "_all" && !on_all {
                    continue;
                }
                let input = format!("{field}{op}{value}|\"zqÉ\"");
                let made = of(&input, 1).unwrap();
                assert!(!made.text.to_lowercase().contains('q'), "{}", made.text);
                assert!(made.bound.len() >= 2);
            }
        }
    }
}
