//! Grok patterns: a regular expression in which `%{NAME:field}` stands for an expression with a
//! name of its own, and `%{NAME}` for one that is passed over.
//!
//! The names are those that Logstash made common, as far as they describe what stands in logs.
//! Their expressions are written for a matcher without look-around, so that the time stays in
//! proportion to the text.

use super::extract::PatternError;

/// Names and expressions. Those that are made of others name them.
const PATTERNS: [(&str, &str); 49] = [
    ("WORD", r"\b\w+\b"),
    ("NOTSPACE", r"\S+"),
    ("SPACE", r"\s*"),
    ("DATA", "(?s:.*?)"),
    ("GREEDYDATA", "(?s:.*)"),
    ("INT", "[+-]?[0-9]+"),
    ("POSINT", r"\b[1-9][0-9]*\b"),
    ("NONNEGINT", r"\b[0-9]+\b"),
    ("NUMBER", r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"),
    ("BASE10NUM", "%{NUMBER}"),
    ("BASE16NUM", "[+-]?(?:0x)?[0-9A-Fa-f]+"),
    ("QUOTEDSTRING", r#""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'"#),
    ("QS", "%{QUOTEDSTRING}"),
    (
        "UUID",
        "[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}",
    ),
    ("USERNAME", r"[\w.-]+"),
    ("USER", "%{USERNAME}"),
    ("EMAILLOCALPART", r"[\w.!#$%&'*+/=?^`{|}~-]+"),
    ("EMAILADDRESS", "%{EMAILLOCALPART}@%{HOSTNAME}"),
    (
        "MAC",
        "(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{4}\\.){2}[0-9A-Fa-f]{4}",
    ),
    ("IPV4", r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}"),
    ("IPV6", "[0-9A-Fa-f]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*"),
    ("IP", "%{IPV6}|%{IPV4}"),
    (
        "HOSTNAME",
        r"\b[0-9A-Za-z][0-9A-Za-z_-]*(?:\.[0-9A-Za-z][0-9A-Za-z_-]*)*\b",
    ),
    ("HOST", "%{HOSTNAME}"),
    ("IPORHOST", "%{IP}|%{HOSTNAME}"),
    ("HOSTPORT", "%{IPORHOST}:%{POSINT}"),
    ("UNIXPATH", r"(?:/[^\s/]*)+"),
    ("WINPATH", r"(?:[A-Za-z]:|\\)(?:\\[^\\?*\s]*)+"),
    ("PATH", "%{UNIXPATH}|%{WINPATH}"),
    ("TTY", "/dev/(?:pts|tty)[a-z0-9/]*"),
    ("URIPROTO", r"[A-Za-z][A-Za-z0-9+.-]*"),
    ("URIHOST", "%{IPORHOST}(?::%{POSINT})?"),
    ("URIPATH", r"(?:/[^\s?#]*)+"),
    ("URIPARAM", r"\?[^\s#]*"),
    ("URIPATHPARAM", "%{URIPATH}(?:%{URIPARAM})?"),
    (
        "URI",
        "%{URIPROTO}://(?:%{USER}(?::[^@\\s]*)?@)?(?:%{URIHOST})?(?:%{URIPATHPARAM})?",
    ),
    (
        "MONTH",
        "(?i:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*",
    ),
    ("MONTHNUM", "0?[1-9]|1[0-2]"),
    ("MONTHDAY", "0[1-9]|[12][0-9]|3[01]|[1-9]"),
    ("DAY", "(?i:mon|tue|wed|thu|fri|sat|sun)[a-z]*"),
    ("YEAR", "[0-9]{4}"),
    ("HOUR", "2[0-3]|[01]?[0-9]"),
    ("MINUTE", "[0-5][0-9]"),
    ("SECOND", "(?:[0-5]?[0-9]|60)(?:[:.,][0-9]+)?"),
    ("TIME", "(?:%{HOUR}):%{MINUTE}(?::%{SECOND})?"),
    (
        "TIMESTAMP_ISO8601",
        "%{YEAR}-(?:%{MONTHNUM})-(?:%{MONTHDAY})[T ]%{TIME}(?:Z|[+-][0-9]{2}:?[0-9]{2})?",
    ),
    ("SYSLOGTIMESTAMP", "%{MONTH} +(?:%{MONTHDAY}) %{TIME}"),
    (
        "HTTPDATE",
        "(?:%{MONTHDAY})/%{MONTH}/%{YEAR}:%{TIME} [+-][0-9]{4}",
    ),
    (
        "LOGLEVEL",
        "(?i:trace|debug|info(?:rmation)?|notice|warn(?:ing)?|err(?:or)?|crit(?:ical)?|fatal|\
         severe|alert|emerg(?:ency)?)",
    ),
];

/// Most places of a pattern.
const MAX_PLACES: usize = 100;

/// The regular expression of a pattern, with groups of the fields' names.
pub(super) fn to_regex(pattern: &str) -> Result<String, PatternError> {
    let mut places = 0;
    expanded(pattern, &mut places)
}

fn expanded(pattern: &str, places: &mut usize) -> Result<String, PatternError> {
    let mut regex = String::with_capacity(pattern.len() * 2);
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once("%{") {
        let Some((place, behind)) = after.split_once('}') else {
            let message = "a `%{` is not closed: write `%{NAME:field}`";
            return Err(PatternError::Signature(message.to_owned()));
        };
        *places += 1;
        if *places > MAX_PLACES {
            let message = format!("a pattern has at most {MAX_PLACES} places `%{{…}}`");
            return Err(PatternError::Signature(message));
        }
        regex.push_str(before);
        // What stands behind a second colon names a type, which values have by themselves.
        let mut parts = place.split(':').map(str::trim);
        let name = parts.next().unwrap_or_default();
        // Expressions name only others, never each other, so this ends.
        let inner = expanded(expression(name)?, places)?;
        match parts.next().filter(|field| !field.is_empty()) {
            Some(field) => regex.push_str(&format!("(?P<{field}>{inner})")),
            None => regex.push_str(&format!("(?:{inner})")),
        }
        rest = behind;
    }
    regex.push_str(rest);
    Ok(regex)
}

fn expression(name: &str) -> Result<&'static str, PatternError> {
    if let Some((_, expression)) = PATTERNS.iter().find(|(known, _)| *known == name) {
        return Ok(expression);
    }
    let known = || PATTERNS.iter().map(|(known, _)| *known);
    let help = match crate::diag::nearest(name, known()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", known().collect::<Vec<_>>().join(", ")),
    };
    let message = format!("there is no grok pattern `{name}`; {help}");
    Err(PatternError::Signature(message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_finds_what_it_is_for_and_nothing_else() {
        let check = |name: &str, text: &str, whole: bool| {
            let regex = to_regex(&format!("^%{{{name}:x}}$")).unwrap();
            let regex = super::super::extract::compile(&regex).unwrap();
            assert_eq!(regex.is_match(text), whole, "{name} {text}");
        };
        for (name, yes, no) in [
            ("WORD", "abc_1", "a b"),
            ("NOTSPACE", "a-b", "a b"),
            ("SPACE", "  ", "x"),
            ("INT", "-7", "7.5"),
            ("POSINT", "70", "07"),
            ("NONNEGINT", "07", "-7"),
            ("NUMBER", "-7.5", "7."),
            ("BASE16NUM", "0xBEEF", "xyz"),
            ("QS", r#""a \" b""#, r#""a"#),
            ("UUID", "123e4567-e89b-12d3-a456-426614174000", "123e4567"),
            ("USER", "first.last", "a@b"),
            ("EMAILADDRESS", "a+b@example.org", "example.org"),
            ("MAC", "00:1b:44:11:3A:b7", "00:1b:44"),
            ("IP", "10.0.0.1", "10.0.0"),
            ("IP", "2001:db8::1", "2001"),
            ("IPORHOST", "web-1.example.org", "web 1"),
            ("HOSTPORT", "web1:443", "web1"),
            ("PATH", "/var/log/syslog", "var"),
            ("PATH", r"C:\Windows\cmd.exe", "cmd.exe"),
            ("TTY", "/dev/pts/0", "/dev/sda"),
            ("URI", "https://u:p@example.org:8443/a?b=1", "example.org"),
            ("URIPATHPARAM", "/a/b?c=1", "a"),
            ("MONTH", "November", "Foo"),
            ("MONTHNUM", "12", "13"),
            ("MONTHDAY", "31", "32"),
            ("DAY", "Tue", "Foo"),
            ("TIME", "23:59:59.123", "24:00"),
            ("TIMESTAMP_ISO8601", "2026-03-02T08:00:00.5Z", "2026-03-02"),
            ("SYSLOGTIMESTAMP", "Mar  2 08:00:00", "Mar"),
            ("HTTPDATE", "02/Mar/2026:08:00:00 +0100", "02/Mar/2026"),
            ("LOGLEVEL", "Warning", "loud"),
        ] {
            check(name, yes, true);
            check(name, no, false);
        }
        for (name, _) in PATTERNS {
            let regex = to_regex(&format!("%{{{name}}}")).unwrap();
            assert!(super::super::extract::compile(&regex).is_ok(), "{name}");
        }
    }

    #[test]
    fn mistakes() {
        let wrong = |pattern: &str| to_regex(pattern).unwrap_err().to_string();
        assert_eq!(
            wrong("%{IPP:a}"),
            "there is no grok pattern `IPP`; did you mean `IP`?"
        );
        assert_eq!(
            wrong("%{IP:a"),
            "a `%{` is not closed: write `%{NAME:field}`"
        );
        assert!(wrong(&"%{IP}".repeat(100)).contains("at most 100 places"));
    }
}
