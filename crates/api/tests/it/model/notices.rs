//! Notifications as clients write them, how they are read back, and what is wrong with them.

use super::compare::text;
use super::drafts::drop_nulls;
use serde_json::{Map, Value, json};

type Text = &'static str;
/// Unit and value.
type Threshold<T> = (Option<Text>, Option<T>);

/// The form of an e-mail notification.
#[derive(Debug, Clone)]
pub(super) struct EmailDraft {
    pub(super) kind: Text,
    pub(super) enabled: Option<Text>,
    pub(super) recipients: Option<Text>,
    pub(super) subject: Option<Text>,
    pub(super) template: Option<Text>,
    pub(super) simple: Option<Text>,
    pub(super) dispatch: Option<Text>,
    pub(super) no_link: Option<Text>,
    pub(super) threshold: Threshold<Text>,
    /// The ids are no JSON array.
    pub(super) bare_ids: bool,
    pub(super) multipart: bool,
}

fn on(word: Text) -> bool {
    matches!(word, "true" | "on")
}

impl EmailDraft {
    /// The fields that are sent.
    pub(super) fn fields(&self, ids: &[String]) -> Vec<(Text, String)> {
        let ids = if self.bare_ids {
            ids.join(",")
        } else {
            json!(ids).to_string()
        };
        let optional = [
            ("notify_email", self.enabled),
            ("email_emails", self.recipients),
            ("subject", self.subject),
            ("email_template", self.template),
            ("simple_view", self.simple),
            ("dispatch_option", self.dispatch),
            ("disable_search_link", self.no_link),
            ("threshold_option", self.threshold.0),
            ("threshold_value", self.threshold.1),
        ];
        let given = optional.into_iter();
        let given = given.filter_map(|(name, value)| Some((name, value?.to_owned())));
        [("ids", ids), ("type", self.kind.to_owned())]
            .into_iter()
            .chain(given)
            .collect()
    }

    /// What reading it gives.
    pub(super) fn shown(&self) -> Value {
        let recipients = self.recipients.unwrap_or_default();
        let recipients: Vec<String> = serde_json::from_str(recipients).unwrap();
        let value = self.threshold.1.map(|n| n.parse::<u32>().unwrap());
        let mut shown = json!({
            "type": "email",
            "notify_email": self.enabled.is_none_or(on),
            "email_emails": recipients,
            "subject": self.subject.unwrap_or_default(),
            "email_template": self.template.unwrap_or_default(),
            "simple_view": self.simple.is_some_and(on),
            "dispatch_option": self.dispatch.unwrap_or("auto"),
            "disable_search_link": self.no_link.is_some_and(on),
            "logo_enable": false, "logo_type": "", "logo": "",
            "threshold_option": self.threshold.0,
            "threshold_value": value,
        });
        drop_nulls(&mut shown);
        shown
    }

    pub(super) fn mistakes(&self) -> Map<String, Value> {
        let enabled = self.enabled.is_none_or(|word| word != "false");
        let recipients = match self.recipients {
            None | Some("soc@example.com" | "[\"nobody\"]") => true,
            Some("[]") => enabled,
            Some(_) => false,
        };
        let value = self.threshold.1.map(|n| n == "0");
        named(&[
            ("type", self.kind != "email"),
            ("notify_email", self.enabled == Some("maybe")),
            ("email_emails", recipients),
            (
                "subject",
                self.subject.is_some_and(|s| s.contains('\n')) || broken(self.subject),
            ),
            ("email_template", broken(self.template)),
            ("dispatch_option", self.dispatch == Some("later")),
            ("threshold_option", wrong_unit(self.threshold)),
            ("threshold_value", wrong_value(self.threshold.0, value)),
            ("ids", self.bare_ids),
        ])
    }
}

/// A template that cannot be compiled, or that names a filter that there is not.
pub(super) fn broken(template: Option<Text>) -> bool {
    template.is_some_and(|text| ["{% for %}", "{{ a|nosuch }}", "{{ x"].contains(&text))
}

/// The fields that are wrong.
fn named(fields: &[(Text, bool)]) -> Map<String, Value> {
    let wrong = fields.iter().filter(|(_, wrong)| *wrong);
    wrong
        .map(|(field, _)| ((*field).to_owned(), text()))
        .collect()
}

/// Both or neither, and the unit a known one.
fn wrong_unit<T>((unit, value): Threshold<T>) -> bool {
    unit == Some("week") || (unit.is_none() && value.is_some())
}

/// `value` says whether a given value is zero.
fn wrong_value(unit: Option<Text>, value: Option<bool>) -> bool {
    value == Some(true) || (unit.is_some() && value.is_none())
}

/// `http_header`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Auth {
    Absent,
    None,
    Token,
    Basic,
    Bearer,
    /// The mask that reading shows, sent back.
    Masked,
    Unknown,
}

/// The body of an HTTP notification.
#[derive(Debug, Clone)]
pub(super) struct HttpDraft {
    pub(super) kind: Text,
    pub(super) url: Option<Text>,
    pub(super) method: Text,
    pub(super) query: Option<Text>,
    pub(super) body: Option<Text>,
    pub(super) enabled: Option<bool>,
    pub(super) protocol: Option<Text>,
    pub(super) dispatch: Option<Text>,
    pub(super) auth: Auth,
    /// The header comes as the JSON text of an object.
    pub(super) auth_as_text: bool,
    pub(super) threshold: Threshold<u32>,
}

const MASK: Text = "********";

impl HttpDraft {
    /// The body that is sent.
    pub(super) fn body(&self, ids: &[String]) -> Value {
        let header = self.header("s3cret");
        let header = match header {
            Some(header) if self.auth_as_text => Some(json!(header.to_string())),
            other => other,
        };
        let mut body = json!({
            "ids": ids, "type": self.kind, "http_url": self.url,
            "http_request_type": self.method, "http_querystring": self.query,
            "http_body": self.body, "notify_http": self.enabled, "protocol": self.protocol,
            "dispatch_option": self.dispatch, "http_header": header,
            "http_threshold_option": self.threshold.0,
            "http_threshold_value": self.threshold.1,
        });
        drop_nulls(&mut body);
        body
    }

    fn header(&self, secret: Text) -> Option<Value> {
        Some(match self.auth {
            Auth::Absent => return None,
            Auth::None => json!({"auth_type": "None"}),
            Auth::Token => {
                json!({"auth_type": "api_token", "auth_key": "X-Key", "auth_value": secret})
            }
            Auth::Basic => {
                json!({"auth_type": "basic_auth", "auth_key": "soc", "auth_pass": secret})
            }
            Auth::Bearer => json!({"auth_type": "bearer_token", "auth_key": secret}),
            Auth::Masked => json!({"auth_type": "bearer_token", "auth_key": MASK}),
            Auth::Unknown => json!({"auth_type": "digest", "auth_key": secret}),
        })
    }

    /// What reading it gives, secrets masked.
    pub(super) fn shown(&self) -> Value {
        let header = self.header(MASK);
        let mut shown = json!({
            "type": "http",
            "http_url": self.url,
            "http_request_type": self.method,
            "http_querystring": self.query.unwrap_or_default(),
            "http_format_query": "",
            "http_body": self.body.unwrap_or_default(),
            "notify_http": self.enabled.unwrap_or(true),
            "protocol": self.protocol.unwrap_or("HTTP"),
            "dispatch_option": self.dispatch.unwrap_or("auto"),
            "http_header": header.unwrap_or_else(|| json!({"auth_type": "None"})),
            "http_threshold_option": self.threshold.0,
            "http_threshold_value": self.threshold.1,
        });
        drop_nulls(&mut shown);
        shown
    }

    pub(super) fn mistakes(&self) -> Map<String, Value> {
        let url = self.url.unwrap_or_default();
        let value = self.threshold.1.map(|n| n == 0);
        let mut errors = named(&[
            ("type", self.kind != "http"),
            ("http_url", !url.contains("hooks.example.com")),
            ("http_request_type", self.method == "TRACE"),
            ("http_querystring", broken(self.query)),
            ("http_body", broken(self.body)),
            ("protocol", self.protocol == Some("FTP")),
            ("dispatch_option", self.dispatch == Some("later")),
            ("http_threshold_option", wrong_unit(self.threshold)),
            ("http_threshold_value", wrong_value(self.threshold.0, value)),
        ]);
        let field = match self.auth {
            Auth::Masked => "auth_key",
            Auth::Unknown => "auth_type",
            _ => return errors,
        };
        errors.insert("http_header".to_owned(), json!({ field: text() }));
        errors
    }
}
