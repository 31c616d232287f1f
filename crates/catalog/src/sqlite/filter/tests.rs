mod agreement;
mod sql;

use super::*;
use cresset_model::filter::parse;

const COLUMNS: &[(Column, Source)] = &[
    one("id", ColumnKind::Number, "t.id"),
    one("note", ColumnKind::Text, "t.note"),
    one("contact.name", ColumnKind::Text, "t.name"),
    one("lastUsedOn", ColumnKind::Number, "t.used"),
    one("apionly", ColumnKind::Bool, "t.api_only"),
    (
        Column {
            name: "roles",
            kind: ColumnKind::Texts,
        },
        Source::Elements {
            of: "t.id",
            owner: "r.owner",
            rows: "roles r",
            item: "r.role",
        },
    ),
];

const fn one(name: &'static str, kind: ColumnKind, expression: &'static str) -> (Column, Source) {
    (Column { name, kind }, Source::One(expression))
}

fn of(text: &str, first: usize) -> Result<Where> {
    condition(Some(&parse(text).unwrap()), COLUMNS, None, first)
}
