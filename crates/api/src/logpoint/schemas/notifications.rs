//! Notifications of alert rules.

use super::HexId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The fields of an e-mail notification; all values are text.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct EmailForm {
    /// The JSON text of an array of 1 to 10,000 alert rule ids.
    #[schema(
        content_media_type = "application/json",
        example = "[\"67f8ae6fbe9edae2fcfbc1ee\"]"
    )]
    pub ids: String,
    /// `email`.
    #[serde(rename = "type")]
    pub kind: EmailWord,
    /// Whether it is sent; `true` if not given.
    pub notify_email: Option<FlagText>,
    /// The JSON text of an array of at most 100 addresses, empty only if `notify_email` is off.
    #[schema(
        content_media_type = "application/json",
        example = "[\"soc@example.com\"]"
    )]
    pub email_emails: String,
    /// One line; a template.
    #[schema(example = "Alert {{alert_name}}")]
    pub subject: Option<String>,
    /// The body as a template of HTML.
    #[schema(example = "<p>{{ rows_count }}</p>")]
    pub email_template: Option<String>,
    /// Show rows without the template.
    pub simple_view: Option<FlagText>,
    /// Who sends it; `auto` if not given.
    pub dispatch_option: Option<DispatchWord>,
    /// Leave out the link to the search.
    pub disable_search_link: Option<FlagText>,
    /// Show a logo.
    pub logo_enable: Option<FlagText>,
    /// Which logo; `default` without `logo` is the built-in one.
    #[schema(example = "default")]
    pub logo_type: Option<String>,
    /// The logo: a JPEG or PNG of at most 160×75 pixels and 100 KB, as data URI or as uploaded file.
    pub logo: Option<String>,
    /// The span of `threshold_value`; both or neither.
    pub threshold_option: Option<SpanWord>,
    /// The most notifications per span: a whole number from 1, as text.
    #[schema(pattern = "^[1-9][0-9]*$", example = "5")]
    pub threshold_value: Option<String>,
}

/// The kind of notification.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum EmailWord {
    /// By e-mail.
    Email,
}

/// The kind of notification.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HttpWord {
    /// By HTTP.
    Http,
}

/// True or false as text, in any case.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum FlagText {
    /// Yes.
    True,
    /// Yes.
    On,
    /// Yes.
    #[serde(rename = "1")]
    One,
    /// Yes.
    Yes,
    /// No.
    False,
    /// No.
    Off,
    /// No.
    #[serde(rename = "0")]
    Zero,
    /// No.
    No,
}

/// Who sends a notification.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DispatchWord {
    /// The server, with the incident.
    Auto,
    /// A person, later.
    Manual,
}

/// A span of time.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SpanWord {
    /// A minute.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
}

/// An HTTP notification.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct HttpBody {
    /// Alert rule ids.
    #[schema(min_items = 1, max_items = 10_000)]
    pub ids: Vec<HexId>,
    /// `http`.
    #[serde(rename = "type")]
    pub kind: HttpWord,
    /// Where to; without a scheme that of `protocol` counts.
    #[schema(example = "https://hooks.example.com/abc")]
    pub http_url: String,
    /// The method.
    pub http_request_type: MethodWord,
    /// A template of the query string.
    pub http_querystring: Option<String>,
    /// A template of the query string, used without `http_querystring`; dates follow the
    /// preferences of the rule's owner.
    pub http_format_query: Option<String>,
    /// A template of the body, for `POST`, `PUT` and `PATCH`.
    #[schema(example = "{\"text\": \"{{ alert_name }}\"}")]
    pub http_body: Option<String>,
    /// Whether it is sent; true if not given.
    pub notify_http: Option<bool>,
    /// The scheme of a URL without one; `HTTP` if not given.
    pub protocol: Option<ProtocolWord>,
    /// Who sends it; `auto` if not given.
    pub dispatch_option: Option<DispatchWord>,
    /// How the request proves who it is from.
    pub http_header: Option<HeaderForm>,
    /// The span of `http_threshold_value`; both or neither.
    pub http_threshold_option: Option<SpanWord>,
    /// The most notifications per span.
    #[schema(value_type = Option<u64>, minimum = 1, maximum = 4_294_967_295_u32, example = 5)]
    pub http_threshold_value: Option<u32>,
}

/// A method of HTTP.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum MethodWord {
    /// Without a body.
    Get,
    /// With a body.
    Post,
    /// With a body.
    Put,
    /// Without a body.
    Delete,
    /// With a body.
    Patch,
    /// Without a body.
    Head,
}

/// A scheme.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ProtocolWord {
    /// In the clear.
    Http,
    /// Encrypted.
    Https,
}

/// The header as an object or as the JSON text of one.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum HeaderForm {
    /// The object.
    Object(HeaderBody),
    /// The JSON text.
    #[schema(example = "{\"auth_type\":\"bearer_token\",\"auth_key\":\"my-token\"}")]
    Text(String),
}

/// How a request proves who it is from. Secrets read back as `********`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(example = json!({"auth_type": "bearer_token", "auth_key": "my-token"}))]
pub struct HeaderBody {
    /// The way.
    pub auth_type: Option<AuthWord>,
    /// The name of a header, a user's name, or a token.
    pub auth_key: Option<String>,
    /// The header's value, with `api_token`.
    pub auth_value: Option<String>,
    /// The password, with `basic_auth`.
    pub auth_pass: Option<String>,
}

/// A way to prove who a request is from.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthWord {
    /// Not at all.
    #[serde(rename = "None")]
    None,
    /// The header `auth_key: auth_value`.
    ApiToken,
    /// User and password.
    BasicAuth,
    /// A bearer token.
    BearerToken,
}

/// The notification was set for all rules.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NotificationSet {
    /// True.
    pub success: bool,
    /// The rules.
    pub data: Vec<NotifiedRule>,
    /// For people.
    #[schema(example = "E-mail notification set")]
    pub message: String,
}

/// A rule and the kind of its notification.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct NotifiedRule {
    /// The rule.
    pub id: HexId,
    /// The kind.
    #[serde(rename = "type")]
    pub kind: KindWord,
}

/// A kind of notification.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum KindWord {
    /// By e-mail.
    Email,
    /// By HTTP.
    Http,
}

/// The e-mail notification of a rule.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct EmailFound {
    /// True.
    pub success: bool,
    /// Without any key if none is set.
    pub data: EmailData,
    /// For people.
    #[schema(example = "Notification found")]
    pub message: String,
}

/// An e-mail notification as it is kept.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct EmailData {
    /// `email`.
    #[serde(rename = "type")]
    pub kind: Option<EmailWord>,
    /// Whether it is sent.
    pub notify_email: Option<bool>,
    /// The addresses.
    #[schema(example = json!(["soc@example.com"]))]
    pub email_emails: Option<Vec<String>>,
    /// A template of the subject.
    pub subject: Option<String>,
    /// A template of the body.
    pub email_template: Option<String>,
    /// Show rows without the template.
    pub simple_view: Option<bool>,
    /// Who sends it.
    pub dispatch_option: Option<DispatchWord>,
    /// Leave out the link to the search.
    pub disable_search_link: Option<bool>,
    /// Show a logo.
    pub logo_enable: Option<bool>,
    /// Which logo.
    pub logo_type: Option<String>,
    /// The logo.
    pub logo: Option<String>,
    /// The span of `threshold_value`.
    pub threshold_option: Option<SpanWord>,
    /// The most notifications per span.
    #[schema(minimum = 1)]
    pub threshold_value: Option<u32>,
}

/// The HTTP notification of a rule.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct HttpFound {
    /// True.
    pub success: bool,
    /// Without any key if none is set.
    pub data: HttpData,
    /// For people.
    #[schema(example = "Notification found")]
    pub message: String,
}

/// An HTTP notification as it is kept.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct HttpData {
    /// `http`.
    #[serde(rename = "type")]
    pub kind: Option<HttpWord>,
    /// Where to.
    pub http_url: Option<String>,
    /// The method.
    pub http_request_type: Option<MethodWord>,
    /// A template of the query string.
    pub http_querystring: Option<String>,
    /// A template of the query string, used without `http_querystring`.
    pub http_format_query: Option<String>,
    /// A template of the body.
    pub http_body: Option<String>,
    /// Whether it is sent.
    pub notify_http: Option<bool>,
    /// The scheme of a URL without one.
    pub protocol: Option<ProtocolWord>,
    /// Who sends it.
    pub dispatch_option: Option<DispatchWord>,
    /// How the request proves who it is from, with secrets masked.
    pub http_header: Option<HeaderBody>,
    /// The span of `http_threshold_value`.
    pub http_threshold_option: Option<SpanWord>,
    /// The most notifications per span.
    #[schema(minimum = 1)]
    pub http_threshold_value: Option<u32>,
}
