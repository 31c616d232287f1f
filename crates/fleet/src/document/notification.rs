//! Notifications as people write them, and their way to the wire and back.

use super::{is_false, is_true, yes};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// When a notification goes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Dispatch {
    /// With the incident.
    #[default]
    Auto,
    /// When somebody sends it.
    Manual,
}

impl Dispatch {
    const fn is_auto(&self) -> bool {
        matches!(self, Self::Auto)
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Manual => "manual",
        }
    }

    fn read(data: &Map<String, Value>) -> Self {
        match text(data, "dispatch_option").as_str() {
            "manual" => Self::Manual,
            _ => Self::Auto,
        }
    }
}

/// At most one notification in this span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// How many units.
    pub value: u32,
    /// `minute`, `hour` or `day`.
    pub unit: String,
}

impl Threshold {
    fn read(data: &Map<String, Value>, value: &str, unit: &str) -> Option<Self> {
        let unit = text(data, unit);
        let value = text(data, value).parse().ok().filter(|n| *n > 0)?;
        (!unit.is_empty()).then_some(Self { value, unit })
    }
}

/// A mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Email {
    /// Whether it is sent.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub enabled: bool,
    /// Addresses.
    pub to: Vec<String>,
    /// Subject, a template.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
    /// Body, a template.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// When it goes out.
    #[serde(default, skip_serializing_if = "Dispatch::is_auto")]
    pub dispatch: Dispatch,
    /// Whether it holds a link to the search.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub search_link: bool,
    /// Shows rows simply.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub simple_view: bool,
    /// Whether it holds the logo.
    #[serde(default, skip_serializing_if = "is_false")]
    pub logo_enable: bool,
    /// Kind of logo.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub logo_type: String,
    /// The logo.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub logo: String,
    /// Most mails in a span.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Threshold>,
}

impl Email {
    /// Drops what servers drop.
    pub(super) fn normalise(&mut self) {
        for address in &mut self.to {
            *address = address.trim().to_owned();
        }
    }

    /// Reads the `data` of `read_api`; `None` if no notification is set.
    pub fn from_wire(data: &Value) -> Option<Self> {
        let data = data.as_object()?;
        if !data.contains_key("email_emails") {
            return None;
        }
        Some(Self {
            enabled: flag(data, "notify_email", true),
            to: texts(data, "email_emails"),
            subject: text(data, "subject"),
            body: text(data, "email_template"),
            dispatch: Dispatch::read(data),
            search_link: !flag(data, "disable_search_link", false),
            simple_view: flag(data, "simple_view", true),
            logo_enable: flag(data, "logo_enable", false),
            logo_type: text(data, "logo_type"),
            logo: text(data, "logo"),
            threshold: Threshold::read(data, "threshold_value", "threshold_option"),
        })
    }

    /// The form of `create_api` for the rule `id`.
    pub fn to_form(&self, id: &str) -> Vec<(&'static str, String)> {
        let mut form = vec![
            ("ids", json!([id]).to_string()),
            ("type", "email".to_owned()),
            ("notify_email", self.enabled.to_string()),
            ("email_emails", json!(self.to).to_string()),
            ("subject", self.subject.clone()),
            ("email_template", self.body.clone()),
            ("dispatch_option", self.dispatch.word().to_owned()),
            ("disable_search_link", (!self.search_link).to_string()),
            (
                "simple_view",
                if self.simple_view { "on" } else { "off" }.to_owned(),
            ),
            ("logo_enable", self.logo_enable.to_string()),
        ];
        let optional = [("logo_type", &self.logo_type), ("logo", &self.logo)];
        let set = optional.into_iter().filter(|(_, text)| !text.is_empty());
        form.extend(set.map(|(name, text)| (name, text.clone())));
        if let Some(threshold) = &self.threshold {
            form.push(("threshold_option", threshold.unit.clone()));
            form.push(("threshold_value", threshold.value.to_string()));
        }
        form
    }
}

/// How a request proves itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthType {
    /// A header of its own.
    ApiToken,
    /// User and password.
    Basic,
    /// A bearer token.
    Bearer,
}

/// Where a secret is to be found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef<'a> {
    /// In this environment variable.
    Env(&'a str),
    /// In this file, named from the folder of the rules.
    File(&'a str),
    /// On the target, which keeps what it has.
    Kept,
}

/// The proof of a request, with a reference to its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// The kind.
    #[serde(rename = "type")]
    pub kind: AuthType,
    /// Name of the header for `api_token`, user for `basic`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Environment variable that holds the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_env: Option<String>,
    /// File that holds the secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_file: Option<String>,
}

impl Auth {
    /// Where the secret is.
    pub fn secret(&self) -> SecretRef<'_> {
        match (&self.secret_env, &self.secret_file) {
            (Some(name), _) => SecretRef::Env(name),
            (None, Some(path)) => SecretRef::File(path),
            (None, None) => SecretRef::Kept,
        }
    }

    fn read(data: &Map<String, Value>) -> Option<Self> {
        let parsed;
        let header = match data.get("http_header")? {
            Value::Object(header) => header,
            Value::String(text) => {
                parsed = serde_json::from_str::<Map<String, Value>>(text).ok()?;
                &parsed
            }
            _ => return None,
        };
        let (kind, name) = match text(header, "auth_type").as_str() {
            "api_token" => (AuthType::ApiToken, text(header, "auth_key")),
            "basic_auth" => (AuthType::Basic, text(header, "auth_key")),
            "bearer_token" => (AuthType::Bearer, String::new()),
            _ => return None,
        };
        Some(Self {
            kind,
            name,
            secret_env: None,
            secret_file: None,
        })
    }

    fn to_wire(&self, secret: &str) -> Value {
        match self.kind {
            AuthType::ApiToken => {
                json!({"auth_type": "api_token", "auth_key": self.name, "auth_value": secret})
            }
            AuthType::Basic => {
                json!({"auth_type": "basic_auth", "auth_key": self.name, "auth_pass": secret})
            }
            AuthType::Bearer => json!({"auth_type": "bearer_token", "auth_key": secret}),
        }
    }
}

/// An HTTP request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Whether it is sent.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub enabled: bool,
    /// Where to.
    pub url: String,
    /// GET, POST, PUT, DELETE, PATCH or HEAD.
    pub method: String,
    /// HTTP or HTTPS, for a URL without a scheme.
    #[serde(default = "plain", skip_serializing_if = "is_plain")]
    pub protocol: String,
    /// Query string, a template.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub query_string: String,
    /// Query string whose dates follow the user's preferences.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub format_query: String,
    /// Body, a template.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
    /// When it goes out.
    #[serde(default, skip_serializing_if = "Dispatch::is_auto")]
    pub dispatch: Dispatch,
    /// How it proves itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// Most requests in a span.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold: Option<Threshold>,
}

impl Http {
    /// Writes things as servers do.
    pub(super) fn normalise(&mut self) {
        self.url = self.url.trim().to_owned();
        self.protocol = protocol(&self.protocol);
        if let Some(auth) = &mut self.auth
            && auth.kind == AuthType::Bearer
        {
            auth.name.clear();
        }
    }

    /// Reads the `data` of `read_api`; `None` if no notification is set. Secrets are left out.
    pub fn from_wire(data: &Value) -> Option<Self> {
        let data = data.as_object()?;
        if !data.contains_key("http_url") {
            return None;
        }
        Some(Self {
            enabled: flag(data, "notify_http", true),
            url: text(data, "http_url"),
            method: text(data, "http_request_type"),
            protocol: protocol(&text(data, "protocol")),
            query_string: text(data, "http_querystring"),
            format_query: text(data, "http_format_query"),
            body: text(data, "http_body"),
            dispatch: Dispatch::read(data),
            auth: Auth::read(data),
            threshold: Threshold::read(data, "http_threshold_value", "http_threshold_option"),
        })
    }

    /// The body of `create_api` for the rule `id`; `secret` belongs to `auth`.
    pub fn to_wire(&self, id: &str, secret: &str) -> Value {
        let none = || json!({"auth_type": "None"});
        let mut body = json!({
            "ids": [id], "type": "http", "http_url": self.url, "http_request_type": self.method,
            "http_querystring": self.query_string, "http_format_query": self.format_query,
            "http_body": self.body, "notify_http": self.enabled, "protocol": self.protocol,
            "dispatch_option": self.dispatch.word(),
            "http_header": self.auth.as_ref().map_or_else(none, |auth| auth.to_wire(secret)),
        });
        if let Some(threshold) = &self.threshold {
            body["http_threshold_option"] = threshold.unit.clone().into();
            body["http_threshold_value"] = threshold.value.into();
        }
        body
    }

    /// Without the references to its secret, as an instance shows it.
    pub fn without_secret(mut self) -> Self {
        if let Some(auth) = &mut self.auth {
            auth.secret_env = None;
            auth.secret_file = None;
        }
        self
    }
}

fn protocol(text: &str) -> String {
    match text.trim().to_ascii_uppercase() {
        none if none.is_empty() => plain(),
        protocol => protocol,
    }
}

fn plain() -> String {
    "HTTP".to_owned()
}

fn is_plain(protocol: &str) -> bool {
    protocol == "HTTP"
}

/// Text, or a number or truth value as text.
fn text(data: &Map<String, Value>, name: &str) -> String {
    match data.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

fn flag(data: &Map<String, Value>, name: &str, default: bool) -> bool {
    match text(data, name).to_ascii_lowercase().as_str() {
        "" => default,
        word => matches!(word, "true" | "on" | "1" | "yes"),
    }
}

/// A list of texts, or the JSON text of one.
fn texts(data: &Map<String, Value>, name: &str) -> Vec<String> {
    match data.get(name) {
        Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
        Some(value) => serde_json::from_value(value.clone()).unwrap_or_default(),
        None => Vec::new(),
    }
}
