//! `sort`, `filter`, `size`, `offset` and `fields` (spec/logicmonitor-api.md §4).

use crate::body::Params;
use crate::error::{Error, Result};
use cresset_model::filter::{self, Column, ListQuery, Sort};
use serde::Serialize;
use serde_json::{Map, Value};

const MAX_SIZE: u32 = ListQuery::MAX_SIZE;

/// What a list is asked for; `columns` are those that can be filtered and sorted by.
pub(super) fn list_query(params: &Params, columns: &[Column]) -> Result<ListQuery> {
    Ok(ListQuery {
        filter: filter_of(params, columns)?,
        sort: sort_of(params, columns)?,
        offset: offset_of(params)?,
        size: size_of(params)?,
    })
}

/// The text of a parameter; empty ones are sent by clients that mean none.
pub(super) fn given<'a>(params: &'a Params, name: &str) -> Option<&'a str> {
    let text = params.0.get(name)?;
    (!text.trim().is_empty()).then_some(text.as_str())
}

fn filter_of(params: &Params, columns: &[Column]) -> Result<Option<filter::Filter>> {
    let Some(text) = given(params, "filter") else {
        return Ok(None);
    };
    let refuse = |error: filter::FilterError| Error::Malformed(error.to_string());
    let filter = filter::parse(&filter::decode(text)).map_err(refuse)?;
    filter.check(columns).map_err(refuse)?;
    Ok(Some(filter))
}

fn sort_of(params: &Params, columns: &[Column]) -> Result<Vec<Sort>> {
    let Some(text) = given(params, "sort") else {
        return Ok(Vec::new());
    };
    let sorts = Sort::parse(text).map_err(|e| Error::Malformed(e.to_string()))?;
    for sort in &sorts {
        sort.check(columns)
            .map_err(|e| Error::Malformed(e.to_string()))?;
    }
    Ok(sorts)
}

/// As many as allowed for anything below 1, which some clients send for all.
fn size_of(params: &Params) -> Result<u32> {
    let Some(text) = given(params, "size") else {
        return Ok(ListQuery::DEFAULT_SIZE);
    };
    let size = integer(text).ok_or_else(|| {
        Error::Malformed(format!("size must be a whole number, at most {MAX_SIZE}"))
    })?;
    let size = u32::try_from(size).unwrap_or(MAX_SIZE);
    Ok(if (1..=MAX_SIZE).contains(&size) {
        size
    } else {
        MAX_SIZE
    })
}

fn offset_of(params: &Params) -> Result<u64> {
    let Some(text) = given(params, "offset") else {
        return Ok(0);
    };
    let offset = integer(text).and_then(|offset| u64::try_from(offset).ok());
    offset.ok_or_else(|| Error::Malformed("offset must be a whole number from 0".to_owned()))
}

/// A whole number; beyond 64 bits it is the largest or smallest there is.
fn integer(text: &str) -> Option<i64> {
    let text = text.trim();
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let end = if text.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    Some(text.parse().unwrap_or(end))
}

/// The keys that `fields` names. Names that no object has are ignored.
pub(super) struct Fields<'a>(Vec<&'a str>);

impl<'a> Fields<'a> {
    /// `None` for all.
    pub(super) fn of(params: &'a Params) -> Option<Self> {
        let fields = given(params, "fields")?;
        let names: Vec<&str> = fields.split(',').map(str::trim).collect();
        (!names.contains(&"*")).then_some(Self(names))
    }

    /// What they name of an object.
    pub(super) fn of_object(&self, object: &impl Serialize) -> Map<String, Value> {
        match serde_json::to_value(object) {
            Ok(Value::Object(mut object)) => {
                object.retain(|key, _| self.0.contains(&key.as_str()));
                object
            }
            _ => Map::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cresset_model::filter::ColumnKind;
    use serde_json::json;

    const COLUMNS: &[Column] = &[
        Column {
            name: "id",
            kind: ColumnKind::Number,
        },
        Column {
            name: "note",
            kind: ColumnKind::Text,
        },
    ];

    fn params(query: &str) -> Params {
        let pairs = form_urlencoded::parse(query.as_bytes());
        Params(pairs.into_owned().collect())
    }

    #[test]
    fn size_and_offset() {
        let check = |query: &str, expected: Option<(u32, u64)>| {
            let read = list_query(&params(query), COLUMNS).ok();
            assert_eq!(read.map(|q| (q.size, q.offset)), expected, "{query}");
        };
        check("", Some((50, 0)));
        check("size=&offset=", Some((50, 0)));
        check("size=+&offset=+7", Some((50, 7)));
        check("size=1&offset=7", Some((1, 7)));
        check("size=1000", Some((1000, 0)));
        check("size=1001", Some((1000, 0)));
        check("size=-1", Some((1000, 0)));
        check("size=0", Some((1000, 0)));
        check("size=2147483647", Some((1000, 0)));
        check("size=99999999999999999999", Some((1000, 0)));
        check("size=-99999999999999999999", Some((1000, 0)));
        check(
            "offset=99999999999999999999",
            Some((50, i64::MAX.unsigned_abs())),
        );
        for bad in [
            "size=x",
            "size=1.5",
            "size=1e3",
            "size=--1",
            "size=%2B",
            "offset=-1",
            "offset=x",
            "offset=0x1",
            "offset=1%00",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn sort_in_every_spelling() {
        let check = |text: &str, expected: Option<&[(&str, bool)]>| {
            let read = list_query(&params(text), COLUMNS).ok();
            let read = read.map(|q| {
                let sorts = q.sort.into_iter();
                sorts.map(|s| (s.column, s.descending)).collect::<Vec<_>>()
            });
            let expected = expected.map(|sorts| {
                let sorts = sorts.iter();
                sorts.map(|s| (s.0.to_owned(), s.1)).collect::<Vec<_>>()
            });
            assert_eq!(read, expected, "{text}");
        };
        check("", Some(&[]));
        check("sort=id", Some(&[("id", false)]));
        check("sort=+id", Some(&[("id", false)]));
        check("sort=%2Bid", Some(&[("id", false)]));
        check("sort=-id", Some(&[("id", true)]));
        check("sort=-id,%2Bnote", Some(&[("id", true), ("note", false)]));
        for bad in [
            "sort=accessKey",
            "sort=-",
            "sort=id,",
            "sort=id;drop",
            "sort=ID desc",
            "sort=id,id,id,id,id,id,id,id,id",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn fields_keep_what_they_name() {
        let check = |query: &str, expected: &Value| {
            let object = json!({"id": 1, "note": "x"});
            let params = params(query);
            let kept = match Fields::of(&params) {
                None => object,
                Some(fields) => Value::Object(fields.of_object(&object)),
            };
            assert_eq!(&kept, expected);
        };
        check("", &json!({"id": 1, "note": "x"}));
        check("fields=", &json!({"id": 1, "note": "x"}));
        check("fields=*", &json!({"id": 1, "note": "x"}));
        check("fields=id", &json!({"id": 1}));
        check("fields=id, nothing", &json!({"id": 1}));
        check("fields=nothing", &json!({}));
    }
}
