//! What a value must keep to besides its form, and what several values must keep to together.

use super::load::Problem;
use super::typed::Reader;
use super::units::parse_size;
use cresset_model::repo::{OWN_REPO, valid_name};

/// Bounds of sizes outside of which the server cannot work.
const SIZES: [(&str, &str, &str); 8] = [
    ("server.max_request", "1KiB", "1GiB"),
    ("ingest.max_body", "1KiB", "1GiB"),
    ("ingest.max_expanded", "1KiB", "2GiB"),
    ("ingest.max_in_flight", "1KiB", "1TiB"),
    ("ingest.max_line", "1KiB", "4MiB"),
    ("storage.segment", "64KiB", "1TiB"),
    ("storage.flush_size", "64KiB", "1TiB"),
    ("storage.max_tail", "16MiB", "1TiB"),
];
/// Pairs of which the first must not be larger than the second, and why.
const ORDERED: [(&str, &str, &str); 3] = [
    (
        "ingest.max_body",
        "ingest.max_expanded",
        "a body that is not compressed counts as expanded",
    ),
    (
        "ingest.max_body",
        "ingest.max_in_flight",
        "a body of that size could never be received",
    ),
    (
        "storage.flush_size",
        "storage.max_tail",
        "senders would be told to wait before events are written",
    ),
];

/// Notes what does not hold.
pub(super) fn check(r: &Reader<'_>, problems: &mut Vec<Problem>) {
    let mut note = |key: &str, message: String, help: &str| {
        problems.push(Problem {
            place: r.place(key),
            message: format!("{key}: {message}"),
            help: Some(help.to_owned()),
        });
    };
    let mut sizes_fit = true;
    for (key, least, most) in SIZES {
        let bound = |text| parse_size(text).unwrap_or(u64::MAX);
        if !(bound(least)..=bound(most)).contains(&r.size(key)) {
            sizes_fit = false;
            let given = r.text(key);
            note(
                key,
                format!("{given:?} is out of range"),
                &format!("from {least} to {most}"),
            );
        }
    }
    for (smaller, larger, why) in ORDERED {
        if sizes_fit && r.size(smaller) > r.size(larger) {
            let (a, b) = (r.text(smaller), r.text(larger));
            note(smaller, format!("{a} is more than {larger}, {b}"), why);
        }
    }
    let repo = r.text("ingest.syslog_repo");
    if !valid_name(&repo) {
        let help = "1 to 64 characters of a-z 0-9 _ -";
        note("ingest.syslog_repo", "not a repo name".to_owned(), help);
    } else if repo == OWN_REPO {
        let message = format!("{OWN_REPO} is the server's own log, which nobody may send to");
        note("ingest.syslog_repo", message, "for example \"default\"");
    }
    let node = r.text("server.node_ip");
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if node.is_empty() || !node.chars().all(fits) {
        note(
            "server.node_ip",
            format!(
                "{node:?} cannot stand in the repo address ip:port/repo, in which clients expect exactly one colon"
            ),
            "give an IPv4 address or a host name, also where the server listens on IPv6; the text need not be reachable",
        );
    }
}
