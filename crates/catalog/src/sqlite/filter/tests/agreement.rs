//! The SQL against [`Filter::matches`], on a database.

use super::*;
use cresset_model::filter::{Cell, Row};
use proptest::prelude::*;
use rusqlite::{Connection, params, params_from_iter};
use std::cmp::Ordering;
use std::sync::LazyLock;

const SCHEMA: &str = "
    CREATE TABLE tokens (id INTEGER PRIMARY KEY, note TEXT, name TEXT, used INTEGER,
        api_only INTEGER) STRICT;
    CREATE TABLE roles (owner INTEGER, role TEXT) STRICT;
    -- Elements of nobody: a comparison with NULL is neither true nor false.
    INSERT INTO roles VALUES (NULL, 'a'), (NULL, NULL)";

#[derive(Debug, Clone, Default)]
struct Token {
    id: i64,
    note: Option<String>,
    name: Option<String>,
    used: Option<i64>,
    api_only: Option<bool>,
    roles: Vec<String>,
}

static NAMED: LazyLock<Vec<Column>> = LazyLock::new(|| COLUMNS.iter().map(|c| c.0).collect());

impl Row for Token {
    fn columns(&self) -> &[Column] {
        &NAMED
    }

    fn cell(&self, column: &Column) -> Cell {
        let text = |text: &Option<String>| text.clone().map_or(Cell::Null, Cell::Text);
        match column.name {
            "id" => Cell::Number(self.id),
            "note" => text(&self.note),
            "contact.name" => text(&self.name),
            "lastUsedOn" => self.used.map_or(Cell::Null, Cell::Number),
            "apionly" => self.api_only.map_or(Cell::Null, Cell::Bool),
            _ => Cell::Texts(self.roles.clone()),
        }
    }
}

fn database(tokens: &[Token]) -> Connection {
    let database = Connection::open_in_memory().unwrap();
    super::holds::add(&database).unwrap();
    database.execute_batch(SCHEMA).unwrap();
    for t in tokens {
        database
            .execute(
                "INSERT INTO tokens VALUES (?1, ?2, ?3, ?4, ?5)",
                params![t.id, t.note, t.name, t.used, t.api_only],
            )
            .unwrap();
        for role in &t.roles {
            database
                .execute("INSERT INTO roles VALUES (?1, ?2)", params![t.id, role])
                .unwrap();
        }
    }
    database
}

const ALL_TEXTS: &str = "lower(coalesce(t.note, '') || char(0) || coalesce(t.name, ''))";

/// Ids of the tokens that the database finds, in its order.
fn found(database: &Connection, filter: Option<&Filter>, sort: &[Sort]) -> Vec<i64> {
    let found = |all_texts| {
        let made = condition(filter, COLUMNS, all_texts, 1).unwrap();
        let order = order(sort, COLUMNS, "t.id").unwrap();
        let statement = format!(
            "SELECT t.id FROM tokens t WHERE {} ORDER BY {order}",
            made.text
        );
        let mut prepared = database.prepare(&statement).unwrap();
        let rows = prepared.query_map(params_from_iter(made.bound), |row| row.get(0));
        let ids: rusqlite::Result<Vec<i64>> = rows.unwrap().collect();
        ids.unwrap()
    };
    let ids = found(None);
    assert_eq!(ids, found(Some(ALL_TEXTS)), "with all texts in one");
    ids
}

fn meant(tokens: &[Token], filter: &Filter) -> Vec<i64> {
    let passing = tokens.iter().filter(|t| filter.matches(*t));
    passing.map(|t| t.id).collect()
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[aAbBéÉ]{0,4}",
        1 => "[a%_*?\\[\\]^\\\\\"'éÉßẞİıſK\u{212a}σςΣ日,|:-]{0,4}",
        1 => "-?[0-9]{1,2}",
    ]
}

fn tokens() -> impl Strategy<Value = Vec<Token>> {
    let number = prop_oneof![
        6 => -3_i64..13,
        1 => Just(i64::MIN),
        1 => Just(i64::MAX),
    ];
    let token = (
        prop::option::of(texts()),
        prop::option::of(texts()),
        prop::option::of(number),
        prop::option::of(any::<bool>()),
        prop::collection::vec(texts(), 0..3),
    );
    prop::collection::vec(token, 0..12).prop_map(|rows| {
        let numbered = rows.into_iter().zip(-1..);
        numbered
            .map(|((note, name, used, api_only, roles), id)| Token {
                id,
                note,
                name,
                used,
                api_only,
                roles,
            })
            .collect()
    })
}

fn joined(values: &[String]) -> String {
    values.join("|")
}

fn about_text() -> impl Strategy<Value = String> {
    let part = prop_oneof![3 => texts().prop_map(Some), 1 => Just(None)];
    let value = prop::collection::vec(part, 1..4).prop_map(|parts| {
        let written = |part: Option<String>| match part {
            None => "*".to_owned(),
            Some(text) => {
                let quoted = Pattern::exactly(text).to_string();
                quoted[1..quoted.len() - 1].to_owned()
            }
        };
        format!("\"{}\"", parts.into_iter().map(written).collect::<String>())
    });
    (
        prop::sample::select(vec!["note", "contact.name", "roles", "_all"]),
        prop::sample::select(vec![":", "!:", "~", "!~"]),
        prop::collection::vec(value, 1..4),
    )
        .prop_map(|(field, op, values)| format!("{field}{op}{}", joined(&values)))
}

fn about_order() -> impl Strategy<Value = String> {
    let value = texts().prop_map(|text| Pattern::exactly(text).to_string());
    (
        prop::sample::select(vec!["note", "contact.name", "roles"]),
        prop::sample::select(vec![">", ">:", "<", "<:"]),
        prop::collection::vec(value, 1..3),
    )
        .prop_map(|(field, op, values)| format!("{field}{op}{}", joined(&values)))
}

fn about_numbers() -> impl Strategy<Value = String> {
    let number = "[-+]?[0-9]{1,2}(\\.[05])?|9223372036854775807|-9223372036854775809";
    let number = number.prop_map(|n| format!("\"{n}\""));
    let field = || prop::sample::select(vec!["id", "lastUsedOn"]);
    let compared = (
        field(),
        prop::sample::select(vec![":", "!:", ">", ">:", ">=", "<", "<:", "<="]),
        prop::collection::vec(number, 1..3),
    );
    let digits = (
        field(),
        prop::sample::select(vec![":", "!:", "~", "!~"]),
        "[-0-9]?\\*[0-9]?",
    );
    prop_oneof![
        2 => compared.prop_map(|(field, op, values)| format!("{field}{op}{}", joined(&values))),
        1 => digits.prop_map(|(field, op, value)| format!("{field}{op}{value}")),
    ]
}

fn about_others() -> impl Strategy<Value = String> {
    let truth = (
        prop::sample::select(vec![":", "!:"]),
        prop::sample::select(vec!["true", "0", "*", "true|false"]),
    );
    let absent = (
        prop::sample::select(COLUMNS),
        prop::sample::select(vec![":::", "!::"]),
        prop::sample::select(vec!["empty", "null"]),
    );
    prop_oneof![
        truth.prop_map(|(op, value)| format!("apionly{op}{value}")),
        absent.prop_map(|((column, _), op, what)| format!("{}{op}{what}", column.name)),
    ]
}

fn filters() -> impl Strategy<Value = String> {
    let condition = prop_oneof![
        4 => about_text(),
        2 => about_order(),
        2 => about_numbers(),
        2 => about_others(),
    ];
    let group = prop::collection::vec(condition, 1..4).prop_map(|all| all.join(","));
    prop::collection::vec(group, 1..4).prop_map(|any| any.join("||"))
}

/// The order that [`order`] promises of one column.
fn by(key: &Sort, a: &Token, b: &Token) -> Ordering {
    let column = key.check(&NAMED).unwrap();
    let rank = |token: &Token| match token.cell(column) {
        Cell::Text(text) => (true, 0, text.to_ascii_lowercase()),
        Cell::Number(number) => (true, number, String::new()),
        Cell::Bool(truth) => (true, i64::from(truth), String::new()),
        _ => (false, 0, String::new()),
    };
    let order = rank(a).cmp(&rank(b));
    if key.descending {
        order.reverse()
    } else {
        order
    }
}

fn sorts() -> impl Strategy<Value = Vec<Sort>> {
    let columns = vec!["note", "contact.name", "lastUsedOn", "apionly"];
    let key = (prop::sample::select(columns), any::<bool>());
    let key = key.prop_map(|(column, descending)| Sort {
        column: column.to_owned(),
        descending,
    });
    prop::collection::vec(key, 0..3)
}

proptest! {
    #[test]
    fn a_database_finds_what_is_meant(
        tokens in tokens(),
        filters in prop::collection::vec(filters(), 1..12),
    ) {
        let database = database(&tokens);
        for text in filters {
            let filter = parse(&text).unwrap();
            let found = found(&database, Some(&filter), &[]);
            prop_assert_eq!(found, meant(&tokens, &filter), "{}", text);
        }
    }

    #[test]
    fn a_database_sorts_as_promised(tokens in tokens(), sort in sorts()) {
        let found = found(&database(&tokens), None, &sort);
        let mut sorted = tokens;
        // Stable, and they were in the order of their ids.
        for key in sort.iter().rev() {
            sorted.sort_by(|a, b| by(key, a, b));
        }
        let wanted: Vec<i64> = sorted.iter().map(|t| t.id).collect();
        prop_assert_eq!(found, wanted);
    }
}

#[test]
fn attacks_are_texts_like_others() {
    let attacks = [
        "' OR '1'='1",
        "' OR 1=1 --",
        "'; DROP TABLE tokens; --",
        "') OR ('a'='a",
        "\" OR \"\"=\"",
        "x' UNION SELECT role FROM roles --",
        "%",
        "_rdinary",
        "ordinar_",
        "[o]rdinary",
        "?rdinary",
        "?1",
        "$1",
        ":1",
        "@a",
        "x' COLLATE NOCASE --",
        "\\",
        "\\' OR 1=1",
        "/* ordinary */",
        "x' ESCAPE '",
        "char(111)",
        "NULL",
        "ordinary; --",
        "É' OR 1=1 --",
    ];
    for attack in attacks {
        let token = |id: i64, note: &str| Token {
            id,
            note: Some(note.to_owned()),
            roles: vec!["administrator".to_owned()],
            ..Token::default()
        };
        let database = database(&[token(1, "ordinary"), token(2, attack)]);
        let quoted = Pattern::exactly(attack);
        let ask = |start: &str| {
            let filter = parse(&format!("{start}{quoted}")).unwrap();
            found(&database, Some(&filter), &[])
        };
        for field in ["note", "_all"] {
            for op in [":", "~"] {
                assert_eq!(ask(&format!("{field}{op}")), [2], "{attack}");
                assert_eq!(ask(&format!("{field}!{op}")), [1], "{attack}");
            }
        }
        assert_eq!(ask("roles~"), [0; 0], "{attack}");
        assert_eq!(ask("contact.name:"), [0; 0], "{attack}");
        assert_eq!(found(&database, None, &[]), [1, 2], "{attack}");
    }
}

#[test]
fn the_largest_filters_can_be_asked() {
    let database = database(&[Token::default()]);
    let ask = |text: &str| found(&database, Some(&parse(text).unwrap()), &[]);
    let long = |letter: &str| letter.repeat(2040 / letter.len());
    let nothing = [0; 0];
    assert_eq!(ask(&format!("note:{}", long("É"))), nothing);
    assert_eq!(ask(&format!("note:{}*", long("É"))), nothing);
    assert_eq!(ask(&format!("note~{}", long("a"))), nothing);
    assert_eq!(ask(&format!("note~{}", long("a*"))), nothing);
    assert_eq!(ask(&format!("note:\"{}É\"", long("\\*"))), nothing);
    assert_eq!(ask(&format!("_all~{}", vec!["é"; 256].join("|"))), nothing);
    assert_eq!(ask(&format!("roles!~{}", vec!["x"; 256].join("|"))), [0]);
    assert_eq!(ask(&vec!["_all!~a|b|c|d"; 64].join("||")), [0]);
    assert_eq!(ask(&vec!["_all!~a|b|c|d"; 64].join(",")), [0]);
    assert_eq!(ask(&vec!["_all~a|b|c|d"; 64].join("||")), nothing);
}
