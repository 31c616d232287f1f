//! What files hold.

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn values(format: Format, text: &str) -> Result<Vec<String>, String> {
    read(format, text.as_bytes(), "MY_LIST").map(|c| c.values)
}

#[track_caller]
fn check(format: Format, text: &str, expect: &[&str]) {
    assert_eq!(
        values(format, text).unwrap_or_else(|e| panic!("{text:?}: {e}")),
        expect,
        "{text:?}"
    );
}

#[test]
fn values_in_every_layout() {
    for format in [Format::Csv, Format::Txt] {
        check(format, "10.1.1.1\n10.2.2.2\n", &["10.1.1.1", "10.2.2.2"]);
        check(format, "a\r\nb", &["a", "b"]);
        check(format, "a\rb\r", &["a", "b"]);
        check(format, "\u{feff}a\n\n \n b \n\n", &["a", "b"]);
        check(format, "ä b\na\na\n", &["ä b", "a", "a"]);
    }
    check(Format::Csv, "a,1\nb,2,3\nc\n", &["a", "b", "c"]);
    check(
        Format::Csv,
        "\"a,b\",1\n\"say \"\"hi\"\"\"\n",
        &["a,b", "say \"hi\""],
    );
    check(Format::Csv, "a,\"two\nlines\"\nb\n", &["a", "b"]);
    check(Format::Csv, ",x\nb\n", &["b"]);
    check(Format::Csv, "\u{feff}\"a\"\r\n\"b\"", &["a", "b"]);
    check(
        Format::Csv,
        "cresset-end-of-file\na\n",
        &["cresset-end-of-file", "a"],
    );
    check(
        Format::Csv,
        "a\ncresset-end-of-file\n",
        &["a", "cresset-end-of-file"],
    );
    check(Format::Txt, "a,b\n\"q\n", &["a,b", "\"q"]);
}

#[test]
fn only_a_sure_header_is_one() {
    let check = |text: &str, header: Option<&str>| {
        let contents = read(Format::Csv, text.as_bytes(), "MY_LIST").unwrap();
        assert_eq!(contents.header.as_deref(), header, "{text:?}");
    };
    check("ip,comment\n10.1.1.1,x\n2001:db8::/32,y\n", Some("ip"));
    check("source_address\n10.0.0.0/8\n", Some("source_address"));
    check("Port\n22\n80\n", Some("Port"));
    check("Value\nroot\n", Some("Value"));
    check("my_list\nroot\n", Some("my_list"));
    check("user\nroot\nadmin\n", None);
    check("ip\n10.1.1.1\nhost\n", None);
    check("evil.example\n10.1.1.1\n", None);
    check("10.1.1.1\n10.2.2.2\n", None);
    check("value\n", None);
    check("ip\n", None);
    let text = read(Format::Txt, b"value\n1\n", "MY_LIST").unwrap();
    assert_eq!((text.values.len(), text.header), (2, None));
}

#[test]
fn mistakes_name_their_line() {
    let check = |format: Format, bytes: &[u8], expect: &str| {
        let shown = String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(
            read(format, bytes, "MY_LIST").unwrap_err(),
            expect,
            "{shown:?}"
        );
    };
    for format in [Format::Csv, Format::Txt] {
        check(format, b"a\r\nb\r\nc\xff\n", "line 3 is not UTF-8 text");
        check(format, b"a\rb\0\n", "line 2 holds a NUL byte");
        check(format, b"\n \r\n", "the file holds no values");
        check(format, b"", "the file holds no values");
        let long = [b"a\n".to_vec(), vec![b'x'; MAX_VALUE + 1]].concat();
        check(format, &long, "line 2 has more than 65536 bytes");
    }
    let open =
        |line: usize| format!("a quote that is opened in line {line} or after it is not closed");
    check(Format::Csv, b"a\n\n\"b\n", &open(3));
    check(Format::Csv, b"a\nb,\"c\nd\n", &open(2));
    check(Format::Csv, b"a\n\"", &open(2));
    check(Format::Csv, b"a\n\"b\"\"\n", &open(2));
    let over = "the value that begins in line 2 goes over several lines; is a quote missing?";
    check(Format::Csv, b"a\n\"b\nc\"\n", over);
    let patterns = "a*\n".repeat(MAX_PATTERNS + 1);
    let most = "at most 10000 values with * or ? are taken";
    check(Format::Txt, patterns.as_bytes(), most);
    let many = "a\n".repeat(MAX_VALUES + 1);
    check(
        Format::Txt,
        many.as_bytes(),
        "at most 1000000 values are taken",
    );
    assert_eq!(values(Format::Csv, &many[2..]).unwrap().len(), MAX_VALUES);
}

#[test]
fn formats_by_name_and_media_type() {
    let check = |name: &str, media: &str, expect: Option<Format>| {
        assert_eq!(Format::of(name, media), expect, "{name} {media}");
    };
    check("MY_LIST.csv", "text/csv", Some(Format::Csv));
    check("a.b.TXT", "application/octet-stream", Some(Format::Txt));
    check("list.csv", "text/plain", Some(Format::Csv));
    check("", "text/csv; charset=utf-8", Some(Format::Csv));
    check("list", "text/plain", Some(Format::Txt));
    check("list.xlsx", "text/csv", None);
    check("", "", None);
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('"', "\"\""))
}

proptest! {
    /// Whatever is quoted comes back, with any ends of lines and other columns.
    #[test]
    fn quoting_is_undone(
        rows in vec(("[a-z0-9\",;* é]{0,8}", vec("[a-z\",\n]{0,4}", 0..3)), 1..20),
        crlf in any::<bool>(),
        last in any::<bool>(),
        bom in any::<bool>(),
    ) {
        let end = if crlf { "\r\n" } else { "\n" };
        // Not one that could be taken for a header.
        let mut text = format!("{}x.y", if bom { "\u{feff}" } else { "" });
        for (value, others) in &rows {
            text += end;
            text += &quoted(value);
            for other in others {
                text += ",";
                text += &quoted(other);
            }
        }
        if last {
            text += end;
        }
        let trimmed = rows.iter().map(|(v, _)| v.trim().to_owned());
        let expect: Vec<String> = std::iter::once("x.y".to_owned())
            .chain(trimmed.filter(|v| !v.is_empty()))
            .collect();
        prop_assert_eq!(values(Format::Csv, &text), Ok(expect));
        // With one quote more it never reads as the same.
        let one_more = text + end + "\"";
        prop_assert!(values(Format::Csv, &one_more).is_err());
    }

    /// Any bytes read or are refused; nothing that is read is empty or spans lines.
    #[test]
    fn any_bytes_are_survived(bytes in vec(prop_oneof![Just(b'"'), Just(b','), Just(b'\n'), Just(b'\r'), Just(b'a'), any::<u8>()], 0..60)) {
        for format in [Format::Csv, Format::Txt] {
            if let Ok(contents) = read(format, &bytes, "MY_LIST") {
                prop_assert!(contents.values.iter().all(|v| !v.is_empty() && !v.contains(['\n', '\r', '\0'])));
            }
        }
    }
}
