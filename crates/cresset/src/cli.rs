//! The command line.

use clap::{Args, Parser, Subcommand, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Self-hosted security alerting: send logs, give rules, be told.
#[derive(Debug, Parser)]
#[command(
    name = "cresset",
    version,
    about,
    max_term_width = 100,
    after_help = "\
Examples:
  cresset serve --data-dir /var/lib/cresset --syslog-tcp 0.0.0.0:5514
  cresset search 'label=Login label=Fail | chart count() by source_address' --last 1h
  cresset COMMAND --help   shows more, with examples"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the server.
    #[command(after_help = "\
Examples:
  cresset serve --data-dir data
  cresset serve --config /etc/cresset.toml --listen 0.0.0.0:7070
  CRESSET_SMTP_HOST=mail.example.com cresset serve --data-dir data

Every setting can stand in the file, in the environment or (some) in a flag:
flag > environment > file > default. `cresset check --list` shows them all.")]
    Serve(ServeArgs),
    /// Check a configuration without starting the server.
    #[command(after_help = "\
Examples:
  cresset check --config /etc/cresset.toml
  cresset check --list          every setting with its default and meaning")]
    Check(CheckArgs),
    /// Manage users and their credentials in a data directory, server running or not.
    #[command(after_help = "\
Examples:
  cresset user create alice --role manager --data-dir data
  cresset user access-key alice --regenerate
  cresset user set alice --timezone Europe/Berlin --date-format %d.%m.%Y --hour-format 24
  cresset user repos alice --allow default,windows
  cresset user list --json")]
    User(crate::cmd::UserArgs),
    /// Manage incident user groups in a data directory, server running or not.
    #[command(after_help = "\
Examples:
  cresset group create 'Night shift' --data-dir data
  cresset group add 'Night shift' alice bob
Rules name groups in visible_to_usergroups; members then see the rules' incidents.")]
    Group(crate::cmd::GroupArgs),
    /// Show the audit log of a data directory, and prove that nobody was at it.
    #[command(after_help = "\
Examples:
  cresset audit list --since 7d --action 'api_token_*' --data-dir data
  cresset audit head > audit-head.txt            keep it where nobody here can change it
  cresset audit verify --head $(cat audit-head.txt)
The code of verify is 0 if everything fits and 1 if not.")]
    Audit(crate::cmd::AuditArgs),
    /// Manage the keys that seal stored secrets, server running or not.
    #[command(after_help = "\
Examples:
  cresset keys list --data-dir data
  cresset keys rotate
  cresset keys forget
Keys that come from a command are found as the server finds them, by CRESSET_SEALING_KEY_COMMAND.")]
    Keys(crate::cmd::KeysArgs),
    /// Manage other instances that this one searches, server running or not.
    #[command(after_help = "\
Examples:
  cresset instance add berlin --url https://10.0.0.7:7070 --user searcher --secret-file berlin.key
  cresset instance list
  cresset instance check
Rules and searches then name their repos, as in 10.0.0.7:7070/web.")]
    Instance(Box<crate::cmd::InstanceArgs>),
    /// Print a self-signed token (JWT) for the API.
    #[command(after_help = "\
Examples:
  cresset token --user admin --scope 'alertrules:read alertrules:write' --data-dir data
  cresset token --user alice --scope search:read --secret-file alice.key --ttl 10m
  curl -H \"Authorization: Bearer $(cresset token --user admin --scope logs:write)\" …")]
    Token(TokenArgs),
    /// Print the LMv1 header that signs a request.
    #[command(after_help = "\
Examples:
  cresset sign GET /setting/admins/apitokens --data-dir data
  curl -H \"$(cresset sign GET /setting/admins)\" http://127.0.0.1:7070/santaba/rest/setting/admins
  cresset sign POST /setting/admins/1/apitokens -d '{}' --credentials token.json

/santaba/rest and the query string are no part of what is signed, and may be given or left out.
The body must be sent byte for byte as it was signed. A signature is good for half an hour.")]
    Sign(crate::cmd::SignArgs),
    /// Send a signed request to this server, another one, or LogicMonitor, and print the JSON.
    #[command(after_help = "\
Examples:
  cresset api GET '/setting/admins/apitokens?size=5'
  cresset api POST /setting/admins/1/apitokens -d '{\"note\":\"for ci\"}'
  cresset api GET '/setting/admins?filter=username:\"alice\"' --to east
  cresset api GET /setting/roles --to https://ACCOUNT.logicmonitor.com --credentials token.json
  cresset api DELETE /setting/admins/1/apitokens/7 --to https://10.0.0.1 --bearer-file bearer

Credentials are looked for in the flags, then the profile's target, then the environment
(CRESSET_ACCESS_ID and CRESSET_ACCESS_KEY, or CRESSET_BEARER_TOKEN); for the server of --data-dir
also there. A secret never stands on the command line, where every process of the machine reads
it. The code is 1 for whatever the server calls an error, also in an answer with status 200.")]
    Api(Box<crate::cmd::ApiArgs>),
    /// Send files to a server; `-` reads standard input.
    #[command(after_help = "\
Examples:
  cresset ingest /var/log/auth.log --format syslog
  cresset ingest events.ndjson.gz --url http://127.0.0.1:7070 --repo windows
  cresset ingest security.xml --repo windows
A transfer that was interrupted goes on where it stopped; nothing is stored twice.")]
    Ingest(IngestArgs),
    /// Show what lines become, and why: which format or signature, which fields.
    #[command(after_help = "\
Examples:
  cresset normalize /var/log/auth.log | less
  tail -1 /var/log/audit/audit.log | cresset normalize -
  cresset normalize events.ndjson.gz --format json | jq .fields
  cresset normalize app.log --signatures my-signatures/
Nothing is sent anywhere. Of a configuration file, the time zone, the limits and the folder of
signatures count. The code is 1 if a line would be refused.")]
    Normalize(NormalizeArgs),
    /// Search a server: a table or bars for people, CSV, NDJSON or Parquet for programs.
    #[command(after_help = "\
Examples:
  cresset search 'label=Login label=Fail' --last 1h
  cresset search '| chart count() as cnt by user order by cnt desc limit 10' --last 1d --csv
  cresset search '| timechart count() every 1 hour' --last 1d
  cresset search 'user=eve' --from 2026-01-30 --to 2026-01-31T12:00:00Z --all --output eve.parquet
  cresset search 'user=eve' --last 7d --all --json | jq .msg
  cresset search --explain 'label=Login user=amy or user=bob' --last 7d

Rows come as soon as it is known that they are next. On a terminal charts are drawn as bars, in
colours unless NO_COLOR is set, and a search of more than half a second shows how far it is.
Ctrl-C ends the search on the server too. A file is there when it is complete.
CSV and Parquet have to know every column first, so they are written at the end. In CSV a text
that a spreadsheet would run (it begins with = + - @, a tab or a carriage return, and is no
number) gets a ' before it. Without a server, --explain still tells how the query is read.")]
    Search(Box<crate::cmd::SearchArgs>),
    /// Delete events that meet a filter, for good; without --yes only count them.
    #[command(after_help = "\
Examples:
  cresset delete 'user=alice' --repo default --last 30d --reason 'asked by alice'
  cresset delete 'user=alice' --repo default --repo web --all-time --reason 'asked by alice' --yes
  cresset delete '*' --repo test --from 2026-01-01T00:00:00Z --to 2026-01-31T23:59:59Z \\
      --reason 'sent by mistake' --yes

The query is a filter: no | and no commands. Events that arrive while it runs stay. What alert
rules made of the events, incidents and notifications, stays as well. A deletion that was
interrupted is simply repeated. The code is 1 if something of it may be left.")]
    Delete(crate::cmd::DeleteArgs),
    /// Look after event files that cannot be read, server running or not.
    #[command(after_help = "\
Examples:
  cresset store list --data-dir data
  cresset store restore 67f8ae6fbe9edae2fcfbc1ee     after it was copied back from a backup
  cresset store discard 67f8ae6fbe9edae2fcfbc1ee     its events are lost for good
  cresset store list --config /etc/cresset.toml      where event files are in object storage")]
    Store(crate::cmd::StoreArgs),
    /// List notifications and send dead ones again.
    #[command(after_help = "\
Examples:
  cresset outbox list --state dead
  cresset outbox resend 67f8ae6fbe9edae2fcfbc1ee")]
    Outbox(crate::cmd::OutboxArgs),
    /// Keep alert rules as files: export, plan, apply, diff, validate, test.
    #[command(after_help = "\
Examples:
  cresset rules export rules/
  cresset rules validate rules/ && cresset rules test rules/ --junit report.xml
  cresset rules plan rules/ --to east --to west
  cresset rules apply rules/ --to a=https://10.0.0.1 --to b=https://10.0.0.2 --prune")]
    Rules(Box<crate::cmd::RulesArgs>),
    /// Measure this build on this machine.
    #[command(after_help = "\
Examples:
  cresset bench ingest --events attack-samples.ndjson.gz --count 1000000
  cresset bench latency --rules 300")]
    Bench(crate::cmd::BenchArgs),
    /// Print a completion script for a shell.
    #[command(after_help = "\
Examples:
  cresset completions bash > /etc/bash_completion.d/cresset")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Where everything is kept.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Address and port of the HTTP API; port 0 takes a free one.
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Configuration file.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Take syslog over UDP on this address.
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) syslog_udp: Option<SocketAddr>,
    /// Take syslog over TCP on this address.
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) syslog_tcp: Option<SocketAddr>,
    /// Take syslog over TLS on this address.
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) syslog_tls: Option<SocketAddr>,
    /// Parts to run, separated by commas: ingest,detect,search,control,notify.
    #[arg(long, value_name = "ROLES")]
    pub(crate) roles: Option<String>,
    /// Certificate chain in PEM; with --tls-key the server speaks HTTPS.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Private key in PEM.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<PathBuf>,
    /// Feed sample logs, make rules and show the incident that comes out.
    #[arg(long)]
    pub(crate) demo: bool,
}

impl ServeArgs {
    /// The flags that were given, as settings.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let path = |p: &Option<PathBuf>| p.as_ref().map(|p| p.display().to_string());
        let addr = |a: &Option<SocketAddr>| a.map(|a| a.to_string());
        [
            ("server.data_dir", path(&self.data_dir)),
            ("server.listen", addr(&self.listen)),
            ("ingest.syslog_udp", addr(&self.syslog_udp)),
            ("ingest.syslog_tcp", addr(&self.syslog_tcp)),
            ("ingest.syslog_tls", addr(&self.syslog_tls)),
            ("server.roles", self.roles.clone()),
            ("tls.cert", path(&self.tls_cert)),
            ("tls.key", path(&self.tls_key)),
        ]
        .into_iter()
        .filter_map(|(key, value)| value.map(|v| (key, v)))
        .collect()
    }
}

#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// Configuration file.
    #[arg(long, value_name = "FILE", required_unless_present = "list")]
    pub(crate) config: Option<PathBuf>,
    /// Show every setting as a commented configuration file.
    #[arg(long)]
    pub(crate) list: bool,
}

/// Where the data directory is, for commands that open it themselves.
#[derive(Debug, Args)]
pub(crate) struct DataDir {
    /// The server's data directory.
    #[arg(
        long,
        value_name = "DIR",
        default_value = "data",
        env = "CRESSET_SERVER_DATA_DIR",
        global = true
    )]
    pub(crate) data_dir: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum TokenAlg {
    #[value(name = "HS256")]
    Hs256,
    #[value(name = "HS384")]
    Hs384,
    #[value(name = "HS512")]
    Hs512,
}

#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// User that the token speaks for.
    #[arg(long)]
    pub(crate) user: String,
    /// Scopes separated by spaces.
    #[arg(long)]
    pub(crate) scope: String,
    /// How long it is valid.
    #[arg(long, default_value = "1h", value_parser = ttl)]
    pub(crate) ttl: cresset_model::Duration,
    /// File with the user's API access key; without it the data directory is asked.
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// Signature algorithm.
    #[arg(long, value_enum, default_value = "HS256", ignore_case = true)]
    pub(crate) alg: TokenAlg,
    #[command(flatten)]
    pub(crate) data: DataDir,
}

/// Who asks which server.
#[derive(Debug, Args)]
pub(crate) struct Remote {
    /// The server; without it, the address in DIR/initial-credentials.json.
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// User name.
    #[arg(long, default_value = "admin")]
    pub(crate) user: String,
    /// File with the user's API access key; without it the data directory is asked.
    #[arg(long, value_name = "FILE")]
    pub(crate) secret_file: Option<PathBuf>,
    /// Accept any certificate.
    #[arg(long)]
    pub(crate) insecure: bool,
    #[command(flatten)]
    pub(crate) data: DataDir,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InputFormat {
    Auto,
    Ndjson,
    Syslog,
    Raw,
    /// Windows events in XML, as Event Viewer, wevtutil and evtx_dump export them.
    Xml,
}

#[derive(Debug, Args)]
pub(crate) struct IngestArgs {
    /// Files; .gz and .zst are expanded.
    #[arg(required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// Repo to write to.
    #[arg(long, default_value = "default")]
    pub(crate) repo: String,
    /// What the lines are; auto looks at the first one.
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) format: InputFormat,
    /// Send everything again, also what was sent before.
    #[arg(long)]
    pub(crate) restart: bool,
    #[command(flatten)]
    pub(crate) remote: Remote,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NormalizeForm {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

#[derive(Debug, Args)]
pub(crate) struct NormalizeArgs {
    /// The file, - for standard input; .gz and .zst are expanded.
    pub(crate) file: PathBuf,
    /// Repo that the events would go to.
    #[arg(long, default_value = "default")]
    pub(crate) repo: String,
    /// How to show them.
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: NormalizeForm,
    /// What the lines are; auto looks at the first one.
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) input: InputFormat,
    /// Folder of signatures, instead of the one in the configuration.
    #[arg(long, value_name = "DIR")]
    pub(crate) signatures: Option<PathBuf>,
    /// Configuration file of the server.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
}

pub(crate) fn ttl(text: &str) -> Result<cresset_model::Duration, String> {
    crate::config::parse_duration(text)
        .filter(|d| d.0 > 0)
        .ok_or_else(|| "a span such as 30s, 10m, 1h or 7d is expected".to_owned())
}
