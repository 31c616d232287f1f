//! Comma-separated values (RFC 4180): a header, lines that end with CR LF, and quotes where a
//! value needs them.
//!
//! A spreadsheet runs a text that begins with `=`, `+`, `-`, `@`, a tab or a carriage return
//! as a formula, and what events say is written by attackers. Such a text, unless it is a
//! number, gets a `'` before it, which spreadsheets take for "this is text".

use super::spool::{Column, Rows};
use serde_json::Value;
use std::borrow::Cow;
use std::io::Write;

/// Writes rows in these columns.
pub(super) fn write(out: &mut dyn Write, columns: &[Column], rows: Rows) -> anyhow::Result<()> {
    if columns.is_empty() {
        return Ok(());
    }
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(out);
    let names = columns.iter().map(|c| inert(&c.name).into_owned());
    writer.write_record(names).map_err(cause)?;
    for row in rows {
        let row = row?;
        let cells = columns.iter().map(|column| match row.get(&column.name) {
            Some(value) => inert(&text(value)).into_owned(),
            None => String::new(),
        });
        writer.write_record(cells).map_err(cause)?;
    }
    writer.flush()?;
    Ok(())
}

/// What failed: the library's error does not tell of it to those who look for causes.
fn cause(error: csv::Error) -> anyhow::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error.into(),
        other => anyhow::anyhow!("cannot write CSV: {other:?}"),
    }
}

/// The value as text; the members of a list behind each other.
pub(super) fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Null => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        Value::Array(items) => {
            let items: Vec<Cow<'_, str>> = items.iter().map(text).collect();
            items.join(", ").into()
        }
        other => other.to_string().into(),
    }
}

fn inert(text: &str) -> Cow<'_, str> {
    let risky = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if risky && text.parse::<f64>().is_err() {
        return format!("'{text}").into();
    }
    text.into()
}

#[cfg(test)]
mod tests {
    use super::super::spool::Kind;
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_spreadsheet_would_run_is_text() {
        let check = |text: &str, expect: &str| assert_eq!(inert(text), expect);
        check("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0");
        check("@SUM(1)", "'@SUM(1)");
        check("-2+3", "'-2+3");
        check("\t=1", "'\t=1");
        check("-5", "-5");
        check("+49 30", "'+49 30");
        check("1e5", "1e5");
        check("a=b", "a=b");
    }

    #[test]
    fn values_are_quoted_as_the_standard_has_it() {
        let column = |name: &str| Column {
            name: name.to_owned(),
            kind: Kind::Mixed,
        };
        let row = json!({"a": "x,\"y\"\nz", "b": ["one", "two"], "n": 7});
        let rows = vec![Ok(row.as_object().unwrap().clone())];
        let mut out = Vec::new();
        let columns = [column("a"), column("b"), column("n"), column("none")];
        write(&mut out, &columns, Box::new(rows.into_iter())).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "a,b,n,none\r\n\"x,\"\"y\"\"\nz\",\"one, two\",7,\r\n");
    }
}
