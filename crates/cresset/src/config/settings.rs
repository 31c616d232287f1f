//! The table of all settings.

use cresset_auth::quota::MAX_LIMIT;

/// What a setting's value must look like.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Any text.
    Text,
    /// A path; empty means none.
    Path,
    /// `ADDRESS:PORT`.
    Listen,
    /// `ADDRESS:PORT`, or empty for off.
    OptionalListen,
    /// A whole number in a range.
    Int(u64, u64),
    /// `true` or `false`.
    Bool,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A span such as `10s`, `5m`, `24h`, `7d`.
    Duration,
    /// A size such as `64KiB`, `48MiB`.
    Size,
    /// An IANA time zone.
    Zone,
    /// Networks such as `10.0.0.0/8`.
    Cidrs,
    /// Spans.
    Durations,
    /// Words out of these.
    Choices(&'static [&'static str]),
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting {
    /// `section.name`.
    pub(crate) key: &'static str,
    /// What its value must look like.
    pub(crate) kind: Kind,
    /// The default as it would stand in the file.
    pub(crate) default: &'static str,
    /// One line for people.
    pub(crate) help: &'static str,
}

impl Setting {
    /// The name of the environment variable.
    pub(crate) fn env(&self) -> String {
        format!("CRESSET_{}", self.key.replace('.', "_").to_uppercase())
    }
}

const fn s(key: &'static str, kind: Kind, default: &'static str, help: &'static str) -> Setting {
    Setting {
        key,
        kind,
        default,
        help,
    }
}

/// The parts of the server that a node may run.
pub(crate) const ROLES: [&str; 5] = ["ingest", "detect", "search", "control", "notify"];

/// Every setting there is.
pub(crate) const SETTINGS: &[Setting] = &[
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
    s(
        "ingest.syslog_udp",
        Kind::OptionalListen,
        "\"\"",
        "address and port for syslog over UDP; empty is off",
    ),
    s(
        "ingest.syslog_tcp",
        Kind::OptionalListen,
        "\"\"",
        "address and port for syslog over TCP; empty is off",
    ),
    s(
        "ingest.syslog_repo",
        Kind::Text,
        "\"default\"",
        "repo that syslog goes to",
    ),
    s(
        "ingest.timezone",
        Kind::Zone,
        "\"UTC\"",
        "zone of time stamps that name none",
    ),
    s(
        "ingest.max_body",
        Kind::Size,
        "\"64MiB\"",
        "largest body of one ingest request as sent",
    ),
    s(
        "ingest.max_expanded",
        Kind::Size,
        "\"128MiB\"",
        "largest body of one ingest request after decompression",
    ),
    s(
        "ingest.max_in_flight",
        Kind::Size,
        "\"256MiB\"",
        "ingest bodies received at once, over all requests; beyond it senders are told to wait",
    ),
    s(
        "ingest.max_line",
        Kind::Size,
        "\"64KiB\"",
        "longest syslog line; the rest is cut",
    ),
    s(
        "ingest.max_connections",
        Kind::Int(1, 1_000_000),
        "1024",
        "syslog connections at once",
    ),
    s(
        "alerting.grace",
        Kind::Duration,
        "\"10s\"",
        "how late an event may arrive and still count for its time slot",
    ),
    s(
        "alerting.retry_schedule",
        Kind::Durations,
        "[\"5s\", \"5m\", \"30m\", \"2h\", \"5h\", \"10h\", \"10h\"]",
        "pauses between the attempts of a notification; the first is immediate",
    ),
    s(
        "alerting.http_timeout",
        Kind::Duration,
        "\"15s\"",
        "longest that one HTTP notification may take",
    ),
    s(
        "alerting.concurrency",
        Kind::Int(1, 1000),
        "64",
        "notifications under way at once",
    ),
    s(
        "storage.retention_days",
        Kind::Int(1, 36500),
        "30",
        "days that new repos keep events",
    ),
    s(
        "storage.segment",
        Kind::Size,
        "\"64MiB\"",
        "size of one event log segment",
    ),
    s(
        "storage.flush_age",
        Kind::Duration,
        "\"30s\"",
        "longest that events wait before they are written to Parquet",
    ),
    s(
        "storage.flush_size",
        Kind::Size,
        "\"48MiB\"",
        "events in memory that are written to Parquet at once",
    ),
    s(
        "storage.max_tail",
        Kind::Size,
        "\"256MiB\"",
        "events in memory beyond which senders are told to wait",
    ),
    s(
        "s3.bucket",
        Kind::Text,
        "\"\"",
        "bucket of S3-compatible object storage for event files; empty keeps them in server.data_dir",
    ),
    s(
        "s3.endpoint",
        Kind::Text,
        "\"\"",
        "URL of the object storage; empty means Amazon's of the region",
    ),
    s(
        "s3.prefix",
        Kind::Text,
        "\"\"",
        "folder of the bucket; each server needs one of its own",
    ),
    s(
        "s3.region",
        Kind::Text,
        "\"us-east-1\"",
        "region that requests are signed for",
    ),
    s(
        "s3.access_key_id",
        Kind::Text,
        "\"\"",
        "public half of the credential",
    ),
    s(
        "s3.secret_access_key_file",
        Kind::Path,
        "\"\"",
        "file that holds the secret half; or the variable CRESSET_S3_SECRET_ACCESS_KEY",
    ),
    s(
        "s3.path_style",
        Kind::Bool,
        "true",
        "put the bucket's name into the path of the URL; false puts it before the host",
    ),
    s(
        "s3.ca_file",
        Kind::Path,
        "\"\"",
        "further certificate authorities in PEM",
    ),
    s(
        "s3.timeout",
        Kind::Duration,
        "\"30s\"",
        "longest that one request may take, and that a failing one is tried again",
    ),
    s(
        "s3.cache",
        Kind::Size,
        "\"1GiB\"",
        "local copies, below server.data_dir, of what was read or written last",
    ),
    s(
        "search.timeout",
        Kind::Duration,
        "\"60s\"",
        "longest that a search may take",
    ),
    s(
        "search.max_concurrent",
        Kind::Int(1, 1000),
        "4",
        "searches that run at once; others queue",
    ),
    s(
        "auth.max_token_lifetime",
        Kind::Duration,
        "\"24h\"",
        "longest life of a self-signed token",
    ),
    s(
        "auth.clock_leeway",
        Kind::Duration,
        "\"60s\"",
        "how far a client's clock may be off",
    ),
    s(
        "auth.basic",
        Kind::Bool,
        "false",
        "let users name themselves by user name and password (Basic) in version 1 of LogicMonitor's API",
    ),
    s(
        "auth.replay",
        Kind::Choice(&["off", "reject"]),
        "\"off\"",
        "reject a signed request (LMv1) that comes a second time",
    ),
    s(
        "sealing.key_command",
        Kind::Text,
        "\"\"",
        "command that prints the keys which seal stored secrets; empty means DIR/sealing.key",
    ),
    s(
        "logicmonitor.v1_auth_failure",
        Kind::Choice(&["200/1401", "200/403", "401/1401"]),
        "\"200/1401\"",
        "how version 1 tells a failed authentication: HTTP status / status in the body",
    ),
    s(
        "logicmonitor.strict_put",
        Kind::Bool,
        "false",
        "PUT of an API token keeps status and note where they are absent, instead of 2 and empty",
    ),
    s(
        "tokens.per_user",
        Kind::Int(1, 1000),
        "100",
        "most API tokens of a user",
    ),
    s(
        "tokens.idle_days",
        Kind::Int(0, 36500),
        "0",
        "days without use after which API tokens are disabled; 0 is never",
    ),
    s(
        "tokens.mail_owner",
        Kind::Bool,
        "true",
        "mail the owner of API tokens what happens to them, if smtp.host is set",
    ),
    s(
        "quota.get",
        Kind::Int(1, MAX_LIMIT as u64),
        "500",
        "GET requests per minute to each endpoint of /santaba/rest",
    ),
    s(
        "quota.post",
        Kind::Int(1, MAX_LIMIT as u64),
        "200",
        "POST requests per minute to each endpoint of /santaba/rest",
    ),
    s(
        "quota.put",
        Kind::Int(1, MAX_LIMIT as u64),
        "200",
        "PUT requests per minute to each endpoint of /santaba/rest",
    ),
    s(
        "quota.patch",
        Kind::Int(1, MAX_LIMIT as u64),
        "250",
        "PATCH requests per minute to each endpoint of /santaba/rest",
    ),
    s(
        "quota.delete",
        Kind::Int(1, MAX_LIMIT as u64),
        "300",
        "DELETE requests per minute to each endpoint of /santaba/rest",
    ),
];
