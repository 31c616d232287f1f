//! The configuration as the server uses it.

use super::load::{Problem, Values};
use super::s3::S3;
use super::settings::ROLES;
use super::units::{parse_duration, parse_size};
use cresset_api::V1AuthFailure;
use cresset_auth::quota::Limits;
use cresset_model::{Duration, SecretString};
use cresset_notify::Cidr;
use std::net::SocketAddr;
use std::path::PathBuf;

/// A part of the server that a node may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NodeRole {
    /// Takes logs in.
    Ingest,
    /// Evaluates rules.
    Detect,
    /// Answers searches.
    Search,
    /// Answers everything that manages the server.
    Control,
    /// Sends notifications.
    Notify,
}

/// How a mail connection is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SmtpMode {
    /// Plain first, then TLS; refused if the server offers none.
    Starttls,
    /// TLS from the first byte.
    Tls,
    /// Never.
    Plain,
}

/// The mail server.
#[derive(Debug, Clone)]
pub(crate) struct Smtp {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) mode: SmtpMode,
    pub(crate) from: String,
    pub(crate) user: String,
    pub(crate) password_file: Option<PathBuf>,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) timeout: Duration,
}

/// Certificate and key.
#[derive(Debug, Clone)]
pub(crate) struct Tls {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
}

/// Everything that can be set; see [`super::settings::settings`] for meanings and defaults.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) name: String,
    pub(crate) node_ip: String,
    pub(crate) node_port: u16,
    pub(crate) public_url: String,
    pub(crate) roles: Vec<NodeRole>,
    pub(crate) log_level: String,
    pub(crate) log_json: bool,
    pub(crate) request_timeout: Duration,
    pub(crate) header_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) max_connections: usize,
    pub(crate) max_request: usize,
    pub(crate) shutdown_timeout: Duration,
    pub(crate) tls: Option<Tls>,
    pub(crate) geoip_places: Option<PathBuf>,
    pub(crate) geoip_networks: Option<PathBuf>,
    pub(crate) smtp: Option<Smtp>,
    pub(crate) egress_allow: Vec<Cidr>,
    pub(crate) syslog_udp: Option<SocketAddr>,
    pub(crate) syslog_tcp: Option<SocketAddr>,
    pub(crate) syslog_tls: Option<SocketAddr>,
    pub(crate) syslog_tls_cert: Option<Tls>,
    pub(crate) syslog_tls_client_ca: Option<PathBuf>,
    pub(crate) signatures: Option<PathBuf>,
    pub(crate) syslog_repo: String,
    pub(crate) timezone: String,
    pub(crate) max_body: usize,
    pub(crate) max_expanded: usize,
    pub(crate) max_in_flight: usize,
    pub(crate) max_line: usize,
    pub(crate) syslog_connections: usize,
    pub(crate) grace: Duration,
    pub(crate) retry_schedule: Vec<Duration>,
    pub(crate) http_timeout: Duration,
    pub(crate) notify_concurrency: usize,
    pub(crate) retention_days: u32,
    pub(crate) segment: u64,
    pub(crate) s3: Option<S3>,
    pub(crate) flush_age: Duration,
    pub(crate) flush_size: usize,
    pub(crate) max_tail: usize,
    pub(crate) search_timeout: Duration,
    pub(crate) max_searches: usize,
    pub(crate) searches_per_user: usize,
    pub(crate) search_queue: usize,
    pub(crate) search_queue_per_user: usize,
    pub(crate) max_search_rows: usize,
    pub(crate) max_search_bytes: usize,
    pub(crate) max_token_lifetime: Duration,
    pub(crate) clock_leeway: Duration,
    pub(crate) refuse_replays: bool,
    pub(crate) basic: bool,
    pub(crate) v1_auth_failure: V1AuthFailure,
    pub(crate) strict_put: bool,
    pub(crate) tokens_per_user: u32,
    pub(crate) token_idle_days: u32,
    pub(crate) token_mails: bool,
    pub(crate) quota: Limits,
    /// May hold a credential.
    pub(crate) key_command: SecretString,
}

/// Reads checked values; [`super::draft()`] has put defaults for what would not read.
pub(super) struct Reader<'a>(&'a Values);

impl Reader<'_> {
    pub(super) fn text(&self, key: &str) -> String {
        self.0
            .get(key)
            .and_then(|g| g.value.as_str())
            .unwrap_or_default()
            .to_owned()
    }
    pub(super) fn path(&self, key: &str) -> Option<PathBuf> {
        Some(self.text(key))
            .filter(|t| !t.is_empty())
            .map(PathBuf::from)
    }
    fn int(&self, key: &str) -> u64 {
        self.0
            .get(key)
            .and_then(|g| g.value.as_integer())
            .map_or(0, i64::unsigned_abs)
    }
    pub(super) fn flag(&self, key: &str) -> bool {
        let value = self.0.get(key).and_then(|g| g.value.as_bool());
        value.unwrap_or_default()
    }
    fn quota(&self) -> Limits {
        Limits {
            get: self.int("quota.get") as u32,
            post: self.int("quota.post") as u32,
            put: self.int("quota.put") as u32,
            patch: self.int("quota.patch") as u32,
            delete: self.int("quota.delete") as u32,
            ..Limits::default()
        }
    }
    fn addr(&self, key: &str) -> Option<SocketAddr> {
        self.text(key).parse().ok()
    }
    pub(super) fn duration(&self, key: &str) -> Duration {
        parse_duration(&self.text(key)).unwrap_or_default()
    }
    pub(super) fn size(&self, key: &str) -> u64 {
        parse_size(&self.text(key)).unwrap_or_default()
    }
    fn words(&self, key: &str) -> Vec<String> {
        let items = self.0.get(key).and_then(|g| g.value.as_array());
        items
            .into_iter()
            .flatten()
            .filter_map(|i| i.as_str().map(str::to_owned))
            .collect()
    }
    pub(super) fn place(&self, key: &str) -> String {
        self.0.get(key).map(|g| g.place.clone()).unwrap_or_default()
    }
}

impl Config {
    /// Builds the configuration and checks what involves several settings or files.
    pub(super) fn from_values(values: &Values) -> (Self, Vec<Problem>) {
        let r = Reader(values);
        let mut problems = Vec::new();
        let tls = read_tls(&r, ["tls.cert", "tls.key"], &mut problems);
        let of_syslog = ["ingest.syslog_tls_cert", "ingest.syslog_tls_key"];
        let syslog_tls_cert = read_tls(&r, of_syslog, &mut problems);
        let smtp = read_smtp(&r, &mut problems);
        super::checks::check(&r, &mut problems);
        let roles = r.words("server.roles");
        let all = [
            NodeRole::Ingest,
            NodeRole::Detect,
            NodeRole::Search,
            NodeRole::Control,
            NodeRole::Notify,
        ];
        let config = Self {
            data_dir: r
                .path("server.data_dir")
                .unwrap_or_else(|| PathBuf::from("data")),
            listen: r
                .addr("server.listen")
                .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0))),
            name: r.text("server.name"),
            node_ip: r.text("server.node_ip"),
            node_port: r.int("server.node_port") as u16,
            public_url: r.text("server.public_url").trim_end_matches('/').to_owned(),
            roles: ROLES
                .iter()
                .zip(all)
                .filter(|(w, _)| roles.iter().any(|r| r == *w))
                .map(|(_, r)| r)
                .collect(),
            log_level: r.text("server.log_level"),
            log_json: r.text("server.log_format") == "json",
            request_timeout: r.duration("server.request_timeout"),
            header_timeout: r.duration("server.header_timeout"),
            idle_timeout: r.duration("server.idle_timeout"),
            max_connections: r.int("server.max_connections") as usize,
            max_request: r.size("server.max_request") as usize,
            shutdown_timeout: r.duration("server.shutdown_timeout"),
            tls,
            geoip_places: r.path("geoip.places"),
            geoip_networks: r.path("geoip.networks"),
            smtp,
            egress_allow: r
                .words("egress.allow")
                .iter()
                .filter_map(|t| t.parse().ok())
                .collect(),
            syslog_udp: r.addr("ingest.syslog_udp"),
            syslog_tcp: r.addr("ingest.syslog_tcp"),
            syslog_tls: r.addr("ingest.syslog_tls"),
            syslog_tls_cert,
            syslog_tls_client_ca: r.path("ingest.syslog_tls_client_ca"),
            signatures: r.path("ingest.signatures"),
            syslog_repo: r.text("ingest.syslog_repo"),
            timezone: r.text("ingest.timezone"),
            max_body: r.size("ingest.max_body") as usize,
            max_expanded: r.size("ingest.max_expanded") as usize,
            max_in_flight: r.size("ingest.max_in_flight") as usize,
            max_line: r.size("ingest.max_line") as usize,
            syslog_connections: r.int("ingest.max_connections") as usize,
            grace: r.duration("alerting.grace"),
            retry_schedule: r
                .words("alerting.retry_schedule")
                .iter()
                .filter_map(|t| parse_duration(t))
                .collect(),
            http_timeout: r.duration("alerting.http_timeout"),
            notify_concurrency: r.int("alerting.concurrency") as usize,
            retention_days: r.int("storage.retention_days") as u32,
            segment: r.size("storage.segment"),
            s3: super::s3::read(&r, &mut problems),
            flush_age: r.duration("storage.flush_age"),
            flush_size: r.size("storage.flush_size") as usize,
            max_tail: r.size("storage.max_tail") as usize,
            search_timeout: r.duration("search.timeout"),
            max_searches: r.int("search.max_concurrent") as usize,
            searches_per_user: r.int("search.per_user") as usize,
            search_queue: r.int("search.queue") as usize,
            search_queue_per_user: r.int("search.queue_per_user") as usize,
            max_search_rows: r.int("search.max_rows") as usize,
            max_search_bytes: r.size("search.max_memory") as usize,
            max_token_lifetime: r.duration("auth.max_token_lifetime"),
            clock_leeway: r.duration("auth.clock_leeway"),
            refuse_replays: r.text("auth.replay") == "reject",
            basic: r.flag("auth.basic"),
            v1_auth_failure: match r.text("logicmonitor.v1_auth_failure").as_str() {
                "200/403" => V1AuthFailure::Http200Status403,
                "401/1401" => V1AuthFailure::Http401Status1401,
                _ => V1AuthFailure::Http200Status1401,
            },
            strict_put: r.flag("logicmonitor.strict_put"),
            tokens_per_user: r.int("tokens.per_user") as u32,
            token_idle_days: r.int("tokens.idle_days") as u32,
            token_mails: r.flag("tokens.mail_owner"),
            quota: r.quota(),
            key_command: SecretString::new(r.text("sealing.key_command")),
        };
        (config, problems)
    }

    /// The address that people and clients use.
    pub(crate) fn url(&self, bound: SocketAddr) -> String {
        if !self.public_url.is_empty() {
            return self.public_url.clone();
        }
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        let ip = if bound.ip().is_unspecified() {
            "127.0.0.1".to_owned()
        } else {
            bound.ip().to_string()
        };
        let ip = if ip.contains(':') {
            format!("[{ip}]")
        } else {
            ip
        };
        format!("{scheme}://{ip}:{}", bound.port())
    }
}

/// A certificate and its key, from the settings of these two names.
fn read_tls(r: &Reader<'_>, names: [&str; 2], problems: &mut Vec<Problem>) -> Option<Tls> {
    let [cert, key] = names.map(|name| r.path(name));
    for (name, path) in names.iter().zip([&cert, &key]) {
        if let Some(path) = path {
            require_readable(r, name, path, problems);
        }
    }
    match (cert, key) {
        (Some(cert), Some(key)) => Some(Tls { cert, key }),
        (None, None) => None,
        (cert, _) => {
            let [given, missing] = if cert.is_some() {
                names
            } else {
                [names[1], names[0]]
            };
            problems.push(Problem {
                place: r.place(given),
                message: format!("{given} is set but {missing} is not"),
                help: Some("TLS needs both".to_owned()),
            });
            None
        }
    }
}

fn read_smtp(r: &Reader<'_>, problems: &mut Vec<Problem>) -> Option<Smtp> {
    let host = r.text("smtp.host");
    if host.is_empty() {
        return None;
    }
    let mode = match r.text("smtp.mode").as_str() {
        "tls" => SmtpMode::Tls,
        "plain" => SmtpMode::Plain,
        _ => SmtpMode::Starttls,
    };
    let (user, password_file) = (r.text("smtp.user"), r.path("smtp.password_file"));
    if user.is_empty() != password_file.is_none() {
        problems.push(Problem {
            place: r.place(if user.is_empty() {
                "smtp.password_file"
            } else {
                "smtp.user"
            }),
            message: "smtp.user and smtp.password_file go together".to_owned(),
            help: Some("set both, or neither for a server that wants no password".to_owned()),
        });
    }
    let ca_file = r.path("smtp.ca_file");
    for (name, path) in [
        ("smtp.password_file", &password_file),
        ("smtp.ca_file", &ca_file),
    ] {
        if let Some(path) = path {
            require_readable(r, name, path, problems);
        }
    }
    let from = r.text("smtp.from");
    if !from.contains('@') || from.contains(['\r', '\n']) {
        problems.push(Problem {
            place: r.place("smtp.from"),
            message: format!("smtp.from: {from:?} is no mail address"),
            help: Some("for example \"cresset@example.com\"".to_owned()),
        });
    }
    let port = match (r.int("smtp.port"), mode) {
        (0, SmtpMode::Starttls) => 587,
        (0, SmtpMode::Tls) => 465,
        (0, SmtpMode::Plain) => 25,
        (port, _) => port as u16,
    };
    let timeout = r.duration("smtp.timeout");
    Some(Smtp {
        host,
        port,
        mode,
        from,
        user,
        password_file,
        ca_file,
        timeout,
    })
}

fn require_readable(
    r: &Reader<'_>,
    name: &str,
    path: &std::path::Path,
    problems: &mut Vec<Problem>,
) {
    if let Err(e) = std::fs::File::open(path) {
        problems.push(Problem {
            place: r.place(name),
            message: format!("{name}: {} cannot be read: {e}", path.display()),
            help: None,
        });
    }
}
