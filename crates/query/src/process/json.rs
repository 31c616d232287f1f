//! Paths into JSON texts, as `json_parser` takes them: `.a.b`, `.a[0].b`, `.["a b"]`.

use crate::eval::from_json;
use cresset_model::Value;

/// What stands at `path`. An object is given as its JSON text, an array of plain values as a
/// list, and any other array as its JSON text.
pub(super) fn at(text: &str, path: &str) -> Option<Value> {
    let document: serde_json::Value = serde_json::from_str(text).ok()?;
    let mut place = &document;
    let mut rest = path.trim();
    if rest == "." {
        rest = "";
    }
    while !rest.is_empty() {
        let (step, after) = step(rest)?;
        place = match step {
            Step::Name(name) => place.get(name)?,
            Step::Place(number) => place.get(number)?,
        };
        rest = after;
    }
    from_json(place)
}

/// Whether the path can be read at all.
pub(crate) fn is_path(path: &str) -> bool {
    let mut rest = path.trim();
    if !rest.starts_with(['.', '[']) {
        return false;
    }
    if rest == "." {
        return true;
    }
    while !rest.is_empty() {
        match step(rest) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    true
}

enum Step<'a> {
    Name(&'a str),
    Place(usize),
}

fn step(path: &str) -> Option<(Step<'_>, &str)> {
    let path = match path.strip_prefix('.') {
        Some(rest) if rest.starts_with('[') => rest,
        Some(rest) => {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            return (end > 0).then(|| (Step::Name(&rest[..end]), &rest[end..]));
        }
        None => path,
    };
    let rest = path.strip_prefix('[')?;
    if let Some(quoted) = rest.strip_prefix('"') {
        let (name, after) = quoted.split_once("\"]")?;
        return Some((Step::Name(name), after));
    }
    let (number, after) = rest.split_once(']')?;
    Some((Step::Place(number.trim().parse().ok()?), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let text = r#"{"a":{"b c":[1,2.5,{"d":"x"}],"e":null,"f":true},"g":["p","q"]}"#;
        let check = |path: &str, expect: Option<Value>| {
            assert_eq!(at(text, path), expect, "{path}");
            assert!(is_path(path), "{path}");
        };
        check(r#".a["b c"][0]"#, Some(Value::Int(1)));
        check(r#".a.["b c"][1]"#, Some(Value::Float(2.5)));
        check(r#".a["b c"][2].d"#, Some(Value::str("x")));
        check(".a.e", None);
        check(".a.f", Some(Value::Bool(true)));
        check(".g", Some(Value::List(vec!["p".into(), "q".into()])));
        check(".g.[1]", Some(Value::str("q")));
        check(".a.nothing.there", None);
        check(".g[7]", None);
        assert_eq!(at(text, ".").map(|v| v.text().len()), Some(text.len()));
        assert_eq!(at("no json", ".a"), None);
        for wrong in ["", "a", "..a", ".a[", ".a[x]", ".[\"a]"] {
            assert!(!is_path(wrong), "{wrong}");
        }
    }
}
