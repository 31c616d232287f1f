//! `filterGroupString`: one text that is looked for in several places.

use cresset_model::filter::{Condition, Filter, Op, Pattern};

/// Where it is looked for. Groups of users have no names here.
const FIELDS: [&str; 5] = ["firstName", "lastName", "username", "roles", "status"];

/// Narrows a filter to rows that hold `text` in one of [`FIELDS`].
pub(super) fn narrowed(filter: Option<Filter>, text: &str) -> Filter {
    let holds = |field: &str| Condition {
        field: field.to_owned(),
        op: Op::Contains,
        values: vec![Pattern::exactly(text.trim())],
        character: 1,
    };
    let groups = filter.map_or_else(|| vec![Vec::new()], |filter| filter.any);
    let with = |group: &Vec<Condition>| {
        let group = group.clone();
        FIELDS.map(|field| {
            let mut group = group.clone();
            group.push(holds(field));
            group
        })
    };
    Filter {
        any: groups.iter().flat_map(with).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cresset_model::account::USER_COLUMNS;
    use cresset_model::filter::{Cell, Column, Row, parse};

    struct User([&'static str; 4], Vec<String>);

    impl Row for User {
        fn columns(&self) -> &[Column] {
            USER_COLUMNS
        }

        fn cell(&self, column: &Column) -> Cell {
            let [username, first, last, status] = self.0;
            match column.name {
                "username" => Cell::Text(username.to_owned()),
                "firstName" => Cell::Text(first.to_owned()),
                "lastName" => Cell::Text(last.to_owned()),
                "status" => Cell::Text(status.to_owned()),
                "roles" => Cell::Texts(self.1.clone()),
                _ => Cell::Null,
            }
        }
    }

    #[test]
    fn one_text_in_several_places() {
        let user = User(
            ["jd", "John", "Doe", "active"],
            vec!["readonly".to_owned(), "ops*".to_owned()],
        );
        let check = |filter: Option<&str>, text: &str, expected: bool| {
            let filter = filter.map(|filter| parse(filter).unwrap());
            let narrowed = narrowed(filter, text);
            narrowed.check(USER_COLUMNS).unwrap();
            assert_eq!(narrowed.matches(&user), expected, "{text}");
        };
        for text in ["john", "DOE", " jd ", "activ", "READ", "s*"] {
            check(None, text, true);
        }
        for text in ["smith", "suspended", "a*e", "jd,John", "\""] {
            check(None, text, false);
        }
        check(Some("username:jd"), "john", true);
        check(Some("username:x"), "john", false);
        check(Some("username:x||lastName:doe"), "john", true);
        check(Some("username:jd||lastName:doe"), "smith", false);
    }
}
