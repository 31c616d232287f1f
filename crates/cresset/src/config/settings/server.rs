//! The server itself, and how it talks to the world.

use super::super::kinds::{Kind, Setting};
use super::{ROLES, s};

pub(super) const SETTINGS: &[Setting] = &[
    s(
        "server.data_dir",
        Kind::Path,
        "\"data\"",
        "where everything is kept",
    ),
    s(
        "server.listen",
        Kind::Listen,
        "\"127.0.0.1:7070\"",
        "address and port of the HTTP API",
    ),
    s(
        "server.name",
        Kind::Text,
        "\"Cresset\"",
        "name of this instance in replies and mails",
    ),
    s(
        "server.node_ip",
        Kind::Text,
        "\"127.0.0.1\"",
        "address in repo addresses ip:port/repo",
    ),
    s(
        "server.node_port",
        Kind::Int(1, 65535),
        "5504",
        "port in repo addresses ip:port/repo",
    ),
    s(
        "server.public_url",
        Kind::Text,
        "\"\"",
        "how people reach this server; used in links",
    ),
    s(
        "server.roles",
        Kind::Choices(&ROLES),
        "[\"ingest\", \"detect\", \"search\", \"control\", \"notify\"]",
        "parts that this node runs",
    ),
    s(
        "server.log_level",
        Kind::Choice(&["error", "warn", "info", "debug", "trace"]),
        "\"info\"",
        "least level that is logged",
    ),
    s(
        "server.log_format",
        Kind::Choice(&["text", "json"]),
        "\"text\"",
        "form of the log on standard error",
    ),
    s(
        "server.request_timeout",
        Kind::Duration,
        "\"60s\"",
        "longest that a request may take",
    ),
    s(
        "server.header_timeout",
        Kind::Duration,
        "\"10s\"",
        "longest that a client may take to send its request head",
    ),
    s(
        "server.idle_timeout",
        Kind::Duration,
        "\"2m\"",
        "longest that a connection is kept without a request",
    ),
    s(
        "server.max_connections",
        Kind::Int(1, 1_000_000),
        "4096",
        "connections served at once",
    ),
    s(
        "server.max_request",
        Kind::Size,
        "\"8MiB\"",
        "largest body of an API request other than ingest",
    ),
    s(
        "server.shutdown_timeout",
        Kind::Duration,
        "\"15s\"",
        "longest that requests under way are waited for on a stop",
    ),
    s(
        "tls.cert",
        Kind::Path,
        "\"\"",
        "certificate chain in PEM; with tls.key the server speaks HTTPS",
    ),
    s("tls.key", Kind::Path, "\"\"", "private key in PEM"),
    s(
        "geoip.places",
        Kind::Path,
        "\"\"",
        "file in MaxMind's format with the countries or cities of addresses, for process geoip",
    ),
    s(
        "geoip.networks",
        Kind::Path,
        "\"\"",
        "file in MaxMind's format with who runs the networks of addresses, for process ip_lookup",
    ),
    s(
        "smtp.host",
        Kind::Text,
        "\"\"",
        "mail server; empty means no mail",
    ),
    s(
        "smtp.port",
        Kind::Int(0, 65535),
        "0",
        "port; 0 means 587 for starttls, 465 for tls, 25 for plain",
    ),
    s(
        "smtp.mode",
        Kind::Choice(&["starttls", "tls", "plain"]),
        "\"starttls\"",
        "how the connection is protected",
    ),
    s(
        "smtp.from",
        Kind::Text,
        "\"cresset@localhost\"",
        "sender of mails",
    ),
    s(
        "smtp.user",
        Kind::Text,
        "\"\"",
        "user name, if the server wants one",
    ),
    s(
        "smtp.password_file",
        Kind::Path,
        "\"\"",
        "file that holds the password",
    ),
    s(
        "smtp.ca_file",
        Kind::Path,
        "\"\"",
        "further certificate authorities in PEM",
    ),
    s(
        "smtp.timeout",
        Kind::Duration,
        "\"30s\"",
        "longest that one mail may take",
    ),
    s(
        "egress.allow",
        Kind::Cidrs,
        "[]",
        "networks that notifications may reach besides public ones",
    ),
];
