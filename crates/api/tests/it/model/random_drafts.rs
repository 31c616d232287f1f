//! Random bodies: mostly good ones, each of the mistakes now and then.

use super::drafts::{
    ConditionDraft, DisplayDraft, OwnershipDraft, RuleDraft, SearchDraft, TagsDraft,
};
use super::files::{FileDraft, SAMPLES};
use super::notices::{Auth, EmailDraft, HttpDraft};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use std::fmt::Debug;

/// One of `good`, rarely one of `bad`.
pub(super) fn mostly<T: Clone + Debug + 'static>(
    good: &'static [T],
    bad: &'static [T],
) -> impl Strategy<Value = T> {
    prop_oneof![60 => select(good), 1 => select(bad)]
}

fn one_of<T: Clone + Debug + 'static>(items: &'static [T]) -> impl Strategy<Value = T> {
    select(items)
}

const NAMES: &[Option<&str>] = &[
    Some("Brute force"),
    Some("brute force"),
    Some("  Brute force "),
    Some("Port scan, inbound"),
    Some("Ärger im Netz"),
    Some("äöüß€"),
    Some("Login storm"),
    Some("Rule 1"),
    Some("Rule 2"),
    Some("100%_load"),
    Some("Rule 10"),
];
const BAD_NAMES: &[Option<&str>] = &[None, Some("abcd"), Some("     "), Some("Be\u{7}ll")];
const QUERIES: &[&str] = &[
    "user=alice",
    "error_code=4625 | chart count() as cnt by user | search cnt>5",
];
const BAD_QUERIES: &[&str] = &["", " ", "user=admin | chart cuont() by user"];
const RANGES: &[[u32; 3]] = &[[0, 0, 10], [0, 2, 0], [1, 2, 0], [30, 0, 0], [0, 0, 60]];
const BAD_RANGES: &[[u32; 3]] = &[[0, 0, 0], [30, 0, 1], [31, 0, 0], [0, 800, 0]];
const REPOS: &[Option<&str>] = &[
    Some(""),
    Some("default"),
    Some("127.0.0.1:5504"),
    Some("127.0.0.1:5504/default"),
    Some("127.0.0.1:5504/default default"),
];
/// What the marks mean is said in the drafts.
const BAD_REPOS: &[Option<&str>] = &[
    None,
    Some("127.0.0.1:5504/nope!"),
    Some("10.9.8.7:5504/default!"),
    Some("default 127.0.0.1:5504/_cresset?"),
];
const THROTTLING: &[Option<(bool, &str, u32)>] =
    &[None, Some((false, "", 1)), Some((true, "user", 30))];
const BAD_THROTTLING: &[Option<(bool, &str, u32)>] = &[
    Some((true, "", 5)),
    Some((true, "user", 0)),
    Some((true, " ", 0)),
];

fn search() -> BoxedStrategy<SearchDraft> {
    (
        mostly(QUERIES, BAD_QUERIES),
        mostly(RANGES, BAD_RANGES),
        mostly(REPOS, BAD_REPOS),
        mostly(&[None, Some(1), Some(500)], &[Some(0)]),
        any::<Option<bool>>(),
        mostly(&[None, Some(1), Some(5), Some(10)], &[Some(0), Some(7)]),
        mostly(&[None, Some(0), Some(1_440)], &[Some(1_441)]),
        mostly(THROTTLING, BAD_THROTTLING),
    )
        .prop_map(
            |(query, range, repos, limit, flush, interval, delay, throttling)| SearchDraft {
                query,
                range,
                repos,
                limit,
                flush,
                interval,
                delay,
                throttling,
            },
        )
        .boxed()
}

fn condition() -> BoxedStrategy<ConditionDraft> {
    let options: &[&str] = &[
        "greaterthan",
        "lessthan",
        "equalsto",
        "lessequal",
        "equals",
        "moreequal",
        "notequal",
    ];
    (
        mostly(options, &["more"]),
        mostly(&[0, 1, 5], &[-1]),
        mostly(&["low", "medium", "high", "critical"], &["deadly"]),
        mostly(&["min", "max", "avg"], &["sum"]),
    )
        .prop_map(|(option, value, risk, aggregate)| ConditionDraft {
            option,
            value,
            risk,
            aggregate,
        })
        .boxed()
}

fn tags() -> BoxedStrategy<TagsDraft> {
    let hashes = select(vec![
        None,
        Some(vec![]),
        Some(vec!["94711e5d399c28939c688f086b7faf85"]),
        Some(vec!["0123456789abcdef0123456789abcdef"]),
    ]);
    let logsources = select(vec![
        None,
        Some(vec![]),
        Some(vec![""]),
        Some(vec!["Windows", " ", "Linux"]),
    ]);
    let good = select(vec![
        None,
        Some(vec![]),
        Some(vec![("author", "me"), ("team", "north, south")]),
        Some(vec![
            ("attack_tag", "Phishing, Scanning"),
            ("attack_category", "Impact"),
        ]),
        Some(vec![("attack_id", "T1595"), ("rule_id", "17")]),
    ]);
    let twice = vec![("author", "me"), ("author", "you")];
    let metadata = prop_oneof![30 => good, 1 => Just(Some(twice))];
    (hashes, logsources, metadata)
        .prop_map(|(hashes, logsources, metadata)| TagsDraft {
            hashes,
            logsources,
            metadata,
        })
        .boxed()
}

fn ownership() -> BoxedStrategy<OwnershipDraft> {
    let assignees: &[&str] = &["admin", "bob", "carol", "mia", "eve"];
    let groups = select(vec![
        None,
        Some(vec![]),
        Some(vec!["Night"]),
        Some(vec!["Night", "Day", "Nobody"]),
        Some(vec!["", "Day"]),
    ]);
    (mostly(assignees, &["", "nobody", "Bob"]), groups)
        .prop_map(|(assignee, groups)| OwnershipDraft { assignee, groups })
        .boxed()
}

/// What no template is.
const BAD_TEMPLATES: &[Option<&str>] = &[Some("{% for %}"), Some("{{ a|nosuch }}")];

fn display() -> BoxedStrategy<DisplayDraft> {
    let templates: &[Option<&str>] = &[
        None,
        Some(""),
        Some("{% for row in rows %}{{row.user}}{% endfor %}"),
    ];
    let flags = (any::<Option<bool>>(), any::<Option<bool>>());
    (mostly(templates, BAD_TEMPLATES), flags)
        .prop_map(|(template, (apply, simple))| DisplayDraft {
            template,
            apply,
            simple,
        })
        .boxed()
}

pub(super) fn rule() -> BoxedStrategy<RuleDraft> {
    let sections: &[Option<&str>] = &[
        Some("search_params"),
        Some("incident_condition"),
        Some("taxonomy"),
        Some("incident_ownership"),
        Some("incident_display_data"),
        Some("foureyes"),
    ];
    let names = (
        mostly(NAMES, BAD_NAMES),
        one_of(&[None, Some(""), Some("a rule")]),
    );
    let sections = (
        search(),
        condition(),
        tags(),
        ownership(),
        display(),
        mostly(&[None], sections),
    );
    (names, sections, any::<Option<bool>>(), any::<bool>())
        .prop_map(|((name, description), sections, original_data, nulls)| {
            let (search, condition, tags, ownership, display, without) = sections;
            RuleDraft {
                name,
                description,
                search,
                condition,
                tags,
                ownership,
                display,
                original_data,
                without,
                nulls,
            }
        })
        .boxed()
}

pub(super) fn email() -> BoxedStrategy<EmailDraft> {
    let recipients: &[Option<&str>] = &[
        Some("[\"soc@example.com\"]"),
        Some("[\"a@b.example\", \"c@d.example\"]"),
        Some("[]"),
    ];
    let no_recipients: &[Option<&str>] = &[None, Some("soc@example.com"), Some("[\"nobody\"]")];
    let subjects: &[Option<&str>] = &[None, Some(""), Some("Alert {{alert_name}}")];
    let texts: &[Option<&str>] = &[None, Some("<p>{{ rows_count }}</p>\nsecond line & more")];
    let thresholds: &[(Option<&str>, Option<&str>)] = &[
        (None, None),
        (Some("minute"), Some("5")),
        (Some("day"), Some("1")),
    ];
    let bad_thresholds: &[(Option<&str>, Option<&str>)] = &[
        (Some("hour"), None),
        (None, Some("5")),
        (Some("week"), Some("5")),
        (Some("hour"), Some("0")),
    ];
    let flags: &[Option<&str>] = &[None, Some("on"), Some("off"), Some("true"), Some("false")];
    let head = (
        mostly(&["email"], &["http", ""]),
        mostly(&[None, Some("true"), Some("false")], &[Some("maybe")]),
        mostly(recipients, no_recipients),
        mostly(subjects, &[Some("two\nlines"), Some("{{ x")]),
    );
    let rest = (
        mostly(texts, BAD_TEMPLATES),
        one_of(flags),
        mostly(&[None, Some("auto"), Some("manual")], &[Some("later")]),
        one_of(flags),
        mostly(thresholds, bad_thresholds),
        mostly(&[false], &[true]),
        any::<bool>(),
    );
    (head, rest)
        .prop_map(|(head, rest)| {
            let (kind, enabled, recipients, subject) = head;
            let (template, simple, dispatch, no_link, threshold, bare_ids, multipart) = rest;
            EmailDraft {
                kind,
                enabled,
                recipients,
                subject,
                template,
                simple,
                dispatch,
                no_link,
                threshold,
                bare_ids,
                multipart,
            }
        })
        .boxed()
}

pub(super) fn http() -> BoxedStrategy<HttpDraft> {
    let urls: &[Option<&str>] = &[
        Some("https://hooks.example.com/abc"),
        Some("hooks.example.com:8080/x?y=z"),
    ];
    let bad_urls: &[Option<&str>] = &[
        None,
        Some(""),
        Some("https://u:p@example.com/"),
        Some("file:///etc/passwd"),
        Some("https://example.com/{{risk}}"),
        Some("http://[::1]:99999/"),
    ];
    let methods: &[&str] = &["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"];
    let texts: &[Option<&str>] = &[None, Some(""), Some("a={{ alert_name }}&b=c")];
    let auths: &[Auth] = &[
        Auth::Absent,
        Auth::None,
        Auth::Token,
        Auth::Basic,
        Auth::Bearer,
    ];
    let thresholds: &[(Option<&str>, Option<u32>)] = &[(None, None), (Some("hour"), Some(3))];
    let bad_thresholds: &[(Option<&str>, Option<u32>)] = &[
        (Some("hour"), None),
        (None, Some(5)),
        (Some("week"), Some(5)),
        (Some("day"), Some(0)),
    ];
    let head = (
        mostly(&["http"], &["email", ""]),
        mostly(urls, bad_urls),
        mostly(methods, &["TRACE"]),
        mostly(texts, BAD_TEMPLATES),
        mostly(texts, BAD_TEMPLATES),
    );
    let rest = (
        any::<Option<bool>>(),
        mostly(&[None, Some("HTTP"), Some("HTTPS")], &[Some("FTP")]),
        mostly(&[None, Some("auto"), Some("manual")], &[Some("later")]),
        mostly(auths, &[Auth::Masked, Auth::Unknown]),
        any::<bool>(),
        mostly(thresholds, bad_thresholds),
    );
    (head, rest)
        .prop_map(|(head, rest)| {
            let (kind, url, method, query, body) = head;
            let (enabled, protocol, dispatch, auth, auth_as_text, threshold) = rest;
            HttpDraft {
                kind,
                url,
                method,
                query,
                body,
                enabled,
                protocol,
                dispatch,
                auth,
                auth_as_text,
                threshold,
            }
        })
        .boxed()
}

pub(super) fn file() -> BoxedStrategy<FileDraft> {
    (
        mostly(&["csv", "csv", "txt"], &["exe"]),
        vec(0..SAMPLES.len(), 0..9),
        one_of(&["\n", "\r\n", "\r"]),
        any::<bool>(),
        any::<bool>(),
        mostly(&[false], &[true]),
    )
        .prop_map(
            |(ending, samples, line_end, byte_order_mark, columns, broken)| FileDraft {
                ending,
                samples,
                line_end,
                byte_order_mark,
                columns,
                broken,
            },
        )
        .boxed()
}

/// Present, rarely absent.
pub(super) fn usually<S: Strategy>(inner: S) -> impl Strategy<Value = Option<S::Value>> {
    option::weighted(0.96, inner)
}
